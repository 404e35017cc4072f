import { described, Field } from '../../../ui/parts';
import { rfc3339 } from '../../api/answer';
import type { FormFields } from '../api';

type ExpiryProps = { expiresAt: number | null; sent: FormFields | undefined; error: string | undefined };

/** Seconds. */
const DAY = 86_400;

/** When a key expires: never, in 30 days, or on a date. */
export function Expiry({ expiresAt, sent, error }: ExpiryProps) {
  const choice = sent?.get('expires') ?? (expiresAt === null ? 'never' : 'date');
  return (
    <Field name="expires" label="Expires" error={error}>
      <div class="unit">
        <select class="input" {...described('expires', { error })}>
          {Object.entries({ never: 'Never', month: 'In 30 days', date: 'On a date' }).map(
            ([value, words]) => (
              <option value={value} selected={value === choice}>
                {words}
              </option>
            ),
          )}
        </select>
        <span class="row if-date">
          <input
            class="input auto"
            type="date"
            name="expires_on"
            value={sent?.get('expires_on') ?? dateOf(expiresAt)}
            aria-label="Date"
          />
          <small>at {timeOf(expiresAt)} UTC</small>
        </span>
      </div>
    </Field>
  );
}

const dateOf = (at: number | null) => rfc3339(at)?.slice(0, 10) ?? '';
const timeOf = (at: number | null) => rfc3339(at)?.slice(11, 16) ?? '00:00';

/** What a form says of it, as the API takes it; a date no one touched stays the time it is, to the second. */
export function expiryIn(form: FormFields, known: number | null): { expires_at?: string | null } {
  const choice = form.get('expires') ?? 'never';
  const date = form.get('expires_on') ?? '';
  if (choice === 'date' && known !== null && date === dateOf(known)) return {};
  if (choice === 'never') return known === null ? {} : { expires_at: null };
  if (choice === 'month') return { expires_at: rfc3339(Math.floor(Date.now() / 1000) + 30 * DAY) };
  return { expires_at: `${date}T${timeOf(known)}:00Z` };
}
