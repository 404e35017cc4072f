import { afterEach, describe, expect, it, vi } from 'vitest';
import { altered } from '../support/altered.ts';
import { CallUnderWay } from '../support/call-under-way';
import { eventsOf, McpCaller } from '../support/caller';
import { shortWaits, wait } from '../support/clock';
import { enterHeaders } from '../support/connected';
import { admin, administer, gate, newKey } from '../support/gate';
import { headerServer } from '../support/own-accounts';
import { Upstream } from '../support/upstream';

const RELATED = 'io.modelcontextprotocol/related-task';
const EXTENSION = 'io.modelcontextprotocol/tasks';
const inputSchema = { type: 'object' };
const TOOLS = [
  { name: 'slow', inputSchema, execution: { taskSupport: 'optional' } },
  { name: 'asks_slow', inputSchema, execution: { taskSupport: 'optional' } },
  { name: 'must', inputSchema, execution: { taskSupport: 'required' } },
  { name: 'echo', inputSchema },
];
const about = (taskId: string) => ({ [RELATED]: { taskId } });
const text = (result: unknown) => JSON.stringify(result);
const state = (taskId: string, status = 'working') => ({
  taskId,
  status,
  createdAt: '2026-01-01T00:00:00Z',
  lastUpdatedAt: '2026-01-01T00:00:00Z',
  ttl: 60000,
  pollInterval: 12345678901,
});
/** What is neither text nor number, nor becomes one. */
const ODD = { toString: 1 };
const DONE = { content: [{ type: 'text', text: 'done: t:1' }], _meta: about('t:1') };
const RESULTS = {
  'tasks/get': [text(state('t:1'))],
  'tasks/result': [text(DONE)],
  'tasks/cancel': [text(state('t:1', 'cancelled'))],
};

/** A server of the 2025 era with tasks. */
function tasking(behaviour: Record<string, unknown> = {}): Promise<Upstream> {
  const created = text({ task: state('t:1'), _meta: about('t:1') });
  return Upstream.start(TOOLS, {
    results: { slow: created, asks_slow: created, must: created },
    lists: RESULTS,
    ...behaviour,
  });
}

/** A client with a session that has a task there. */
async function withTask(behaviour: Record<string, unknown> = {}) {
  const upstream = await tasking(behaviour);
  const caller = await McpCaller.withKey('2025', `/mcp/${upstream.slug}`);
  const client = await caller.initialized({ elicitation: {} });
  const { body } = await client.ask('tools/call', {
    name: 'slow',
    arguments: { a: 1 },
    task: { ttl: 60000 },
  });
  return { upstream, caller, client, created: body.result, taskId: taskIn(body.result) };
}

function taskIn(result: unknown): string {
  return (result as { task: { taskId: string } }).task.taskId;
}

const sent = async (upstream: Upstream, method: string) =>
  (await upstream.seen(method)).map(({ message }) => message.params);

