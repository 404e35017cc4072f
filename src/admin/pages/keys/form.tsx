import type { VirtualKey } from '../../../governance/virtual-keys';
import type { ServerChoice } from '../../../servers/summaries';
import { Csrf } from '../../../ui/forms';
import { described, Field, Input } from '../../../ui/parts';
import { rfc3339 } from '../../api/answer';
import type { FormFields, Refused } from '../api';
import { configsOf, pickedFrom, pickedIn, unpicked } from '../picked';
import { ToolPicker } from '../tool-picker';
import { labelsIn } from '../words/refusals';
import { LimitRows, limitsIn } from './limit-rows';
import { OwnerField, type Ownership } from './owner-field';

type KeyFormProps = {
  /** Null: a new one. */
  known: VirtualKey | null;
  servers: readonly ServerChoice[];
  ownership: Ownership;
  csrf: string;
  /** What was sent and not taken, to be shown again. */
  sent?: FormFields | undefined;
  refused?: Refused | undefined;
};

/** What an administrator says of a key; the same form makes one and changes one. */
export function KeyForm({ known, servers, ownership, csrf, sent, refused }: KeyFormProps) {
  const text = (name: string, value: string) => sent?.get(name) ?? value;
  const isOn = (name: string, value: boolean) => (sent ? sent.get(name) === 'on' : value);
  const wrong = (member: string) => (refused?.field.split('.')[0] === member ? refused.message : undefined);
  return (
    <form class="card stack wide" method="post">
      {/* What Enter means: the first button of a form. */}
      <button type="submit" hidden />
      <Csrf value={csrf} />
      <Input
        name="name"
        label="Name"
        required
        maxlength={200}
        value={text('name', known?.name ?? '')}
        error={wrong('name')}
        hint="Whose it is, or what for."
      />
      <Input
        name="description"
        label="Notes"
        maxlength={2000}
        value={text('description', known?.description ?? '')}
        error={wrong('description')}
      />
      <ToolPicker
        servers={servers}
        picked={pickedFrom(known?.mcpConfigs ?? [])}
        sent={sent}
        error={wrong('mcp_configs')}
        block="Block for this key"
      />
      <OwnerField
        ownership={ownership}
        value={text('owner', ownership.current?.label ?? '')}
        error={wrong('owner_user_id')}
      />
      <label class="row check">
        <input type="checkbox" name="shared" value="on" checked={isOn('shared', known?.shared ?? false)} />
        <span>
          Several people hold it
          <small>It then keeps no account of anybody’s at servers where everyone connects their own.</small>
        </span>
      </label>
      <LimitRows limits={known?.limits ?? []} sent={sent} error={wrong('limits')} />
      <div class="stack tight">
        <Input
          name="expires_at"
          label="Works until"
          type="datetime-local"
          value={text('expires_at', minuteOf(known?.expiresAt ?? null))}
          error={wrong('expires_at')}
          hint="In UTC. Empty: for good."
        />
        <label class="row check">
          <input
            type="checkbox"
            name="delete_after_expire"
            value="on"
            checked={isOn('delete_after_expire', known?.deleteAfterExpire ?? false)}
            aria-describedby={wrong('delete_after_expire') && 'delete_after_expire-error'}
          />
          <span>Delete it then</span>
        </label>
        {wrong('delete_after_expire') && (
          <span class="error" id="delete_after_expire-error">
            {wrong('delete_after_expire')}
          </span>
        )}
      </div>
      {known && (
        <label class="row check">
          <input type="checkbox" name="is_active" value="on" checked={isOn('is_active', known.isActive)} />
          <span>
            Active
            <small>
              Unticked, it is refused within seconds. What it allowed stays, and works again with it.
            </small>
          </span>
        </label>
      )}
      {!known && (
        <Field
          name="value"
          label="Value it has already"
          error={wrong('value')}
          hint="Only to bring a key along from elsewhere; it begins with sk-bf-. Empty: one is made."
        >
          <input
            class="input mono"
            type="password"
            autocomplete="off"
            {...described('value', { hint: true, error: wrong('value') })}
          />
        </Field>
      )}
      <div class="actions">
        <button type="submit" class="button primary">
          {known ? 'Save' : 'Make the key'}
        </button>
        <a class="button" href="/admin/keys">
          Cancel
        </a>
      </div>
    </form>
  );
}

/** What the API's refusals call the members of {@link KeyForm}. */
export const KEY_WORDS = labelsIn({
  name: 'The name',
  description: 'The notes',
  mcp_configs: 'What was chosen of a server',
  'limits.calls': 'The number of calls',
  'limits.window_seconds': 'The time of a limit',
  limits: 'There can be ten limits, each for another time.',
  expires_at: 'The time it works until',
  delete_after_expire: 'Say until when it works, or do not have it deleted then.',
  value: 'The value',
  owner_user_id: 'The owner',
});

/** The terms a form states, as the API takes them; of a key that is `known`, those that it may have changed. */
export function termsIn(
  form: FormFields,
  known: VirtualKey | null,
): { ok: true; terms: Record<string, unknown> } | Refused {
  const picked = pickedIn(form);
  const empty = unpicked(picked);
  if (empty) return { ok: false, status: 400, message: empty, field: 'mcp_configs' };
  const until = form.get('expires_at') ?? '';
  const deletes = form.get('delete_after_expire') === 'on';
  const terms = {
    name: form.get('name') ?? '',
    description: form.get('description') ?? '',
    mcp_configs: configsOf(picked),
    shared: form.get('shared') === 'on',
    limits: limitsIn(form),
    // To the minute is how a browser shows it: a time no one touched stays what it is.
    ...(until !== minuteOf(known?.expiresAt ?? null) && { expires_at: until ? `${until}:00Z` : null }),
    ...(deletes !== (known?.deleteAfterExpire ?? false) && { delete_after_expire: deletes }),
    ...(known && { is_active: form.get('is_active') === 'on' }),
    ...(!known && form.get('value') && { value: form.get('value') }),
  };
  return { ok: true, terms };
}

function minuteOf(seconds: number | null): string {
  return rfc3339(seconds)?.slice(0, 16) ?? '';
}
