import { afterEach, describe, expect, it, vi } from 'vitest';
import documented from '../../docs/everything.md?raw';
import { CallUnderWay } from '../support/call-under-way';
import { eventsOf, type McpCaller, modern } from '../support/caller';
import { shortWaits } from '../support/clock';
import { granted } from '../support/granted';
import { listedAgain, looked } from '../support/list-changes';
import { OpenStream } from '../support/open-stream';
import { Upstream } from '../support/upstream';

declare module 'vitest' {
  interface TaskMeta {
    /** Printed at the end of the run (support/summary-reporter.ts). */
    table?: Record<string, Record<string, string>>;
  }
}

afterEach(async () => {
  await OpenStream.leaveAll();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

type Era = '2025' | '2026';
type Pair = { upstream: Upstream; client: McpCaller; era: Era; serverEra: Era };

const PAIRS = [
  ['2025', '2025'],
  ['2025', '2026'],
  ['2026', '2025'],
  ['2026', '2026'],
] as const;
const nameOf = (era: Era, serverEra: Era) => `client ${era}, server ${serverEra}`;
const CAPABILITIES = { elicitation: {}, sampling: {} };
const DECLARED = { 'io.modelcontextprotocol/clientCapabilities': CAPABILITIES };
const DOC = { uri: 'doc://a', name: 'a' };
const UPDATED = 'notifications/resources/updated';
const TOOLS = 'notifications/tools/list_changed';
const LEVEL = 'io.modelcontextprotocol/logLevel';

/** A client of `era` with a grant, at a server of `serverEra` with one tool. */
async function pair(
  era: Era,
  serverEra: Era,
  tool: string,
  behaviour: Record<string, unknown> = {},
): Promise<Pair> {
  const upstream = await Upstream.start([tool], { era: serverEra, ...behaviour });
  const caller = await granted(era, `/mcp/${upstream.slug}`);
  const client = era === '2025' ? await caller.initialized(CAPABILITIES) : caller;
  return { upstream, client, era, serverEra };
}

/** How a request came to its server. */
async function lastOf(upstream: Upstream, method: string) {
  const last = (await upstream.seen(method)).at(-1);
  if (!last) throw new Error(`the server saw no ${method}`);
  return last;
}

/** The client's notification stream, or what it asks for in 2026-07-28. */
function listening({ client, era }: Pair, notifications: Record<string, unknown>): Promise<OpenStream> {
  return era === '2025' ? OpenStream.get(client) : OpenStream.listen(client, notifications);
}

/** A question in the middle of a call, and what the server gets for it. */
async function asked(
  era: Era,
  serverEra: Era,
  method: string,
  params: unknown,
  answer: unknown,
): Promise<string> {
  const tool = serverEra === '2025' ? 'asks' : 'rounds';
  const text = JSON.stringify({ jsonrpc: '2.0', id: 7, method, params });
  const round = {
    resultType: 'input_required',
    inputRequests: { one: { method, params } },
    requestState: 'own 1',
  };
  const behaviour =
    serverEra === '2025' ? { asks: { asks: [{ text }] } } : { rounds: { rounds: [JSON.stringify(round)] } };
  const { upstream, client } = await pair(era, serverEra, tool, behaviour);
  const how =
    era === '2025'
      ? await answerByPost(client, tool, method, answer)
      : await answerByRetry(client, tool, method, answer);

  if (serverEra === '2026') {
    const { requestState, inputResponses } = (await lastOf(upstream, 'tools/call')).message.params ?? {};
    expect({ requestState, inputResponses }).toEqual({
      requestState: 'own 1',
      inputResponses: { one: answer },
    });
    return `${how}; the call was made again`;
  }
  const answers = (await upstream.seen())
    .filter(({ message }) => message.id === 7)
    .map(({ text }) => JSON.parse(text));
  expect(answers).toEqual([{ jsonrpc: '2.0', id: 7, result: answer }]);
  expect(await upstream.seen('tools/call')).toHaveLength(1);
  return era === '2026' ? `${how}; the call was held` : how;
}

async function answerByPost(
  client: McpCaller,
  tool: string,
  method: string,
  result: unknown,
): Promise<string> {
  const call = new CallUnderWay(await client.send('tools/call', { name: tool }, { id: 'call' }));
  const question = await call.message(0);
  expect(question.method).toBe(method);
  await client.post({ jsonrpc: '2.0', id: question.id, result });
  expect(await call.message(1)).toMatchObject({ id: 'call', result: { content: [{ text: `${tool} ran` }] } });
  return 'question, answer';
}

async function answerByRetry(
  client: McpCaller,
  tool: string,
  method: string,
  answer: unknown,
): Promise<string> {
  const ask = (more = {}) => client.ask('tools/call', modern({ name: tool, ...more }, DECLARED));
  const { inputRequests, requestState } = (await ask()).body.result ?? {};
  const questions = Object.entries(inputRequests as Record<string, { method: string }>);
  expect(questions.map(([, question]) => question.method)).toEqual([method]);
  const inputResponses = Object.fromEntries(questions.map(([name]) => [name, answer]));
  expect((await ask({ inputResponses, requestState })).body.result).toMatchObject({
    content: [{ text: `${tool} ran` }],
  });
  return 'input_required, retry';
}

/** What is done in each pairing. @returns what was seen, in a word or two */
const ROWS: Record<string, (era: Era, serverEra: Era) => Promise<string>> = {
  async tools(era, serverEra) {
    const { upstream, client } = await pair(era, serverEra, 'echo');
    const names = await client.toolNames();
    const { body } = await client.call('echo');

    expect(names).toEqual(['echo']);
    expect(body.result).toMatchObject({ content: [{ text: 'echo ran' }] });
    if (era === '2026') expect(body.result?.resultType).toBe('complete');
    return `listed, run in ${(await lastOf(upstream, 'tools/call')).headers['mcp-protocol-version']}`;
  },

  async errors(era, serverEra) {
    const error = { code: -32602, message: 'Not so', data: { n: 1 } };
    const { client } = await pair(era, serverEra, 'echo', { results: { echo: JSON.stringify({ error }) } });
    const { status, body } = await client.call('echo');

    expect({ status, error: body.error }).toEqual({ status: 200, error });
    return `${body.error?.code}, as the server wrote it`;
  },

  async progress(era, serverEra) {
    const { upstream, client } = await pair(era, serverEra, 'progress');
    const params = { name: 'progress', _meta: { progressToken: 'mine' } };
    const call = new CallUnderWay(await client.send('tools/call', params));
    const progress = await call.message(0);
    await upstream.release();

    expect(await call.message(1)).toHaveProperty('result');
    expect(progress.params).toEqual({ progressToken: 'mine', progress: 1 });
    return `told, as the client's ${progress.params?.progressToken}`;
  },

  async cancellation(era, serverEra) {
    const { upstream, client } = await pair(era, serverEra, 'progress');
    const params = { name: 'progress', _meta: { progressToken: 1 } };
    const call = new CallUnderWay(await client.send('tools/call', params, { id: 'call' }));
    await call.message(0);
    if (era === '2025') await client.notify('notifications/cancelled', { requestId: 'call' });
    else await call.leave();
    await upstream.sees(serverEra === '2025' ? 'notifications/cancelled' : 'dropped');

    const told = await upstream.seen('notifications/cancelled');
    const { id } = (await lastOf(upstream, 'tools/call')).message;
    expect(told.map(({ message }) => message.params?.requestId)).toEqual(serverEra === '2025' ? [id] : []);
    const from = era === '2025' ? 'notification' : 'closed stream';
    return `${from} → ${told.length ? 'notification' : 'closed stream'}`;
  },

  'elicitation by form': (era, serverEra) =>
    asked(
      era,
      serverEra,
      'elicitation/create',
      { message: 'Who?', requestedSchema: { type: 'object', properties: {} } },
      { action: 'accept', content: { name: 'é' } },
    ),

  sampling: (era, serverEra) =>
    asked(
      era,
      serverEra,
      'sampling/createMessage',
      { messages: [], maxTokens: 5 },
      { role: 'assistant', model: 'm', content: { type: 'text', text: 'Hi' } },
    ),

  async log(era, serverEra) {
    const text = JSON.stringify({
      jsonrpc: '2.0',
      method: 'notifications/message',
      params: { level: 'error', data: 'x' },
    });
    const behaviour = { asks: { asks: [{ text }] }, capabilities: { logging: {} } };
    const { upstream, client } = await pair(era, serverEra, 'asks', behaviour);
    if (era === '2025') await client.ask('logging/setLevel', { level: 'warning' });
    const meta = era === '2026' && { _meta: { [LEVEL]: 'warning' } };
    const response = await client.send('tools/call', { name: 'asks', ...meta });
    const [line] = eventsOf(await response.text()) as { params?: unknown }[];

    expect(line?.params).toEqual({ level: 'error', data: 'x' });
    const [set] = await upstream.seen('logging/setLevel');
    const { _meta = {} } = (await lastOf(upstream, 'tools/call')).message.params ?? {};
    const wanted = set?.message.params?.level ?? (_meta as Record<string, unknown>)[LEVEL];
    expect(wanted).toBe('warning');
    return `told; the server has the level by ${set ? 'logging/setLevel' : '_meta'}`;
  },

  async resources(era, serverEra) {
    const { client } = await pair(era, serverEra, 'echo', { resources: [DOC] });
    const listed = await client.ask('resources/list');
    const { body } = await client.ask('resources/read', { uri: DOC.uri });

    expect(listed.body.result?.resources).toEqual([DOC]);
    expect(body.result?.contents).toEqual([{ uri: DOC.uri, text: `read ${DOC.uri}` }]);
    return 'listed, read';
  },

  async subscriptions(era, serverEra) {
    const all = await pair(era, serverEra, 'echo', { resources: [DOC], streams: true });
    const { upstream, client } = all;
    shortWaits();
    const stream = await listening(all, { resourceSubscriptions: [DOC.uri] });
    if (era === '2025') await client.ask('resources/subscribe', { uri: DOC.uri });
    await upstream.opens(1, serverEra === '2026' ? 'resourceSubscriptions' : undefined);
    await upstream.says(UPDATED, { uri: DOC.uri });
    const told = (await stream.until(era === '2025' ? 1 : 2)).at(-1);

    expect(told).toMatchObject({ method: UPDATED, params: { uri: DOC.uri } });
    const [subscribed] = await upstream.seen('resources/subscribe');
    return `told; subscribed by ${subscribed ? 'resources/subscribe' : 'subscriptions/listen'}`;
  },

  async 'list changes'(era, serverEra) {
    const capabilities = { tools: { listChanged: true } };
    const all = await pair(era, serverEra, 'echo', { streams: true, capabilities });
    const { upstream } = all;
    shortWaits();
    const stream = await listening(all, { toolsListChanged: true });
    await looked(stream);
    await upstream.opens(1);
    await upstream.behave({
      tools: ['echo', 'new'].map((name) => ({ name, inputSchema: { type: 'object' } })),
    });
    await upstream.says(TOOLS);
    await listedAgain(upstream);
    await looked(stream);

    expect(stream.methods.at(-1)).toBe(TOOLS);
    const [listens] = await upstream.seen('subscriptions/listen');
    return `told; heard by ${listens ? 'subscriptions/listen' : 'GET'}`;
  },
};

describe('two eras of clients at two eras of servers (PROTOCOL §4)', () => {
  const table: Record<string, Record<string, string>> = {};
  const cells = Object.keys(ROWS).flatMap((row) =>
    PAIRS.map(([era, serverEra]) => [row, era, serverEra] as const),
  );

  it.each(cells)('%s: client %s, server %s', async (row, era, serverEra) => {
    const seen = await ROWS[row]?.(era, serverEra);

    table[row] = { ...table[row], [nameOf(era, serverEra)]: seen ?? '' };
  });

  it('have no empty cell, and are in docs/everything.md as they are here', ({ task }) => {
    task.meta.table = table;
    const names = PAIRS.map(([era, serverEra]) => nameOf(era, serverEra));
    const lines = Object.keys(ROWS).map(
      (row) => `| ${[row, ...names.map((name) => table[row]?.[name] ?? '')].join(' | ')} |`,
    );

    expect(lines.filter((line) => /\| +\|/.test(line))).toEqual([]);
    expect(documented).toContain(
      [`| | ${names.join(' | ')} |`, '| --- | --- | --- | --- | --- |', ...lines].join('\n'),
    );
  });
});
