import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InPlace, type Wanted } from '../../src/protocol/json/answer';
import { NOTHING } from '../../src/protocol/json/insert';
import { shortAnswer, textOf } from '../../src/protocol/json/short-answer';
import { EventRelay, JsonRelay, type Relay } from '../../src/protocol/sse';

const utf8 = new TextEncoder();

/** What a client of 2026-07-28 is given with a result of the other era, and one of 2025 with none. */
const NEWER: Wanted = {
  sent: 7,
  mayAsk: true,
  additions: {
    ...NOTHING,
    members: { resultType: '"complete"', ttlMs: '0', cacheScope: '"private"' },
    renamed: { sent: 7, id: '"mine"', token: null },
  },
};
const OLDER: Wanted = {
  sent: 7,
  additions: { ...NOTHING, objectsOnly: true, renamed: { sent: 7, id: '1.0', token: null } },
};

/** What the scanner makes of the bytes in one part; null: no whole answer. */
function scanned(relay: Relay, bytes: Uint8Array): string | null {
  const parts = relay.push(bytes);
  if (!relay.answered || relay.broken || !parts.every((part) => part instanceof Uint8Array)) return null;
  return new TextDecoder().decode(Uint8Array.from(parts.flatMap((part) => [...part])));
}

const NAMES = [
  'content',
  'structuredContent',
  'resultType',
  'ttlMs',
  'cacheScope',
  '_meta',
  '__proto__',
  'x"\\',
];
const members = fc
  .array(fc.tuple(fc.constantFrom(...NAMES), fc.jsonValue({ depthSize: 'small' })), { maxLength: 5 })
  .map((all) => all.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join());
const space = fc.constantFrom('', ' ', '\r\n');
const result = fc.tuple(space, members, space).map((parts) => `{${parts.join('')}}`);
const message = fc.oneof(
  result.map((text) => `{"jsonrpc":"2.0","id":7,"result":${text}}`),
  result.map((text) => `{"result":${text},"jsonrpc":"2.0","id":7}`),
);

describe('a short answer, read at a look', () => {
  it.each([
    ['newer', NEWER],
    ['older', OLDER],
  ])('is what the scanner makes of it, byte by byte, for a client of the %s era', (_, wanted) => {
    let seen = 0;
    fc.assert(
      fc.property(message, (text) => {
        const bytes = utf8.encode(text);
        const whole = new JsonRelay(wanted, new InPlace()).whole(text);
        if (whole === null) return;
        seen += 1;
        expect(whole).toBe(scanned(new JsonRelay(wanted, new InPlace()), bytes));
      }),
      { numRuns: 1_500 },
    );

    expect(seen).toBeGreaterThan(50);
  });

  it('is what the scanner makes of one event', () => {
    fc.assert(
      fc.property(message, fc.constantFrom('', 'event: message\n', 'id: 1\n'), (text, before) => {
        const body = `${before}data: ${text}\n\n`;
        const whole = new EventRelay(OLDER, new InPlace()).whole(body);
        if (whole !== null)
          expect(whole).toBe(scanned(new EventRelay(OLDER, new InPlace()), utf8.encode(body)));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['another id', '{"jsonrpc":"2.0","id":8,"result":{}}'],
    ['an id that is written twice', '{"jsonrpc":"2.0","id":7,"result":{},"id":8}'],
    ['a result that is written twice', '{"jsonrpc":"2.0","id":7,"result":{},"result":{}}'],
    ['an error behind it', '{"jsonrpc":"2.0","id":7,"result":{},"error":{}}'],
    ['something behind it', '{"jsonrpc":"2.0","id":7,"result":{}} {}'],
    ['a message of its own before it', '{"method":"x","jsonrpc":"2.0","id":7,"result":{}}'],
    ['an id before and behind', '{"result":{},"id":8,"jsonrpc":"2.0","id":7}'],
    ['no object', '{"jsonrpc":"2.0","id":7,"result":[]}'],
    ['an array', '[{"jsonrpc":"2.0","id":7,"result":{}}]'],
    ['no JSON', '{"jsonrpc":"2.0","id":7,"result":{x}}'],
    ['what the client may not get', '{"jsonrpc":"2.0","id":7,"result":{"structuredContent":[]}}'],
  ])('is left to the scanner with %s', (_, text) => {
    expect(shortAnswer(text, OLDER)).toBeNull();
  });

  it.each(['{"resultType":"input_required"}', '{"cacheScope":"public"}'])(
    'is left to the scanner where a client of 2026-07-28 must not get it as it is: %s',
    (text) => {
      expect(shortAnswer(`{"jsonrpc":"2.0","id":7,"result":${text}}`, NEWER)).toBeNull();
    },
  );

  it('is left to the scanner where its resources get a prefix, or it is no UTF-8', () => {
    const uris = { prefix: 'one', places: {} };
    const answer = '{"jsonrpc":"2.0","id":7,"result":{}}';

    expect(shortAnswer(answer, { ...OLDER, additions: { ...OLDER.additions, uris } })).toBeNull();
    expect(textOf(Uint8Array.of(0xff))).toBeNull();
  });
});
