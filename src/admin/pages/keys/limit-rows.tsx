import type { Limit } from '../../../governance/key-object';
import type { FormFields } from '../api';

/** The API's limit of limits. */
const MOST = 10;

/** Lengths of a limit that are offered, in seconds. */
const WINDOWS = [60, 3600, 86_400, 604_800, 2_592_000];

type Row = { calls: string; seconds: number };

/** At most so many tool calls in so much time, a row each; one more row is left empty. */
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
      <legend>Tool calls, at most</legend>
      {shown.map((row, at) => (
        <LimitRow row={row} at={at + 1} hasError={error !== undefined} />
      ))}
      {error && (
        <span class="error" id="limits-error" role="alert">
          {error}
        </span>
      )}
      <div class="row">
        {shown.length < MOST && (
          <button type="submit" class="button small" name="again" value="limit" formnovalidate>
            Add a limit
          </button>
        )}
        <small>Leave the number empty for no limit. Calls of apps that were allowed with it count too.</small>
      </div>
    </fieldset>
  );
}

function LimitRow({ row: { calls, seconds }, at, hasError }: { row: Row; at: number; hasError: boolean }) {
  const windows = [...new Set([...WINDOWS, seconds])].sort((a, b) => a - b);
  return (
    <div class="row limit">
      <input
        class="input"
        type="number"
        name="limit_calls"
        min="1"
        inputmode="numeric"
        value={calls}
        aria-label={`Calls of limit ${at}`}
        aria-describedby={hasError ? 'limits-error' : undefined}
      />
      <span>in</span>
      <select class="input" name="limit_window" aria-label={`Time of limit ${at}`}>
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

/** A length of time in the largest unit that measures it exactly: `an hour`, `90 minutes`. */
export function lengthOf(seconds: number): string {
  const [size, name] = UNITS.find(([size]) => seconds % size === 0) ?? [1, 'second'];
  if (seconds === size) return name === 'hour' ? 'an hour' : `a ${name}`;
  return `${seconds / size} ${name}s`;
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
