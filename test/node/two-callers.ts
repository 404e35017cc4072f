import { describe, expect, it } from 'vitest';
import { read } from '../journeys/support/app';
import { altered } from '../support/altered.ts';
import { Someone } from './support/someone';
import {
  byKey,
  byToken,
  grantOf,
  type Key,
  newKey,
  newServer,
  upstreams,
  type Worker,
} from './support/two-workers';

type Params = Record<string, unknown>;
type Seen = { headers: Params; message: { id?: unknown; method?: string; params?: Params }; text: string };
type Saying = { on?: 'stream'; text: string };

const WORKERS: Worker[] = ['toolgate', 'second'];
const ELICIT = (id: number) =>
  `{"jsonrpc":"2.0","id":${id},"method":"elicitation/create","params":{"message":"Who?","requestedSchema":{"type":"object"}}}`;
const said = (method: string, params: Params) => JSON.stringify({ jsonrpc: '2.0', method, params });
const pathOf = ({ slug }: { slug: string }) => `/mcp/${slug}`;

async function control<T>(name: string, what: string, body: object = {}): Promise<T> {
  const url = `${upstreams}/${name}/control/${what}`;
  return read<T>(await fetch(url, { method: 'POST', body: JSON.stringify(body) }));
}

const seenBy = async (name: string, isMeant: (seen: Seen) => boolean) =>
  (await control<{ seen: Seen[] }>(name, 'seen')).seen.filter(isMeant);
const sent = async (name: string, method: string) =>
  (await seenBy(name, ({ message }) => message.method === method)).map(({ message }) => message.params);

/** What a server was answered: the text, and the session of which tool's call it came in. */
async function answersAt(name: string): Promise<[tool: unknown, result: unknown][]> {
  const calls = await seenBy(name, ({ message }) => message.method === 'tools/call');
  const answers = await seenBy(name, ({ message, text }) => text !== '' && !message.method);
  const toolIn = (session: unknown) =>
    calls.find(({ headers }) => headers['mcp-session-id'] === session)?.message.params?.name;
  return answers.map(({ headers, text }) => [toolIn(headers['mcp-session-id']), JSON.parse(text).result]);
}

/** Someone with a token, who allowed a key. */
async function granted(key: Key, path: string): Promise<Someone> {
  return new Someone(byToken(await grantOf(key)), '2026', path);
}

/** Two callers who may use the same servers. Nothing of one reaches the other, whichever Worker each meets (PROTOCOL §§4, 5). */
export function twoCallers(): void {
  describe.concurrent('two callers, two Workers: a call that is held (PROTOCOL §4)', heldCalls);
  describe.concurrent('two callers, two Workers: questions and notifications', questions);
  describe.concurrent('two callers, two Workers: tasks (PROTOCOL §5)', tasks);
}

