import { type Context, Hono } from 'hono';
import type { App } from '../../../config';
import { ask } from '../../../database';
import { keyPageQuestion } from '../../../governance/key-list';
import {
  attachedKeysQuestion,
  type VirtualMcp,
  virtualMcpQuestion,
  virtualMcpsQuestion,
} from '../../../governance/virtual-mcps';
import { serverChoicesQuestion, serverNamesQuestion } from '../../../servers/summaries';
import { ConnectLines, endpointOf } from '../../../ui/connect-lines';
import { Confirm } from '../../../ui/forms';
import { cut, Name } from '../../../ui/name';
import { act, type FormFields, gone, listPage, type Refused, readForm } from '../api';
import { adminPage, csrfOf, goTo } from '../frame';
import { isStep } from '../picked';
import { TOOLSET_WORDS, ToolsetForm, toolsetIn } from './form';
import { changesIn, KEYS_A_PAGE, ToolsetKeys } from './keys';
import { Ending, ToolsetHead, ToolsetList } from './parts';

const AT = '/admin/toolsets';

/** Toolsets, the API's Virtual MCPs: tools of several servers under one address. Each part of one has its own. */
export const toolsetPages = new Hono<App>()
  .get('/', async (c) => {
    const { DB: db } = c.env;
    const page = listPage(c);
    const [list, names] = await ask(db, virtualMcpsQuestion(db, page), serverNamesQuestion(db));
    return adminPage(c, {
      title: 'Toolsets',
      at: AT,
      body: <ToolsetList {...list} page={page} names={names} />,
    });
  })

  .get('/new', (c) => showNew(c))
  .post('/new', async (c) => {
    const form = await readForm(c);
    if (isStep(form)) return showNew(c, form);
    const made = await save(c, form, null);
    if (!made.ok) return showNew(c, form, made);
    const { id, name } = made.body.virtual_mcp;
    return goTo(
      c,
      `${AT}/${id}/keys`,
      `The toolset ${cut(name)} is made. Now tick the keys that may use it.`,
    );
  })

  .get('/:id', (c) => showTools(c, c.req.param('id')))
  .post('/:id', async (c) => {
    const id = c.req.param('id');
    const form = await readForm(c);
    if (isStep(form)) return showTools(c, id, form);
    const changed = await save(c, form, id);
    if (!changed.ok) return showTools(c, id, form, changed);
    return goTo(c, `${AT}/${id}`, `The toolset ${cut(changed.body.virtual_mcp.name)} was changed.`);
  })

  .get('/:id/keys', async (c) => {
    const { DB: db } = c.env;
    const page = listPage(c, KEYS_A_PAGE);
    const id = c.req.param('id');
    const [found, list, attached] = await ask(
      db,
      virtualMcpQuestion(db, id),
      keyPageQuestion(db, page, page, Date.now() / 1000),
      attachedKeysQuestion(db, id),
    );
    const toolset = orGone(found);
    const body = (
      <>
        <ToolsetHead toolset={toolset} address={addressOf(c, toolset)} tab="keys" />
        <ToolsetKeys id={id} {...list} page={page} attached={attached} csrf={await csrfOf(c)} />
      </>
    );
    return adminPage(c, { title: 'Keys of a toolset', at: AT, body });
  })
  .post('/:id/keys', async (c) => {
    const { DB: db } = c.env;
    const id = c.req.param('id');
    const form = await readForm(c);
    const [found, attached] = await ask(db, virtualMcpQuestion(db, id), attachedKeysQuestion(db, id));
    const { name } = orGone(found);
    const { added, removed } = changesIn(form, attached);
    const changes = [
      ...added.map((key) => ['POST', key] as const),
      ...removed.map((key) => ['DELETE', key] as const),
    ];
    const here = c.req.path + new URL(c.req.url).search;
    for (const [at, [method, key]] of changes.entries()) {
      const path = `/mcp/virtual-mcps/${id}/virtual-keys/${encodeURIComponent(key)}`;
      const changed = await act(c, form, method, path);
      if (!changed.ok)
        return goTo(c, here, `${changed.message} ${at} of ${changes.length} changes were made.`);
    }
    return goTo(c, here, saidOf(cut(name), added.length, removed.length));
  })

  .get('/:id/connect', async (c) => {
    const { DB: db } = c.env;
    const id = c.req.param('id');
    const [found, attached] = await ask(db, virtualMcpQuestion(db, id), attachedKeysQuestion(db, id));
    const toolset = orGone(found);
    const body = (
      <>
        <ToolsetHead toolset={toolset} address={addressOf(c, toolset)} tab="connect" />
        <Connect c={c} toolset={toolset} hasKeys={attached.size > 0} />
      </>
    );
    return adminPage(c, { title: 'Connect an app to a toolset', at: AT, body });
  })

  .get('/:id/delete', async (c) => {
    const { DB: db } = c.env;
    const id = c.req.param('id');
    const [found, attached] = await ask(db, virtualMcpQuestion(db, id), attachedKeysQuestion(db, id));
    const { name, endpointSlug } = orGone(found);
    const body = (
      <Confirm
        title={
          <>
            Delete the toolset <Name of={name} />?
          </>
        }
        action={`${AT}/${id}/delete`}
        button="Delete the toolset"
        back={`${AT}/${id}`}
        csrf={await csrfOf(c)}
      >
        <p>What happens within seconds:</p>
        <ul>
          <li>
            Apps that use <code>/mcp/{endpointSlug}</code> are told that there is nothing there.
          </li>
          <li>
            {attached.size === 1 ? 'One key loses' : `${attached.size || 'No'} keys lose`} the tools that only
            this toolset gives. The keys stay.
          </li>
        </ul>
        <p class="muted">This cannot be undone. To stop it for a while, turn it off instead.</p>
      </Confirm>
    );
    return adminPage(c, { title: 'Delete a toolset', at: AT, body });
  })
  .post('/:id/delete', async (c) => {
    const id = c.req.param('id');
    const form = await readForm(c);
    const [found] = await ask(c.env.DB, virtualMcpQuestion(c.env.DB, id));
    const { name } = orGone(found);
    const deleted = await act(c, form, 'DELETE', `/mcp/virtual-mcps/${id}`);
    if (!deleted.ok) return goTo(c, `${AT}/${id}`, deleted.message);
    return goTo(c, AT, `The toolset ${cut(name)} was deleted. Its address answers no more.`);
  });

