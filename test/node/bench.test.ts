import { describe, expect, it } from 'vitest';
import type { Run } from '../../bench/measure/load.ts';
import { Results } from '../../bench/measure/results.ts';
import { measureRow } from '../../bench/measure/rounds.ts';
import { median, medianOfRatios, quantile } from '../../bench/measure/statistics.ts';
import type { Counts } from '../../bench/operations/counts.ts';
import { readOptions } from '../../bench/options.ts';
import { partsOf } from '../../bench/parts.ts';
import { keptIn, keptSections } from '../../bench/report/kept.ts';
import { escapeXml, plotOf } from '../../bench/report/plot.ts';
import type { Report } from '../../bench/report/report.ts';
import { asMarkdown, shown, targetTable } from '../../bench/report/tables.ts';
import { judge } from '../../bench/report/targets.ts';
import { cpuOf } from '../../bench/report/write.ts';
import type { Row } from '../../bench/rows/row.ts';
import type { Side } from '../../bench/sides/side.ts';
import type { World } from '../../bench/sides/world.ts';

const RUN: Run = {
  requests: 100,
  failures: 0,
  said: '',
  rate: 1000,
  p50: 1,
  p99: 2,
  cpu: 500,
  megabytes: 100,
  utilization: 0.5,
};

const NOTHING: Counts = {
  requests: 1,
  worker: {
    d1: { roundTrips: 0, statements: 0, batches: 0, rowsRead: 0, rowsWritten: 0 },
    kv: {},
    objects: {},
  },
  objects: {
    d1: { roundTrips: 0, statements: 0, batches: 0, rowsRead: 0, rowsWritten: 0 },
    kv: {},
    objects: {},
    storage: { reads: 0, writes: 0, alarmsSet: 0 },
    alarms: 0,
  },
  logs: { lines: 0, bytes: 0 },
};

const reported = (results: Results, counts: Counts = NOTHING): Report => ({
  machine: {
    date: '2026-01-01',
    cpu: 'one',
    cores: 2,
    memory: 2 ** 30,
    node: '24',
    workerd: '1',
    load: [0, 0],
    peer: 'peer 1',
  },
  rounds: 1,
  results,
  operations: ['tools/call', 'refused: none', 'refresh'].map((name) => ({ name, counts })),
  startUp: 40,
  bundle: { bytes: 2 ** 20, gzipped: 260 * 1024 },
});

const world = { upstream: { origin: 'http://127.0.0.1:1' }, bundle: '', folder: '' } as World;
const rows = partsOf(world, false, true).flatMap((part) => part.rows);
const rowNamed = (name: string) => rows.find((row) => row.name === name);
const parallelsOf = (name: string) => rowNamed(name)?.amounts.map(({ parallel }) => parallel);

describe('figures of the benchmark', () => {
  it('are the median of the rounds', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([])).toBeNaN();
    expect(quantile([5, 1, 4, 2, 3], 0.99)).toBe(5);
  });

  it('are compared round by round, so that a slow minute of the machine changes no ratio', () => {
    const [ours, theirs] = [
      [2, 20, 2],
      [1, 10, 10],
    ];

    expect(medianOfRatios(ours, theirs)).toBe(2);
    expect(median(ours) / median(theirs)).not.toBe(2);
    expect(medianOfRatios([2, Number.NaN], [1, 1])).toBe(2);
  });

  it('come from rounds that measure each side, the other way round in every other round', async () => {
    const asked: string[] = [];
    const row: Row = {
      name: 'row',
      sides: ['one', 'other', 'missing'],
      amounts: [{ parallel: 2, requests: 4 }],
      begin: async ({ name }, { requests }) => {
        asked.push(`${name} ${requests}`);
        return async (n) => {
          if (name === 'other' && n === 3) throw new Error('answered 500');
          return {};
        };
      },
    };
    const sides = ['other', 'one'].map((name) => ({ name, pid: null }) as Side);
    const results = new Results();

    await measureRow(row, sides, { rounds: 3, quick: false }, results);

    const warmUp = ['one 4', 'other 4'];
    expect(asked).toEqual([...warmUp, 'one 4', 'other 4', 'other 4', 'one 4', 'one 4', 'other 4']);
    expect(results.find('row', 'one', 2)?.runs.length).toBe(3);
    expect(results.failures()).toEqual(['row, other, 2 at once: 3 wrong answers. The first: answered 500']);
  });

  it('are shown with three digits, and as – where there is none', () => {
    expect([1.234, 12.34, 1234.5, Number.NaN].map(shown)).toEqual(['1.23', '12.3', '1,235', '–']);
  });
});

