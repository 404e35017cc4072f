import { describe, expect, it } from 'vitest';
import { placeAt, placesOf, StringsAt } from '../../src/protocol/json/strings-at';

const PLACE = placesOf(
  placeAt('result', 'id'),
  placeAt('result', 'list', '*', 'id'),
  placeAt('result', 'any', '*', 'deep', 'id'),
  placeAt('result', '_meta', 'a/b', 'id'),
);

/** A text with the strings at these places in capitals, read in chunks that end at `cuts`. */
function capitals(text: string, cuts: readonly number[], place = PLACE): string {
  const bytes = new TextEncoder().encode(text);
  const strings = new StringsAt(place);
  const ends = [...cuts, bytes.length];
  const parts = ends.flatMap((end, at) => strings.push(bytes.subarray(ends[at - 1] ?? 0, end)));
  const decoder = new TextDecoder();
  return parts
    .map((part) =>
      part instanceof Uint8Array
        ? decoder.decode(part, { stream: true })
        : JSON.stringify(part.text.toUpperCase()),
    )
    .join('');
}

const MESSAGES: [string, string][] = [
  ['{"result":{"id":"abc"}}', '{"result":{"id":"ABC"}}'],
  [
    '{"result" : {"other":"id","id" : "a\\u0062\\"" , "n":1}}',
    '{"result" : {"other":"id","id" : "AB\\"" , "n":1}}',
  ],
  [
    '{"id":"abc","result":{"x":{"id":"abc"},"y":["id","abc"]}}',
    '{"id":"abc","result":{"x":{"id":"abc"},"y":["id","abc"]}}',
  ],
  [
    '{"result":{"list":[{"id":"a"},7,[{"id":"a"}],{"z":{"id":"a"},"id":"b"}]}}',
    '{"result":{"list":[{"id":"A"},7,[{"id":"a"}],{"z":{"id":"a"},"id":"B"}]}}',
  ],
  [
    '{"result":{"any":{"k":{"deep":{"id":"é€"}},"l":{"id":"q"}},"id":"y"}}',
    '{"result":{"any":{"k":{"deep":{"id":"É€"}},"l":{"id":"q"}},"id":"Y"}}',
  ],
  [
    '{"r\\u0065sult":{"_meta":{"a\\/b":{"id":"m"},"c":{"id":"m"}}}}',
    '{"r\\u0065sult":{"_meta":{"a\\/b":{"id":"M"},"c":{"id":"m"}}}}',
  ],
  [
    '{"result":{"id":{"id":"x"},"__proto__":{"id":"x"},"constructor":"x","id":"x"}}',
    '{"result":{"id":{"id":"x"},"__proto__":{"id":"x"},"constructor":"x","id":"X"}}',
  ],
  ['{"result":[{"id":"x"}]}', '{"result":[{"id":"x"}]}'],
  ['no JSON "at" all ] } "id":"x"', 'no JSON "at" all ] } "id":"x"'],
];

describe('strings at a place', () => {
  it.each(MESSAGES)('%s', (message, expected) => {
    const { length } = new TextEncoder().encode(message);
    expect(capitals(message, [])).toBe(expected);
    expect(
      capitals(
        message,
        Array.from({ length }, (_, at) => at),
      ),
    ).toBe(expected);
    for (let cut = 0; cut < length; cut++) expect(capitals(message, [cut])).toBe(expected);
  });

  it('pass as they are where they are too long, and however deep what surrounds them is', () => {
    const long = `{"result":{"id":"${'x'.repeat(5000)}","list":[{"id":"a"}]}}`;
    const deep = `{"result":{"x":${'[{"id":'.repeat(5000)}1${'}]'.repeat(5000)},"id":"a"}}`;

    expect(capitals(long, [100, 4200])).toBe(long.replace('"a"', '"A"'));
    expect(capitals(deep, [])).toBe(deep.replace('"id":"a"', '"id":"A"'));
  });

  it('are all members of the same name', () => {
    expect(capitals('{"id":"a","id":"b"}', [], placeAt('id'))).toBe('{"id":"A","id":"B"}');
  });
});
