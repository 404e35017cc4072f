import type { VirtualKey } from '../../../governance/virtual-keys';
import type { ServerChoice } from '../../../servers/summaries';
import { Csrf, Dock } from '../../../ui/forms';
import { Icon } from '../../../ui/icons';
import { Cut } from '../../../ui/name';
import { described, Field, Input } from '../../../ui/parts';
import type { FormFields, Refused } from '../api';
import { configsOf, pickedFrom, pickedIn, unpicked } from '../picked';
import { ToolPicker } from '../tool-picker';
import { labelsIn } from '../words/refusals';
import { Expiry, expiryIn } from './expiry';
import { LimitRows, limitsIn } from './limit-rows';
import { OwnerField, type Ownership } from './owner-field';

type KeyFormProps = {
  /** Null: a new one. */
  known: VirtualKey | null;
  servers: readonly ServerChoice[];
  /** Those that give it more. */
  toolsets: readonly { id: string; name: string; enabled: boolean }[];
  ownership: Ownership;
  csrf: string;
  seen?: string;
  /** What was sent and not taken, to be shown again. */
  sent?: FormFields | undefined;
  refused?: Refused | undefined;
};

type PartProps = Omit<KeyFormProps, 'servers' | 'toolsets' | 'csrf' | 'seen' | 'refused'> & {
  /** What is wrong with a member. */
  wrong: (member: string) => string | undefined;
};

/** What an administrator says of a key; the same form makes one and changes one. */
export function KeyForm({ servers, toolsets, csrf, seen = '', refused, ...props }: KeyFormProps) {
  const { known, sent } = props;
  const wrong = (member: string) => (refused?.field.split('.')[0] === member ? refused.message : undefined);
  const at = `/admin/keys/${known?.id ?? 'new'}`;
  return (
    <form class="stack wide" method="post" action={at}>
      {/* What Enter means: the first button of a form. */}
      <button type="submit" hidden />
      <Csrf value={csrf} seen={seen} />
      {!known && <Details {...props} wrong={wrong} />}
      <ToolPicker
        servers={servers}
        picked={pickedFrom(known?.mcpConfigs ?? [])}
        sent={sent}
        error={wrong('mcp_configs')}
        block="Block for this key"
      >
        {toolsets.length > 0 && (
          <p class="small muted">
            Toolsets add to this:{' '}
            {toolsets.map(({ id, name, enabled }, at) => (
              <>
                {at > 0 && ', '}
                <a href={`/admin/toolsets/${id}`}>
                  <Cut of={name} />
                </a>
                {!enabled && ' (off)'}
              </>
            ))}
          </p>
        )}
      </ToolPicker>
      {known && <Details {...props} wrong={wrong} />}
      <Limits {...props} wrong={wrong} />
      <Dock {...(known ? {} : { text: 'Create key', busy: 'Creating…' })} back="/admin/keys" />
    </form>
  );
}

/** A key is never shown again; without it nothing is made where one was to be imported. */
const KEY_AGAIN = 'Enter the key again.';

function Details({ known, ownership, sent, wrong }: PartProps) {
  const text = (name: string, value: string) => sent?.get(name) ?? value;
  const isImport = Boolean(sent?.get('value')) || sent?.get('imports') === 'on';
  const wrongKey = wrong('value') ?? (isImport ? KEY_AGAIN : undefined);
  return (
    <section class="card stack wide">
      <h2>Details</h2>
      <Input
        name="name"
        label="Name"
        required
        maxlength={200}
        value={text('name', known?.name ?? '')}
        error={wrong('name')}
      />
      <Input
        name="description"
        label="Notes"
        isOptional
        maxlength={2000}
        value={text('description', known?.description ?? '')}
        error={wrong('description')}
      />
      <OwnerField
        ownership={ownership}
        value={text('owner', ownership.current?.label ?? '')}
        error={wrong('owner_user_id')}
      />
      <Check name="shared" isOn={sent ? sent.get('shared') === 'on' : (known?.shared ?? false)}>
        Shared by several people
        <small>A shared key can’t hold anyone’s personal account at a server.</small>
      </Check>
      {!known && (
        <details class="quiet" open={wrongKey !== undefined}>
          <summary>Import a key you already have</summary>
          <Field
            name="value"
            label="Key"
            isOptional={!isImport}
            error={wrongKey}
            hint={`It starts with sk-bf-.${isImport ? '' : ' Leave this empty and we create one.'}`}
          >
            <input
              class="input mono"
              type="password"
              autocomplete="off"
              required={isImport}
              {...described('value', { hint: true, error: wrongKey })}
              autofocus={wrong('value') !== undefined}
            />
          </Field>
          {isImport && <input type="hidden" name="imports" value="on" />}
        </details>
      )}
    </section>
  );
}

