import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { read } from '../journeys/support/app';
import { encryptionKeys } from './encryption-keys';
import {
  admin,
  behave,
  byKey,
  byToken,
  fetchOf,
  grantOf,
  type Key,
  LAG,
  listTools,
  newGrant,
  newKey,
  newServer,
  origin,
  sseServers,
  startTwoWorkers,
  stopTwoWorkers,
  type Tokens,
  upstreams,
  type Worker,
} from './support/two-workers';
import { twoCallers } from './two-callers';

beforeAll(startTwoWorkers);
afterAll(stopTwoWorkers);

/** What the second Worker answers: the HTTP status, and of a tool called there whether it ran. */
async function meets(
  headers: Record<string, string>,
  tool?: string,
  path = '/mcp',
): Promise<number | 'ran' | 'unknown tool'> {
  const message = tool ? { method: 'tools/call', params: { name: tool } } : { method: 'ping' };
  const response = await fetchOf('second')(origin + path, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...message }),
  });
  const text = await response.text();
  if (!tool || response.status !== 200) return response.status;
  if (text.includes(' ran"')) return 'ran';
  return text.includes('Unknown tool') ? 'unknown tool' : response.status;
}

/** Sees the second Worker answer `expected` within the lag and two seconds, and what a busy machine adds: less than the preset lag. */
function soon(act: () => Promise<unknown>, expected: unknown): Promise<void> {
  const patience = { timeout: (LAG + 2 + 5) * 1000, interval: 50 };
  return vi.waitFor(async () => expect(await act()).toEqual(expected), patience);
}

