import { type Context, Hono } from 'hono';
import type { App } from '../../../config';
import { ask, known } from '../../../database';
import { keyPageQuestion } from '../../../governance/key-list';
import {
  attachedKeysQuestion,
  type VirtualMcp,
  type VirtualMcpFilter,
  virtualMcpQuestion,
  virtualMcpsQuestion,
} from '../../../governance/virtual-mcps';
import { serverChoicesQuestion, serverNamesQuestion } from '../../../servers/summaries';
import { ConnectLines, endpointOf } from '../../../ui/connect-lines';
import { countOf } from '../../../ui/english';
import { Confirm } from '../../../ui/forms';
import { Cut, cut, Name } from '../../../ui/name';
import { Head, Notice } from '../../../ui/parts';
import type { Page } from '../../api/request';
import { act, type FormFields, gone, listPage, noteAct, type Refused, readForm } from '../api';
import { adminPage, csrfOf, goTo } from '../frame';
import { isStep } from '../picked';
import { LIST_CHANGED, seenOf, staleIn } from '../seen';
import { sortAsked } from '../sorting';
import { TOOLSET_WORDS, ToolsetForm, toolsetIn } from './form';
import { changesIn, KEYS_A_PAGE, ToolsetKeys } from './keys';
import { Aside, ToolsetHead, ToolsetList } from './parts';

const AT = '/admin/toolsets';

/** Toolsets, the API's Virtual MCPs: tools of several servers under one address. Each part of one has its own. */
export const toolsetPages = new Hono<App>()
  .get('/', async (c) => {
    const { DB: db } = c.env;
    const asked = askedFor(c);
    const [list, names] = await ask(db, virtualMcpsQuestion(db, asked), serverNamesQuestion(db));
    return adminPage(c, {
      title: 'Toolsets',
      at: AT,
      body: <ToolsetList {...list} asked={asked} names={names} />,
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
      `The toolset ${cut(name)} was created. Select the keys that can use it.`,
    );
  })

  .get('/:id', (c) => showTools(c, c.req.param('id')))
  .post('/:id', async (c) => {
    const id = c.req.param('id');
    const form = await readForm(c);
    if (isStep(form)) return showTools(c, id, form);
    const changed = await save(c, form, id);
    if (!changed.ok) return showTools(c, id, form, changed);
    return goTo(c, `${AT}/${id}`, 'Saved. Changes apply within seconds.');
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
        <ToolsetHead toolset={toolset} tab="keys" />
        <ToolsetKeys
          {...list}
          {...{ id, page, attached }}
          csrf={await csrfOf(c)}
          seen={await seenOf([...attached].sort())}
        />
      </>
    );
    return adminPage(c, { title: `${cut(toolset.name)} · Access keys`, at: AT, body });
  })
  .post('/:id/keys', async (c) => {
    const { DB: db } = c.env;
    const id = c.req.param('id');
    const form = await readForm(c);
    const [found, attached] = await ask(db, virtualMcpQuestion(db, id), attachedKeysQuestion(db, id));
    const { name } = orGone(found);
    const here = c.req.path + new URL(c.req.url).search;
    if (await staleIn(form, [...attached].sort())) {
      noteAct(c, false);
      return goTo(c, here, LIST_CHANGED, 'bad');
    }
    const { added, removed } = changesIn(form, attached);
    const changes = [
      ...added.map((key) => ['POST', key] as const),
      ...removed.map((key) => ['DELETE', key] as const),
    ];
    for (const [at, [method, key]] of changes.entries()) {
      const path = `/mcp/virtual-mcps/${id}/virtual-keys/${encodeURIComponent(key)}`;
      const changed = await act(c, form, method, path);
      if (!changed.ok)
        return goTo(
          c,
          here,
          `${changed.message} ${at} of ${countOf(changes.length, 'change')} saved.`,
          'bad',
        );
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
        <ToolsetHead toolset={toolset} tab="connect" />
        <Connect c={c} toolset={toolset} hasKeys={attached.size > 0} />
      </>
    );
    return adminPage(c, { title: `${cut(toolset.name)} · Connect`, at: AT, body });
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
        crumbs={[
          { href: AT, text: 'Toolsets' },
          { href: `${AT}/${id}`, text: <Cut of={name} /> },
        ]}
        action={`${AT}/${id}/delete`}
        button={`Delete ${cut(name)}`}
        busy="Deleting…"
        back={`${AT}/${id}`}
        csrf={await csrfOf(c)}
      >
        <p>Within seconds:</p>
        <ul>
          <li>
            Apps that use <code>/mcp/{endpointSlug}</code> get no answer there.
          </li>
          <li>
            {countOf(attached.size, 'key loses', 'keys lose')} the tools that only this toolset gives. The
            keys stay.
          </li>
        </ul>
        <p>
          You can’t undo this. To stop it for a while, <a href={`${AT}/${id}`}>turn it off</a> instead.
        </p>
      </Confirm>
    );
    return adminPage(c, { title: `${cut(name)} · Delete`, at: AT, isForm: true, body });
  })
  .post('/:id/delete', async (c) => {
    const id = c.req.param('id');
    const form = await readForm(c);
    const [found] = await ask(c.env.DB, virtualMcpQuestion(c.env.DB, id));
    const { name } = orGone(found);
    const deleted = await act(c, form, 'DELETE', `/mcp/virtual-mcps/${id}`);
    if (!deleted.ok) return goTo(c, `${AT}/${id}`, deleted.message, 'bad');
    return goTo(c, AT, `The toolset ${cut(name)} was deleted.`);
  });