function heldCalls(): void {
  type Asked = { inputRequests: Params; requestState: string };
  const wrong = { code: -32602, data: { type: 'wrong_request_state' } };
  const ALL = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } };
  const call = (who: Someone, worker: Worker, name: string, more: Params = {}) =>
    who.ask(worker, 'tools/call', { name, arguments: { n: 1 }, ...more, _meta: ALL });
  const begin = async (who: Someone, worker: Worker, name: string) =>
    (await call(who, worker, name)).result as unknown as Asked;
  const retry = (
    who: Someone,
    worker: Worker,
    name: string,
    { inputRequests, requestState }: Asked,
    more: Params = {},
  ) => {
    const responses = Object.keys(inputRequests).map((one) => [one, { action: 'accept', content: { name } }]);
    return call(who, worker, name, { inputResponses: Object.fromEntries(responses), requestState, ...more });
  };

  /** Two servers whose tools ask, each under an id of its own, and three callers: the second one of another grant of the first one's key. */
  async function scene() {
    const tools = ['asks_one', 'asks_two', 'asks_other'];
    const asks = Object.fromEntries(tools.map((tool, at) => [tool, [{ text: ELICIT(101 + at) }]]));
    const behaviour = { streams: true, asks };
    const [server, neighbour] = [
      await newServer(tools, 'http', behaviour),
      await newServer(tools, 'http', behaviour),
    ];
    const [mine, theirs] = [await newKey(), await newKey()];
    const path = pathOf(server);
    return {
      server,
      neighbour,
      mine: await granted(mine, path),
      again: await granted(mine, path),
      stranger: await granted(theirs, path),
      keyOnly: new Someone(byKey(mine), '2026', path),
    };
  }

  it('is answered through either Worker, once, and by no one else, for nothing else', async () => {
    const { server, neighbour, mine, again, stranger, keyOnly } = await scene();
    const one = await begin(mine, 'toolgate', 'asks_one');
    const two = await begin(mine, 'toolgate', 'asks_two');
    const other = await begin(stranger, 'second', 'asks_other');

    for (const worker of WORKERS) {
      const refused = await Promise.all([
        ...[stranger, again, keyOnly].map((who) => retry(who, worker, 'asks_one', one)),
        retry(stranger.at(pathOf(neighbour)), worker, 'asks_one', one),
        retry(stranger, worker, 'asks_two', one),
        retry(stranger, worker, 'asks_one', one, { arguments: {} }),
        retry(mine.at(pathOf(neighbour)), worker, 'asks_one', one),
        retry(mine.at('/mcp'), worker, `${server.name}-asks_one`, one),
        retry(mine, worker, 'asks_one', one, { arguments: { n: 2 } }),
        retry(mine, worker, 'asks_one', one, { requestState: altered(one.requestState) }),
        retry(mine, worker, 'asks_one', one, { requestState: two.requestState }), // swapped
        retry(mine, worker, 'asks_two', two, { requestState: one.requestState }),
        retry(mine, worker, 'asks_other', other),
        retry(stranger, worker, 'asks_other', other, { requestState: one.requestState }),
      ]);
      for (const { error } of refused) expect(error).toMatchObject(wrong);
    }
    expect([await answersAt(server.name), await answersAt(neighbour.name)]).toEqual([[], []]);
    expect(await sent(neighbour.name, 'tools/call')).toEqual([]);

    const both = await Promise.all(WORKERS.map((worker) => retry(mine, worker, 'asks_one', one)));
    const rest = [
      await retry(mine, 'second', 'asks_two', two),
      await retry(stranger, 'toolgate', 'asks_other', other),
    ];

    expect(both[0]?.result).toMatchObject({ content: [{ text: 'asks_one ran' }] });
    expect(both[1]).toEqual(both[0]);
    expect(rest.map(({ result }) => result?.content?.[0]?.text)).toEqual(['asks_two ran', 'asks_other ran']);
    expect(await sent(server.name, 'tools/call')).toHaveLength(3);
    expect(await answersAt(server.name)).toEqual([
      ['asks_one', { action: 'accept', content: { name: 'asks_one' } }],
      ['asks_one', { action: 'accept', content: { name: 'asks_two' } }], // in the same session
      ['asks_other', { action: 'accept', content: { name: 'asks_other' } }],
    ]);
  });

  it('no more is what a server of 2026-07-28 wants first, nor at another name of the gateway', async () => {
    const requestState = 'own 1';
    const inputRequests = { who: { method: 'elicitation/create', params: { message: 'Who?' } } };
    const required = JSON.stringify({ resultType: 'input_required', inputRequests, requestState });
    const behaviour = { era: '2026', rounds: { one: [required], two: [required] } };
    const [server, neighbour] = [
      await newServer(['one', 'two'], 'http', behaviour),
      await newServer(['one'], 'http', behaviour),
    ];
    const path = pathOf(server);
    const [mine, theirs] = [
      new Someone(byKey(await newKey()), '2026', path),
      new Someone(byKey(await newKey()), '2026', path),
    ];
    const one = await begin(mine, 'toolgate', 'one');
    const two = await begin(mine, 'toolgate', 'two');

    for (const worker of WORKERS) {
      const refused = await Promise.all([
        retry(theirs, worker, 'one', one),
        retry(mine, worker, 'one', two), // swapped
        retry(mine.at(pathOf(neighbour)), worker, 'one', one),
        retry(mine.at(`http://localhost${path}`), worker, 'one', one),
      ]);
      for (const { error } of refused) expect(error).toMatchObject(wrong);
    }
    const { result } = await retry(mine, 'second', 'one', one);

    expect(result).toMatchObject({ content: [{ text: 'one ran' }] });
    expect((await sent(server.name, 'tools/call')).map((params) => params?.requestState)).toEqual([
      undefined,
      undefined,
      requestState,
    ]);
  });
}

