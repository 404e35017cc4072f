import { afterEach, describe, expect, it, vi } from 'vitest';
import { send } from '../../src/mcp-client/client';
import { McpCaller, type wholeAnswer } from '../support/caller';
import { shortWaits, wait } from '../support/clock';
import { enterHeaders } from '../support/connected';
import { admin, newKey } from '../support/gate';
import { headerServer } from '../support/own-accounts';
import type { RawAnswer } from '../support/raw-answer';
import { addressOf, Upstream } from '../support/upstream';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A server that is odd between two that are well, and someone who may use all three on `/mcp`. */
async function three(behaviour: Parameters<typeof Upstream.start>[1] = {}) {
  const odd = await Upstream.start(['echo', 'other', 'held'], behaviour);
  const well = await Promise.all([Upstream.start(), Upstream.start()]);
  const { value } = await newKey([odd, ...well].map(({ name }) => name));
  const caller = new McpCaller({ 'x-bf-vk': value });
  const call = async (tool = 'echo', by = caller) =>
    said(await by.call(`${odd.name}-${tool}`).catch(() => CUT));
  /** Both others are listed and can be called, whatever the odd one does. */
  const others = async () => {
    const names = await caller.toolNames();
    const answers = await Promise.all(well.map(({ name }) => caller.call(`${name}-echo`)));
    return names.includes(`${odd.name}-echo`) && answers.every(({ body }) => said({ body }) === 'echo ran');
  };
  return { odd, caller, call, others };
}

type Told = Pick<Awaited<ReturnType<typeof wholeAnswer>>, 'body'>;
const CUT = { body: {} };
const said = ({ body }: Told) => body.result?.content?.[0]?.text ?? JSON.stringify(body.error);

const stateOf = async ({ id }: Upstream) =>
  (await admin<{ client: { state: string } }>('GET', `/mcp/client/${id}`)).client.state;

/** Someone with an account of their own at a server of everyone's own header values. */
async function personAt(server: Upstream) {
  const key = await newKey([server.name]);
  await enterHeaders(server.id, `vk:${key.id}`, { 'x-key': `right ${key.id}` });
  const caller = new McpCaller({ 'x-bf-vk': key.value }, '2025', `/mcp/${server.slug}`);
  return async () => said(await caller.call('whoami'));
}

async function times(count: number, act: () => Promise<unknown>): Promise<void> {
  for (let time = 0; time < count; time++) await act();
}

const RESTS = 'is left alone for';

