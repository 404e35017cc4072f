import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { Browser } from '../support/browser';
import { McpCaller } from '../support/caller';
import { admin } from '../support/gate';
import { readsOf } from '../support/reads';
import { Upstream } from '../support/upstream';

const inputSchema = { type: 'object' };
const named = (name: string, count: number, rest = {}) =>
  Array.from({ length: count }, (_, at) => ({ name: `${name}${at}`, ...rest }));
const many = { pageSize: 500 };

type Shown = { state: string; tools: object[]; left_out: { kind: string; name: string; reason: string }[] };

async function shown({ id }: Upstream): Promise<Shown> {
  return (await admin<{ client: Shown }>('GET', `/mcp/client/${id}`)).client;
}

async function askAgain({ id }: Upstream): Promise<void> {
  await admin('POST', `/mcp/client/${id}/reconnect`);
}

type Beside = { caller: McpCaller; names: string[]; both: [Upstream, Upstream] };

/** Two servers without fault, and a caller of these and of no others but `odd`. */
async function beside(...odd: Upstream[]): Promise<Beside> {
  const both: [Upstream, Upstream] = [await Upstream.start(['one']), await Upstream.start(['two'])];
  const names = both.map(({ name }, at) => `${name}-${['one', 'two'][at]}`);
  const open = [...both, ...odd].map(({ name }) => name).join(',');
  const caller = (await McpCaller.withKey()).with({ 'x-bf-mcp-include-clients': open });
  return { caller, names, both };
}

async function expectHealthy({ caller, names }: Beside): Promise<void> {
  expect(await everything(caller)).toEqual(expect.arrayContaining(names));
  for (const name of names) expect((await caller.call(name)).body.result?.content?.[0]?.text).toMatch(/ran$/);
}

/** The names of all tools, page by page. */
async function everything(caller: McpCaller): Promise<string[]> {
  const names: string[] = [];
  for (let cursor: unknown; ; ) {
    const { result } = (await caller.ask('tools/list', cursor === undefined ? {} : { cursor })).body;
    names.push(...(result?.tools ?? []).map(({ name }) => name));
    cursor = result?.nextCursor;
    if (cursor === undefined) return names;
  }
}

/** What is stored of a server's lists: how many items of each kind, and bytes. */
async function stored({ id }: Upstream): Promise<{ counts: Record<string, number>; bytes: number }> {
  const { results } = await env.DB.prepare(
    `SELECT kind, count(*) AS n, sum(length(CAST(definition AS BLOB))) AS bytes FROM listing WHERE server_id = ?1 GROUP BY kind`,
  )
    .bind(id)
    .all<{ kind: string; n: number; bytes: number }>();
  const counts = Object.fromEntries(results.map(({ kind, n }) => [kind, n]));
  return { counts, bytes: results.reduce((sum, { bytes }) => sum + bytes, 0) };
}

describe('what a server lists is bounded, and the rest said (CONTRACT §6, PROTOCOL §5)', () => {
  it.each([
    [
      'tools by number',
      { tools: named('t', 2100, { inputSchema }) },
      { tool: 2000 },
      [
        'tool: its lists hold more than 2000 items together, so what follows its first 2000 tools is missing',
        'prompt: its lists hold more than 2000 items together, so its prompts are missing',
        'resource: its lists hold more than 2000 items together, so its resources are missing',
        'template: its lists hold more than 2000 items together, so its resource templates are missing',
      ],
    ],
    [
      'all kinds together by number',
      {
        tools: named('t', 1500, { inputSchema }),
        prompts: named('p', 700),
        resources: [{ uri: 'x://a', name: 'a' }],
      },
      { tool: 1500, prompt: 500 },
      [
        'prompt: its lists hold more than 2000 items together, so what follows its first 500 prompts is missing',
        'resource: its lists hold more than 2000 items together, so its resources are missing',
        'template: its lists hold more than 2000 items together, so its resource templates are missing',
      ],
    ],
    [
      'by weight, in bytes',
      { tools: named('t', 20, { inputSchema, description: 'é'.repeat(60_000) }), prompts: named('p', 1) },
      { tool: 17 },
      [
        'tool: its lists weigh more than 2 MiB together, so what follows its first 17 tools is missing',
        'prompt: its lists weigh more than 2 MiB together, so its prompts are missing',
        'resource: its lists weigh more than 2 MiB together, so its resources are missing',
        'template: its lists weigh more than 2 MiB together, so its resource templates are missing',
      ],
    ],
  ])('%s', async (_, lists, counts, said) => {
    const capabilities = { prompts: {}, resources: {} };
    const odd = await Upstream.start([], { ...many, capabilities, ...lists });
    const others = await beside(odd);
    const kept = await stored(odd);
    const { state, left_out } = await shown(odd);
    const page = await (await Browser.administrator()).open(`/admin/servers/${odd.id}`);

    expect(kept.counts).toEqual(counts);
    expect(kept.bytes).toBeLessThanOrEqual(2_097_152);
    expect(state).toBe('healthy');
    expect(left_out.map(({ kind, reason }) => `${kind}: ${reason}`)).toEqual(said);
    expect(page?.html).toContain(said[0]?.split(': ')[1]);
    expect(await everything(others.caller)).toHaveLength(2 + counts.tool);
    await expectHealthy(others);
  });

  it('leaves room for all: where 64 MiB are stored, a server keeps what room it has', async () => {
    const odd = await Upstream.start([], { tools: named('t', 3, { inputSchema }) });
    const stranger = await Upstream.start([]);
    await env.DB.prepare('UPDATE server SET listing_size = 67108864 WHERE id = ?1').bind(stranger.id).run();
    await odd.behave({ tools: named('t', 5, { inputSchema }) });
    await askAgain(odd);
    const newcomer = await Upstream.start(['one']);
    await env.DB.prepare('UPDATE server SET listing_size = 0 WHERE id = ?1').bind(stranger.id).run();
    const others = await beside(odd, newcomer);

    expect((await stored(odd)).counts).toEqual({ tool: 3 });
    expect((await stored(newcomer)).counts).toEqual({});
    const full = 'the lists of all servers may weigh 64 MiB together and have no room for more';
    expect((await shown(odd)).left_out.map(({ reason }) => reason)).toEqual([
      `${full}, so what follows its first 3 tools is missing`,
    ]);
    expect((await shown(newcomer)).left_out.map(({ reason }) => reason)).toEqual([
      `${full}, so its tools are missing`,
    ]);
    await expectHealthy(others);

    await env.DB.prepare('UPDATE server SET listing_size = 67108864 WHERE id = ?1').bind(stranger.id).run();
    await odd.behave({ tools: named('t', 2, { inputSchema }) });
    await askAgain(odd);
    expect(await shown(odd)).toMatchObject({ tools: [{ name: 't0' }, { name: 't1' }], left_out: [] });
    await env.DB.prepare('UPDATE server SET listing_size = 0 WHERE id = ?1').bind(stranger.id).run();
  });
});

