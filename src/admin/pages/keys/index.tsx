import { type Context, Hono } from 'hono';
import type * as z from 'zod/mini';
import type { App } from '../../../config';
import { ask } from '../../../database';
import { keyOverviewQuestion, keysQuestion } from '../../../governance/key-overview';
import { ownersQuestion } from '../../../governance/owners';
import { keySubject, maskOfKey, newValue, type VirtualKey } from '../../../governance/virtual-keys';
import { standingGrantsQuestion } from '../../../grants/list';
import { serverChoicesQuestion } from '../../../servers/summaries';
import { endpointOf } from '../../../ui/connect-lines';
import { cut } from '../../../ui/name';
import { When } from '../../../ui/parts';
import { rfc3339 } from '../../api/answer';
import type { ShownKey } from '../../api/answers/virtual-key';
import { type Acted, act, type FormFields, gone, listPage, type Refused, readForm } from '../api';
import { adminPage, csrfOf, goTo } from '../frame';
import { goToSecret, secretsMade } from '../once';
import { isStep } from '../picked';
import { KEY_WORDS, KeyForm, termsIn } from './form';
import { KeyList } from './list';
import { ownerNamed, ownershipOf } from './owner-field';
import { DeleteKey, KeyHead, NewValue, RotateKey, ValueGone } from './parts';

const AT = '/admin/keys';

type Made = { virtual_key: z.infer<typeof ShownKey> };

/** Access keys: what apps show to get in. A value is shown once, by the answer that makes it. */
export const keyPages = new Hono<App>()
  .get('/', async (c) => {
    const page = listPage(c);
    const [list] = await ask(c.env.DB, keysQuestion(c.env.DB, page));
    return adminPage(c, { title: 'Access keys', at: AT, body: <KeyList {...list} page={page} /> });
  })

  .get('/new', (c) => {
    const made = c.req.query('made');
    return made ? showValue(c, made, 'The key is made') : showNew(c);
  })
  .post('/new', async (c) => {
    const form = await readForm(c);
    if (isStep(form)) return showNew(c, form);
    const made = await save(c, form, null);
    if (!made.ok) return showNew(c, form, made);
    const { id, name } = made.body.virtual_key;
    if (!form.get('value')) return goToSecret(c, `${AT}/new?made=${id}`);
    return goTo(c, `${AT}/${id}`, `The key ${name} is made, with the value you entered.`);
  })

  .get('/:id', (c) => showKey(c, c.req.param('id')))
  .post('/:id', async (c) => {
    const id = c.req.param('id');
    const form = await readForm(c);
    if (isStep(form)) return showKey(c, id, form);
    const { key } = (await about(c, id)).overview;
    const changed = await save(c, form, key);
    if (!changed.ok) return showKey(c, id, form, changed);
    return goTo(c, `${AT}/${id}`, `The key ${cut(changed.body.virtual_key.name)} was changed.`);
  })

  .get('/:id/rotate', async (c) => {
    if (c.req.query('made')) return showValue(c, c.req.param('id'), 'The key has a new value');
    const { overview } = await about(c, c.req.param('id'));
    const cooldown = c.var.settings.vk_rotation_cooldown;
    const body = <RotateKey overview={overview} cooldown={cooldown} csrf={await csrfOf(c)} />;
    return adminPage(c, { title: 'A new value for a key', at: AT, body });
  })
  .post('/:id/rotate', async (c) => {
    const form = await readForm(c);
    const { key } = (await about(c, c.req.param('id'))).overview;
    if (form.get('value') !== key.valueMask) {
      const notice = `The key ${cut(key.name)} has had another value since you opened that page. Nothing was changed now.`;
      return goTo(c, `${AT}/${key.id}`, notice);
    }
    const path = `/governance/virtual-keys/${key.id}/rotate`;
    const rotated = await act<Made>(c, form, 'POST', path, { reason: form.get('reason') });
    if (!rotated.ok) return goTo(c, `${AT}/${key.id}`, rotated.message);
    return goToSecret(c, `${AT}/${key.id}/rotate?made=${key.id}`);
  })

  .get('/:id/delete', async (c) => {
    const { overview, apps } = await about(c, c.req.param('id'));
    const body = <DeleteKey overview={overview} apps={apps} csrf={await csrfOf(c)} />;
    return adminPage(c, { title: 'Delete a key', at: AT, body });
  })
  .post('/:id/delete', async (c) => {
    const form = await readForm(c);
    const { key } = (await about(c, c.req.param('id'))).overview;
    const deleted = await act(c, form, 'DELETE', `/governance/virtual-keys/${key.id}`);
    if (!deleted.ok) return goTo(c, `${AT}/${key.id}`, deleted.message);
    return goTo(
      c,
      AT,
      `The key ${cut(key.name)} was deleted. What it gave access to is refused from now on.`,
    );
  });