describe('a server rests for 30 s after five failures of its own within 30 s (CONTRACT §7)', () => {
  it.each([
    ['HTTP 500', { status: 500, type: '' }],
    [
      'HTTP 503 with a JSON-RPC error',
      { status: 503, chunks: ['{"jsonrpc":"2.0","id":$id,"error":{"code":-32603,"message":"down"}}'] },
    ],
    ['a closed connection', { chunks: ['{"jsonrpc"'], finish: 'cut' }],
    ['an answer that ends early', { type: 'text/event-stream', chunks: ['data: {"jsonrpc"'] }],
    ['202 and no answer', { status: 202, type: '' }],
  ] as [string, RawAnswer][])('%s', async (_, answer) => {
    const { odd, call, others } = await three({ raw: { echo: answer } });
    await times(4, call);
    const fourth = await call('other');
    await times(5, call);

    expect(fourth).toBe('other ran'); // which ends the row
    expect(await call('other')).toContain(RESTS);
    expect(await odd.seen('tools/call')).toHaveLength(10);
    expect(await others()).toBe(true);
    wait(31);
    expect(await call('other')).toBe('other ran');
  });

  it.each([
    ['before its headers', 'held', {}],
    ['after them', 'echo', { type: 'text/event-stream', finish: 'open' }],
    [
      'with comments that are no progress',
      'echo',
      { type: 'text/event-stream', chunks: [': wait\n\n'], finish: 'open' },
    ],
  ] as [string, string, RawAnswer][])('silence past the limit, %s', async (_, tool, answer) => {
    const { odd, call } = await three({ raw: { echo: answer }, registration: { tool_execution_timeout: 1 } });
    shortWaits();
    await Promise.all(Array.from({ length: 5 }, () => call(tool)));

    expect(await call('other')).toContain(RESTS);
    expect(await odd.seen('tools/call')).toHaveLength(5);
  });

  it.each([400, 401, 403, 404, 405, 406, 409, 410, 413, 415, 422, 429, 451])(
    'a %i is about the request: it rests nobody and says nothing of the server',
    async (status) => {
      const { odd, call, others } = await three({
        raw: { echo: { status, type: 'text/plain', chunks: ['no'] } },
      });
      await times(6, call);

      expect(await call('other')).toBe('other ran');
      expect(await stateOf(odd)).toBe('healthy');
      expect(await others()).toBe(true);
    },
  );

  it('what is no MCP rests nobody either', async () => {
    const { call } = await three({ raw: { echo: { type: 'text/html', chunks: ['<p>Hello'] } } });
    await times(6, call);

    expect(await call('other')).toBe('other ran');
  });

  it('more failures than five at a time do not end the rest', async () => {
    const { odd, caller, call } = await three({ raw: { echo: { finish: 'cut', chunks: ['$hold'] } } });
    const calling = Array.from({ length: 8 }, () => caller.call(`${odd.name}-echo`).catch(() => null));
    await odd.sees('tools/call', 8);
    await odd.release();
    await Promise.all(calling);

    expect(await call('other')).toContain(RESTS);
  });

  it('a call that began before the failures does not end the row when it is answered', async () => {
    const { odd, call } = await three({ raw: { echo: { status: 500, type: '' } } });
    const early = call('held');
    await odd.sees('tools/call');
    await times(4, call);
    await odd.release();
    const answered = await early;
    await call();

    expect(answered).toBe('held ran');
    expect(await call('other')).toContain(RESTS);
  });

  it('a client that leaves is no failure of the server', async () => {
    const { odd, call, caller } = await three();
    shortWaits(); // until a stream begins that the client can leave
    for (let time = 1; time <= 6; time++) {
      const { body } = await caller.send('tools/call', { name: `${odd.name}-held` });
      await odd.sees('tools/call', time);
      await body?.cancel();
      await odd.sees('dropped', time);
    }

    expect(await call('other')).toBe('other ran');
  });

  it('nor is a request that the gateway itself gives up', async () => {
    const { odd, call } = await three();
    const server = {
      id: odd.id,
      name: odd.name,
      connectionType: 'http' as const,
      connectionString: addressOf(odd.name),
      authType: 'none',
    };
    const credentials = { headers: new Headers(), version: '', refused: null };
    for (let time = 1; time <= 6; time++) {
      const leaving = new AbortController();
      const peer = { server, credentials, owner: null, sharer: null };
      const request = { id: time, method: 'tools/call', params: { name: 'held' } };
      const sending = send(peer, request, leaving.signal);
      await odd.sees('tools/call', time);
      leaving.abort();
      await expect(sending).rejects.toThrow('did not answer in time');
    }

    expect(await call('other')).toBe('other ran');
  });
});

describe('where everyone has their own account (CONTRACT §7)', () => {
  it('one person’s failures are theirs: the server rests only when a second one has some', async () => {
    const server = await headerServer();
    const [ann, bob] = [await personAt(server), await personAt(server)];
    await server.behave({ raw: { whoami: { status: 500, type: '' } } });
    await times(7, ann);
    const before = await stateOf(server);
    const bobs = await bob();

    expect(before).toBe('healthy');
    expect(bobs).toContain('HTTP 500');
    expect(await ann()).toContain(RESTS);
    await vi.waitFor(async () => expect(await stateOf(server)).toBe('unstable'));
  });

  it.each([
    [403, 'no'],
    [401, 'no'],
    [400, 'no'],
    [500, 'The API key is expired'],
    [502, 'invalid_token'],
    [503, 'Unauthorized'],
  ])('%i with “%s” is the account’s', async (status, words) => {
    const server = await headerServer();
    const [ann, bob] = [await personAt(server), await personAt(server)];
    await server.behave({ raw: { whoami: { status, type: 'text/plain', chunks: [words] } } });
    for (const each of [ann, bob, ann, bob, ann, bob]) await each();
    await server.behave({ raw: {} });

    expect(await bob()).not.toContain(RESTS);
    expect(await stateOf(server)).toBe('healthy');
  });
});

