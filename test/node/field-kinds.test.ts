import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CALLS } from './support/field-calls';
import { connectAll, type FieldClient } from './support/field-clients';
import { FieldGateway } from './support/field-gateway';
import { type CallKind, type Kind, LISTS, UNREACHED } from './support/field-kinds';

let gateway: FieldGateway;
beforeAll(async () => {
  gateway = await FieldGateway.start();
});
afterAll(() => gateway?.stop());

const HEALTHY = ['json', 'sessions'];
const ECHO = [{ name: 'echo', inputSchema: { type: 'object' } }];
/** The most tools of an odd server that are called. */
const MOST_CALLED = 3;
/** More than a double holds. */
const BIG = '9007199254740993';

/** SDK 1.x, and SDK 2.x in the one era or the other, by turns. */
function bothOf<T>([first, second, third]: readonly T[], turn: number): T[] {
  return [first, turn % 2 ? third : second] as T[];
}

async function inTurn<T>(works: (() => Promise<T>)[]): Promise<T[]> {
  const done: T[] = [];
  for (const work of works) done.push(await work());
  return done;
}

/** What one client meets beside an odd server: lists, each of its tools, each healthy tool meanwhile, and lists again. */
async function meet(client: FieldClient, odd: string, times = 1) {
  const listed = await client.toolNames();
  const isOwn = (name: string) => name.startsWith(`${odd}-`);
  const callOdd = async (name: string) => {
    for (let time = 1; time < times; time++) await client.call(name);
    return client.call(name);
  };
  const [answers, ...healthy] = await Promise.all([
    Promise.all(listed.filter(isOwn).slice(0, MOST_CALLED).map(callOdd)),
    client.call('json-add', { a: 2, b: 3 }),
    client.call('sessions-count'),
  ]);
  const again = await client.toolNames();

  const by = `${client.name} beside ${odd}`;
  expect(healthy, by).toEqual(['the sum is 5', client.nextCount()]);
  for (const names of [listed, again])
    expect(
      names.filter((name) => !isOwn(name)),
      by,
    ).toEqual(['json-add', 'sessions-count']);
  return { by, own: again.filter(isOwn).map((name) => name.slice(odd.length + 1)), answers };
}

describe.concurrent.for<[string, Kind[]]>([
  ['what a server lists', LISTS],
  ['a server that is not reached', UNREACHED],
])('%s costs that server alone', ([, kinds]) => {
  it.for(kinds.map((kind, at) => ({ ...kind, at })))('$name', async (kind) => {
    const { begins, becomes, lists = ['echo'], says = / ran$/, state, leftOut, others } = kind;
    const odd = `odd_${kinds === LISTS ? 'list' : 'reach'}_${kind.at}`;
    await gateway.control(odd, 'set', { tools: ECHO, ...begins });
    const adding = gateway.add(odd, undefined, kind.hangs ? { tool_execution_timeout: 1 } : {});
    if (kind.refused) await expect(adding).rejects.toThrow(kind.refused);
    const id = kind.refused ? null : await adding;
    if (becomes) {
      await gateway.control(odd, 'set', becomes);
      await gateway.admin('POST', `/mcp/client/${id}/refresh-tools`).catch(() => undefined); // it may say what failed
    }
    const headers = await gateway.keyFor(id ? [...HEALTHY, odd] : HEALTHY);
    const clients = await connectAll(gateway.origin, headers, (all) => bothOf(all, kind.at));

    const met = await Promise.all(clients.map((client) => meet(client, odd)));
    const otherNames = others ? await Promise.all(clients.map((client) => client.otherNames())) : [];
    const shown = id ? await gateway.shown(id) : null;

    for (const { by, own, answers } of met) {
      const known = JSON.stringify([shown?.last_failure, shown?.left_out]);
      expect(own, `${by} ${known}`).toEqual(expect.arrayContaining(lists));
      for (const answer of answers) expect(answer, by).toMatch(says);
    }
    for (const names of otherNames) expect(names).toEqual(expect.arrayContaining(others ?? []));
    if (state) expect(shown?.state).toBe(state);
    if (leftOut) expect(JSON.stringify(shown?.left_out)).toMatch(leftOut);
    await Promise.all(clients.map((client) => client.close()));
  });
});

