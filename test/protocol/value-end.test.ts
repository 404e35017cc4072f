import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { nextInString } from '../../src/protocol/json/value-end';

const BYTES = fc
  .uint8Array({ minLength: 300, maxLength: 1500, size: 'max' })
  .chain((bytes) =>
    fc.tuple(
      fc.constant(bytes.map((byte) => (byte < 254 ? 0x61 : byte % 2 ? 0x22 : 0x5c))),
      fc.array(fc.nat(bytes.length - 1), { minLength: 1, maxLength: 12 }),
    ),
  );

it('the next quote or backslash is found from wherever it is looked for, whatever was looked for before', () => {
  fc.assert(
    fc.property(BYTES, ([chunk, places]) => {
      for (const at of places) {
        const next = chunk.findIndex((byte, place) => place >= at && (byte === 0x22 || byte === 0x5c));
        expect(nextInString(chunk, at)).toBe(next < 0 ? chunk.length : next);
      }
    }),
    { numRuns: 2_000 },
  );
});