/** @throws PageProblem when there is none. */
function orGone(toolset: VirtualMcp | null): VirtualMcp {
  if (toolset) return toolset;
  throw gone('This toolset was deleted, or never existed.', { href: AT, label: 'Toolsets' });
}

function addressOf(c: Context<App>, { endpointSlug }: VirtualMcp): string {
  return `${c.var.issuer ?? ''}/mcp/${endpointSlug}`;
}

function saidOf(name: string, added: number, removed: number): string {
  if (!added && !removed) return 'Nothing was changed.';
  const said = [
    added && `${countOf(added, 'key')} can now use ${name}.`,
    removed && `${countOf(removed, 'key')} can no longer use ${name}.`,
  ];
  return said.filter(Boolean).join(' ');
}

/** Makes a toolset as the form says, or changes the one with this id. */
async function save(c: Context<App>, form: FormFields, id: string | null) {
  const { DB: db } = c.env;
  const [servers, before] = await ask(
    db,
    serverChoicesQuestion(db),
    id === null ? known(null) : virtualMcpQuestion(db, id),
  );
  const stale = before && (await staleIn(form, toolsetSeen(before)));
  if (stale) return stale;
  const stated = toolsetIn(form, servers, id === null ? null : orGone(before));
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

/** What the form of a toolset is made of. */
function toolsetSeen({ name, description, enabled, tools }: VirtualMcp) {
  return { name, description, enabled, tools };
}

async function showNew(c: Context<App>, sent?: FormFields, refused?: Refused): Promise<Response> {
  const [servers] = await ask(c.env.DB, serverChoicesQuestion(c.env.DB));
  const csrf = await csrfOf(c);
  const body = (
    <>
      <Head crumbs={[{ href: AT, text: 'Toolsets' }]} title="Create toolset" />
      <ToolsetForm {...{ known: null, servers, csrf, sent, refused }} />
    </>
  );
  return adminPage(c, { title: 'Create toolset', at: AT, isForm: true, ...refusalOf(refused), body });
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
  const seen = await seenOf(toolsetSeen(known), sent);
  const body = (
    <>
      <ToolsetHead toolset={known} tab="tools" />
      <Aside toolset={known} address={addressOf(c, known)}>
        <ToolsetForm {...{ known, servers, csrf, seen, sent, refused }} />
      </Aside>
    </>
  );
  return adminPage(c, { title: cut(known.name), at: AT, ...refusalOf(refused), body });
}

/** What was refused is said at its field; on top only where there is none. */
function refusalOf(refused: Refused | undefined) {
  if (!refused) return {};
  const { message, field } = refused;
  return /^(name|endpoint_slug|description|tools)\b/.test(field) ? { status: 400 } : { refusal: message };
}

/** Which toolsets an address asks for; what makes no sense in it is the beginning of the whole. */
function askedFor(c: Context<App>): VirtualMcpFilter & Page {
  const { state, sort } = c.req.query();
  const enabled = state === 'on' || state === 'off' ? state === 'on' : undefined;
  return { ...listPage(c), enabled, sort: sortAsked(sort, ['name', 'keys']) };
}

type ConnectProps = { c: Context<App>; toolset: VirtualMcp; hasKeys: boolean };

/** How apps are pointed at a toolset, and what keeps them from getting in yet. */
function Connect({ c, toolset, hasKeys }: ConnectProps) {
  const { settings, issuer } = c.var;
  if (!issuer) {
    return (
      <Notice tone="warn">
        The gateway address isn’t set yet. <a href="/admin/settings/gateway">Set it</a>, then connect apps.
      </Notice>
    );
  }
  return (
    <>
      {!toolset.enabled && (
        <Notice tone="warn">
          This toolset is off, so no app can connect. <a href={`${AT}/${toolset.id}`}>Turn it on</a> first.
        </Notice>
      )}
      {!hasKeys && (
        <Notice tone="warn">
          No key can use it yet. <a href={`${AT}/${toolset.id}/keys`}>Select keys</a> first.
        </Notice>
      )}
      <section class="stack">
        <h2>Connect an app</h2>
        <p class="muted">
          The app gets the tools of this toolset and nothing else. Connect it with a key that can use the
          toolset, or sign in as the owner of such a key.
        </p>
        <ConnectLines
          to={endpointOf(issuer, settings.display_name, toolset.endpointSlug)}
          mode={settings.mcp_server_auth_mode}
        />
      </section>
    </>
  );
}