/** @throws PageProblem when there is none. */
function orGone(toolset: VirtualMcp | null): VirtualMcp {
  if (toolset) return toolset;
  throw gone('There is no toolset at this address.', { href: AT, label: 'To the toolsets' });
}

function addressOf(c: Context<App>, { endpointSlug }: VirtualMcp): string | null {
  return c.var.issuer && `${c.var.issuer}/mcp/${endpointSlug}`;
}

function saidOf(name: string, added: number, removed: number): string {
  if (!added && !removed) return 'Nothing was changed.';
  const counted = (n: number) => (n === 1 ? '1 key' : `${n} keys`);
  const said = [
    added && `${counted(added)} may use ${name} now`,
    removed && `${counted(removed)} no longer may`,
  ];
  return `${said.filter(Boolean).join('; ')}.`;
}

/** Makes a toolset as the form says, or changes the one with this id. */
async function save(c: Context<App>, form: FormFields, id: string | null) {
  const [servers] = await ask(c.env.DB, serverChoicesQuestion(c.env.DB));
  const stated = toolsetIn(form, servers, id === null);
  if (!stated.ok) return stated;
  type Made = { virtual_mcp: { id: string; name: string } };
  return id === null
    ? await act<Made>(c, form, 'POST', '/mcp/virtual-mcps', stated.terms, TOOLSET_WORDS)
    : await act<Made>(
        c,
        form,
        'PUT',
        `/mcp/virtual-mcps/${encodeURIComponent(id)}`,
        stated.terms,
        TOOLSET_WORDS,
      );
}

async function showNew(c: Context<App>, sent?: FormFields, refused?: Refused): Promise<Response> {
  const [servers] = await ask(c.env.DB, serverChoicesQuestion(c.env.DB));
  const csrf = await csrfOf(c);
  const body = (
    <>
      <h1>Make a toolset</h1>
      <ToolsetForm {...{ known: null, servers, csrf, sent, refused }} />
    </>
  );
  return adminPage(c, { title: 'Make a toolset', at: AT, refusal: refused?.message, body });
}

async function showTools(
  c: Context<App>,
  id: string,
  sent?: FormFields,
  refused?: Refused,
): Promise<Response> {
  const { DB: db } = c.env;
  const [found, servers] = await ask(db, virtualMcpQuestion(db, id), serverChoicesQuestion(db));
  const known = orGone(found);
  const csrf = await csrfOf(c);
  const body = (
    <>
      <ToolsetHead toolset={known} address={addressOf(c, known)} tab="tools" />
      <ToolsetForm {...{ known, servers, csrf, sent, refused }} />
      <Ending id={id} />
    </>
  );
  return adminPage(c, { title: 'A toolset', at: AT, refusal: refused?.message, body });
}

type ConnectProps = { c: Context<App>; toolset: VirtualMcp; hasKeys: boolean };

/** How apps are pointed at a toolset, and what keeps them from getting in yet. */
function Connect({ c, toolset, hasKeys }: ConnectProps) {
  const { settings, issuer } = c.var;
  if (!issuer) {
    return (
      <p class="notice">
        The gateway does not know its own address yet, so apps cannot be told. Save it in the{' '}
        <a href="/admin/settings">settings</a>.
      </p>
    );
  }
  return (
    <>
      {!toolset.enabled && (
        <p class="notice">
          The toolset is off, so its address answers nobody. <a href={`${AT}/${toolset.id}`}>Turn it on</a>{' '}
          first.
        </p>
      )}
      {!hasKeys && (
        <p class="notice">
          No key may use it yet, so nobody gets in. <a href={`${AT}/${toolset.id}/keys`}>Choose keys</a>{' '}
          first.
        </p>
      )}
      <section class="stack">
        <h2>Connect an app</h2>
        <p class="muted">
          The app gets this toolset and nothing else. Whoever connects it uses a key that may use the toolset,
          or signs in as the owner of one.
        </p>
        <ConnectLines
          to={endpointOf(issuer, settings.display_name, toolset.endpointSlug)}
          mode={settings.mcp_server_auth_mode}
        />
      </section>
    </>
  );
}
