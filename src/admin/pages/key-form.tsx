import { Input } from '../../ui/parts';
import type { Acted, Form } from './api';
import { Csrf } from './frame';
import type { Key } from './keys';
import { configsOf, type PickableServer, pickedIn, pickedOf, ToolPicker } from './tool-picker';

type Refusal = Exclude<Acted<unknown>, { ok: true }>;

type KeyFormProps = {
  /** Null: a new one. */
  key_: Key | null;
  servers: PickableServer[];
  people: { id: string; name: string; email: string }[];
  csrf: string;
  /** What was sent and refused, to be shown again. */
  sent?: Form | undefined;
  refused?: Refusal | undefined;
};

/** The windows a limit may have, in seconds. */
const WINDOWS: readonly [number, string][] = [
  [60, 'a minute'],
  [3600, 'an hour'],
  [86_400, 'a day'],
  [2_592_000, '30 days'],
];

/** What an administrator says of a key; the same form makes one and changes one. */
export function KeyForm({ key_: key, servers, people, csrf, sent, refused }: KeyFormProps) {
  const value = (name: string, known: string) => sent?.get(name) ?? known;
  const wrong = (member: string) => (refused?.field.startsWith(member) ? refused.message : undefined);
  const [limit] = key?.limits ?? [];
  const isOn = (name: string, known: boolean) => (sent ? sent.get(name) === 'on' : known);
  return (
    <form class="card stack wide" method="post">
      <Csrf value={csrf} />
      <Input
        name="name"
        label="Name"
        required
        maxlength={200}
        value={value('name', key?.name ?? '')}
        error={wrong('name')}
        hint="For people: whose it is, or what for."
      />
      <ToolPicker servers={servers} picked={sent ? pickedIn(sent) : pickedOf(key?.mcp_configs ?? [])} />
      {wrong('mcp_configs') && <p class="error">{wrong('mcp_configs')}</p>}
      <div class="field">
        <label for="owner_user_id">Belongs to</label>
        <select class="input" id="owner_user_id" name="owner_user_id">
          <option value="">nobody in particular</option>
          {people.map(({ id, name, email }) => (
            <option value={id} selected={value('owner_user_id', key?.owner_user_id ?? '') === id}>
              {name === email ? email : `${name} (${email})`}
            </option>
          ))}
        </select>
        <small>Whoever owns a key uses it as themselves, and only they can allow an app with it.</small>
      </div>
      <label class="row check">
        <input type="checkbox" name="shared" value="on" checked={isOn('shared', key?.shared ?? false)} />
        <span>
          Several people hold it{' '}
          <small>It then keeps no account of one person at servers that want everyone’s own.</small>
        </span>
      </label>
      <div class="row fields">
        <Input
          name="limit_calls"
          label="At most so many tool calls"
          type="number"
          min={1}
          value={value('limit_calls', limit ? String(limit.calls) : '')}
          error={wrong('limits')}
          hint="Empty: no limit."
        />
        <div class="field">
          <label for="limit_window">in</label>
          <select class="input" id="limit_window" name="limit_window">
            {WINDOWS.map(([seconds, words]) => (
              <option
                value={seconds}
                selected={Number(value('limit_window', String(limit?.window_seconds ?? 86_400))) === seconds}
              >
                {words}
              </option>
            ))}
          </select>
        </div>
      </div>
      <Input
        name="expires_at"
        label="Works until"
        type="datetime-local"
        value={value('expires_at', key?.expires_at?.slice(0, 16) ?? '')}
        error={wrong('expires_at')}
        hint="In UTC. Empty: for good."
      />
      {key && (
        <label class="row check">
          <input type="checkbox" name="is_active" value="on" checked={isOn('is_active', key.is_active)} />
          <span>
            Active{' '}
            <small>
              Unticked, it is refused within seconds; what it allowed stays and works again with it.
            </small>
          </span>
        </label>
      )}
      <div class="actions">
        <button type="submit" class="button primary">
          {key ? 'Save' : 'Make the key'}
        </button>
        <a class="button" href="/admin/keys">
          Cancel
        </a>
      </div>
    </form>
  );
}

/** The form as the API takes it. */
export function keyOf(form: Form) {
  const calls = form.get('limit_calls');
  const until = form.get('expires_at');
  return {
    name: form.get('name') ?? '',
    mcp_configs: configsOf(pickedIn(form)),
    owner_user_id: form.get('owner_user_id') || null,
    shared: form.get('shared') === 'on',
    limits: calls ? [{ calls: Number(calls), window_seconds: Number(form.get('limit_window')) }] : [],
    expires_at: until ? `${until}:00Z` : null,
  };
}