describe.concurrent('done through one Worker, refused by the other within revocation_lag and 2 s (CONTRACT §5)', () => {
  it('a revoked grant', async () => {
    const [byClient, byAdministrator] = await Promise.all([newKey().then(grantOf), newKey().then(grantOf)]);
    const statuses = () => Promise.all([byClient, byAdministrator].map((tokens) => meets(byToken(tokens))));
    expect(await statuses()).toEqual([200, 200]);

    const form = new URLSearchParams({ client_id: byClient.client_id, token: byClient.refresh_token });
    await fetch(`${origin}/oauth2/revoke`, { method: 'POST', body: form });
    await admin('DELETE', `/oauth2/sessions/${byAdministrator.grant_id}`);

    await soon(statuses, [401, 401]);
  });

  it('a deleted client', async () => {
    const tokens = await grantOf(await newKey());
    expect(await meets(byToken(tokens))).toBe(200);

    await admin('DELETE', `/oauth2/clients/${tokens.client_id}`);

    await soon(() => meets(byToken(tokens)), 401);
  });

  it.for<[string, number, (path: string) => Promise<unknown>]>([
    ['deleted', 401, (path) => admin('DELETE', path)],
    ['deactivated', 403, (path) => admin('PUT', path, { is_active: false })],
    ['expired', 403, (path) => admin('PUT', path, { expires_at: new Date(Date.now() + 2000).toISOString() })],
  ])('a key that is %s', async ([, status, withdraw]) => {
    const key = await newKey();
    const tokens = await grantOf(key);
    const statuses = async () => [await meets(byKey(key)), await meets(byToken(tokens))];
    expect(await statuses()).toEqual([200, 200]);

    await withdraw(`/governance/virtual-keys/${key.id}`);

    await soon(statuses, [status, 401]);
  });

  it('the old value of a rotated key, while its grants go on', async () => {
    const key = await newKey();
    const tokens = await grantOf(key);
    expect([await meets(byKey(key)), await meets(byToken(tokens))]).toEqual([200, 200]);

    const path = `/governance/virtual-keys/${key.id}/rotate`;
    const { virtual_key: rotated } = await admin<{ virtual_key: Key }>('POST', path, { reason: 'routine' });

    expect(await meets(byKey(rotated))).toBe(200);
    await soon(() => meets(byKey(key)), 401);
    expect(await meets(byToken(tokens))).toBe(200);
  });

  it('a key rotated as leaked, and what was allowed with it', async () => {
    const key = await newKey();
    const tokens = await grantOf(key);
    const statuses = async () => [await meets(byKey(key)), await meets(byToken(tokens))];
    expect(await statuses()).toEqual([200, 200]);

    await admin('POST', `/governance/virtual-keys/${key.id}/rotate`, { reason: 'leaked' });

    await soon(statuses, [401, 401]);
  });

  it('a withdrawn server', async () => {
    const [key, disabled, deleted] = await Promise.all([newKey(), newServer(), newServer()]);
    const servers = [disabled, deleted];
    const outcomes = () => Promise.all(servers.map(({ name }) => meets(byKey(key), `${name}-a`)));
    const statuses = () =>
      Promise.all(servers.map(({ slug }) => meets(byKey(key), undefined, `/mcp/${slug}`)));
    await soon(outcomes, ['ran', 'ran']);
    expect(await statuses()).toEqual([200, 200]);

    await admin('PUT', `/mcp/client/${disabled.id}`, { enabled: false });
    await admin('DELETE', `/mcp/client/${deleted.id}`);

    await soon(outcomes, ['unknown tool', 'unknown tool']);
    expect(await statuses()).toEqual([404, 404]);
  });

  it('a withdrawn tool, and one no longer among tools_to_execute', async () => {
    const [key, unlisted, narrowed] = await Promise.all([newKey(), newServer(), newServer()]);
    const outcomes = () =>
      Promise.all([unlisted, narrowed].map(({ name }) => meets(byKey(key), `${name}-b`)));
    await soon(outcomes, ['ran', 'ran']);

    await listTools(unlisted.name, ['a']);
    await admin('POST', `/mcp/client/${unlisted.id}/refresh-tools`);
    await admin('PUT', `/mcp/client/${narrowed.id}`, { tools_to_execute: ['a'] });

    await soon(outcomes, ['unknown tool', 'unknown tool']);
    expect(await meets(byKey(key), `${narrowed.name}-a`)).toBe('ran');
  });

  it("a tool no longer among a key's own", async () => {
    const server = await newServer();
    const configs = (tools: string[]) => ({
      mcp_configs: [{ mcp_client_name: server.name, tools_to_execute: tools }],
    });
    const key = await newKey(configs(['a', 'b']));
    const tokens = await grantOf(key);
    const outcomes = () =>
      Promise.all([byKey(key), byToken(tokens)].map((headers) => meets(headers, `${server.name}-b`)));
    await soon(outcomes, ['ran', 'ran']);

    await admin('PUT', `/governance/virtual-keys/${key.id}`, configs(['a']));

    await soon(outcomes, ['unknown tool', 'unknown tool']);
  });

  it('a toolset that was taken away, narrowed, disabled or deleted', async () => {
    const [key, server] = await Promise.all([newKey(), newServer()]);
    const changes: ((path: string) => Promise<unknown>)[] = [
      (path) => admin('DELETE', `${path}/virtual-keys/${key.id}`),
      (path) => admin('PUT', path, { tools: [{ mcp_client_id: server.id, tool_names: ['a'] }] }),
      (path) => admin('PUT', path, { enabled: false }),
      (path) => admin('DELETE', path),
    ];
    const sets = await Promise.all(
      changes.map(() =>
        admin<{ virtual_mcp: { id: string; endpoint_slug: string } }>('POST', '/mcp/virtual-mcps', {
          name: `set ${crypto.randomUUID()}`,
          tools: [{ mcp_client_id: server.id, tool_names: ['*'] }],
          virtual_key_ids: [key.id],
        }),
      ),
    );
    const outcomes = () =>
      Promise.all(
        sets.map(({ virtual_mcp }) =>
          meets(byKey(key), `${server.name}-b`, `/mcp/${virtual_mcp.endpoint_slug}`),
        ),
      );
    await soon(outcomes, ['ran', 'ran', 'ran', 'ran']);

    await Promise.all(changes.map((change, at) => change(`/mcp/virtual-mcps/${sets[at]?.virtual_mcp.id}`)));

    await soon(outcomes, [403, 'unknown tool', 404, 404]);
  });
});

