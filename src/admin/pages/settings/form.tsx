import type { Child } from 'hono/jsx';
import { itemsIn } from '../../../protocol/variable-values';
import type { ServerChoice } from '../../../servers/summaries';
import { isSecret, type Setting } from '../../../setting';
import type { Settings } from '../../../settings';
import { cut } from '../../../ui/name';
import { described, Field, FieldError, Input } from '../../../ui/parts';
import type { FormFields } from '../api';
import { configsOf, pickedFrom, pickedIn } from '../picked';
import { ToolPicker } from '../tool-picker';
import { AT, amountOf, CHOICES, shownValue, unitsOf, wordsOf } from './words';

/** Where the value in effect comes from. */
export type Source = 'saved' | 'variable' | 'default';

/** A setting as the form shows it. */
export type ShownSetting = {
  setting: Setting;
  /** In effect; a secret is its mask. */
  value: unknown;
  source: Source;
  /** True where what was set cannot be read, in part or in whole: saving what is shown replaces it. */
  isRefused: boolean;
  /** What it would be if it were not saved. */
  otherwise: unknown;
};

type FieldProps = ShownSetting & {
  servers: readonly ServerChoice[];
  sent: FormFields | undefined;
  error: string | undefined;
  /** True where the keyboard goes to this one: it alone was refused. */
  isFirst: boolean;
};

/** One setting: its control, what it means, what follows from changing it, and the way back to its default. */
export function SettingField(props: FieldProps) {
  const isReset = props.sent?.get('reset') === props.setting.name;
  return isReset ? (
    <Control {...props} sent={undefined} value={props.otherwise} isReset />
  ) : (
    <Control {...props} />
  );
}

type ControlProps = FieldProps & { isReset?: boolean };

function Control(props: ControlProps) {
  const { setting, value, servers, sent, error, isFirst } = props;
  const { name } = setting;
  const { label } = wordsOf(setting);
  const hint = hintOf(props);
  const control = { ...described(name, { hint, error }), autofocus: isFirst || undefined };
  if (CHOICES[name]) return <Choice {...props} chosen={sent?.get(name) ?? String(value)} />;
  if (name === 'default_user_access') {
    const configs = value as Settings['default_user_access'];
    return (
      <>
        <div class="stack tight" id={name}>
          <p class="muted">{hint}</p>
          <Reset {...props} />
        </div>
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
        <label class="check">
          <input type="checkbox" value="on" checked={sent ? sent.get(name) === 'on' : value} {...control} />
          <span>{label}</span>
        </label>
        <FieldError name={name} error={error} />
        <small id={`${name}-hint`}>{hint}</small>
        <Reset {...props} />
      </div>
    );
  }
  if (typeof value === 'number') {
    const { count, unit } = amountOf(setting, value);
    return (
      <Field name={name} label={label} hint={hint} error={error}>
        <div class="unit">
          <input
            class="input num"
            type="number"
            min={0}
            value={sent?.get(name) ?? String(count)}
            {...control}
          />
          <UnitSelect setting={setting} unit={sent?.get(`${name}.unit`) ?? unit} />
          <small>{originOf(props)}</small>
          <Reset {...props} />
        </div>
      </Field>
    );
  }
  if (isSecret(setting)) return <Secret {...props} />;
  const isList = Array.isArray(value);
  const text = sent?.get(name) ?? (isList ? value.join('\n') : String(value ?? ''));
  return (
    <Field name={name} label={label} hint={hint} error={error}>
      {isList ? (
        <textarea class="input mono" rows={Math.min(8, Math.max(2, value.length + 1))} {...control}>
          {text}
        </textarea>
      ) : (
        <input class="input" type="text" value={text} {...control} />
      )}
      <Reset {...props} />
    </Field>
  );
}

/** What a setting means and what follows from changing it; of all but amounts also whether it is the default. */
function hintOf(props: ControlProps): string {
  const { means, changes } = wordsOf(props.setting);
  const said = [means && `${means}.`, changes && `${changes}.`].filter(Boolean).join(' ');
  const origin = typeof props.value !== 'number' && originOf(props);
  return origin ? `${said} · ${origin}` : said;
}

function UnitSelect({ setting, unit }: { setting: Setting; unit: string }) {
  const units = unitsOf(setting);
  if (units.length < 2) return <span>{unit}</span>;
  return (
    <select class="input" name={`${setting.name}.unit`} aria-label={`Unit of ${wordsOf(setting).label}`}>
      {units.map(({ unit: one }) => (
        <option value={one} selected={one === unit}>
          {one}
        </option>
      ))}
    </select>
  );
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === '';
}

/** Where a value is from that is not saved. */
function originOf({ value, source, otherwise, isReset, isRefused }: ControlProps): string {
  if (isReset) return 'Not saved yet';
  if (isRefused) return 'What was set can’t be read';
  if (isNothing(otherwise) || (source === 'saved' && !isSame(value, otherwise))) return '';
  return source === 'variable' ? 'Set by the deployment' : 'Default';
}

