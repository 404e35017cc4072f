import type { Child } from 'hono/jsx';
import { countOf, numberOf } from '../../../ui/english';
import type { OverviewFacts } from './facts';

/** How much is going on, each number beside what it was. */
export function Tiles({ facts }: { facts: OverviewFacts }) {
  const { hours, callsBefore, mostFailedAt, accessCount, allowedByDay, people, serverCount, troubled } =
    facts;
  const calls = sum(hours.map((hour) => hour.calls));
  const failed = sum(hours.map((hour) => hour.failed));
  const thisWeek = sum(allowedByDay.slice(-7));
  return (
    <div class="tiles">
      <Tile label="Tool calls, 24 h" value={numberOf(calls)} spark={hours.map((hour) => hour.calls)}>
        {changeOf(calls, callsBefore)}
      </Tile>
      <Tile
        label="Failed"
        value={calls ? share(failed / calls) : '–'}
        spark={failed ? hours.map((hour) => hour.failed) : []}
        isBad
      >
        {countOf(failed, 'call')}
        {mostFailedAt && `, most on ${mostFailedAt}`}
      </Tile>
      <Tile
        href="/admin/access"
        label="Apps with access"
        value={numberOf(accessCount)}
        spark={accessCount ? growthTo(accessCount, allowedByDay) : []}
      >
        {thisWeek ? `▲ ${numberOf(thisWeek)} this week` : 'None new this week'}
      </Tile>
      {people.count ? (
        <Tile href="/admin/people" label="Signed in, 7 days" value={numberOf(people.signedIn)}>
          of {countOf(people.count, 'person', 'people')}
        </Tile>
      ) : (
        <Tile href="/admin/servers" label="Servers" value={numberOf(serverCount)}>
          {troubled.length ? `${troubled.length} need attention` : 'None need attention'}
        </Tile>
      )}
    </div>
  );
}

const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0);

type TileProps = {
  label: string;
  value: string;
  href?: string;
  /** What is drawn below it, in even steps; empty: nothing. */
  spark?: readonly number[];
  isBad?: boolean;
  children?: Child;
};

function Tile({ label, value, href, spark = [], isBad, children }: TileProps) {
  const content = (
    <>
      <small>{label}</small>
      <b>{value}</b>
      <small>{children}</small>
      {spark.length > 0 && <Spark of={spark} isBad={isBad} />}
    </>
  );
  return href ? (
    <a class="tile" href={href}>
      {content}
    </a>
  ) : (
    <div class="tile">{content}</div>
  );
}

const WIDTH = 120;
const HEIGHT = 32;

/** A line without an axis. It says nothing that stands in no number beside it. */
function Spark({ of, isBad }: { of: readonly number[]; isBad: boolean | undefined }) {
  const most = Math.max(1, ...of);
  const points = of.map((one, at) => {
    const x = Math.round((at * WIDTH) / (of.length - 1));
    return `${x} ${Math.round(HEIGHT - 2 - (one / most) * (HEIGHT - 6))}`;
  });
  const line = points.join('L');
  return (
    <svg
      class={isBad ? 'spark bad' : 'spark'}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <path class="area" d={`M0 ${HEIGHT}L${line}L${WIDTH} ${HEIGHT}z`} />
      <path class="line" d={`M${line}`} />
    </svg>
  );
}

/** How many there were at the end of each day, when there are `total` now. */
function growthTo(total: number, byDay: readonly number[]): number[] {
  return byDay.map((_, at) => Math.max(0, total - sum(byDay.slice(at + 1))));
}

function changeOf(now: number, before: number): string {
  if (!before) return 'None the day before';
  const change = now / before - 1;
  if (Math.abs(change) < 0.005) return 'Same as the day before';
  return `${change > 0 ? '▲' : '▼'} ${share(Math.abs(change), 0)} vs. the day before`;
}

function share(part: number, digits = 1): string {
  if (part > 0 && part < 0.001) return '< 0.1 %';
  return `${(100 * part).toLocaleString('en', { maximumFractionDigits: digits })} %`;
}
