import type { HourOfCalls } from '../../../governance/tool-counts';
import { Table } from '../../../ui/parts';

/** A bar is this wide, and the highest this high. */
const STEP = 10;
const BAR = 7;
const HEIGHT = 60;

/** Calls and errors of the last day, an hour a bar; the same as a table. */
export function CallChart({ hours }: { hours: readonly HourOfCalls[] }) {
  const most = Math.max(1, ...hours.map(({ calls }) => calls));
  const busy = hours.filter(({ calls }) => calls);
  return (
    <figure class="chart">
      <small>
        up to <b>{most.toLocaleString('en')}</b> an hour
      </small>
      <svg
        viewBox={`0 0 ${hours.length * STEP} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Tool calls by hour, up to ${most.toLocaleString('en')} in one. The table below has the numbers.`}
      >
        {hours.map(({ calls, failed }, at) => (
          <>
            <Bar at={at} from={0} to={failed / most} kind="bad" />
            <Bar at={at} from={failed / most} to={calls / most} kind="good" />
          </>
        ))}
      </svg>
      <figcaption class="row spread">
        <small>24 hours ago</small>
        <small>
          <span class="key good" /> answered <span class="key bad" /> failed
        </small>
        <small>now</small>
      </figcaption>
      <details>
        <summary>As a table</summary>
        <Table
          label="Tool calls by hour"
          columns={[
            { name: 'Hour (UTC)' },
            { name: 'Calls', isNumber: true },
            { name: 'Failed', isNumber: true },
          ]}
        >
          {busy.map(({ hour, calls, failed }) => (
            <tr>
              <td>{new Date(hour * 3_600_000).toISOString().slice(0, 16).replace('T', ' ')}</td>
              <td data-label="Calls" class="num">
                {calls.toLocaleString('en')}
              </td>
              <td data-label="Failed" class="num">
                {failed.toLocaleString('en')}
              </td>
            </tr>
          ))}
        </Table>
      </details>
    </figure>
  );
}

/** Part of an hour's bar, as shares of the height; nothing is not drawn, and the least is to be seen. */
function Bar({ at, from, to, kind }: { at: number; from: number; to: number; kind: 'good' | 'bad' }) {
  if (to <= from) return null;
  const height = Math.max(1, (to - from) * HEIGHT);
  return <rect class={kind} x={at * STEP} y={HEIGHT - from * HEIGHT - height} width={BAR} height={height} />;
}
