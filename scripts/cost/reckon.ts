import { ACTS, type Act, ADDED_TO_A_LINE, AWAKE, usageOf } from './acts.ts';
import { LIMITS, type Meter, PLAN, PRICES, READ_ON } from './prices.ts';
import { rowSizes } from './sizes.ts';

const MILLION = 1_000_000;
const MONTH = 30 * 86_400;

const count = (n: number) =>
  Number.isInteger(n) ? n.toLocaleString('en-US') : String(Number(n.toPrecision(3)));
const dollars = (amount: number) =>
  amount >= 100
    ? `$${Math.round(amount).toLocaleString('en-US')}`
    : `$${amount.toFixed(amount && amount < 0.01 ? 4 : 2)}`;
const table = (head: string[], rows: string[][]) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

/** What so much of a meter costs, with nothing of what the plan includes taken off. */
function costOf(meter: Meter, amount: number): number {
  const { price, per } = PRICES[meter];
  return (amount / per) * price;
}

type Usage = Partial<Record<Meter, number>>;
const entriesOf = (usage: Usage) => Object.entries(usage) as [Meter, number][];
const totalOf = (usage: Usage) =>
  entriesOf(usage).reduce((sum, [meter, amount]) => sum + costOf(meter, amount), 0);
const sumOf = (usage: Usage, meters: Meter[]) =>
  meters.reduce((sum, meter) => sum + costOf(meter, usage[meter] ?? 0), 0);

function prices(): string {
  const rows = Object.values(PRICES).map(({ of, price, per, included, page }) => [
    of,
    `$${price} for ${per === 1 ? 'each' : count(per)}`,
    count(included),
    `[page](${page})`,
  ]);
  return `${table(['what', 'price', 'included in a month', 'page'], rows)}\n\nThe plan itself costs ${dollars(PLAN)} a month. Read on ${READ_ON}.`;
}

function operations(): string {
  const rows = Object.values<Act>(ACTS).map(({ label, counted: { requests, d1, kv, objects, log } }) => [
    label,
    ...[requests, d1.roundTrips, d1.rowsRead, d1.rowsWritten, kv.reads, kv.writes],
    ...[objects.calls, objects.rowsWritten, log.lines, log.bytes],
  ]);
  const head = ['', 'requests', 'D1: round trips', 'rows read', 'rows written', 'KV: reads', 'writes'];
  return table(
    [...head, 'objects: calls', 'rows written', 'log: lines', 'bytes'],
    rows.map((row) => row.map(String)),
  );
}

function million(): string {
  const acts = Object.values<Act>(ACTS).filter((act) => act !== ACTS.hour);
  const rows = acts.map((act) => {
    const usage = usageOf(act, MILLION);
    return [
      act.label,
      ...[
        sumOf(usage, ['requests']),
        sumOf(usage, ['d1Read', 'd1Written']),
        sumOf(usage, ['kvRead', 'kvWritten']),
        sumOf(usage, ['calls', 'duration', 'objectsWritten']),
        sumOf(usage, ['logged', 'logsStored']),
      ].map(dollars),
      act.cpu === null ? 'not measured' : dollars(sumOf(usage, ['cpu'])),
      `**${dollars(totalOf(usage))}**`,
    ];
  });
  const line = costOf('logged', 1) + (costOf('logsStored', 1) * 7) / 30;
  const assumed = [
    `Two figures are assumed. A line has ${count(ADDED_TO_A_LINE)} bytes of Cloudflare's own besides ours: its members count, says the page of prices, and not how many they are; a thousand more or less are ${dollars(line)} for a million lines.`,
    `And an object is awake for ${AWAKE} ms a call; ten times that would be ${dollars(costOf('duration', (MILLION * AWAKE * 10 * 0.128) / 1000))} for a million calls of objects.`,
  ].join(' ');
  const head = ['a million times', 'requests', 'D1', 'KV', 'objects', 'logs', 'CPU', 'together'];
  return `${table(head, rows)}\n\n${assumed}`;
}