const unknown = { body: { error: { code: -32602, message: 'Unknown task' } } };

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe('tasks of 2025-11-25 (PROTOCOL §5)', () => {
  it('are declared to clients of that revision', async () => {
    const caller = await McpCaller.withKey();
    const declared = async (protocolVersion: string) =>
      (await caller.ask('initialize', { protocolVersion, capabilities: {} })).body.result?.capabilities;

    expect(await declared('2025-11-25')).toMatchObject({
      tasks: { cancel: {}, requests: { tools: { call: {} } } },
    });
    expect(await declared('2025-11-25')).not.toHaveProperty('tasks.list');
    expect(await declared('2025-06-18')).not.toHaveProperty('tasks');
  });

  it('are created, asked about, ended and answered under an id of ours, in every place', async () => {
    const { upstream, client, created, taskId } = await withTask();

    const got = await client.ask('tasks/get', { taskId });
    const result = await client.ask('tasks/result', { taskId });
    const cancelled = await client.ask('tasks/cancel', { taskId });

    expect(taskId).not.toContain('t:1');
    expect(taskId.length).toBeLessThan(1000);
    expect(created).toEqual({ task: state(taskId), _meta: about(taskId) });
    expect(got.body.result).toEqual(state(taskId));
    expect(result.body.result).toEqual({ ...DONE, _meta: about(taskId) });
    expect(cancelled.body.result).toEqual(state(taskId, 'cancelled'));
    expect(await sent(upstream, 'tools/call')).toMatchObject([
      { name: 'slow', arguments: { a: 1 }, task: { ttl: 60000 } },
    ]);
    for (const method of ['tasks/get', 'tasks/result', 'tasks/cancel'])
      expect(await sent(upstream, method)).toEqual([{ taskId: 't:1' }]);
    const sessions = (await upstream.seen()).filter(({ message }) =>
      /^(tools.call|tasks)/.test(message.method ?? ''),
    );
    expect(new Set(sessions.map(({ headers }) => headers['mcp-session-id'])).size).toBe(1);
  });

  it('have the same id in answers that are event streams, and in what is said besides', async () => {
    const status = {
      jsonrpc: '2.0',
      method: 'notifications/tasks/status',
      params: state('t:1', 'input_required'),
    };
    const other = { ...status, params: state('t:2') };
    const elicit = {
      jsonrpc: '2.0',
      id: 9,
      method: 'elicitation/create',
      params: { message: 'Who?', requestedSchema: { type: 'object' }, _meta: about('t:1') },
    };
    const asks = { 't:1': [status, other, elicit].map((message) => ({ text: text(message) })) };
    const { upstream, client, taskId } = await withTask({ answers: 'events', asks });
    await upstream.behave({ asks: {} });
    expect((await client.ask('tasks/get', { taskId })).body.result).toEqual(state(taskId));
    await upstream.behave({ asks, results: {}, lists: { ...RESULTS } });

    const response = await client.send('tasks/result', { taskId }, { id: 'r' });
    const reader = (response.body as ReadableStream<Uint8Array>)
      .pipeThrough(new TextDecoderStream())
      .getReader();
    let said = '';
    const whole = () => said.slice(0, said.lastIndexOf('\n\n') + 2);
    const until = async (words: string) => {
      while (!whole().includes(words)) {
        const { done, value = '' } = await reader.read();
        if (done) throw new Error(`the stream ended after ${said}`);
        said += value;
      }
    };
    await until('elicitation/create');
    const question = eventsOf(whole()).at(-1) as { id?: unknown };
    await client.post({
      jsonrpc: '2.0',
      id: question.id,
      result: { action: 'decline', _meta: about(taskId) },
    });
    await until('done: t:1');

    const [first, second, third] = eventsOf(said) as {
      method?: string;
      params?: unknown;
      result?: unknown;
    }[];
    expect(first).toEqual({ ...status, params: state(taskId, 'input_required') });
    expect(second).toMatchObject({ method: 'elicitation/create', params: { _meta: about(taskId) } });
    expect(third?.result).toEqual({ ...DONE, _meta: about(taskId) });
    expect(said).not.toContain('t:2');
    const answers = (await upstream.seen()).filter(({ message, text: body }) => body && !message.method);
    expect(answers.map(({ message }) => message)).toEqual([
      { jsonrpc: '2.0', id: 9, result: { action: 'decline', _meta: about('t:1') } },
    ]);
  });

  it.each([
    ['2025', "are one client session's: no other opens their ids, nor one that was altered or guessed"],
    ['stateless', 'so they are at a server that keeps no sessions'],
  ])('(%s) %s', async (era) => {
    const { upstream, caller, client, taskId } = await withTask({ era });
    const others = [
      await caller.initialized(),
      caller,
      client.with({ 'x-bf-vk': (await newKey()).value }),
      new McpCaller(caller.headers, '2026', caller.path),
    ];
    const capabilities = { extensions: { [EXTENSION]: {} } };
    const _meta = { 'io.modelcontextprotocol/clientCapabilities': capabilities };

    for (const method of ['tasks/get', 'tasks/cancel', 'tasks/result'])
      for (const other of others) {
        const { body } = await other.ask(method, { taskId, ...(other.era === '2026' && { _meta }) });
        const isNone = other === caller || (other.era === '2026' && method === 'tasks/result');
        expect(body.error?.code).toBe(isNone ? -32601 : -32602);
      }
    const guesses = [altered(taskId), 't:1', '', 7, null, {}, 'a.b.c', 'x'.repeat(5000)];
    for (const guess of guesses)
      expect(await client.ask('tasks/get', { taskId: guess })).toMatchObject(unknown);
    for (const method of Object.keys(RESULTS)) expect(await sent(upstream, method)).toEqual([]);
  });

  it('two clients with the same task id at their servers have two ids, each for its own', async () => {
    const upstream = await tasking();
    const [one, other] = await Promise.all(
      [0, 1].map(async () => (await McpCaller.withKey('2025', `/mcp/${upstream.slug}`)).initialized()),
    );
    const created = await Promise.all(
      [one, other].map((client) => client?.ask('tools/call', { name: 'slow', task: {} })),
    );
    const [first, second] = created.map((answer) => taskIn(answer?.body.result));

    expect(first).not.toBe(second);
    expect(await one?.ask('tasks/get', { taskId: second })).toMatchObject(unknown);
    expect(await other?.ask('tasks/get', { taskId: first })).toMatchObject(unknown);
    expect(await other?.ask('tasks/get', { taskId: second })).toMatchObject({
      body: { result: { taskId: second } },
    });
  });

  it('are over with the session at the server: the same id may be another task in the next', async () => {
    const { upstream, client, taskId } = await withTask();
    await upstream.forgetSessions();
    await client.call('echo');

    expect(await client.ask('tasks/get', { taskId })).toMatchObject(unknown);
    expect(await sent(upstream, 'tasks/get')).toEqual([]);
  });

  it('are judged again each time: a tool that was withdrawn has none', async () => {
    const upstream = await tasking({ registration: { allow_on_all_virtual_keys: false } });
    const key = await newKey([upstream.name]);
    const client = await new McpCaller(
      { 'x-bf-vk': key.value },
      '2025',
      `/mcp/${upstream.slug}`,
    ).initialized();
    const { body } = await client.ask('tools/call', { name: 'slow', task: {} });
    const taskId = taskIn(body.result);
    expect(await client.ask('tasks/get', { taskId })).toMatchObject({ body: { result: { taskId } } });

    const mcp_configs = [{ mcp_client_name: upstream.name, tools_to_execute: ['echo'] }];
    await admin('PUT', `/governance/virtual-keys/${key.id}`, { mcp_configs });
    await expect.poll(() => client.ask('tasks/get', { taskId }), { timeout: 5000 }).toMatchObject(unknown);
    const before = (await upstream.seen()).length;
    for (const method of ['tasks/get', 'tasks/result', 'tasks/cancel'])
      expect(await client.ask(method, { taskId })).toMatchObject(unknown);
    expect((await upstream.seen()).length).toBe(before);
  });

  it('are no way to run a tool that has none: −32601', async () => {
    const { upstream, client } = await withTask();

    const { body } = await client.ask('tools/call', { name: 'echo', task: {} });

    expect(body.error?.code).toBe(-32601);
    expect(await sent(upstream, 'tools/call')).toHaveLength(1);
  });

  it('are none to a client session of an older revision', async () => {
    const upstream = await tasking();
    const caller = await McpCaller.withKey('2025', `/mcp/${upstream.slug}`);
    const { headers } = await caller.ask('initialize', { protocolVersion: '2025-06-18', capabilities: {} });
    const client = caller.with({ 'mcp-session-id': headers.get('mcp-session-id') ?? '' });

    await client.ask('tools/call', { name: 'slow', task: {} });

    expect((await sent(upstream, 'tools/call'))[0]).not.toHaveProperty('task');
    for (const method of ['tasks/get', 'tasks/list'])
      expect((await client.ask(method, { taskId: 't:1' })).body.error?.code).toBe(-32601);
  });

  it('are named in an answer to a question by ids of ours alone', async () => {
    const question = { jsonrpc: '2.0', id: 9, method: 'elicitation/create', params: { message: 'Who?' } };
    const asks = { asks_slow: [{ text: text(question) }] };
    const { upstream, client } = await withTask({ asks });
    const call = new CallUnderWay(await client.send('tools/call', { name: 'asks_slow', task: {} }));
    const { id } = await call.message(0);

    await client.post({ jsonrpc: '2.0', id, result: { action: 'decline', _meta: about('t:1') } });
    await call.message(1);

    const answers = (await upstream.seen()).filter(({ message, text: body }) => body && !message.method);
    expect(answers.map(({ message }) => message)).toEqual([
      { jsonrpc: '2.0', id: 9, result: { action: 'decline', _meta: {} } },
    ]);
  });

  it('are ignored where they were not declared, and not listed where accounts are shared', async () => {
    const { upstream, caller, client } = await withTask();

    await caller.ask('tools/call', { name: 'slow', task: {} });

    expect((await sent(upstream, 'tools/call'))[1]).not.toHaveProperty('task');
    expect((await client.ask('tasks/list')).body.result).toEqual({ tasks: [] });
    expect(await sent(upstream, 'tasks/list')).toEqual([]);
  });

  it('have the same id in an answer that the client comes back for', async () => {
    const type = 'text/event-stream';
    const raw = { 't:1': { type, chunks: ['id: e1\nretry: 100\ndata: \n\n'] } };
    const { upstream, client, taskId } = await withTask();
    const done = `data: {"jsonrpc":"2.0","id":$id,"result":${text(DONE)}}\n\n`;
    await upstream.behave({ raw, resumes: [{ type, chunks: [done] }] });

    const begun = await (await client.send('tasks/result', { taskId }, { id: 'r' })).text();
    const [, id = ''] = /^id: (\S+)$/m.exec(begun) ?? [];
    const headers = { ...client.headers, accept: type, 'last-event-id': id };
    const rest = await (await gate(client.path, { headers })).text();

    expect(eventsOf(rest)).toEqual([{ jsonrpc: '2.0', id: 'r', result: { ...DONE, _meta: about(taskId) } }]);
  });

  it("pass the server's own error", async () => {
    const error = '{"error":{"code":-32602,"message":"Failed to retrieve task: Task has expired"}}';
    const { client, taskId } = await withTask({ lists: { 'tasks/get': [error] } });

    expect((await client.ask('tasks/get', { taskId })).body.error?.message).toContain('expired');
  });
});

