const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** The most characters of a number that are compared as one. */
const MOST_TEXT = 1000;
/** The most digits of a whole number that are written out. */
const MOST_DIGITS = 100;

/** A number by its value: `digits` end in no zero, and `power` is the power of ten they are multiplied by. Zero has no digits. */
type Decimal = { sign: string; digits: string; power: bigint };

function decimalOf(text: string): Decimal | null {
  const match = text.length > MOST_TEXT ? null : NUMBER.exec(text);
  if (!match) return null;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const all = `${whole}${fraction}`.replace(/^0+/, '');
  const digits = all.replace(/0+$/, '');
  if (!digits) return { sign: '', digits, power: 0n };
  return { sign, digits, power: BigInt(exponent) + BigInt(all.length - digits.length - fraction.length) };
}

/** True when two texts are the same number, compared digit by digit: `42.0` and `42`, `1e2` and `100`. */
export function sameNumber(one: string, other: string): boolean {
  const [a, b] = [decimalOf(one), decimalOf(other)];
  return a !== null && b !== null && a.sign === b.sign && a.digits === b.digits && a.power === b.power;
}

/** A whole number as plain digits, however it is written: `1e2` is `100`, and `-0` is `0`. Any other text stays as it is. */
export function wholeNumber(text: string): string {
  const number = decimalOf(text);
  if (!number || number.power < 0n || number.power > MOST_DIGITS) return text;
  return `${number.sign}${number.digits}${'0'.repeat(Number(number.power))}` || '0';
}
