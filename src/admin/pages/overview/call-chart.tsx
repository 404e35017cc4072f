import type { HourOfCalls } from '../../../governance/tool-counts';
import { countOf, numberOf } from '../../../ui/english';
import { Table } from '../../../ui/table';

/** An hour is this wide, and the highest bar this high. */
const STEP = 10;
const HEIGHT = 60;

/** `09:00`, in UTC. */
const clock = (hour: number) => `${String(hour % 24).padStart(2, '0')}:00`;

/** Calls and errors of the last day, an hour a bar; the same as a table. */
export function CallChart({ hours }: { hours: readonly HourOfCalls[] }) {
  const most = Math.max(...hours.map(({ calls }) => calls));
  const top = roundUp(most);
  const title = 'Tool calls, last 24 hours';
  return (
    <section class="card" aria-label={title}>
      <figure class="chart">
        <figcaption class="row">
          <h2>{title}</h2>
          <span class="key">Answered</span>
          <span class="key bad">Failed</span>
        </figcaption>
        <span class="y">
          {[top, top / 2, 0].map((calls) => (
            <span>{numberOf(calls)}</span>
          ))}
        </span>
        <svg
          viewBox={`0 0 ${hours.length * STEP} ${HEIGHT}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={`Tool calls by hour for the last 24 hours, ${numberOf(most)} at most. The table below has the numbers.`}
        >
          {hours.map(({ hour, calls, failed }, at) => (
            <g>
              <title>{`${clock(hour)} UTC: ${countOf(calls, 'call')}, ${numberOf(failed)} failed`}</title>
              <Bar at={at} from={failed / top} to={calls / top} />
              <Bar at={at} from={0} to={failed / top} isBad />
              <rect class="hit" x={at * STEP} y={0} width={STEP} height={HEIGHT} />
            </g>
          ))}
        </svg>
        <span class="x">
          {hours.map(({ hour }, at) => at % 6 === 0 && <span>{clock(hour)}</span>)}
          <span>now (UTC)</span>
        </span>
      </figure>
      <details class="quiet">
        <summary>Show as a table</summary>
        <Table
          label="Tool calls by hour"
          columns={[
            { name: 'Hour (UTC)' },
            { name: 'Calls', isNumber: true },
            { name: 'Failed', isNumber: true },
          ]}
        >
          {hours
            .filter(({ calls }) => calls)
            .reverse()
            .map(({ hour, calls, failed }) => (
              <tr>
                <td>{clock(hour)}</td>
                <td data-label="Calls" class="num">
                  {numberOf(calls)}
                </td>
                <td data-label="Failed" class="num">
                  {numberOf(failed)}
                </td>
              </tr>
            ))}
        </Table>
      </details>
    </section>
  );
}

/** The next of 2, 4, 6, 8, 10, 20, 40 … that is not less: half of it is whole. */
function roundUp(most: number): number {
  const size = 10 ** Math.floor(Math.log10(Math.max(1, most - 1)));
  return Math.max(2, Math.ceil(most / (2 * size)) * 2 * size);
}

/** Part of an hour's bar, as shares of the height; nothing is not drawn, and the least is to be seen. */
function Bar({ at, from, to, isBad }: { at: number; from: number; to: number; isBad?: boolean }) {
  if (to <= from) return null;
  const height = Math.max(1, (to - from) * HEIGHT);
  const y = HEIGHT - from * HEIGHT - height;
  return (
    <rect
      class={isBad ? 'bad' : undefined}
      x={at * STEP + 1}
      y={Number(y.toFixed(1))}
      width={STEP - 2}
      height={Number(height.toFixed(1))}
    />
  );
}