function questions(): void {
  /** Two callers with keys and sessions at one server, begun at different Workers. */
  async function scene(tools: string[], asks: Record<string, Saying[]>, capabilities: Params) {
    const resources = [{ name: 'r', uri: 'file:///r' }];
    const declared = { tools: {}, resources: { subscribe: true }, logging: {} };
    const behaviour = { streams: true, asks, resources, capabilities: declared };
    const server = await newServer(tools, 'http', behaviour);
    const who = async (worker: Worker) =>
      new Someone(byKey(await newKey()), '2025', pathOf(server)).initialized(worker, capabilities);
    return { server, mine: await who('toolgate'), theirs: await who('second') };
  }

  it('a question is answered through either Worker, by the one who was asked, under no other id', async () => {
    const asks = { asks_mine: [{ text: ELICIT(201) }], asks_theirs: [{ text: ELICIT(202) }] };
    const { server, mine, theirs } = await scene(Object.keys(asks), asks, { elicitation: {} });
    const calls = await Promise.all([
      mine.begin('toolgate', 'tools/call', { name: 'asks_mine' }),
      theirs.begin('second', 'tools/call', { name: 'asks_theirs' }),
    ]);
    const [myId, theirId] = await Promise.all(calls.map(async (one) => (await one.message(0)).id));

    for (const worker of WORKERS) {
      const statuses = await Promise.all([
        mine.answer(worker, theirId, { action: 'decline' }), // swapped
        theirs.answer(worker, myId, { action: 'decline' }),
        ...[201, '201', 202, altered(String(theirId))].map((id) =>
          theirs.answer(worker, id, { action: 'decline' }),
        ),
      ]);
      expect(new Set(statuses)).toEqual(new Set([400]));
    }
    expect(await answersAt(server.name)).toEqual([]);

    expect(await mine.answer('second', myId, { action: 'accept' })).toBe(202);
    expect(await calls[0]?.message(1)).toMatchObject({ result: { content: [{ text: 'asks_mine ran' }] } });
    expect(await theirs.answer('toolgate', theirId, { action: 'cancel' })).toBe(202);
    expect(await calls[1]?.message(1)).toMatchObject({ result: { content: [{ text: 'asks_theirs ran' }] } });
    expect(await answersAt(server.name)).toEqual([
      ['asks_mine', { action: 'accept' }],
      ['asks_theirs', { action: 'cancel' }],
    ]);
  });

  it('what a server says in a session is heard by its client alone, on whichever Worker its stream is', async () => {
    const log = (data: string) => said('notifications/message', { level: 'info', data });
    const updated = said('notifications/resources/updated', { uri: 'file:///r' });
    const asks: Record<string, Saying[]> = {
      asks_mine: [log('mine'), updated].map((text) => ({ on: 'stream', text })),
      asks_theirs: [{ on: 'stream', text: log('theirs') }],
    };
    const { server, mine, theirs } = await scene(Object.keys(asks).concat('plain'), asks, {});
    for (const who of [mine, theirs]) await who.ask('toolgate', 'tools/call', { name: 'plain' });
    const [myStream, theirStream] = [await mine.listen('second'), await theirs.listen('toolgate')];
    await control(server.name, 'open', { count: 2 });
    await mine.ask('toolgate', 'resources/subscribe', { uri: 'file:///r' });

    await mine.ask('toolgate', 'tools/call', { name: 'asks_mine' });
    const mineHeard = [await myStream.message(0), await myStream.message(1)];
    await theirs.ask('second', 'tools/call', { name: 'asks_theirs' });

    expect(mineHeard).toEqual([JSON.parse(log('mine')), JSON.parse(updated)]);
    expect(await theirStream.message(0)).toEqual(JSON.parse(log('theirs'))); // and nothing before
    await Promise.all([myStream.leave(), theirStream.leave()]);
  });
}

