import * as z from 'zod/mini';
import { because } from './faults/fault';
import { isLoopback } from './public-url';

/** An integer. */
export const number = (least: number, most: number) =>
  z.pipe(z.transform(fromText), z.int().check(z.minimum(least), z.maximum(most)));

export const flag = () => z.pipe(z.transform(fromText), z.boolean());

/** A list, or its items separated by commas. */
export const list = (item = z.string().check(z.minLength(1), z.maxLength(2000))) =>
  z.pipe(
    z.transform((value) => (typeof value === 'string' ? value.split(',').map((part) => part.trim()) : value)),
    z.array(item).check(z.maxLength(100)),
  );

/** E-mail addresses or their domains, which compare without regard to case. */
export const lowerCased = () => list(z.string().check(z.minLength(1), z.maxLength(2000), z.toLowerCase()));

/** A line that people read. */
export const plainText = () =>
  z.string().check(z.maxLength(200), z.regex(/^[^\p{C}<>]*$/u, because('not_plain')));

/** A browser's origin. */
export const Origin = z.string().check(
  z.refine((value) => {
    if (!URL.canParse(value)) return false;
    const { origin, protocol, hostname } = new URL(value);
    return origin === value && (protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname)));
  }, because('not_an_origin')),
);

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
