import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formsOf } from '../../demo/consent';
import { meets, soon } from './support/meets';
import {
  admin,
  byKey,
  byToken,
  grantOf,
  type Key,
  listTools,
  newGrant,
  newKey,
  newServer,
  origin,
  type Tokens,
} from './support/two-workers';

/** A change of what someone may do, and what the other Worker answers them. */
type Case = {
  ask: () => Promise<unknown>;
  before: unknown;
  act: () => Promise<unknown>;
  after: unknown;
  /** Missing: it cannot be undone. */
  undo?: () => Promise<unknown>;
  /** What is answered then; missing: the same as before. */
  undone?: unknown;
};

type Person = { id: string; assertion: string; tokens: Tokens; key: Key };

/** Cloudflare Access, which vouches for people. */
const AUDIENCE = 'the-audience';
const keys = await generateKeyPair('RS256');
const jwk = { ...(await exportJWK(keys.publicKey)), kid: '1', alg: 'RS256' };
const access = createServer((_, response) => response.end(JSON.stringify({ keys: [jwk] })));
const team = () => `127.0.0.1:${(access.address() as AddressInfo).port}`;
const config = (settings: object) => admin('PUT', '/config', settings);

/** What a person allowed who came through Access, and a key of theirs. */
async function newPerson(): Promise<Person> {
  const email = `${crypto.randomUUID()}@example.com`;
  const assertion = await new SignJWT({ email })
    .setProtectedHeader({ alg: 'RS256', kid: '1' })
    .setIssuer(`http://${team()}`)
    .setAudience(AUDIENCE)
    .setSubject(email)
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(keys.privateKey);
  const tokens = await newGrant({ identity: 'user' }, { 'cf-access-jwt-assertion': assertion });
  const { users } = await admin<{ users: { id: string }[] }>('GET', `/users?search=${email}`);
  const id = users[0]?.id ?? '';
  return { id, assertion, tokens, key: await newKey({ owner_user_id: id }) };
}

const statuses = (...headers: Record<string, string>[]) =>
  Promise.all(headers.map((one) => meets(one))) as Promise<unknown>;
const pathOf = ({ id }: Key) => `/governance/virtual-keys/${id}`;
const configsOf = (name: string, ...tools: string[]) => ({
  mcp_client_name: name,
  tools_to_execute: tools,
});

/** A grant that is ended. */
async function ended(end: (tokens: Tokens) => Promise<unknown>): Promise<Case> {
  const tokens = await grantOf(await newKey());
  return { ask: () => meets(byToken(tokens)), before: 200, act: () => end(tokens), after: 401 };
}

/** A key, and a grant of it. */
async function key(
  after: [byKey: number, byToken: number],
  act: (path: string) => Promise<unknown>,
  undo?: (path: string) => Promise<unknown>,
): Promise<Case> {
  const made = await newKey();
  const tokens = await grantOf(made);
  const ask = () => statuses(byKey(made), byToken(tokens));
  const path = pathOf(made);
  return { ask, before: [200, 200], act: () => act(path), after, ...(undo && { undo: () => undo(path) }) };
}

/** A person, by a key and by a grant of theirs. */
async function person(
  after: [byKey: number, byToken: number],
  act: (one: Person) => Promise<unknown>,
  undo: { act: (one: Person) => Promise<unknown>; undone: unknown } | null,
): Promise<Case> {
  const one = await newPerson();
  const ask = () => statuses(byKey(one.key), byToken(one.tokens));
  const back = undo && { undo: () => undo.act(one), undone: undo.undone };
  return { ask, before: [200, 200], act: () => act(one), after, ...back };
}

