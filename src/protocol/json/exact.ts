/** A number that a double does not give back as its text has it: it is written again digit by digit (ECMAScript `JSON.rawJSON`). */
export type RawNumber = { readonly rawJSON: string };

/** What TypeScript's library does not describe yet: JSON.parse source text access. */
const { rawJSON, isRawJSON } = JSON as unknown as {
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): boolean;
};

export function isRawNumber(value: unknown): value is RawNumber {
  return isRawJSON(value);
}

/** A number as a double, whether it was kept with its digits or not; anything else as it is. */
export function plainNumber(value: unknown): unknown {
  return isRawNumber(value) ? Number(value.rawJSON) : value;
}

/** The same with every number as a double: what goes to an object, which takes no number with its digits. */
export function plainNumbers<T>(value: T): T {
  return JSON.parse(JSON.stringify(value));
}

/**
 * Where a number may be that loses digits as a double: a fraction, an exponent, 16 digits, a negative zero. What follows a
 * quote is in a string, as the 2.0 of every message.
 */
const MAY_LOSE_DIGITS = /\d{16}|(?<!")\d[.eE][\d+-]|-0/;
/** The value of a JSON text, its numbers with the digits they have there. @throws SyntaxError */
export function parseExact(text: string): unknown {
  return JSON.parse(text, MAY_LOSE_DIGITS.test(text) ? exact : undefined);
}

type Context = { source: string };

function exact(_member: string, value: unknown, context?: Context): unknown {
  return typeof value !== 'number' || !context || String(value) === context.source
    ? value
    : rawJSON(context.source);
}