describe.concurrent('done through one Worker, there at once in the other', () => {
  it('the tools of a server that was just added, allowed or listed again, for a call at every address', async () => {
    const [key, server] = await Promise.all([newKey(), newServer()]);
    const other = await newServer();
    const { virtual_mcp } = await admin<{ virtual_mcp: { id: string; endpoint_slug: string } }>(
      'POST',
      '/mcp/virtual-mcps',
      {
        name: `set ${crypto.randomUUID()}`,
        tools: [{ mcp_client_id: server.id, tool_names: ['*'] }],
        virtual_key_ids: [key.id],
      },
    );
    const toolset = `/mcp/${virtual_mcp.endpoint_slug}`;
    const call = (tool: string, path?: string) => meets(byKey(key), tool, path);
    await soon(
      () => Promise.all([call(`${server.name}-a`), call(`${server.name}-a`, toolset)]),
      ['ran', 'ran'],
    );

    const added = await newServer();
    expect(await call(`${added.name}-a`)).toBe('ran');
    await admin('PUT', `/mcp/virtual-mcps/${virtual_mcp.id}`, {
      tools: [{ mcp_client_id: other.id, tool_names: ['*'] }],
    });
    expect(await call(`${other.name}-b`, toolset)).toBe('ran');
    await listTools(server.name, ['a', 'new']);
    await admin('POST', `/mcp/client/${server.id}/refresh-tools`);
    expect(await call(`${server.name}-new`)).toBe('ran');
    expect(await call(`${server.name}-none`)).toBe('unknown tool');
  });
});

describe('one client, whichever Worker it meets (PROTOCOL §1)', () => {
  type Seen = {
    /** Of the transport of 2024-11-05. */
    session?: string;
    headers: Record<string, string>;
    message: { id?: number; method?: string; params?: JsonObject };
  };
  type JsonObject = Record<string, unknown>;

  it.each(['http', 'sse'] as const)(
    'has one session at a server, there at once, and cancels in one what it began in the other: %s',
    async (type) => {
      const control = (what: string, body: object = {}) =>
        fetch(`${type === 'http' ? upstreams : sseServers}/${server.name}/control/${what}`, {
          method: 'POST',
          body: JSON.stringify(body),
        });
      const seenBy = async (method: string, count: number): Promise<Seen[]> => {
        await control('until', { method, count });
        const { seen } = await read<{ seen: Seen[] }>(await control('seen'));
        return seen.filter(({ message }) => message.method === method);
      };
      const [key, server] = [await newKey(), await newServer(['a', 'held'], type)];
      const post = (worker: Worker, message: JsonObject, session?: string) =>
        fetchOf(worker)(`${origin}/mcp/${server.slug}`, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            accept: 'application/json, text/event-stream',
            ...byKey(key),
            ...(session && { 'mcp-session-id': session }),
          },
          body: JSON.stringify({ jsonrpc: '2.0', ...message }),
        });
      const params = { protocolVersion: '2025-11-25', capabilities: {} };
      const begun = await post('second', { id: 0, method: 'initialize', params });
      const session = begun.headers.get('mcp-session-id') ?? '';
      const call = (worker: Worker, name: string) =>
        post(worker, { id: name, method: 'tools/call', params: { name } }, session);
      const both = await Promise.all([call('toolgate', 'a'), call('second', 'a')]);
      for (const response of both) expect(await response.text()).toContain('a ran');
      const holding = call('toolgate', 'held');
      const calls = await seenBy('tools/call', 3);
      const cancelled = { requestId: 'held', reason: 'enough' };
      await post('second', { method: 'notifications/cancelled', params: cancelled }, session);
      const [notice] = await seenBy('notifications/cancelled', 1);
      await control('release');
      await (await holding).text();

      expect(begun.status).toBe(200);
      expect(new Set(calls.map(({ headers, session }) => session ?? headers['mcp-session-id'])).size).toBe(1);
      expect(new Set(calls.map(({ message }) => message.id)).size).toBe(3);
      expect(notice?.message.params).toEqual({ requestId: calls[2]?.message.id, reason: 'enough' });
      expect(await seenBy('initialize', 2)).toHaveLength(2); // a listing's, and the client's
    },
  );
});

