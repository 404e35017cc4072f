import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { searchFor } from '../../src/protocol/json/search';
import { stringEnd } from '../../src/protocol/json/value-end';

const [QUOTE, BACKSLASH, LETTER] = [0x22, 0x5c, 0x61];

/** Bytes of which few are looked for, neighbours of those in number too, and parts of them to look through. */
const BYTES = fc.uint8Array({ minLength: 1, maxLength: 1500, size: 'max' }).chain((bytes) =>
  fc.tuple(
    fc.constant(bytes.map((byte) => [QUOTE, BACKSLASH, QUOTE - 1, BACKSLASH + 1][byte - 252] ?? LETTER)),
    fc.array(fc.tuple(fc.nat(bytes.length), fc.nat(bytes.length), fc.nat(bytes.length)), {
      minLength: 1,
      maxLength: 12,
    }),
  ),
);

it('the next of two bytes is found in any part of a buffer, whatever was looked for before', () => {
  const next = searchFor(QUOTE, BACKSLASH);

  fc.assert(
    fc.property(BYTES, ([bytes, looks]) => {
      for (const [one, other, from] of looks) {
        const chunk = bytes.subarray(Math.min(one, other), Math.max(one, other));
        const at = Math.min(from, chunk.length);
        const found = chunk.findIndex((byte, place) => place >= at && (byte === QUOTE || byte === BACKSLASH));
        expect(next(chunk, at)).toBe(found < 0 ? chunk.length : found);
      }
    }),
    { numRuns: 2_000 },
  );
});

it('the same buffer with other bytes is not taken for the one that was looked through', () => {
  const next = searchFor(QUOTE, BACKSLASH);
  const first = new Uint8Array(200).fill(LETTER);
  const second = first.slice();
  second[150] = QUOTE;

  expect([next(first, 0), next(second, 0), next(first, 0)]).toEqual([200, 150, 200]);
});

it('a string ends at the first quote that is not escaped, wherever the chunk is cut', () => {
  const bytes = fc.array(fc.constantFrom(QUOTE, BACKSLASH, LETTER), { maxLength: 200 });

  fc.assert(
    fc.property(bytes, fc.nat(50), ([...given], letters) => {
      const chunk = Uint8Array.from([...Array(letters).fill(LETTER), ...given]);
      let at = 0;
      while (at < chunk.length && chunk[at] !== QUOTE) at += chunk[at] === BACKSLASH ? 2 : 1;

      expect(stringEnd(chunk, 0)).toBe(at);
    }),
    { numRuns: 2_000 },
  );
});