function tasks(): void {
  const state = (taskId: string, status = 'working') => ({ taskId, status, ttl: 60_000 });
  const unknown = { error: { code: -32602, message: 'Unknown task' } };
  const tools = [{ name: 'slow', inputSchema: { type: 'object' }, execution: { taskSupport: 'optional' } }];
  const done = { content: [{ type: 'text', text: 'done' }] };

  /** Requests of 2025-11-25 or of the extension, each with a task of the same name at its server. */
  const CORE = ['tasks/get', 'tasks/result', 'tasks/cancel'];
  const EXTENSION = ['tasks/get', 'tasks/update', 'tasks/cancel'];

  it.each([
    ['of 2025-11-25', '2025'],
    ['of the extension of 2026-07-28', '2026'],
  ] as const)('%s are asked about through either Worker, and by their caller alone', async (_, era) => {
    const isCore = era === '2025';
    const methods = isCore ? CORE : EXTENSION;
    const about = isCore ? state('t-1') : { ...state('t-1'), resultType: 'complete' };
    const created = isCore ? { task: state('t-1') } : { ...state('t-1'), resultType: 'task' };
    const isState = (method: string) => /get|cancel/.test(method);
    const answered = (method: string) => (isState(method) ? about : { ...done, resultType: 'complete' });
    const lists = Object.fromEntries(methods.map((method) => [method, [JSON.stringify(answered(method))]]));
    const behaviour = { tools, era, results: { slow: JSON.stringify(created) }, lists };
    const server = await newServer([], 'http', behaviour);
    const neighbour = await newServer([], 'http', behaviour);
    const path = pathOf(server);
    const someone = async (key: Key) =>
      isCore
        ? new Someone(byKey(key), era, path).initialized('toolgate')
        : new Someone(byToken(await grantOf(key)), era, path);
    const key = await newKey();
    const [mine, again, theirs] = [await someone(key), await someone(key), await someone(await newKey())];
    const extensions = { 'io.modelcontextprotocol/tasks': {} };
    const _meta = isCore ? {} : { 'io.modelcontextprotocol/clientCapabilities': { extensions } };
    const idIn = ({ result }: { result?: unknown }) => {
      const { task, taskId } = result as { task?: { taskId: string }; taskId: string };
      return task?.taskId ?? taskId;
    };
    const slow = (who: Someone) => who.ask('toolgate', 'tools/call', { name: 'slow', task: {}, _meta });
    const [myTask, theirTask] = [idIn(await slow(mine)), idIn(await slow(theirs))];

    for (const worker of WORKERS)
      for (const method of methods) {
        const ask = (who: Someone, taskId: unknown) => who.ask(worker, method, { taskId, _meta });
        const refused = await Promise.all([
          ask(theirs, myTask),
          ask(again, myTask), // another session or grant of the same key
          ask(mine, theirTask),
          ask(mine.at(pathOf(neighbour)), myTask), // the other server has a task of that name, too
          ask(theirs, 't-1'),
          ask(theirs, altered(myTask)),
        ]);
        for (const body of refused) expect(body).toMatchObject(unknown);
        expect(await sent(server.name, method)).toHaveLength(WORKERS.indexOf(worker)); // mine, through the first
        expect((await ask(mine, myTask)).result).toMatchObject(isState(method) ? { taskId: myTask } : done);
      }
    expect(await sent(neighbour.name, 'tasks/get')).toEqual([]);
    if (isCore)
      for (const worker of WORKERS)
        expect((await theirs.ask(worker, 'tasks/list')).result).toEqual({ tasks: [] });
  });

  it('what is told of one reaches its caller alone', async () => {
    const status = said('notifications/tasks/status', state('t-1', 'input_required'));
    const behaviour = {
      tools,
      streams: true,
      results: { slow: JSON.stringify({ task: state('t-1') }) },
      lists: { 'tasks/result': [JSON.stringify(done)] },
      asks: { 'tasks/result': [{ on: 'stream', text: status }, { text: '$hold' }] },
    };
    const server = await newServer([], 'http', { ...behaviour, answers: 'events' });
    const someone = async (worker: Worker) => {
      const who = new Someone(byKey(await newKey()), '2025', pathOf(server));
      return who.initialized(worker);
    };
    const [mine, theirs] = [await someone('toolgate'), await someone('second')];
    const idOf = async (who: Someone, worker: Worker) => {
      const { result } = await who.ask(worker, 'tools/call', { name: 'slow', task: {} });
      return (result as unknown as { task: { taskId: string } }).task.taskId;
    };
    const [taskId] = [await idOf(mine, 'toolgate'), await idOf(theirs, 'toolgate')];
    const stream = await theirs.listen('second');
    await control(server.name, 'open', { count: 1 });

    // With a progress token it listens to what its server says elsewhere.
    const params = { taskId, _meta: { progressToken: 'p' } };
    const waiting = await mine.begin('second', 'tasks/result', params);
    const told = await waiting.message(0);
    await control(server.name, 'release');
    const result = await waiting.message(1);
    const streamed = said('notifications/message', { level: 'info', data: 'for all' });
    await control(server.name, 'say', JSON.parse(streamed));

    expect(told.params).toEqual(state(taskId, 'input_required'));
    expect(result.result).toMatchObject(done);
    expect(await stream.message(0)).toEqual(JSON.parse(streamed)); // and nothing before
    await stream.leave();
  });
}
