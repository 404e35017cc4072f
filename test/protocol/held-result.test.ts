import { describe, expect, it } from 'vitest';
import { HeldResult } from '../../src/protocol/json/held-result';

const utf8 = new TextEncoder();
const text = new TextDecoder();

/** What flows of a result that comes in these parts, and whether it asks. */
function read(parts: string[]): { flowing: string; asks: boolean; held: string } {
  const result = new HeldResult();
  let flowing = '';
  let isFlowing = false;
  for (const part of parts) {
    const bytes: Uint8Array | null = isFlowing ? utf8.encode(part) : result.push(utf8.encode(part));
    isFlowing ||= bytes !== null;
    if (bytes) flowing += text.decode(bytes);
  }
  return { flowing, asks: result.asks, held: isFlowing ? '' : text.decode(result.take()) };
}

const ASKS = [
  '{"resultType":"input_required","requestState":"s"}',
  '{ "inputRequests" : {"a":{"resultType":"complete","content":[]}} , "resultType" : "input_required" }',
  '{"_meta":{"x":[1,{"y":"}\\"]"}]},"requestState":"\\"content\\":","result\\u0054ype":"input\\u005frequired"}',
];
const FLOWS = [
  '{}',
  '{"resultType":"complete","requestState":"s"}',
  '{"resultType":7}',
  '{"content":[],"resultType":"input_required"}',
  '{"requestState":"resultType","x":"input_required"}',
];

describe('a result that may ask for input', () => {
  it.each(ASKS)('is held whole when it does, wherever it is cut: %s', (whole) => {
    for (let at = 0; at <= whole.length; at++)
      expect(read([whole.slice(0, at), whole.slice(at)])).toEqual({ flowing: '', asks: true, held: whole });
    expect(read([...whole])).toEqual({ flowing: '', asks: true, held: whole });
  });

  it.each(FLOWS)('flows when it does not: %s', (whole) => {
    for (let at = 0; at <= whole.length; at++)
      expect(read([whole.slice(0, at), whole.slice(at)])).toEqual({ flowing: whole, asks: false, held: '' });
    expect(read([...whole])).toEqual({ flowing: whole, asks: false, held: '' });
  });

  it('flows once 256 KiB are held, and is too long when it asks', () => {
    const fill = 'x'.repeat(262_144);
    const unknown = `{"_meta":{"x":"${fill}"},`;
    const asking = new HeldResult();

    expect(read([unknown, '"resultType":"input_required"}']).flowing).toContain('input_required');
    expect(asking.push(utf8.encode('{"resultType":"input_required",'))).toBeNull();
    expect(asking.push(utf8.encode(`"requestState":"${fill}"}`))).toBeNull();
    expect(asking.isTooLong).toBe(true);
  });
});
