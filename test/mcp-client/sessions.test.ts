import { listDurableObjectIds, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { SessionActs } from '../../src/mcp-client/sessions/session-acts';
import { Browser } from '../support/browser';
import { eventsOf, McpCaller } from '../support/caller';
import { shortWaits, wait } from '../support/clock';
import { enterHeaders } from '../support/connected';
import { administer, configure, ISSUER, newKey } from '../support/gate';
import { McpClient } from '../support/mcp-client';
import { headerServer } from '../support/own-accounts';
import { Provider, personOf } from '../support/provider';
import { Upstream } from '../support/upstream';

type Account = { id: string; virtual_key: { id: string } | null };

/** A client session at a server of its own. */
async function session(tools: string[] = ['echo'], behaviour: Parameters<typeof Upstream.start>[1] = {}) {
  const upstream = await Upstream.start(tools, behaviour);
  const caller = await McpCaller.withKey('2025', `/mcp/${upstream.slug}`);
  return { upstream, caller, client: await caller.initialized() };
}

const ran = { status: 200, body: { result: { content: [{ type: 'text', text: 'echo ran' }] } } };

/** The sessions of the calls a server has seen, in their order. */
const sessionsOf = async (upstream: Upstream) =>
  (await upstream.seen('tools/call')).map(({ headers }) => headers['mcp-session-id'] ?? '');
const countOf = async (upstream: Upstream, method: string) => (await upstream.seen(method)).length;
const deletedOf = async (upstream: Upstream) =>
  (await upstream.seen()).flatMap(({ method, headers }) =>
    method === 'DELETE' ? [headers['mcp-session-id'] ?? ''] : [],
  );

/** The ids of the objects there are. */
const objects = async () => (await listDurableObjectIds(env.SESSIONS)).map(String);
/** The object that was made since `before`. */
async function objectSince(before: string[]): Promise<DurableObjectStub> {
  const [id = '', ...others] = (await objects()).filter((id) => !before.includes(id));
  if (!id || others.length) throw new Error(`${others.length + (id ? 1 : 0)} objects were made`);
  return env.SESSIONS.get(env.SESSIONS.idFromString(id)) as unknown as DurableObjectStub;
}
const stored = (stub: DurableObjectStub) =>
  runInDurableObject(stub, (_, { storage }) => [...storage.kv.list()].map(([key]) => key));

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe('ids and progress tokens upstream are ours (PROTOCOL §1)', () => {
  it('are integers, unlike each other, and the client reads its own', async () => {
    const { upstream, client } = await session(['progress', 'echo']);
    const ids = ['"x"', '9007199254740993', '1.0', '-5', '"1"'];
    const call = (id: string) =>
      client.post(`{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"echo"}}`);
    const answers = await Promise.all(ids.map(async (id) => (await call(id)).text()));
    const token = '{"name":"progress","_meta":{"progressToken":"mine","other":[1]}}';
    const progressing = client.post(`{"jsonrpc":"2.0","id":"y","method":"tools/call","params":${token}}`);
    await upstream.sees('tools/call', ids.length + 1);
    await upstream.release();
    const progress = eventsOf(await (await progressing).text());

    for (const [at, id] of ids.entries()) expect(answers[at]).toContain(`"id":${id},`);
    const seen = (await upstream.seen('tools/call')).map(({ message }) => message);
    expect(new Set(seen.map(({ id }) => id)).size).toBe(ids.length + 1);
    for (const { id } of seen) expect(id).toSatisfy((id) => Number.isInteger(id) && id > 0 && id < 2 ** 31);
    expect(seen.at(-1)?.params?._meta).toEqual({ progressToken: seen.at(-1)?.id, other: [1] });
    expect(progress).toMatchObject([{ params: { progressToken: 'mine' } }, { id: 'y' }]);
  });
});

describe('who shares a session (PROTOCOL §1)', () => {
  it('no two clients of one key: without a client session each call has its own, which is ended after it', async () => {
    const before = await objects();
    const { upstream, caller } = await session();
    const modern = new McpCaller(caller.headers, '2026', caller.path);
    for (const each of [caller, caller, modern, modern]) await each.call('echo');
    await vi.waitFor(async () =>
      expect(await deletedOf(upstream)).toEqual(expect.arrayContaining(await sessionsOf(upstream))),
    );

    expect(new Set(await sessionsOf(upstream)).size).toBe(4);
    expect(await objects()).toEqual(before);
  });

  it('all requests of one grant that show no client session', async () => {
    const upstream = await Upstream.start();
    const { access_token } = await (await McpClient.register()).obtainGrant();
    const headers = { authorization: `Bearer ${access_token}` };
    for (const era of ['2025', '2026'] as const)
      await new McpCaller(headers, era, `/mcp/${upstream.slug}`).call('echo');

    expect(new Set(await sessionsOf(upstream)).size).toBe(1);
  });

  it("nobody who shows another's client session, which cancels and ends nothing either", async () => {
    const { upstream, caller, client } = await session(['held']);
    const thief = client.with({ 'x-bf-vk': (await newKey()).value });
    const calling = client.send('tools/call', { name: 'held' }, { id: 1 });
    await upstream.sees('tools/call');
    for (const other of [thief, caller, await caller.initialized()])
      await other.notify('notifications/cancelled', { requestId: 1 });
    const ended = await thief.post('', { method: 'DELETE', body: null });
    await client.notify('notifications/cancelled', { requestId: 1, reason: 'mine' });
    const cancelled = await upstream.sees('notifications/cancelled');
    await upstream.release();
    await (await calling).text();

    expect(cancelled.map(({ message }) => message.params?.reason)).toEqual(['mine']);
    expect(ended.status).toBe(204);
    expect(await deletedOf(upstream)).not.toContain((await sessionsOf(upstream))[0]);
  });
});

describe('a session the server does not know (PROTOCOL §1)', () => {
  const WAYS: [number, string, { error?: string; body?: string; type?: string }][] = [
    [404, 'JSON-RPC', { error: 'Session not found' }],
    [404, 'JSON-RPC of other words', { error: 'Not found' }],
    [404, 'text', { body: 'Session not found' }],
    [404, 'nothing', { body: '' }],
    [400, 'JSON-RPC', { error: 'Bad Request: No valid session ID provided' }],
    [400, 'JSON-RPC of initialisation', { error: 'Bad Request: Server not initialized' }],
    [400, 'text', { body: 'Invalid session ID' }],
    [400, 'JSON that is no JSON-RPC', { body: '{"message":"Invalid session"}', type: 'application/json' }],
    [401, 'text', { body: 'Unauthorized: unknown session' }],
    [401, 'JSON-RPC', { error: 'Session expired' }],
    [403, 'text', { body: 'Forbidden' }],
    [409, 'JSON-RPC', { error: 'Session is closed' }],
    [410, 'nothing', { body: '' }],
    [422, 'text', { body: 'Unexpected message, expect initialize request' }],
    [500, 'JSON-RPC', { error: 'Session has been terminated' }],
    [500, 'text', { body: 'Internal Server Error' }],
    [502, 'HTML', { body: '<h1>Bad Gateway</h1>', type: 'text/html' }],
    [503, 'JSON-RPC', { error: 'Server is initializing' }],
    [200, 'JSON-RPC', { error: 'Received request before initialization was complete' }],
    [
      200,
      'an event',
      {
        body: 'event: message\ndata: {"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"No such session"}}\n\n',
        type: 'text/event-stream',
      },
    ],
    [200, 'text', { body: 'Session not found' }],
  ];

  it.each(WAYS)('is replaced, and the call answered: %i with %s', async (status, _, said) => {
    const { upstream, client } = await session();
    await client.call('echo');
    const begun = await countOf(upstream, 'initialize');
    await upstream.behave({ forgetting: { status, ...said } });
    await upstream.forgetSessions();
    const [after, again] = [await client.call('echo'), await client.call('echo')];

    expect([after, again]).toMatchObject([ran, ran]);
    expect((await countOf(upstream, 'initialize')) - begun).toBe(1);
    expect(await countOf(upstream, 'tools/call')).toBe(4);
    expect(await countOf(upstream, 'ping')).toBe(1);
  });

  it.each([400, 401, 404, 422, 500])(
    'is not meant by a %i after which ping is answered: what ran is not sent again',
    async (status) => {
      const { upstream, client } = await session([`ran_${status}`]);
      const answer = await client.call(`ran_${status}`);

      expect(answer).toMatchObject({ status: 200, body: { result: { isError: true } } });
      expect([await countOf(upstream, 'tools/call'), await countOf(upstream, 'ping')]).toEqual([1, 1]);
    },
  );

  it.each([
    ['no answer', { fault: 'die' }],
    ['too many requests', { fault: 429 }],
    ['a server that is down', { fault: 500 }],
  ])('is not meant by %s', async (_, behaviour) => {
    const { upstream, client } = await session();
    await client.call('echo');
    await upstream.behave(behaviour);
    await client.call('echo');
    await upstream.behave({ fault: null });
    await client.call('echo');

    expect(await countOf(upstream, 'tools/call')).toBe(3);
    expect(new Set(await sessionsOf(upstream)).size).toBe(1);
  });

  it('is replaced once in a call, which then fails with what the server says', async () => {
    const { upstream, client } = await session();
    await client.call('echo');
    await upstream.behave({ era: 'forgetful' });
    await upstream.forgetSessions();
    const answer = await client.call('echo');

    expect(answer.body).toMatchObject({ error: { message: expect.stringContaining('No valid session ID') } });
    expect(await countOf(upstream, 'tools/call')).toBe(3);
  });
});

describe('a session that cannot be used', () => {
  it.each(['a revision', 'no result', 'notifications/initialized'])(
    'is ended at its server: %s',
    async (what) => {
      const { upstream, client } = await session();
      const before = await deletedOf(upstream);
      const { fetch } = globalThis;
      vi.spyOn(globalThis, 'fetch').mockImplementation((input, init) =>
        String(init?.body).includes('"notifications/initialized"') && what === 'notifications/initialized'
          ? Promise.reject(new TypeError('cut'))
          : fetch(input, init),
      );
      if (what === 'a revision')
        await upstream.behave({ lists: { initialize: ['{"protocolVersion":"of 2025","capabilities":{}}'] } });
      if (what === 'no result')
        await upstream.behave({ lists: { initialize: ['{"error":{"code":-32603,"message":"No"}}'] } });
      const answer = await client.call('echo');
      await vi.waitFor(async () => expect((await deletedOf(upstream)).length).toBeGreaterThan(before.length));

      expect(answer.body).toMatchObject({ result: { isError: true } });
      expect((await deletedOf(upstream))[before.length]).toMatch(/^session-/);
    },
  );
});

describe('one session a client session and server, in an object (PROTOCOL §1)', () => {
  it('is begun once by 50 calls, replaced once when forgotten, and ended after ten idle minutes', async () => {
    const before = await objects();
    const { upstream, client } = await session();
    const begun = await countOf(upstream, 'initialize');
    const fifty = () => Promise.all(Array.from({ length: 50 }, () => client.call('echo')));
    const first = await fifty();
    const afterFirst = await countOf(upstream, 'initialize');
    await upstream.forgetSessions();
    const second = await fifty();
    const afterSecond = await countOf(upstream, 'initialize');
    const deleted = await deletedOf(upstream);
    const object = await objectSince(before);
    wait(590);
    await runDurableObjectAlarm(object);
    const early = await deletedOf(upstream);
    wait(11);
    await runDurableObjectAlarm(object);

    for (const answer of [...first, ...second]) expect(answer).toMatchObject(ran);
    expect([afterFirst - begun, afterSecond - afterFirst]).toEqual([1, 1]);
    expect(early).toEqual(deleted);
    expect(await deletedOf(upstream)).toEqual([...deleted, (await sessionsOf(upstream)).at(-1)]);
    expect(await stored(object)).toEqual([]);
  });

  it('is the same for an isolate that knows nothing, which asks once in two minutes', async () => {
    const before = await objects();
    const { upstream, client } = await session();
    await client.call('echo');
    wait(121);
    await client.call('echo');
    const object = await objectSince(before);
    wait(590);
    await runDurableObjectAlarm(object);
    await client.call('echo');

    expect(new Set(await sessionsOf(upstream)).size).toBe(1);
  });

  it('is ended by the client with DELETE, which may be repeated; without one of our ids it is 405', async () => {
    const { upstream, caller, client } = await session();
    await client.call('echo');
    const [ours] = await sessionsOf(upstream);
    const end = async (who: McpCaller) => (await who.post('', { method: 'DELETE', body: null })).status;
    const statuses = [await end(client), await end(client), await end(caller)];
    statuses.push(await end(caller.with({ 'mcp-session-id': 'unknown' })));
    statuses.push(await end(client.with({ 'mcp-protocol-version': '2026-07-28' })));
    await vi.waitFor(async () => expect(await deletedOf(upstream)).toContain(ours));
    const afterwards = await client.call('echo');
    const another = await (await caller.initialized()).call('echo');

    expect(statuses).toEqual([204, 204, 405, 405, 405]);
    expect(afterwards).toMatchObject({ status: 404, body: { error: { data: { type: 'session_ended' } } } });
    expect(another).toMatchObject(ran);
    expect((await sessionsOf(upstream))[1]).not.toBe(ours);
  });

  /** What a client reads of an answer, until it ends or is cut. */
  async function readOut(response: Response): Promise<string> {
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    let text = '';
    for (;;) {
      const read = await reader.read().catch(() => null);
      if (!read || read.done) return text;
      text += new TextDecoder().decode(read.value);
    }
  }

  it.each(['progress', 'held'])(
    'ends with what is on its way in it, and nothing of another client session: %s',
    async (name) => {
      const { upstream, caller, client } = await session([name]);
      const other = await caller.initialized();
      shortWaits();
      const calls = [client, client, other].map((who) => who.send('tools/call', { name }, { id: 1 }));
      await upstream.sees('tools/call', 3);
      const [one, two, others] = (await Promise.all(calls)) as [Response, Response, Response];
      vi.restoreAllMocks();
      const ended = await client.post('', { method: 'DELETE', body: null });
      const read = await Promise.all([readOut(one), readOut(two)]);
      await upstream.sees('dropped', 2);
      await upstream.release();

      expect(ended.status).toBe(204);
      for (const text of read) expect(text).not.toContain('"result"');
      expect(eventsOf(await others.text()).at(-1)).toMatchObject({
        result: { content: [{ text: `${name} ran` }] },
      });
    },
  );

  it('ends, from another isolate too, with what is on its way: the server is told of each, then of the session', async () => {
    const before = await objects();
    const { upstream, client } = await session(['held', 'echo']);
    await client.call('echo');
    const object = await objectSince(before);
    shortWaits();
    const calling = client.send('tools/call', { name: 'held' });
    await vi.waitFor(async () => expect((await stored(object)).join()).toContain('flight:'));
    await (object as unknown as { end(): Promise<void> }).end();
    await readOut(await calling);
    const [held] = (await upstream.seen('tools/call')).slice(-1);
    const seen = await upstream.seen();
    const told = seen.findIndex(({ message }) => message.method === 'notifications/cancelled');
    const ended = seen.findIndex(
      ({ method, headers }) =>
        method === 'DELETE' && headers['mcp-session-id'] === held?.headers['mcp-session-id'],
    );

    expect(seen[told]?.message.params?.requestId).toBe(held?.message.id);
    expect(told).toBeLessThan(ended);
    await upstream.sees('dropped');
  });

  it('is kept for 20 client sessions of a key an hour: in the next each call has its own', async () => {
    const { upstream, caller } = await session();
    const clients = await Promise.all(Array.from({ length: 21 }, () => caller.initialized()));
    for (const client of clients.slice(0, 20)) await client.call('echo');
    const [first, last] = [clients[0], clients[20]] as [McpCaller, McpCaller];
    for (const client of [first, last, last]) await client.call('echo');
    const seen = await sessionsOf(upstream);
    wait(3601);
    for (const _ of [1, 2]) await last.call('echo');

    expect(new Set(seen).size).toBe(22);
    expect(seen[20]).toBe(seen[0]);
    const [one, two] = (await sessionsOf(upstream)).slice(-2);
    expect(one).toBe(two);
  });

  it('makes room for that of another client session when its client ends it, but not when it is idle', async () => {
    const { upstream, caller } = await session();
    const before = await objects();
    const clients = await Promise.all(Array.from({ length: 22 }, () => caller.initialized()));
    const [first, next, beyond] = [clients[0], clients[20], clients[21]] as [McpCaller, McpCaller, McpCaller];
    await first.call('echo');
    const object = await objectSince(before);
    for (const client of clients.slice(1, 20)) await client.call('echo');
    wait(601);
    await runDurableObjectAlarm(object);
    for (const _ of [1, 2]) await beyond.call('echo');
    await clients[1]?.post('', { method: 'DELETE', body: null });
    for (const _ of [1, 2]) await next.call('echo');
    const [one, two, three, four] = (await sessionsOf(upstream)).slice(-4);

    expect(one).not.toBe(two);
    expect(three).toBe(four);
  });

  it('is kept for 600 client sessions an hour that were ended, and one that comes back counts anew', async () => {
    const stub = env.SUBJECTS.get(env.SUBJECTS.idFromName('vk:someone in a hurry'));
    const { admit, left } = stub as unknown as {
      admit(id: string, via: null): Promise<boolean>;
      left(id: string, isEnded: boolean): Promise<void>;
    };
    for (let n = 0; n < 20; n++) expect(await admit(`${n}`, null)).toBe(true);
    await left('0', true);
    const [another, again] = [await admit('20', null), await admit('0', null)];
    for (let n = 1; n <= 20; n++) await left(`${n}`, true);
    for (let n = 21; n < 600; n++) {
      expect(await admit(`${n}`, null)).toBe(true);
      await left(`${n}`, true);
    }

    expect([another, again]).toEqual([true, false]);
    expect(await admit('600', null)).toBe(false);
    wait(3601);
    expect(await admit('600', null)).toBe(true);
  });

  it('is kept for 20 client sessions of no one known an hour, by address', async () => {
    await configure({ enforce_auth_on_inference: false });
    const upstream = await Upstream.start();
    const from = (address: string) =>
      new McpCaller({ 'cf-connecting-ip': address }, '2025', `/mcp/${upstream.slug}`);
    for (let at = 0; at < 20; at++) await (await from(`2001:db8:0:1::${at}`).initialized()).call('echo');
    for (const address of ['2001:db8:0:1:ffff::', '2001:db8:0:2::1']) {
      const client = await from(address).initialized();
      for (const _ of [1, 2]) await client.call('echo');
    }
    await configure({ enforce_auth_on_inference: null });
    const seen = await sessionsOf(upstream);
    const [one, two, three, four] = seen.slice(20);

    expect(new Set(seen.slice(0, 20)).size).toBe(20);
    expect(one).not.toBe(two);
    expect(three).toBe(four);
  });

  it('is one of 64 at most that a client session has, the longest unused ended for another', async () => {
    const object = env.SESSIONS.get(env.SESSIONS.idFromName('a client session')) as unknown as SessionActs &
      DurableObjectStub;
    const facts = {
      url: 'http://127.0.0.1/',
      generation: 0,
      credential: '',
      owner: null,
      issuer: ISSUER,
      via: null,
    };
    const begin = async (n: number) => {
      const meeting = { ...facts, serverId: `server ${n}`, subject: 'vk:someone' };
      const taken = await object.take(meeting, null);
      const session = {
        ref: `${n}`,
        id: `session ${n}`,
        version: '2025-11-25',
        capabilities: {},
        credential: '',
      };
      if ('leave' in taken) await object.keep(meeting, taken.leave, session, null);
      wait(1);
    };
    for (let n = 0; n < 64; n++) await begin(n);
    await begin(0); // used again
    await begin(64);
    const keys = await stored(object);

    expect(keys.filter((key) => key.startsWith('at:'))).toHaveLength(64);
    expect(keys).toContain('at:server 0');
    expect(keys.filter((key) => key.startsWith('over:'))).toEqual(['over:1']);
  });

  it('is replaced when the account is another, and ended at the server', async () => {
    const before = await objects();
    const upstream = await headerServer();
    const key = await newKey([upstream.name]);
    const caller = new McpCaller({ 'x-bf-vk': key.value }, '2025', `/mcp/${upstream.slug}`);
    const client = await caller.initialized();
    const said: unknown[] = [];
    for (const name of ['ann', 'ann', 'bea', 'bea']) {
      if (said.length % 2 === 0) await enterHeaders(upstream.id, `vk:${key.id}`, { 'x-key': name });
      said.push((await client.call('whoami')).body.result?.content?.[0]?.text);
    }
    const sessions = await sessionsOf(upstream);
    await runDurableObjectAlarm(await objectSince(before));

    expect(said).toEqual(['ann', 'ann', 'bea', 'bea']);
    expect(sessions[0]).toBe(sessions[1]);
    expect(sessions[2]).toBe(sessions[3]);
    expect(sessions[1]).not.toBe(sessions[2]);
    await vi.waitFor(async () => expect(await deletedOf(upstream)).toContain(sessions[0]));
  });

  it('is replaced in every client session when an administrator reconnects the server, and ended there', async () => {
    const before = await objects();
    const { upstream, caller, client } = await session();
    const other = await caller.initialized();
    const both = async () => {
      for (const one of [client, other, client, other]) await one.call('echo');
    };
    await both();
    await administer('POST', `/mcp/client/${upstream.id}/refresh-tools`);
    await both();
    await administer('POST', `/mcp/client/${upstream.id}/reconnect`);
    await both();
    const made = (await objects()).filter((id) => !before.includes(id));
    for (const id of made) await runDurableObjectAlarm(env.SESSIONS.get(env.SESSIONS.idFromString(id)));
    const [one, two, ...later] = await sessionsOf(upstream);

    expect(later.slice(0, 6)).toEqual([one, two, one, two, one, two]);
    expect(new Set(later.slice(6)).size).toBe(2);
    expect(later.slice(6)).not.toContain(one);
    expect(later.slice(6)).not.toContain(two);
    await vi.waitFor(async () =>
      expect(await deletedOf(upstream)).toEqual(expect.arrayContaining([one, two])),
    );
  });

  it.each<[string, (personId: string, keyId: string) => Parameters<typeof administer>]>([
    ['is blocked', (id) => ['PUT', `/users/${id}`, { is_active: false }]],
    ['is deleted', (id) => ['DELETE', `/users/${id}`]],
    ['loses that key', (_, id) => ['DELETE', `/governance/virtual-keys/${id}`]],
  ])('ends when a person %s who came by a key of their own', async (_, end) => {
    const provider = await Provider.start();
    const email = `p${crypto.randomUUID().slice(0, 8)}@acme.example`;
    await provider.signIn(new Browser(), email);
    const { id } = await personOf(email);
    const upstream = await Upstream.start();
    const key = await newKey([upstream.name]);
    await administer('PUT', `/governance/virtual-keys/${key.id}`, { owner_user_id: id });
    const caller = new McpCaller({ 'x-bf-vk': key.value }, '2025', `/mcp/${upstream.slug}`);
    const { body } = await (await caller.initialized()).call('echo');
    const before = await deletedOf(upstream);
    await administer(...end(id, key.id));
    const [ours] = await sessionsOf(upstream);

    expect(body).toMatchObject(ran.body);
    expect(before).not.toContain(ours);
    await vi.waitFor(async () => expect(await deletedOf(upstream)).toContain(ours));
  });

  type Ending = { keyId: string; grantId: string; accountId: string };
  it.each<[string, (of: Ending) => string]>([
    ['the grant', ({ grantId }) => `/oauth2/sessions/${grantId}`],
    ['the key', ({ keyId }) => `/governance/virtual-keys/${keyId}`],
    ['the account', ({ accountId }) => `/mcp/sessions/${accountId}`],
  ])('ends with %s', async (_, path) => {
    const upstream = await headerServer();
    const key = await newKey([upstream.name]);
    await enterHeaders(upstream.id, `vk:${key.id}`, { 'x-key': 'ann' });
    const { access_token, refresh_token } = await (await McpClient.register()).obtainGrant({
      key: key.value,
    });
    const caller = new McpCaller(
      { authorization: `Bearer ${access_token}` },
      '2025',
      `/mcp/${upstream.slug}`,
    );
    const { body } = await caller.call('whoami');
    const { sessions } = await administer<{ sessions: Account[] }>('GET', '/mcp/sessions');
    const account = sessions.find(({ virtual_key }) => virtual_key?.id === key.id);
    const before = await deletedOf(upstream);
    const grantId = refresh_token.split('.')[0] ?? '';
    await administer('DELETE', path({ keyId: key.id, grantId, accountId: account?.id ?? '' }));

    expect(body).toMatchObject({ result: { content: [{ text: 'ann' }] } });
    expect(before).not.toContain((await sessionsOf(upstream))[0]);
    await vi.waitFor(async () =>
      expect(await deletedOf(upstream)).toContain((await sessionsOf(upstream))[0]),
    );
  });

  it('makes no object for a server that keeps no sessions', async () => {
    const before = await objects();
    const { upstream, client } = await session(['echo'], { era: 'stateless' });
    for (const _ of [1, 2, 3]) expect(await client.call('echo')).toMatchObject(ran);

    expect(await countOf(upstream, 'initialize')).toBe(1); // to list it
    expect(await objects()).toEqual(before);
  });
});