/** What is said of the key `id` on its pages, with everything its form needs. @throws PageProblem when there is none. */
async function about(c: Context<App>, id: string) {
  const { DB: db } = c.env;
  const now = Math.floor(Date.now() / 1000);
  const [overview, apps, servers, owners] = await ask(
    db,
    keyOverviewQuestion(db, id, now),
    standingGrantsQuestion(db, keySubject(id), { now, issuer: c.var.issuer }),
    serverChoicesQuestion(db),
    ownersQuestion(db),
  );
  if (!overview)
    throw gone('There is no access key at this address.', { href: AT, label: 'To the access keys' });
  const ownership = ownershipOf(overview.key.ownerUserId, overview.owner, owners);
  return { overview, apps, servers, ownership };
}

/** Makes a key as the form says, or changes the one that is `known`. */
async function save(c: Context<App>, form: FormFields, known: VirtualKey | null): Promise<Acted<Made>> {
  const stated = termsIn(form, known);
  if (!stated.ok) return stated;
  const current = known && (await about(c, known.id)).ownership.current;
  const owner = await ownerNamed(c.env.DB, form.get('owner'), current);
  if (!owner.ok) return owner;
  const body = { ...stated.terms, owner_user_id: owner.id };
  return known
    ? await act<Made>(c, form, 'PUT', `/governance/virtual-keys/${known.id}`, body, KEY_WORDS)
    : await act<Made>(c, form, 'POST', '/governance/virtual-keys', body, KEY_WORDS);
}

async function showNew(c: Context<App>, sent?: FormFields, refused?: Refused): Promise<Response> {
  const { DB: db } = c.env;
  const [servers, owners] = await ask(db, serverChoicesQuestion(db), ownersQuestion(db));
  const ownership = ownershipOf(null, null, owners);
  const csrf = await csrfOf(c);
  const body = (
    <>
      <h1>Make an access key</h1>
      <KeyForm {...{ known: null, servers, ownership, csrf, sent, refused }} />
    </>
  );
  return adminPage(c, { title: 'Make an access key', at: AT, refusal: refused?.message, body });
}

async function showKey(c: Context<App>, id: string, sent?: FormFields, refused?: Refused): Promise<Response> {
  const { overview, apps, servers, ownership } = await about(c, id);
  const csrf = await csrfOf(c);
  const body = (
    <>
      <KeyHead overview={overview} apps={apps} />
      <KeyForm {...{ known: overview.key, servers, ownership, csrf, sent, refused }} />
      <section class="stack apart">
        <h2>Give it a new value, or end it</h2>
        <div class="row">
          <a class="button" href={`${AT}/${id}/rotate`}>
            New value
          </a>
          <a class="button danger" href={`${AT}/${id}/delete`}>
            Delete
          </a>
        </div>
      </section>
    </>
  );
  return adminPage(c, { title: 'An access key', at: AT, refusal: refused?.message, body });
}

/** The value that this browser has just made for the key `id`; when that was too long ago, how to get another. */
async function showValue(c: Context<App>, id: string, title: string): Promise<Response> {
  const { settings, issuer } = c.var;
  const { key, previousUntil } = (await about(c, id)).overview;
  const values = (await secretsMade(c)).map((secret) => newValue(secret));
  const value = values.find((one) => maskOfKey(one) === key.valueMask);
  if (!value) return adminPage(c, { title, at: AT, body: <ValueGone id={id} name={key.name} /> });
  const body = (
    <NewValue
      title={title}
      made={{ id, name: key.name, value, mcp_configs: key.mcpConfigs }}
      mode={settings.mcp_server_auth_mode}
      to={issuer ? endpointOf(issuer, settings.display_name, null) : null}
    >
      {c.req.path.endsWith('/rotate') && (
        <p class="muted">
          The one before {previousUntil === null ? 'is refused from now on' : 'still works, and stops '}
          {previousUntil !== null && <When at={rfc3339(previousUntil)} />}.
        </p>
      )}
    </NewValue>
  );
  return adminPage(c, { title, at: AT, body });
}