describe.concurrent('a list that changed, known to every client within 30 seconds (PROTOCOL §5)', () => {
  type Opened = { methods(): string[]; close(): void };
  /** A stream that stays open at a Worker. */
  const opened = async (worker: Worker, init: RequestInit): Promise<Opened> => {
    const response = await fetchOf(worker)(`${origin}/mcp`, init as never);
    if (response.status !== 200) throw new Error(`the stream was answered ${response.status}`);
    const stop = new AbortController();
    let text = '';
    const read = async () => {
      const reader = (response.body as ReadableStream<Uint8Array>).getReader();
      stop.signal.addEventListener('abort', () => reader.cancel().catch(() => undefined));
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        text += new TextDecoder().decode(value);
      }
    };
    read().catch(() => undefined);
    const methods = () => [...text.matchAll(/"method":"([^"]*)"/g)].map(([, method = '']) => method);
    return { methods, close: () => stop.abort() };
  };
  const listen = (worker: Worker, key: Key) => {
    const meta = { protocolVersion: '2026-07-28', clientCapabilities: {} };
    const _meta = Object.fromEntries(
      Object.entries(meta).map(([name, value]) => [`io.modelcontextprotocol/${name}`, value]),
    );
    const params = { _meta, notifications: { toolsListChanged: true } };
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'subscriptions/listen',
      ...byKey(key),
    };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'subscriptions/listen', params });
    return opened(worker, { method: 'POST', headers, body });
  };
  const get = async (worker: Worker, key: Key) => {
    const headers = { 'content-type': 'application/json', accept: 'text/event-stream, application/json' };
    const message = {
      jsonrpc: '2.0',
      id: 0,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25' },
    };
    const begun = await fetchOf('second')(`${origin}/mcp`, {
      method: 'POST',
      headers: { ...headers, ...byKey(key) },
      body: JSON.stringify(message),
    });
    const session = begun.headers.get('mcp-session-id') ?? '';
    return opened(worker, {
      headers: { accept: 'text/event-stream', 'mcp-session-id': session, ...byKey(key) },
    });
  };

  it('heard by a stream of one Worker, told by both, and only to those who have the list', async () => {
    const told = { listChanged: true };
    const server = await newServer(['a', 'b'], 'http', { streams: true, capabilities: { tools: told } });
    await admin('PUT', `/mcp/client/${server.id}`, { allow_on_all_virtual_keys: false });
    const configs = { mcp_configs: [{ mcp_client_name: server.name, tools_to_execute: ['*'] }] };
    const [mine, strangers] = [await newKey(configs), await newKey()];
    const workers: Worker[] = ['toolgate', 'second'];
    const streams = await Promise.all(workers.flatMap((worker) => [get(worker, mine), listen(worker, mine)]));
    const others = await Promise.all([get('toolgate', strangers), listen('second', strangers)]);
    const act = (what: string, body: object) =>
      fetch(`${upstreams}/${server.name}/control/${what}`, { method: 'POST', body: JSON.stringify(body) });
    await act('open', { count: 2 }); // one of each Worker

    await listTools(server.name, ['a', 'b', 'c']);
    await act('say', { jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
    const begunAt = Date.now();
    const isTold = () => streams.map(({ methods }) => methods().at(-1));
    await vi.waitFor(() => expect(isTold()).toEqual(Array(4).fill('notifications/tools/list_changed')), {
      timeout: 40_000,
      interval: 100,
    });

    expect(Date.now() - begunAt).toBeLessThan(30_000);
    expect(others.map(({ methods }) => methods())).toEqual([
      [],
      ['notifications/subscriptions/acknowledged'],
    ]);
    for (const stream of [...streams, ...others]) stream.close();
  });
});