describe('tasks/list (PROTOCOL §5)', () => {
  /** A server where everyone has their own account, whose tasks come in pages. */
  async function personal(pages: string[]) {
    const server = await headerServer({ allow_on_all_virtual_keys: false });
    const behaviour = { results: { slow: text({ task: state('t:1') }) }, lists: { 'tasks/list': pages } };
    await server.behave({ tools: TOOLS.slice(0, 1), ...behaviour });
    await administer('POST', `/mcp/client/${server.id}/refresh-tools`);
    return server;
  }

  /** A client of a person with accounts at `servers`. */
  async function clientAt(servers: Upstream[]) {
    const key = await newKey(servers.map(({ name }) => name));
    for (const { id } of servers) await enterHeaders(id, `vk:${key.id}`, { 'x-key': `of ${key.name}` });
    const caller = new McpCaller({ 'x-bf-vk': key.value });
    return { key, caller, client: await caller.initialized() };
  }

  it('goes through the servers where everyone has an account, page by page, with ids of ours', async () => {
    const pages = [
      text({ tasks: [state('t:1')], nextCursor: '1' }),
      text({ tasks: [state('t:2'), { taskId: 7 }] }),
    ];
    const servers = [
      await personal(pages),
      await personal([text({ tasks: [state('t:1')] })]),
      await personal(['500']),
    ];
    const { caller, client } = await clientAt([...servers, await tasking()]);
    const [first] = servers;
    const { body } = await client.ask('tools/call', { name: `${first?.name}-slow`, task: {} });

    const found: { taskId: string }[] = [];
    let pagesRead = 0;
    for (let cursor: unknown = null; cursor !== undefined; pagesRead++) {
      const page = await client.ask('tasks/list', { cursor });
      found.push(...((page.body.result?.tasks ?? []) as { taskId: string }[]));
      cursor = page.body.result?.nextCursor;
    }
    const begun = await caller.ask('initialize', { protocolVersion: '2025-11-25' });

    expect(pagesRead).toBe(4);
    expect(found).toHaveLength(3);
    expect(found).toContainEqual(state(taskIn(body.result)));
    expect(new Set(found.map(({ taskId }) => taskId)).size).toBe(3);
    for (const { taskId } of found)
      expect((await client.ask('tasks/get', { taskId })).body.error?.message).not.toBe('Unknown task');
    expect(await sent(first as Upstream, 'tasks/get')).toEqual([{ taskId: 't:1' }, { taskId: 't:2' }]);
    expect(begun.body.result?.capabilities).toMatchObject({ tasks: { list: {} } });
  });

  it('says that a cursor is refused, also where the server does', async () => {
    const refused = text({ error: { code: -32602, message: 'Invalid cursor' } });
    const server = await personal([text({ tasks: [], nextCursor: '1' }), refused]);
    const { client } = await clientAt([server]);
    const { nextCursor: cursor } = (await client.ask('tasks/list')).body.result ?? {};

    expect((await client.ask('tasks/list', { cursor })).body.error?.code).toBe(-32602);
  });

  it("opens no cursor and no task of another's, and asks no server for a part of its tools", async () => {
    const server = await personal([text({ tasks: [state('t:1')], nextCursor: '1' })]);
    await server.behave({ tools: TOOLS });
    await administer('POST', `/mcp/client/${server.id}/refresh-tools`);
    const [one, other] = [await clientAt([server]), await clientAt([server])];
    const { tasks, nextCursor: cursor } = (await one.client.ask('tasks/list')).body.result as unknown as {
      tasks: [{ taskId: string }];
      nextCursor: string;
    };
    const [{ taskId }] = tasks;
    const again = await one.caller.initialized();

    for (const client of [other.client, again]) {
      expect((await client.ask('tasks/list', { cursor })).body.error?.code).toBe(-32602);
      expect(await client.ask('tasks/get', { taskId })).toMatchObject(unknown);
    }
    expect((await one.client.ask('tasks/list', { cursor: 'x' })).body.error?.code).toBe(-32602);
    expect((await one.client.ask('tasks/get', { taskId })).body.error?.code).not.toBe(-32602);

    const mcp_configs = [{ mcp_client_name: server.name, tools_to_execute: ['slow', 'echo'] }];
    await administer('PUT', `/governance/virtual-keys/${one.key.id}`, { mcp_configs });
    await expect.poll(async () => (await one.client.ask('tasks/list')).body.result?.tasks).toEqual([]);
    expect(await one.client.ask('tasks/get', { taskId })).toMatchObject(unknown);
  });
});