describe('what a server is known to be (CONTRACT §7)', () => {
  it('one 403 makes no server with an account for all need another', async () => {
    const { odd, call } = await three({
      raw: { echo: { status: 403, type: '' } },
      registration: { auth_type: 'headers', headers: { 'x-key': 'secret of all' } },
    });
    await call();

    expect(await stateOf(odd)).toBe('healthy');
  });

  it.each([401, 403])('a server of type none never needs authorizing again (%i)', async (fault) => {
    const { odd, call } = await three();
    await odd.behave({ fault });
    await call();
    await admin('POST', `/mcp/client/${odd.id}/reconnect`);
    const { client } = await admin<{ client: { state: string; last_failure: { message: string } } }>(
      'GET',
      `/mcp/client/${odd.id}`,
    );

    expect(client.state).toBe('unstable');
    expect(client.last_failure.message).toContain(`HTTP ${fault}`);
  });

  it('a 401 to the header values of all does say so', async () => {
    const { odd, call } = await three({
      raw: { echo: { status: 401, type: '' } },
      registration: { auth_type: 'headers', headers: { 'x-key': 'secret of all' } },
    });
    await call();

    await vi.waitFor(async () => expect(await stateOf(odd)).toBe('needs_reauth'));
  });
});

describe('a refusal keeps its words (CONTRACT §6)', () => {
  const error = { code: -32077, message: 'The host is not allowed.', data: { host: 'x', n: [1] } };
  const text = JSON.stringify({ jsonrpc: '2.0', id: null, error });

  it.each([200, 400, 401, 403, 404, 406, 409, 410, 413, 421, 422, 429, 500, 502, 503])(
    'a JSON-RPC error under HTTP %i passes with code, message and data',
    async (status) => {
      const { caller, odd, others } = await three({
        raw: { echo: { status, chunks: [status === 200 ? text.replace('null', '$id') : text] } },
      });
      const { body } = await caller.call(`${odd.name}-echo`);

      expect(body).toEqual({ jsonrpc: '2.0', id: 1, error });
      expect(await others()).toBe(true);
    },
  );

  it.each([
    [
      400,
      'text/plain',
      'Say\n where.\u202e',
      'refused this request (HTTP 400): “Say where.”. Change the request',
    ],
    [
      403,
      'text/plain',
      'Invalid Host header',
      '(HTTP 403): “Invalid Host header”. The people who run the server',
    ],
    [403, '', 'Invalid Host header', '“Invalid Host header”'],
    [403, 'application/json', '{"detail":"not from there"}', '“not from there”'],
    [421, 'application/problem+json', '{"message":"wrong host"}', '(HTTP 421): “wrong host”'],
    [
      500,
      'text/html',
      '<html><head><title>t</title><style>p{}</style></head><p>Out of <b>memory</b><script>x',
      '(HTTP 500): “Out of memory”. Try again later',
    ],
    [503, 'text/plain', '<b'.repeat(2000), '“b b b b'],
    [409, 'text/plain', 'y'.repeat(4000), `“${'y'.repeat(500)}”`],
    [500, 'image/png', 'binary', '(HTTP 500). Try'],
    [400, 'text/plain', 'The key top-secret-value is odd', '“The key … is odd”'],
  ] as [number, string, string, string][])(
    'a plain %i of %s as well: %.20s',
    async (status, type, body, words) => {
      const { call } = await three({
        raw: { echo: { status, type, chunks: [body] } },
        registration: { auth_type: 'headers', headers: { 'x-key': 'top-secret-value' } },
      });

      expect(await call()).toContain(words);
    },
  );
});
