import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { read } from '../journeys/support/app';
import { changedAccess } from './changed-access';
import { meets, soon } from './support/meets';
import {
  admin,
  behave,
  byKey,
  fetchOf,
  type Key,
  listTools,
  newKey,
  newServer,
  origin,
  sseServers,
  startTwoWorkers,
  stopTwoWorkers,
  upstreams,
  type Worker,
} from './support/two-workers';
import { twoCallers } from './two-callers';

beforeAll(startTwoWorkers);
afterAll(stopTwoWorkers);

changedAccess();

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