describe('the rows of the benchmark (issue 14)', () => {
  it('cover the flow, /mcp with both kinds of answers, refusals, streams, lists and sizes of the index', () => {
    expect(rows.map(({ name }) => name)).toEqual([
      'discovery: protected resource',
      'discovery: authorization server',
      'discovery: JWKS',
      'registration',
      'authorize, consent, code and token',
      'code for tokens',
      'refresh',
      'tools/call, JSON answer',
      'tools/call, SSE answer',
      'ping',
      'refused: none',
      'refused: garbage',
      'refused: tampered',
      'first SSE event',
      '10 MiB as SSE',
      '10 MiB as JSON',
      'refresh, by grants in the index',
      'tools/call, by grants in the index',
      'tools/list, 1 × 100 tools',
      'tools/list, 10 × 100 tools',
      'tools/list, 50 × 100 tools',
    ]);
    expect(rowNamed('refresh, by grants in the index')?.sides).toEqual([
      '10 grants',
      '10,000 grants',
      '100,000 grants',
    ]);
  });

  it('have calls and refreshes at 1, 16 and 64 at once, beside the forwarder and the peer', () => {
    for (const name of ['refresh', 'tools/call, JSON answer', 'tools/call, SSE answer'])
      expect(parallelsOf(name), name).toEqual([1, 16, 64]);
    expect(rowNamed('tools/call, JSON answer')?.sides).toEqual([
      'direct',
      'forwarder',
      'peer',
      'toolgate',
      'toolgate at /mcp',
      'toolgate, assets road',
    ]);
    expect(rowNamed('refresh')?.sides).toEqual(['peer', 'toolgate', 'toolgate ES256']);
  });

  it('are the same with --quick, but for the sizes of the index', () => {
    const quick = partsOf(world, true, true).flatMap((part) => part.rows);

    expect(quick.map(({ name }) => name)).toEqual(rows.map(({ name }) => name));
  });
});

describe('the targets of the benchmark', () => {
  const measuredAlike = () => {
    const results = new Results();
    for (const { name, sides, amounts } of rows)
      for (const side of sides) for (const { parallel } of amounts) results.add(name, side, parallel, RUN);
    return results;
  };

  it('are each about a row and a side that are measured', () => {
    const { rows: targets } = targetTable(reported(measuredAlike()));

    expect(targets.filter((cells) => cells.includes('not measured'))).toEqual([]);
    expect(targets.length).toBeGreaterThan(20);
  });

  it('are met or missed, by hard and by goal', () => {
    expect(judge(1.6, 1.6)).toBe('met');
    expect(judge(1.61, 1.6)).toBe('missed');
    expect(judge(0.5, 0.6, true)).toBe('missed');
    expect(judge(0.7, 0.6, true)).toBe('met');
    expect(judge(Number.NaN, 1)).toBe('not measured');

    const results = new Results();
    results.add('tools/call, JSON answer', 'forwarder', 16, RUN);
    results.add('tools/call, JSON answer', 'toolgate', 16, { ...RUN, p50: 2 });
    const { rows: targets } = targetTable(reported(results));
    const cells = targets.find(([name]) => name === '`/mcp`, 16 at once: p50');

    expect(cells).toEqual([cells?.[0], '× forwarder', '≤ 2.1', '≤ 1.6', '2.00', 'met', 'missed']);
  });

  it('take the worst number of senders, not the best', () => {
    const results = new Results();
    for (const [parallel, cpu] of [
      [1, 300],
      [16, 450],
    ] as const) {
      results.add('refresh', 'peer', parallel, RUN);
      results.add('refresh', 'toolgate', parallel, { ...RUN, cpu });
    }
    const { rows: targets } = targetTable(reported(results));

    expect(targets.find(([name]) => name?.startsWith('refresh, RS256'))?.[4]).toBe('0.90');
  });

  it('count what objects ask, too', () => {
    const { d1 } = NOTHING.objects;
    const counts = { ...NOTHING, objects: { ...NOTHING.objects, d1: { ...d1, roundTrips: 2 } } };
    const { rows: targets } = targetTable(reported(new Results(), counts));
    const found = targets.filter(([name]) => name?.startsWith('storage')).map((cells) => cells[4]);

    expect(found).toEqual(['2.00', '2.00', '0.00', '2.00']);
  });
});