function Limits({ known, sent, wrong }: PartProps) {
  const isOn = (name: string, value: boolean) => (sent ? sent.get(name) === 'on' : value);
  return (
    <section class="card stack wide">
      <h2>Limits</h2>
      <LimitRows limits={known?.limits ?? []} sent={sent} error={wrong('limits')} />
      <Expiry expiresAt={known?.expiresAt ?? null} sent={sent} error={wrong('expires_at')} />
      <Check
        name="delete_after_expire"
        isOn={isOn('delete_after_expire', known?.deleteAfterExpire ?? false)}
        error={wrong('delete_after_expire')}
      >
        Delete the key when it expires
      </Check>
      {known && (
        <Check name="is_active" isOn={isOn('is_active', known.isActive)}>
          Active
          <small>Turn off to block it within seconds. Turning it on restores everything.</small>
        </Check>
      )}
    </section>
  );
}

type CheckProps = { name: string; isOn: boolean; error?: string | undefined; children: unknown };

function Check({ name, isOn, error, children }: CheckProps) {
  return (
    <div>
      <label class="check">
        <input type="checkbox" value="on" checked={isOn} {...described(name, { error })} />
        <span>{children}</span>
      </label>
      {error && (
        <span class="error" id={`${name}-error`} role="alert">
          <Icon of="error" />
          {error}
        </span>
      )}
    </div>
  );
}

/** What the API's refusals call the members of {@link KeyForm}. */
export const KEY_WORDS = labelsIn({
  name: 'The name',
  description: 'The notes',
  mcp_configs: 'What was chosen of a server',
  'limits.calls': 'The number of calls',
  'limits.window_seconds': 'The period',
  limits: 'Use at most ten limits, each for another period.',
  expires_at: 'Choose a date in the future.',
  delete_after_expire: 'Choose when the key expires, or keep it.',
  value: 'The key',
  owner_user_id: 'The owner',
});

/** The terms a form states, as the API takes them; of a key that is `known`, those that it may have changed. */
export function termsIn(
  form: FormFields,
  known: VirtualKey | null,
  servers: readonly ServerChoice[],
): { ok: true; terms: Record<string, unknown> } | Refused {
  const picked = pickedIn(form, servers, pickedFrom(known?.mcpConfigs ?? []));
  const empty = unpicked(picked);
  if (empty) return { ok: false, status: 400, message: empty, field: 'mcp_configs' };
  if (!known && form.get('imports') === 'on' && !form.get('value'))
    return { ok: false, status: 400, message: KEY_AGAIN, field: 'value' };
  const deletes = form.get('delete_after_expire') === 'on';
  const terms = {
    name: form.get('name') ?? '',
    description: form.get('description') ?? '',
    mcp_configs: configsOf(picked),
    shared: form.get('shared') === 'on',
    limits: limitsIn(form),
    ...expiryIn(form, known?.expiresAt ?? null),
    ...(deletes !== (known?.deleteAfterExpire ?? false) && { delete_after_expire: deletes }),
    ...(known && { is_active: form.get('is_active') === 'on' }),
    ...(!known && form.get('value') && { value: form.get('value') }),
  };
  return { ok: true, terms };
}
