import { type Context, Hono } from 'hono';
import { membersOf, ownAccountOf } from '../../../accounts/auth/index';
import { type ServerUse, serverUseQuestion } from '../../../accounts/server-overview';
import type { App } from '../../../config';
import { ask } from '../../../database';
import { type Server, stateOf } from '../../../servers/server';
import { countOf } from '../../../ui/english';
import { Csrf } from '../../../ui/forms';
import { cut } from '../../../ui/name';
import { serverAt } from '../../api/servers/authorization';
import { findServerInUse } from '../../api/servers/shown';
import { act, type FormFields, type Refused, readForm } from '../api';
import { adminPage, csrfOf, goTo } from '../frame';
import { seenOf, staleIn } from '../seen';
import { DeleteServer, givenTo } from './delete';
import { bannerOf, ServerSettings } from './form';
import { noServer, ServerHead } from './head';
import { bodyOf, secretLack, termsOf, withStoredSecrets } from './terms';
import { SERVER_WORDS, savedWords } from './words';

const AT = '/admin/servers';

/** The settings of a server, and its end. */
export const serverSettingsPages = new Hono<App>()
  .get('/:id/settings', (c) => showSettings(c, c.req.param('id')))
  .post('/:id/settings', async (c) => {
    const id = c.req.param('id');
    const form = await readForm(c);
    const { authType } = await serverAt(c.env.DB, id);
    const body = bodyOf(form, authType, false);
    const known = await findServerInUse(c, id);
    const refused =
      (known && (await staleIn(form, termsOf(known.shown).toString()))) ?? secretLack(form, authType);
    const changed = refused ?? (await act(c, form, 'PUT', `/mcp/client/${id}`, body, SERVER_WORDS));
    if (!changed.ok) return showSettings(c, id, form, changed);
    return goTo(c, `${AT}/${id}`, savedWords('The settings were saved', changed.asked));
  })

  .get('/:id/delete', async (c) => {
    const used = await usedServer(c, c.req.param('id'));
    const body = <DeleteServer {...used} csrf={await csrfOf(c)} />;
    return adminPage(c, { title: `${cut(used.server.name)} · Delete`, at: AT, isForm: true, body });
  })
  .post('/:id/delete', async (c) => {
    const id = c.req.param('id');
    const form = await readForm(c);
    const { name } = await serverAt(c.env.DB, id);
    const deleted = await act(c, form, 'DELETE', `/mcp/client/${id}`);
    if (!deleted.ok) return goTo(c, `${AT}/${id}`, deleted.message, 'bad');
    return goTo(c, AT, `Server “${cut(name)}” was deleted.`);
  });

/** The server `id` and who uses it. @throws PageProblem when there is none */
export async function usedServer(c: Context<App>, id: string): Promise<{ server: Server; use: ServerUse }> {
  const [used] = await ask(c.env.DB, serverUseQuestion(c.env.DB, id));
  if (!used) throw noServer();
  return used;
}

async function showSettings(
  c: Context<App>,
  id: string,
  sent?: FormFields,
  refused?: Refused,
): Promise<Response> {
  const found = await findServerInUse(c, id);
  if (!found) throw noServer();
  const { server, use, shown } = found;
  const csrf = await csrfOf(c);
  const given = givenTo(use);
  const stored = termsOf(shown);
  const seen = await seenOf(stored.toString(), sent);
  const isOwn = ownAccountOf(server) !== null;
  const body = (
    <>
      <ServerHead server={{ ...server, state: stateOf(server) }} tab="settings" csrf={csrf} />
      <ServerSettings
        form={sent ? withStoredSecrets(sent, stored) : stored}
        csrf={csrf}
        seen={seen}
        settings={c.var.settings}
        authType={server.authType}
        nameHint={`Renaming changes every tool’s name. Apps see the new names at once.${given && ` Updated automatically: ${given}.`}`}
        addressHint={
          isOwn
            ? `If the host changes, ${use.accounts ? `${countOf(use.accounts, 'connected account')} must sign in` : 'people must connect'} again.`
            : membersOf(server).length
              ? 'If the host changes, enter stored secrets again.'
              : ''
        }
        refused={refused}
        back={`${AT}/${id}`}
      />
      <OffOrDelete server={server} use={use} csrf={csrf} />
    </>
  );
  return adminPage(c, {
    title: `${cut(server.name)} · Settings`,
    at: AT,
    isForm: true,
    refusal: bannerOf(refused),
    body,
    ...(refused && { status: 400 }),
  });
}

function OffOrDelete({ server, use, csrf }: { server: Server; use: ServerUse; csrf: string }) {
  const { id, enabled } = server;
  const { accounts } = use;
  const loss = [
    givenTo(use) && `Removes it from ${givenTo(use)}`,
    accounts > 0 && `${givenTo(use) ? 'deletes' : 'Deletes'} ${countOf(accounts, 'account')}`,
  ].filter(Boolean);
  const turn = enabled ? 'Turn off' : 'Turn on';
  return (
    <section class="card danger stack">
      <h2>{turn} or delete</h2>
      <ul class="list">
        <li>
          <span class="grow">
            <b>{turn}</b>
            <br />
            <small>
              {enabled
                ? 'No one can reach it. Accounts and settings are kept.'
                : 'Accounts and settings were kept.'}
            </small>
          </span>
          <form method="post" action={`${AT}/${id}/turn`}>
            <Csrf value={csrf} />
            {!enabled && <input type="hidden" name="on" value="on" />}
            <button type="submit" class="button" data-busy="Saving…">
              {turn}
            </button>
          </form>
        </li>
        <li>
          <span class="grow">
            <b>Delete</b>
            <br />
            <small>{loss.length ? loss.join(', and ') : 'Deletes its settings and stored secrets'}.</small>
          </span>
          <a class="button danger" href={`${AT}/${id}/delete`}>
            Delete…
          </a>
        </li>
      </ul>
    </section>
  );
}