describe('charts of the benchmark', () => {
  const svg = plotOf({
    title: 'a < b & "c"',
    unit: 'µs',
    series: [
      { name: '<one>', colour: '#18a17e' },
      { name: 'two', colour: '#d05a5a' },
    ],
    groups: [{ label: 'row & row', values: [Number.NaN, 3] }],
  });

  it('have no words that SVG would read as its own', () => {
    expect(escapeXml('<a href="&">')).toBe('&#60;a href=&#34;&#38;&#34;&#62;');
    expect(svg.replace(/<(?:\/?(?:svg|style|text|title|rect)|line)\b[^<>]*>/g, '')).not.toMatch(/[<>]/);
    expect(svg).not.toMatch(/&(?!#\d+;)/);
  });

  it('are legible on light and on dark pages, and leave out what was not measured', () => {
    expect(svg).toContain('prefers-color-scheme:dark');
    expect(svg).not.toContain('NaN');
    expect(svg.match(/<rect /g)?.length).toBe(3); // two of the legend, one bar
  });
});

describe('the page of the benchmark', () => {
  it('keeps what people wrote in it', () => {
    const fresh = `# Page\n\n${keptSections('')}\n`;
    const written = fresh.replace('Nothing yet.', () => 'A note: $& and `<!-- -->`.\n\n| a |');

    const again = `# Another\n\n${keptSections(written)}\n`;

    expect(keptIn(again, 'tried')).toBe('A note: $& and `<!-- -->`.\n\n| a |');
    expect(keptIn(again, 'missed')).toBe('Nothing yet.');
    expect(keptSections(again)).toBe(keptSections(written));
  });

  it('has tables that Markdown reads', () => {
    expect(asMarkdown({ head: ['a', 'b'], rows: [['1', '2']] })).toBe('| a | b |\n| --- | --- |\n| 1 | 2 |');
  });
});

describe('options of the benchmark', () => {
  it('are named when there is no such option', () => {
    expect(() => readOptions(['--fast'])).toThrow(/--fast.*The options are --rounds/s);
    expect(() => readOptions(['word'])).toThrow(/word/);
    expect(() => readOptions(['--rounds', 'many'])).toThrow('--rounds many is not a number');
  });

  it('write only what was measured as a whole', () => {
    const writes = (...args: string[]) => readOptions(args).writes;

    expect([writes(), writes('--rounds', '9'), writes('--operations')]).toEqual([true, true, true]);
    expect([writes('--quick'), writes('--only', 'ping'), writes('--no-write')]).toEqual([
      false,
      false,
      false,
    ]);
  });
});

describe('what docs/cost.md reckons with', () => {
  it('is the CPU of this gateway in whole microseconds, by row and number of senders', () => {
    const results = new Results();
    for (const cpu of [900, 806.7, 700]) results.add('refresh', 'toolgate', 16, { ...RUN, cpu });
    results.add('refresh', 'toolgate', 64, RUN);
    results.add('refresh', 'peer', 16, RUN);
    results.add('ping', 'toolgate', 16, { ...RUN, cpu: Number.NaN });

    expect(cpuOf(results)).toEqual({ refresh: { 16: 807, 64: 500 } });
  });
});