/** A server that a key calls a tool of. */
async function server(
  tool: string,
  act: (one: { id: string; name: string }) => Promise<unknown>,
  undo?: (one: { id: string; name: string }) => Promise<unknown>,
): Promise<Case> {
  const [made, one] = await Promise.all([newKey(), newServer()]);
  const ask = () => meets(byKey(made), `${one.name}-${tool}`);
  const back = undo && { undo: () => undo(one) };
  return { ask, before: 'ran', act: () => act(one), after: 'unknown tool', ...back };
}
const change = (terms: object) => (one: { id: string }) => admin('PUT', `/mcp/client/${one.id}`, terms);

/** A key and a grant of it that call a tool, where the key's own list is changed. */
async function listOfKey(from: string[], to: string[]): Promise<Case> {
  const one = await newServer();
  await change({ allow_on_all_virtual_keys: false })(one);
  const lists = (tools: string[]) => ({ mcp_configs: tools.length ? [configsOf(one.name, ...tools)] : [] });
  const made = await newKey(lists(from));
  const everything = { services: null }; // not narrowed to what consent showed
  const tokens = await newGrant({ identity: 'virtual_key', virtual_key: made.value, ...everything });
  const ask = () =>
    Promise.all([byKey(made), byToken(tokens)].map((headers) => meets(headers, `${one.name}-b`)));
  const put = (tools: string[]) => () => admin('PUT', pathOf(made), lists(tools));
  const outcome = (tools: string[]) => Array(2).fill(tools.length > 1 ? 'ran' : 'unknown tool');
  return { ask, before: outcome(from), act: put(to), after: outcome(to), undo: put(from) };
}

/** A toolset of a server, called at its address. */
async function toolset(
  after: unknown,
  act: (path: string, keyId: string, serverId: string) => Promise<unknown>,
  undo?: (path: string, keyId: string, serverId: string) => Promise<unknown>,
): Promise<Case> {
  const [made, one] = await Promise.all([newKey(), newServer()]);
  type Made = { virtual_mcp: { id: string; endpoint_slug: string } };
  const { virtual_mcp } = await admin<Made>('POST', '/mcp/virtual-mcps', {
    name: `set ${crypto.randomUUID()}`,
    tools: [{ mcp_client_id: one.id, tool_names: ['*'] }],
    virtual_key_ids: [made.id],
  });
  const path = `/mcp/virtual-mcps/${virtual_mcp.id}`;
  const ask = () => meets(byKey(made), `${one.name}-b`, `/mcp/${virtual_mcp.endpoint_slug}`);
  const back = undo && { undo: () => undo(path, made.id, one.id) };
  return { ask, before: 'ran', act: () => act(path, made.id, one.id), after, ...back };
}

/** The form on a page of the first Worker, sent by whom Access vouches for. */
async function submitAsPerson(path: string, assertion: string): Promise<void> {
  const headers = { 'cf-access-jwt-assertion': assertion };
  const page = await fetch(origin + path, { headers });
  const cookie = page.headers.getSetCookie().map((one) => one.split(';')[0]);
  const form = formsOf(await page.text()).find(({ action }) => action.endsWith('/withdraw'));
  if (!form) throw new Error(`${path} has no such form`);
  const body = new URLSearchParams(form.controls.map(({ name, value }): [string, string] => [name, value]));
  const sent = { method: 'POST', redirect: 'manual', body } as const;
  const to = new URL(form.action, origin + path);
  const { status } = await fetch(to, { ...sent, headers: { ...headers, cookie: cookie.join('; ') } });
  if (status !== 303) throw new Error(`${path} answered ${status}`);
}

async function see({ ask, before, act, after, undo, undone }: Case): Promise<void> {
  await soon(ask, before);
  const doneAt = await act();
  await soon(ask, after, typeof doneAt === 'number' ? doneAt : undefined);
  if (!undo) return;
  await undo();
  await soon(ask, undone ?? before);
}

