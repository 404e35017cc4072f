import type { Limit } from '../../../governance/key-object';
import { countOf, numberOf } from '../../../ui/english';
import { Icon } from '../../../ui/icons';
import { Step } from '../add-server';
import type { FormFields } from '../api';

/** The API's limit of limits. */
const MOST = 10;

/** Lengths of a limit that are offered, in seconds. */
const WINDOWS = [60, 3600, 86_400, 604_800, 2_592_000];

type Row = { calls: string; seconds: number };

/** At most so many tool calls in a period, a row each. */
export function LimitRows({
  limits,
  sent,
  error,
}: {
  limits: readonly Limit[];
  sent: FormFields | undefined;
  error: string | undefined;
}) {
  const known = limits.map(({ calls, window_seconds }) => ({
    calls: String(calls),
    seconds: window_seconds,
  }));
  const rows = sent ? rowsIn(sent) : known;
  const wantsMore = sent?.get('again') === 'limit' || !rows.length;
  const shown = wantsMore && rows.length < MOST ? [...rows, { calls: '', seconds: freeWindow(rows) }] : rows;
  return (
    <fieldset>
      <legend class="label">Tool calls</legend>
      {shown.map((row, at) => (
        <LimitRow row={row} at={at + 1} error={error} isAdded={wantsMore && at > 0 && at === rows.length} />
      ))}
      {error && (
        <span class="error" id="limits-error" role="alert">
          <Icon of="error" />
          {error}
        </span>
      )}
      <div class="row">
        {shown.length < MOST && (
          <Step value="limit" look="quiet">
            <Icon of="plus" />
            Add another limit
          </Step>
        )}
        <small>Leave empty for no limit. Calls of its apps count too.</small>
      </div>
    </fieldset>
  );
}

type LimitProps = { row: Row; at: number; error: string | undefined; isAdded: boolean };

function LimitRow({ row: { calls, seconds }, at, error, isAdded }: LimitProps) {
  const windows = [...new Set([...WINDOWS, seconds])].sort((a, b) => a - b);
  return (
    <div class="unit">
      <input
        class="input num"
        type="number"
        name="limit_calls"
        min="1"
        inputmode="numeric"
        value={calls}
        autofocus={isAdded || (error !== undefined && at === 1)}
        aria-label={`Most calls, limit ${at}`}
        aria-invalid={error && 'true'}
        aria-describedby={error && 'limits-error'}
      />
      <span>per</span>
      <select class="input" name="limit_window" aria-label={`Period of limit ${at}`}>
        {windows.map((window) => (
          <option value={window} selected={window === seconds}>
            {lengthOf(window)}
          </option>
        ))}
      </select>
    </div>
  );
}

const UNITS: readonly [seconds: number, name: string][] = [
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
];

/** A length of time in the largest unit that measures it exactly: `hour`, `90 minutes`. */
export function lengthOf(seconds: number): string {
  const [size, name] = UNITS.find(([size]) => seconds % size === 0) ?? [1, 'second'];
  return seconds === size ? name : countOf(seconds / size, name);
}

/** `500 calls per day, 60 per minute` */
export function limitsOf(limits: readonly Limit[]): string {
  return limits
    .map(({ calls, window_seconds }, at) => {
      const many = at ? numberOf(calls) : countOf(calls, 'call');
      return `${many} per ${lengthOf(window_seconds)}`;
    })
    .join(', ');
}

function freeWindow(rows: readonly Row[]): number {
  return [86_400, ...WINDOWS].find((window) => rows.every(({ seconds }) => seconds !== window)) ?? 86_400;
}

/** The rows of a form that say something. */
function rowsIn(form: FormFields): Row[] {
  const windows = form.getAll('limit_window');
  return form
    .getAll('limit_calls')
    .map((calls, at) => ({ calls: calls.trim(), seconds: Number(windows[at]) }))
    .filter(({ calls }) => calls);
}

/** The limits a form states, as the API takes them. */
export function limitsIn(form: FormFields): Limit[] {
  return rowsIn(form).map(({ calls, seconds }) => ({ calls: Number(calls), window_seconds: seconds }));
}