describe.concurrent.for(Object.entries(CALLS))('%s costs that call alone', ([group, kinds]) => {
  let clients: FieldClient[];
  let id: string;
  beforeAll(async () => {
    await gateway.control(group, 'set', { tools: ECHO });
    await gateway.control(`${group}_moved`, 'set', { tools: ECHO });
    id = await gateway.add(group, undefined, group === 'silent' ? { tool_execution_timeout: 1 } : {});
    const headers = await gateway.keyFor([...HEALTHY, group]);
    clients = await connectAll(gateway.origin, headers);
    for (const client of clients) await meet(client, group);
  });
  afterAll(() => Promise.all(clients.map((client) => client.close())));

  it.for(kinds.map((kind, at) => ({ ...kind, at })))(
    '$name',
    { concurrent: false },
    async (kind: CallKind & { at: number }) => {
      const { becomes, says, state, times } = kind;
      await gateway.control(group, 'set', { raw: {}, paths: {} });
      await clients[0]?.call(`${group}-echo`); // an answer: failures of earlier stories do not count
      await gateway.control(group, 'set', becomes);
      if (kind.restarts) await gateway.control(group, 'forget');

      const meeting = bothOf(clients, kind.at).map((client) => () => meet(client, group, times));
      const met = await (kind.inTurn ? inTurn(meeting) : Promise.all(meeting.map((begin) => begin())));

      for (const { by, own, answers } of met) {
        expect(own, by).toEqual(['echo']);
        expect(answers[0], by).toMatch(says);
      }
      if (state) expect((await gateway.shown(id)).state).toBe(state);
    },
  );
});

describe.concurrent('a caller by HTTP alone, beside an odd server', () => {
  let headers: Record<string, string>;
  beforeAll(async () => {
    const big = `{"type":"object","properties":{"n":{"type":"integer","maximum":${BIG},"x-mcp-header":"Big"}}}`;
    const lists = {
      'tools/list': [`{"tools":[{"name":"echo","inputSchema":${big}}],"resultType":"complete"}`],
    };
    await gateway.control('modern', 'set', { era: '2026', lists, results: { echo: RESULT } });
    await gateway.add('modern');
    headers = await gateway.keyFor([...HEALTHY, 'modern']);
  });

  const RESULT = `{"resultType":"complete","content":[],"structuredContent":{"n":${BIG}}}`;
  const ask = async (text: string, more: Record<string, string> = {}) => {
    const all = { 'content-type': 'application/json', ...headers, ...more };
    const response = await fetch(new URL('/mcp/', gateway.origin), {
      method: 'POST',
      headers: all,
      body: text,
    });
    return { type: response.headers.get('content-type'), text: await response.text() };
  };

  it.for(['"params":null', '"params":{"cursor":null}', '"params":{"cursor":""}'])(
    'lists with %s',
    async (params) => {
      const { text } = await ask(`{"jsonrpc":"2.0","id":${BIG},"method":"tools/list",${params}}`);

      expect(text).toContain(`"id":${BIG}`);
      expect(text).toContain(`"maximum":${BIG}`);
      for (const name of ['json-add', 'sessions-count', 'modern-echo'])
        expect(text).toContain(`"name":"${name}"`);
    },
  );

  it('sends arguments, and reads results, with all their digits', async () => {
    const params = `{"name":"modern-echo","arguments":{"n":${BIG}}}`;
    const { text } = await ask(`{"jsonrpc":"2.0","id":-${BIG},"method":"tools/call","params":${params}}`);
    const seen = await gateway.control('modern', 'seen');
    const call = seen.find(({ message }) => message.method === 'tools/call');

    expect(text).toContain(`"id":-${BIG}`);
    expect(text).toContain(`"n":${BIG}`);
    expect(call?.text).toContain(`"n":${BIG}`);
    expect(call?.headers['mcp-param-big']).toBe(BIG);
  });

  it.for([
    ['application/json', /json/, /json/],
    ['text/event-stream', /event-stream/, /event-stream/],
    ['application/json, text/event-stream', /json/, /event-stream/],
    ['*/*', /json/, /event-stream/],
    ['text/html', /json/, /json/],
  ] as const)('accepts %s', async ([accept, ofJson, ofEvents]) => {
    const call = (name: string, args = '{}') => {
      const params = `{"name":"${name}","arguments":${args}}`;
      return ask(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`, { accept });
    };
    const [sum, count] = await Promise.all([call('json-add', '{"a":2,"b":3}'), call('sessions-count')]);

    expect(sum).toEqual({
      type: expect.stringMatching(ofJson),
      text: expect.stringContaining('the sum is 5'),
    });
    expect(count).toEqual({ type: expect.stringMatching(ofEvents), text: expect.stringContaining('call 1') });
  });
});
