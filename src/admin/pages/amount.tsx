import type { Child } from 'hono/jsx';
import { countOf } from '../../ui/english';
import { described, Field } from '../../ui/parts';
import type { FormFields } from './api';

/** A unit, and how many of the smallest one it is. */
type Unit = readonly [name: string, size: number];

/** Units of what is stored in the first of them. */
export const SECONDS = [
  ['second', 1],
  ['minute', 60],
] as const satisfies readonly Unit[];
export const MINUTES = [
  ['minute', 1],
  ['hour', 60],
] as const satisfies readonly Unit[];

type AmountProps = {
  name: string;
  label: string;
  form: FormFields;
  units: readonly Unit[];
  /** What holds where nothing is entered. */
  otherwise: number;
  error: string | undefined;
  /** What the amount continues with. */
  children?: Child;
};

/** A number with its unit, and the default in words. */
export function Amount({ name, label, form, units, otherwise, error, children }: AmountProps) {
  const [size, unit] = largest(otherwise, units);
  return (
    <Field name={name} label={label} error={error}>
      <div class="unit">
        <input
          class="input num"
          type="number"
          min="1"
          value={form.get(name) ?? ''}
          placeholder={String(otherwise)}
          {...described(name, { error })}
        />
        <select class="input" name={`${name}_unit`} aria-label={`Unit: ${label}`}>
          {units.map(([unit, size]) => (
            <option value={size} selected={form.get(`${name}_unit`) === String(size)}>
              {unit}s
            </option>
          ))}
        </select>
        <small>
          {children} Default: {countOf(otherwise / size, unit)}.
        </small>
      </div>
    </Field>
  );
}

/** The largest unit of which `value` is a whole number. */
function largest(value: number, units: readonly Unit[]): [size: number, unit: string] {
  const [name = '', size = 1] = units.findLast(([, size]) => value % size === 0) ?? [];
  return [size, name];
}

/** Puts an amount into a form. */
export function putAmount(form: FormFields, name: string, value: number | null, units: readonly Unit[]) {
  if (value === null) return;
  const [size] = largest(value, units);
  form.set(name, String(value / size));
  form.set(`${name}_unit`, String(size));
}

/** The amount that a form states, in the smallest unit; null: none. What is no amount is as it is, to be refused. */
export function amountIn(form: FormFields, name: string): number | string | null {
  const text = form.get(name)?.trim();
  if (!text) return null;
  const amount = Number(text) * Number(form.get(`${name}_unit`) || Number.NaN);
  return Number.isFinite(amount) ? amount : text;
}