describe('a server never listed (CONTRACT §6, PROTOCOL §5)', () => {
  it('is listed once for fifty callers, whichever Worker they meet', async () => {
    const [key, server] = [await newKey(), await newServer(['a', 'b'], 'http', { fault: 'die' })];
    await behave(server.name, { fault: null });
    const ask = async (worker: Worker) => {
      const response = await fetchOf(worker)(`${origin}/mcp/${server.slug}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json', ...byKey(key) },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
      });
      const { result } = await read<{ result: { tools: { name: string }[] } }>(response);
      return result.tools.map(({ name }) => name).join();
    };
    const workers = Array.from({ length: 50 }, (_, at): Worker => (at % 2 ? 'second' : 'toolgate'));
    const names = await Promise.all(workers.map(ask));
    const seen = await fetch(`${upstreams}/${server.name}/control/seen`, { method: 'POST', body: '{}' });
    const { seen: messages } = await read<{ seen: { message: { method?: string } }[] }>(seen);

    expect(names).toEqual(workers.map(() => 'a,b'));
    expect(messages.filter(({ message }) => message.method === 'tools/list')).toHaveLength(1);
  });
});

twoCallers(); // not beside the streams above: each adds servers, which changes lists

describe('people, as Cloudflare Access vouches for them', async () => {
  const audience = 'the-audience';
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  const jwk = { ...(await exportJWK(publicKey)), kid: '1', alg: 'RS256' };
  const access = createServer((_, response) => response.end(JSON.stringify({ keys: [jwk] })));

  beforeAll(async () => {
    access.listen(0, '127.0.0.1');
    await once(access, 'listening');
    const team_domain = `127.0.0.1:${(access.address() as AddressInfo).port}`;
    await admin('PUT', '/config', { access: { team_domain, aud: audience } });
  });
  afterAll(async () => {
    await admin('PUT', '/config', { access: { team_domain: null, aud: null } });
    access.close();
  });

  /** What a person allowed who came through Access, and the key of theirs. */
  async function newPerson(): Promise<{ id: string; tokens: Tokens; key: Key }> {
    const email = `${crypto.randomUUID()}@example.com`;
    const { port } = access.address() as AddressInfo;
    const assertion = await new SignJWT({ email })
      .setProtectedHeader({ alg: 'RS256', kid: '1' })
      .setIssuer(`http://127.0.0.1:${port}`)
      .setAudience(audience)
      .setSubject(email)
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(privateKey);
    const tokens = await newGrant({ identity: 'user' }, { 'cf-access-jwt-assertion': assertion });
    const { users } = await admin<{ users: { id: string }[] }>('GET', `/users?search=${email}`);
    const id = users[0]?.id ?? '';
    return { id, tokens, key: await newKey({ owner_user_id: id }) };
  }

  it.each<[string, number, (id: string) => Promise<unknown>]>([
    ['blocked', 403, (id) => admin('PUT', `/users/${id}`, { is_active: false })],
    ['deleted', 403, (id) => admin('DELETE', `/users/${id}`)],
  ])('one who is %s is refused, and so are their keys', async (_, status, withdraw) => {
    const { id, tokens, key } = await newPerson();
    const statuses = async () => [await meets(byKey(key)), await meets(byToken(tokens))];
    await soon(statuses, [200, 200]); // the other Worker has heard of the provider

    await withdraw(id);

    await soon(statuses, [status, 401]);
  });
});

describe('a setting changed through one Worker, in effect at the other within the same time', () => {
  const restored = { mcp_server_auth_mode: null, enforce_auth_on_inference: null };
  afterEach(() => admin('PUT', '/config', restored));

  it('mode headers refuses tokens', async () => {
    const key = await newKey();
    const tokens = await grantOf(key);
    expect(await meets(byToken(tokens))).toBe(200);

    await admin('PUT', '/config', { mcp_server_auth_mode: 'headers' });

    await soon(() => meets(byToken(tokens)), 401);
    expect(await meets(byKey(key))).toBe(200);
  });

  it('enforcement refuses the grants of anonymous sessions, which work again when it is off', async () => {
    await admin('PUT', '/config', { enforce_auth_on_inference: false });
    const tokens = await newGrant({ identity: 'session' });
    await soon(() => meets(byToken(tokens)), 200);

    await admin('PUT', '/config', { enforce_auth_on_inference: true });
    await soon(() => meets(byToken(tokens)), 401);

    await admin('PUT', '/config', { enforce_auth_on_inference: false });
    await soon(() => meets(byToken(tokens)), 200);
  });

  it('disable_vk_identity refuses the grants of keys, which work again when it is off', async () => {
    const tokens = await grantOf(await newKey());
    expect(await meets(byToken(tokens))).toBe(200);
    const set = (disable_vk_identity: boolean | null) =>
      admin('PUT', '/config', { oauth2_server_config: { disable_vk_identity } });

    await admin('PUT', '/config', {
      mcp_server_auth_mode: 'oauth',
      access: { team_domain: 'team.cloudflareaccess.com', aud: 'audience' },
    });
    await set(true);
    await soon(() => meets(byToken(tokens)), 401);

    await set(null);
    await soon(() => meets(byToken(tokens)), 200);
  });
});

encryptionKeys(); // last: it leaves the Workers with other keys
