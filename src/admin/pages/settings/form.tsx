import type { ServerChoice } from '../../../servers/summaries';
import { isSecret, type Setting, type Settings } from '../../../settings';
import { described, Field, Input } from '../../../ui/parts';
import type { FormFields } from '../api';
import { configsOf, pickedFrom, pickedIn } from '../picked';
import { ToolPicker } from '../tool-picker';
import { CHOICES, shownValue, wordsOf } from './words';

/** Where the value in effect comes from. */
export type Source = 'saved' | 'variable' | 'default';

/** A setting as the form shows it. */
export type ShownSetting = {
  setting: Setting;
  /** In effect; a secret is its mask. */
  value: unknown;
  source: Source;
  /** What it would be if it were not saved. */
  otherwise: unknown;
};

type FieldProps = ShownSetting & {
  servers: readonly ServerChoice[];
  sent: FormFields | undefined;
  error: string | undefined;
};

/** One setting: its control, what it means, what follows from changing it, and the way back to the variable. */
export function SettingField(props: FieldProps) {
  const { setting, source, otherwise, sent } = props;
  const { changes } = wordsOf(setting);
  return (
    <div class="stack tight setting">
      <Control {...props} />
      {changes && (
        <small>
          <b>When you change it:</b> {lowered(changes)}.
        </small>
      )}
      {source === 'saved' && (
        <label class="row check">
          <input
            type="checkbox"
            name="return"
            value={setting.name}
            checked={sent?.getAll('return').includes(setting.name)}
          />
          <small>
            Forget what was saved here, and go back to{' '}
            {isSecret(setting) ? 'what the deployment says' : `“${shownValue(setting, otherwise)}”`}
          </small>
        </label>
      )}
    </div>
  );
}

function Control({ setting, value, servers, sent, error }: FieldProps) {
  const { name } = setting;
  const { label, means } = wordsOf(setting);
  const hint = `${means}.`;
  if (CHOICES[name])
    return <Choice name={name} legend={label} value={sent?.get(name) ?? String(value)} error={error} />;
  if (name === 'default_user_access') {
    const configs = value as Settings['default_user_access'];
    return (
      <>
        <p class="muted">{hint}</p>
        <ToolPicker
          servers={servers}
          picked={pickedFrom(configs)}
          sent={sent}
          error={error}
          block="Block for everyone who signs in"
        />
      </>
    );
  }
  if (typeof value === 'boolean') {
    return (
      <div class="field">
        <label class="row check">
          <input
            type="checkbox"
            value="on"
            checked={sent ? sent.get(name) === 'on' : value}
            {...described(name, { hint, error })}
          />
          <span>{label}</span>
        </label>
        {error && (
          <span class="error" id={`${name}-error`} role="alert">
            {error}
          </span>
        )}
        <small id={`${name}-hint`}>{hint}</small>
      </div>
    );
  }
  if (Array.isArray(value)) {
    return (
      <Field name={name} label={label} hint={`${hint} One a line.`} error={error}>
        <textarea
          class="input mono"
          rows={Math.min(8, Math.max(2, value.length + 1))}
          {...described(name, { hint, error })}
        >
          {sent?.get(name) ?? value.join('\n')}
        </textarea>
      </Field>
    );
  }
  if (isSecret(setting)) {
    const now = value ? ` It is ${value} now. Empty: it stays.` : '';
    return (
      <Input
        name={name}
        label={label}
        type="password"
        autocomplete="off"
        error={error}
        hint={`${hint}${now}`}
      />
    );
  }
  const isNumber = typeof value === 'number';
  return (
    <Input
      name={name}
      label={label}
      type={isNumber ? 'number' : 'text'}
      min={isNumber ? 0 : undefined}
      value={sent?.get(name) ?? (value === undefined || value === null ? '' : String(value))}
      error={error}
      hint={isNumber ? `${hint} In ${unitsOf(setting)}.` : hint}
    />
  );
}

type ChoiceProps = { name: string; legend: string; value: string; error: string | undefined };

/** A setting with few values. */
function Choice({ name, legend, value, error }: ChoiceProps) {
  return (
    <fieldset>
      <legend>{legend}</legend>
      {Object.entries(CHOICES[name] ?? {}).map(([one, [label, means]]) => (
        <label class="choice">
          <input type="radio" name={name} value={one} checked={one === value} />
          <span>{label}</span>
          <small>{means}</small>
        </label>
      ))}
      {error && <p class="error">{error}</p>}
    </fieldset>
  );
}

/** "seconds, 60 to 900", of "seconds, 0 = none" only the unit: what 0 is, the words say. */
function unitsOf(setting: Setting): string {
  return wordsOf(setting).type.replace(/, 0 = .*$/, '');
}

function lowered(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}

/** What a form says of a setting, as the API takes it; undefined: nothing new. */
export function sentValue({ setting, value, source }: ShownSetting, form: FormFields): unknown {
  const { name } = setting;
  if (source === 'saved' && form.getAll('return').includes(name)) return null;
  if (name === 'default_user_access') return configsOf(pickedIn(form));
  if (typeof value === 'boolean') return form.get(name) === 'on';
  const text = form.get(name)?.trim();
  if (text === undefined) return undefined;
  if (typeof value === 'number') return /^\d+$/.test(text) ? Number(text) : text;
  if (Array.isArray(value)) {
    return text
      .split(/[\n,]/)
      .map((line) => line.trim())
      .filter(Boolean);
  }
  if (text || name === 'support_text') return text;
  return isSecret(setting) || value === undefined || value === null ? undefined : null;
}