/** Has a key expire, as soon as a request can say on this machine. @returns when, epoch milliseconds */
async function expire(path: string, margin = 1_000): Promise<number> {
  const at = Date.now() + margin;
  try {
    await admin('PUT', path, { expires_at: new Date(at).toISOString() });
    return at;
  } catch (error) {
    if (margin > 10_000) throw error;
    return expire(path, margin * 2);
  }
}
const withTools =
  (...tool_names: string[]) =>
  (path: string, _: string, mcp_client_id: string) =>
    admin('PUT', path, { tools: [{ mcp_client_id, tool_names }] });

/** Every change of what callers may do, made through one Worker and seen at the other (CONTRACT §5). */
export function changedAccess(): void {
  beforeAll(async () => {
    access.listen(0, '127.0.0.1');
    await once(access, 'listening');
    await config({ access: { team_domain: team(), aud: AUDIENCE }, enforce_auth_on_inference: false });
  });
  afterAll(async () => {
    await config({ access: { team_domain: null, aud: null }, enforce_auth_on_inference: null });
    access.close();
  });

  const CASES: [string, () => Promise<Case>][] = [
    [
      'a grant revoked by its client',
      () =>
        ended(({ client_id, refresh_token: token }) =>
          fetch(`${origin}/oauth2/revoke`, {
            method: 'POST',
            body: new URLSearchParams({ client_id, token }),
          }),
        ),
    ],
    [
      'a grant revoked by an administrator',
      () => ended(({ grant_id }) => admin('DELETE', `/oauth2/sessions/${grant_id}`)),
    ],
    [
      'a grant withdrawn by its person',
      () =>
        person(
          [200, 401],
          ({ tokens, assertion }) => submitAsPerson(`/me/apps/${tokens.grant_id}/withdraw`, assertion),
          null,
        ),
    ],
    ['a deleted client', () => ended(({ client_id }) => admin('DELETE', `/oauth2/clients/${client_id}`))],
    ['a deleted key', () => key([401, 401], (path) => admin('DELETE', path))],
    [
      'a key that is deactivated, and active again',
      () =>
        key(
          [403, 401],
          (path) => admin('PUT', path, { is_active: false }),
          (path) => admin('PUT', path, { is_active: true }),
        ),
    ],
    [
      'a key that expires, and may go on',
      () => key([403, 401], expire, (path) => admin('PUT', path, { expires_at: null })),
    ],
    [
      'the old value of a rotated key, while its grants go on',
      () => key([401, 200], (path) => admin('POST', `${path}/rotate`, { reason: 'routine' })),
    ],
    [
      'a key rotated as leaked, and what was allowed with it',
      () => key([401, 401], (path) => admin('POST', `${path}/rotate`, { reason: 'leaked' })),
    ],
    [
      'a blocked person; their keys work again once both are let in',
      () =>
        person([403, 401], ({ id }) => admin('PUT', `/users/${id}`, { is_active: false }), {
          act: async (one) => {
            await admin('PUT', `/users/${one.id}`, { is_active: true });
            await admin('PUT', pathOf(one.key), { is_active: true });
          },
          undone: [200, 401],
        }),
    ],
    ['a deleted person', () => person([403, 401], ({ id }) => admin('DELETE', `/users/${id}`), null)],
    [
      'a server that is disabled, and enabled again',
      () => server('a', change({ enabled: false }), change({ enabled: true })),
    ],
    ['a deleted server', () => server('a', ({ id }) => admin('DELETE', `/mcp/client/${id}`))],
    [
      'a server that is closed, and becomes open to all',
      () =>
        server(
          'a',
          change({ allow_on_all_virtual_keys: false }),
          change({ allow_on_all_virtual_keys: true }),
        ),
    ],
    [
      'narrowed tools_to_execute, and widened again',
      () => server('b', change({ tools_to_execute: ['a'] }), change({ tools_to_execute: ['*'] })),
    ],
    [
      'a tool its server lists no more, and again',
      () => {
        const lists =
          (...tools: string[]) =>
          async ({ id, name }: { id: string; name: string }) => {
            await listTools(name, tools);
            await admin('POST', `/mcp/client/${id}/refresh-tools`);
          };
        return server('b', lists('a'), lists('a', 'b'));
      },
    ],
    ["a tool no longer among a key's own, and again", () => listOfKey(['a', 'b'], ['a'])],
    ['one more server for a key, and no more', () => listOfKey([], ['a', 'b'])],
    [
      'a toolset taken away, and given again',
      () =>
        toolset(
          403,
          (path, keyId) => admin('DELETE', `${path}/virtual-keys/${keyId}`),
          (path, keyId) => admin('PUT', path, { virtual_key_ids: [keyId] }),
        ),
    ],
    ['a toolset narrowed, and widened again', () => toolset('unknown tool', withTools('a'), withTools('*'))],
    [
      'a toolset disabled, and enabled again',
      () =>
        toolset(
          404,
          (path) => admin('PUT', path, { enabled: false }),
          (path) => admin('PUT', path, { enabled: true }),
        ),
    ],
    ['a deleted toolset', () => toolset(404, (path) => admin('DELETE', path))],
  ];

  describe.concurrent('done through one Worker, in effect at the other within revocation_lag and 2 s', () => {
    it.for(CASES)('%s', async ([, setUp]) => see(await setUp()));
  });

  describe('a setting changed through one Worker, in effect at the other within the same time', () => {
    it('the mode headers refuses tokens, until it is another', async () => {
      const made = await newKey();
      const tokens = await grantOf(made);
      await see({
        ask: () => statuses(byKey(made), byToken(tokens)),
        before: [200, 200],
        act: () => config({ mcp_server_auth_mode: 'headers' }),
        after: [200, 401],
        undo: () => config({ mcp_server_auth_mode: null }),
      });
    });

    it('enforcement refuses anonymous sessions, and their grants, until it is off', async () => {
      const tokens = await newGrant({ identity: 'session' });
      await see({
        ask: () => statuses({}, byToken(tokens)),
        before: [200, 200],
        act: () => config({ enforce_auth_on_inference: true }),
        after: [401, 401],
        undo: () => config({ enforce_auth_on_inference: false }),
      });
    });

    it('disable_vk_identity refuses the grants of keys, until it is off', async () => {
      const tokens = await grantOf(await newKey());
      const set = (disable_vk_identity: boolean | null) =>
        config({ oauth2_server_config: { disable_vk_identity } });
      await config({ mcp_server_auth_mode: 'oauth' });
      await see({
        ask: () => meets(byToken(tokens)),
        before: 200,
        act: () => set(true),
        after: 401,
        undo: () => set(null),
      });
      await config({ mcp_server_auth_mode: null });
    });

    it('a replaced provider suspends its people, and a withdrawn domain, until it is undone', async () => {
      const { tokens, key } = await newPerson();
      const ask = () => statuses(byKey(key), byToken(tokens));
      const through = (team_domain: string | null) =>
        config({ access: { team_domain, aud: team_domain && AUDIENCE } });
      const suspended = { ask, before: [200, 200], after: [403, 401] };

      await see({ ...suspended, act: () => through('other.example'), undo: () => through(team()) });

      // The same provider by OpenID Connect, where the domain decides.
      const domains = (allowed_domains: string[]) => () => config({ oidc: { allowed_domains } });
      await config({
        confirm: 'unreachable', // it has no metadata
        access: { team_domain: null, aud: null },
        oidc: { issuer: `http://${team()}`, client_id: 'toolgate', client_secret: 'a-secret' },
      });
      await domains(['example.com'])();
      await see({ ...suspended, act: domains(['other.example']), undo: domains(['example.com']) });

      await config({ oidc: { issuer: null, client_id: null, client_secret: null, allowed_domains: null } });
      await through(team());
      expect(await admin('GET', '/config')).toMatchObject({ access: { team_domain: team() } });
    });
  });
}