/** The way back to what a value would be by itself: that is filled in, not yet saved. What would be nothing is emptied. */
function Reset({ setting, value, source, otherwise, isReset }: ControlProps): Child {
  if (isReset || source !== 'saved' || isSame(value, otherwise) || isNothing(otherwise)) return null;
  return (
    <button
      type="submit"
      class="button small quiet auto"
      name="reset"
      value={setting.name}
      formaction={`${AT}/${setting.meta.group}#${setting.name}`}
    >
      Reset to {cut(shownValue(setting, otherwise))}
      <span class="unseen">: {wordsOf(setting).label}</span>
    </button>
  );
}

/** The field that names a secret that was typed into a form that was shown again without it. */
const RETYPE = 'retype';

const isGivenUp = ({ name }: Setting, form: FormFields) =>
  [...form.getAll('keep'), ...form.getAll('return')].includes(name);

function againWords(setting: Setting): string {
  return `Enter the ${wordsOf(setting).label.toLowerCase()} again.`;
}

/** What is wrong with a secret that has to be entered again and was not: saving would keep the old one in silence. */
export function secretLack(setting: Setting, form: FormFields): string | undefined {
  const isAsked = form.getAll(RETYPE).includes(setting.name) && !isGivenUp(setting, form);
  return isAsked && !form.get(setting.name)?.trim() ? againWords(setting) : undefined;
}

/** A secret, which is never shown again. */
function Secret(props: ControlProps) {
  const { setting, value, source, error, sent } = props;
  const { name } = setting;
  const { label } = wordsOf(setting);
  const wasTyped = Boolean(sent?.get(name) || sent?.getAll(RETYPE).includes(name));
  const isAsked = wasTyped && sent && !isGivenUp(setting, sent);
  return (
    <>
      <Input
        name={name}
        label={label}
        type="password"
        autocomplete="off"
        error={error ?? (isAsked ? againWords(setting) : undefined)}
        hint={value ? `Set: ${value}. Leave it empty to keep it.` : hintOf(props)}
      />
      {wasTyped && (
        <>
          <input type="hidden" name={RETYPE} value={name} />
          <label class="check">
            <input type="checkbox" name="keep" value={name} checked={sent?.getAll('keep').includes(name)} />
            <span>
              {value ? 'Keep the old' : 'Save without a'} {label.toLowerCase()}
            </span>
          </label>
        </>
      )}
      {source === 'saved' && (
        <label class="check">
          <input type="checkbox" name="return" value={name} checked={sent?.getAll('return').includes(name)} />
          <span>Remove the saved {label.toLowerCase()}</span>
        </label>
      )}
    </>
  );
}

/** A setting with few values. */
function Choice({ chosen, ...props }: ControlProps & { chosen: string }) {
  const { name } = props.setting;
  return (
    <fieldset class="choices" id={name}>
      <legend class="label">{wordsOf(props.setting).label}</legend>
      {Object.entries(CHOICES[name] ?? {}).map(([one, [label, means]]) => (
        <label class="choice">
          <input type="radio" name={name} value={one} checked={one === chosen} />
          <b>{label}</b>
          <small>{means}</small>
        </label>
      ))}
      <FieldError name={name} error={props.error} />
      <small>{hintOf(props)}</small>
      <Reset {...props} />
    </fieldset>
  );
}

/** What a form says of a setting, as the API takes it; undefined: nothing new. What it would be by itself is not saved. */
export function sentValue(shown: ShownSetting, form: FormFields, servers: readonly ServerChoice[]): unknown {
  const { setting, value, source, otherwise, isRefused } = shown;
  if (source === 'saved' && form.getAll('return').includes(setting.name)) return null;
  const sent =
    setting.name === 'default_user_access'
      ? configsOf(pickedIn(form, servers, pickedFrom(value as Settings['default_user_access'])))
      : statedValue(setting, value, form);
  if (sent === undefined || (!isRefused && isSame(sent, value ?? null))) return undefined;
  return source === 'saved' && isSame(sent, otherwise) ? null : sent;
}

function statedValue(setting: Setting, value: unknown, form: FormFields): unknown {
  const { name } = setting;
  if (typeof value === 'boolean') return form.get(name) === 'on';
  const text = form.get(name)?.trim();
  if (text === undefined) return undefined;
  if (typeof value === 'number') return amountIn(setting, text, form.get(`${name}.unit`));
  if (Array.isArray(value)) return itemsIn(text, setting.meta.ofUrls === true);
  if (text || name === 'support_text') return text;
  return isSecret(setting) ? undefined : null;
}

/** An amount in the unit it is kept in; text that is no number stays what it is. */
function amountIn(setting: Setting, text: string, unit: string | null): unknown {
  const units = unitsOf(setting);
  const { of } = units.find((one) => one.unit === unit) ?? { of: 1 };
  return /^\d{1,9}$/.test(text) ? Number(text) * of : text;
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