/** Each product of the arithmetic of one act. */
function arithmetic(): string {
  return Object.values<Act>(ACTS)
    .filter((act) => act !== ACTS.hour)
    .map((act) => {
      const lines = entriesOf(usageOf(act, MILLION))
        .filter(([, amount]) => amount)
        .map(([meter, amount]) => {
          const { of, price, per } = PRICES[meter];
          const priced = per === 1 ? '' : ` ÷ ${count(per)}`;
          return `- ${count(amount)} ${of}${priced} × $${price} = ${dollars(costOf(meter, amount))}`;
        });
      return `**A million times ${act.label}:**\n\n${lines.join('\n')}`;
    })
    .join('\n\n');
}

/** How often the plan's own share does for each act, and what of it is used up first. */
function included(): string {
  const rows = Object.values<Act>(ACTS)
    .filter((act) => act !== ACTS.hour)
    .map((act) => {
      const often = entriesOf(usageOf(act, 1))
        .filter(([, amount]) => amount)
        .map(([meter, amount]) => [PRICES[meter].included / amount, meter] as const)
        .sort(([a], [b]) => a - b);
      const [[times, meter] = [0, 'requests' as Meter]] = often;
      return [act.label, count(Math.floor(times / 1000) * 1000), PRICES[meter].of];
    });
  return table(['', 'times a month', 'of which is then used up'], rows);
}

function idle(): string {
  const usage = usageOf(ACTS.hour, 30 * 24);
  const rows = entriesOf(usage)
    .filter(([, amount]) => amount)
    .map(([meter, amount]) => {
      const { of, included } = PRICES[meter];
      return [
        of,
        count(amount),
        `${Number(((100 * amount) / included).toPrecision(2))} %`,
        dollars(costOf(meter, amount)),
      ];
    });
  const least = `So an idle month costs the plan, ${dollars(PLAN)}: all of it is within what the plan includes, and would be ${dollars(totalOf(usage))} without.`;
  return `${table(['in 720 hours', 'how many', 'of what is included', 'at list price'], rows)}\n\n${least}`;
}

function toolCalls(): string {
  const { bytes, lines } = ACTS.call.counted.log;
  const usage = usageOf(ACTS.call, MILLION);
  const saved = sumOf(usage, ['logged', 'logsStored']);
  const share = Math.round((100 * saved) / totalOf(usage));
  const often = Math.floor(PRICES.logged.included / ((usage.logged ?? 0) / MILLION) / MILLION);
  return [
    `A call writes ${lines} line of ${bytes} bytes. A million of them are ${count(usage.logged ?? 0)} GB with what Cloudflare adds: ${dollars(saved)}, which is ${share} % of what the calls cost.`,
    `The ${PRICES.logged.included} GB of the plan hold the lines of ${often} million calls. \`none\` saves all of that, and \`failed\` 99 % where one call in a hundred fails.`,
  ].join(' ');
}