/** Puts `count` tools of `size` characters into what is stored of a server's lists. */
async function fill({ id }: Upstream, count: number, size: number): Promise<void> {
  await env.DB.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?2 - 1)
     INSERT INTO listing SELECT ?1, 'tool', i, '{"name":"t' || i || '","description":"' || hex(zeroblob(?3 / 2))
       || '","inputSchema":{"type":"object"}}' FROM n`,
  )
    .bind(id, count, size)
    .run();
  await env.DB.prepare('UPDATE server SET listing_stamp = ?1, listing_size = ?2 WHERE id = ?1')
    .bind(id, count * size)
    .run();
}

describe('a page of a list', () => {
  it('of more than 8 MiB is not read, and that is said', async () => {
    const description = 'd'.repeat(8_400_000);
    const odd = await Upstream.start(['good'], {
      lists: { 'prompts/list': [JSON.stringify({ prompts: [{ name: 'p', description }] })] },
    });
    const { left_out } = await shown(odd);

    expect(left_out).toMatchObject([
      { kind: 'prompt', name: '*', reason: expect.stringContaining('more at once than') },
    ]);
  });
});

describe('lists in an isolate (PROTOCOL §5)', () => {
  it('are read once for many who ask at once, again only where they changed, and not for ping', async () => {
    const { caller, both } = await beside();
    const [first, second] = both;
    const list = () => caller.toolNames();

    expect(await readsOf('listing', () => caller.ask('ping'))).toEqual([]);
    const cold = await readsOf('listing', () => Promise.all(Array.from({ length: 10 }, list)));
    expect(cold.flat().sort()).toEqual([first.id, second.id].sort());
    expect(await readsOf('listing', list)).toEqual([]);

    await first.behave({ tools: [{ name: 'three', inputSchema }] });
    await askAgain(first);
    const three = () => Promise.all([list(), list(), list()]);
    expect((await readsOf('listing', three)).flat()).toEqual([first.id]);
    await second.change({ tool_sync_interval: 9999 });
    expect(await readsOf('server WHERE is_verified', three)).toHaveLength(1);
    expect(await list()).toContain(`${first.name}-three`);
  });

  it('of servers the caller may not use are not read', async () => {
    const closed = await Upstream.start(['x'], { registration: { allow_on_all_virtual_keys: false } });
    const { caller, both } = await beside(closed);
    const read = await readsOf('listing', () => caller.toolNames());

    expect(read.flat().sort()).toEqual(both.map(({ id }) => id).sort());
    expect(read.flat()).not.toContain(closed.id);
  });

  it('are dropped, the longest unused first, beyond 24 MiB, and come in pages of 4 MiB', async () => {
    const big: Upstream[] = [];
    for (let at = 0; at < 13; at++) {
      const upstream = await Upstream.start(['t0'], { registration: { name: `big_${at + 10}` } });
      await env.DB.prepare('DELETE FROM listing WHERE server_id = ?1').bind(upstream.id).run();
      await fill(upstream, 10, 200_000);
      big.push(upstream);
    }
    await big[0]?.change({ tool_sync_interval: 9999 }); // the catalogue is read again
    const { caller, names } = await beside(...big);
    const first = await caller.ask('tools/list');
    const all = await everything(caller);
    const called = (at: number) => readsOf('listing', () => caller.call(`big_${at}-t9`));

    expect(first.body.result?.tools).toHaveLength(20);
    expect(JSON.stringify(first.body).length).toBeLessThan(4_300_000);
    expect(all.sort()).toEqual(
      [...big.flatMap(({ name }) => named(`${name}-t`, 10).map((tool) => tool.name)), ...names].sort(),
    );
    expect(new Set(all).size).toBe(132);
    for (const { name } of big) await caller.call(`${name}-t9`);
    expect(await called(22)).toEqual([]);
    expect((await called(10)).flat()).toEqual([big[0]?.id]);
  });
});