describe('a tool that has to be a task, for a client that knows none', () => {
  it.each([
    ['of 2026-07-28', '2026'],
    ['without a session', '2025'],
  ] as const)('%s, is waited for: the call brings its result', async (_, era) => {
    const upstream = await tasking();
    const caller = await McpCaller.withKey(era, `/mcp/${upstream.slug}`);

    const { body } = await caller.call('must', { a: 1 });

    expect(body.result?.content).toEqual(DONE.content);
    expect(JSON.stringify(body)).not.toContain('"t:1"');
    expect(await sent(upstream, 'tools/call')).toMatchObject([
      { name: 'must', arguments: { a: 1 }, task: {} },
    ]);
    expect(await sent(upstream, 'tasks/result')).toEqual([{ taskId: 't:1' }]);
    const calls = (await upstream.seen()).filter(({ message }) =>
      /^(tools.call|tasks)/.test(message.method ?? ''),
    );
    expect(new Set(calls.map(({ headers }) => headers['mcp-session-id'])).size).toBe(1);
  });

  it('is cancelled when it takes too long', async () => {
    const upstream = await tasking({ lists: { ...RESULTS, 'tasks/result': ['hang'] } });
    const caller = await McpCaller.withKey('2025', `/mcp/${upstream.slug}`);
    await caller.toolNames();
    shortWaits();

    const calling = caller.call('must');
    await upstream.sees('tasks/result');
    wait(601);
    const { body } = await calling;

    expect(body.result?.isError).toBe(true);
    await upstream.sees('tasks/cancel');
    expect(await sent(upstream, 'tasks/cancel')).toEqual([{ taskId: 't:1' }]);
  });

  it('passes what a server answers that makes no task of it', async () => {
    const upstream = await tasking({
      results: { must: text({ content: [{ type: 'text', text: 'x'.repeat(200_000) }] }) },
    });
    const caller = await McpCaller.withKey('2025', `/mcp/${upstream.slug}`);

    expect((await caller.call('must')).body.result?.content?.[0]?.text).toHaveLength(200_000);
    expect(await sent(upstream, 'tasks/result')).toEqual([]);
  });
});

