import * as z from 'zod';
import { because } from './faults/fault';

/** An integer. */
export const number = (least: number, most: number) =>
  z.preprocess(fromText, z.number().int().min(least).max(most));

export const flag = () => z.preprocess(fromText, z.boolean());

/** A list, or its items separated by commas. */
export const list = (item = z.string().min(1).max(2000)) =>
  z.preprocess(
    (value) => (typeof value === 'string' ? value.split(',').map((part) => part.trim()) : value),
    z.array(item).max(100),
  );

/** A line that people read. */
export const plainText = () =>
  z
    .string()
    .max(200)
    .regex(/^[^\p{C}<>]*$/u, because('not_plain'));

/** A number or boolean given as text, as shells do: `"600"` and `"true"` mean what they look like. */
export function fromText(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (/^(true|false)$/.test(value)) return value === 'true';
  return /^\d+$/.test(value) ? Number(value) : value;
}

/** A list given as JSON, as a variable has to. */
export function fromJson(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