function grants(): string {
  const size = rowSizes();
  const acts = 2; // consent.allowed and code.redeemed
  const bytes = { grant: size.oauth_grant ?? 0, client: size.client ?? 0, acts: acts * (size.audit ?? 0) };
  const each = bytes.grant + bytes.client + bytes.acts;
  const most = Math.floor((LIMITS.d1Size.value * 1e9) / each / 100_000) / 10;
  const stored = (each * MILLION) / 1e9;
  const objects = (LIMITS.leastObject.value * MILLION) / 1e9;
  const refreshes = MILLION / 600;
  const queries = refreshes * ACTS.refresh.counted.d1.roundTrips;
  const month = usageOf(ACTS.refresh, refreshes * MONTH);
  const rows = [
    [
      'D1, bytes for each',
      `${bytes.grant} grant + ${bytes.client} client + ${bytes.acts} acts = ${count(each)}`,
      '',
    ],
    [
      'D1, a million',
      `${count(stored)} GB`,
      `10 GB are full at ${most} million, if each has a client of its own and acts of 90 days`,
    ],
    [
      'D1, a month',
      `(${count(stored)} − ${PRICES.d1Stored.included}) GB × $${PRICES.d1Stored.price}`,
      dollars(Math.max(0, stored - PRICES.d1Stored.included) * PRICES.d1Stored.price),
    ],
    [
      'objects, a month',
      `(${count(objects)} − ${PRICES.objectsStored.included}) GB × $${PRICES.objectsStored.price}`,
      dollars(Math.max(0, objects - PRICES.objectsStored.included) * PRICES.objectsStored.price),
    ],
    [
      'all refresh every 10 minutes',
      `${count(MILLION)} ÷ 600 s = ${count(Math.round(refreshes))} refreshes a second`,
      `${count(Math.round(queries))} round trips a second: D1 serves about ${count(LIMITS.d1PerSecond.value)} queries of 1 ms`,
    ],
    [
      'one in ten does',
      `${count(Math.round(refreshes / 10))} refreshes a second`,
      `${count(Math.round(queries / 10))} round trips a second, ${dollars(totalOf(month) / 10)} a month`,
    ],
  ];
  return table(['', 'arithmetic', 'comes to'], rows);
}

function calls(): string {
  const perSecond = 10_000;
  const usage = usageOf(ACTS.call, perSecond * MONTH);
  const lines = perSecond * 86_400 * ACTS.call.counted.log.lines;
  const inLag = ACTS.rareCall.counted.d1.roundTrips;
  const isolates = Math.floor((LIMITS.d1PerSecond.value * 10) / inLag);
  const money = entriesOf(usage)
    .filter(([, amount]) => amount)
    .map(([meter, amount]) => [PRICES[meter].of, count(amount), dollars(costOf(meter, amount))]);
  const limits = [
    [
      `one object (a key with a limit, one client session): ${count(LIMITS.objectPerSecond.value)} requests a second`,
      `met at a tenth of this load when all of it comes with one key that has a limit`,
      `give each app a key of its own`,
    ],
    [
      `D1: about ${count(LIMITS.d1PerSecond.value)} queries of 1 ms a second`,
      `an isolate asks at most ${inLag} times in 10 s for a caller it serves: met by ${count(isolates)} pairs of isolate and caller that are active within the same 10 s`,
      '`revocation_lag` 60 in place of 10: a sixth',
    ],
    [
      `Workers Logs: ${count(LIMITS.linesPerDay.value)} lines a day`,
      `${count(lines)} lines: ${Math.round((100 * lines) / LIMITS.linesPerDay.value)} % of them`,
      'nothing; for the price of lines see above',
    ],
    ['subrequests of an invocation: 10,000', 'a call makes one, to its server', 'nothing'],
    [
      'KV: a write a second for each key',
      'no call writes KV, and no key of KV is ever written twice',
      'nothing',
    ],
  ];
  const listed = `${table(['10,000 a second, for a month', 'how many', 'at list price'], money)}\n\nTogether ${dollars(totalOf(usage))} a month.`;
  return `${listed}\n\n${table(['limit', 'when it is met', 'what to do'], limits)}`;
}

/** Each part of docs/cost.md that is reckoned, by its name there. */
export function parts(): Record<string, string> {
  return {
    prices: prices(),
    operations: operations(),
    million: million(),
    arithmetic: arithmetic(),
    included: included(),
    idle: idle(),
    toolCalls: toolCalls(),
    grants: grants(),
    calls: calls(),
  };
}

/** The page with each part between its marks. @throws when the page lacks one */
export function withParts(page: string, all: Record<string, string>): string {
  return Object.entries(all).reduce((text, [name, part]) => {
    const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
    const [before, rest] = text.split(begin);
    const after = rest?.split(end)[1];
    if (before === undefined || after === undefined) throw new Error(`docs/cost.md has no ${begin}`);
    return `${before}${begin}\n\n${part}\n\n${end}${after}`;
  }, page);
}