describe('the tasks extension of 2026-07-28', () => {
  const modern = (taskId: string, status = 'working', more: Record<string, unknown> = {}) => ({
    resultType: 'complete',
    ...state(taskId, status),
    ...more,
  });
  const meta = { 'io.modelcontextprotocol/clientCapabilities': { extensions: { [EXTENSION]: {} } } };

  /** A server of 2026-07-28 with tasks. */
  function extended(behaviour: Record<string, unknown> = {}): Promise<Upstream> {
    return Upstream.start(['slow', 'echo'], {
      era: '2026',
      results: { slow: text({ ...state('t:1'), resultType: 'task' }) },
      lists: {
        'tasks/get': [text(modern('t:1', 'completed', { result: DONE }))],
        'tasks/update': [text({ resultType: 'complete' })],
        'tasks/cancel': [text({ resultType: 'complete' })],
      },
      ...behaviour,
    });
  }

  it('passes to clients that declared it, under ids of ours, in `Mcp-Name` too', async () => {
    const upstream = await extended();
    const client = await McpCaller.withKey('2026');

    const created = await client.ask('tools/call', { name: `${upstream.name}-slow`, _meta: meta });
    const { taskId } = created.body.result as unknown as { taskId: string };
    const got = await client.ask('tasks/get', { taskId, _meta: meta });
    const inputResponses = { name: { action: 'accept' } };
    const updated = await client.ask('tasks/update', { taskId, inputResponses, _meta: meta });
    const cancelled = await client.ask('tasks/cancel', { taskId, _meta: meta });

    expect(created.body.result).toEqual({ ...state(taskId), resultType: 'task' });
    expect(taskId).not.toContain('t:1');
    expect(got.body.result).toEqual(
      modern(taskId, 'completed', { result: { ...DONE, _meta: about(taskId) } }),
    );
    for (const { body } of [updated, cancelled]) expect(body.result).toEqual({ resultType: 'complete' });
    const [seen] = await upstream.seen('tasks/update');
    expect(seen?.message.params).toMatchObject({ taskId: 't:1', inputResponses });
    expect(seen?.headers['mcp-name']).toBe('t:1');
    const found = await client.ask('server/discover');
    expect(found.body.result?.capabilities).toMatchObject({ extensions: { [EXTENSION]: {} } });
  });

  it('is −32021 without it, and a header that names another task is refused', async () => {
    const upstream = await extended();
    const client = await McpCaller.withKey('2026', `/mcp/${upstream.slug}`);
    const created = await client.ask('tools/call', { name: 'slow', _meta: meta });
    const { taskId } = created.body.result as unknown as { taskId: string };

    const undeclared = await client.ask('tasks/get', { taskId });
    const mismatched = await client.with({ 'mcp-name': 'other' }).ask('tasks/get', { taskId, _meta: meta });
    const stranger = await (await McpCaller.withKey('2026')).ask('tasks/get', { taskId, _meta: meta });

    expect(undeclared).toMatchObject({
      status: 400,
      body: { error: { code: -32021, data: { requiredCapabilities: { extensions: { [EXTENSION]: {} } } } } },
    });
    expect(mismatched).toMatchObject({ status: 400, body: { error: { code: -32020 } } });
    expect(stranger).toMatchObject(unknown);
    expect(await sent(upstream, 'tasks/get')).toEqual([]);
  });

  it('is not declared for clients that did not: their calls are no tasks', async () => {
    const upstream = await extended({ results: {} });
    await (await McpCaller.withKey('2026', `/mcp/${upstream.slug}`)).call('slow');
    await (await (await McpCaller.withKey('2025', `/mcp/${upstream.slug}`)).initialized()).call('slow');

    const calls = await sent(upstream, 'tools/call');
    expect(JSON.stringify(calls)).not.toContain(EXTENSION);
  });

  it('is declared for a 2025 client where the server demands it, and the task is waited for', async () => {
    const upstream = await extended({ demandsTasks: ['slow'] });
    const client = await (await McpCaller.withKey('2025', `/mcp/${upstream.slug}`)).initialized();
    await client.toolNames();
    shortWaits();

    const { body } = await client.call('slow', { a: 1 });

    expect(body.result?.content).toEqual(DONE.content);
    expect(await sent(upstream, 'tools/call')).toHaveLength(2);
    expect(await sent(upstream, 'tasks/get')).toMatchObject([{ taskId: 't:1' }]);
  });

  it.each([
    [modern('t:1', 'failed', { error: { code: -32603, message: 'It broke' } }), 'It broke'],
    [modern('t:1', 'cancelled'), 'ended as cancelled'],
    [
      { ...modern('t:1', 'failed', { error: { code: ODD, message: 'It broke' } }), pollIntervalMs: ODD },
      'It broke',
    ],
    [{ ...modern('t:1', 'failed'), status: ODD }, 'ended as {"toString":1}'],
    [modern('t:1', 'input_required', { inputRequests: {} }), 'ended as input_required'],
  ])('says how a task that is waited for ended otherwise (%#)', async (task, words) => {
    const upstream = await extended({
      demandsTasks: ['slow'],
      lists: { 'tasks/get': [text(task)], 'tasks/cancel': [text({ resultType: 'complete' })] },
    });
    const client = await (await McpCaller.withKey('2025', `/mcp/${upstream.slug}`)).initialized();
    await client.toolNames();
    shortWaits();

    const { body } = await client.call('slow');

    expect(body.error?.message).toContain(words);
    await upstream.sees('tasks/cancel');
  });
});
