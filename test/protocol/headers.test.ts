import { describe, expect, it } from 'vitest';
import { itemsOf, mediaTypeOf, overlaid, wantedHeaders } from '../../src/protocol/headers';

describe('headers', () => {
  it('are wanted by their name, in whatever case', () => {
    const values = { 'X-Key': '1', 'x-other': '2', constructor: '3' };

    expect(wantedHeaders(['x-key', 'X-MISSING'], values)).toEqual({ 'X-Key': '1' });
    expect(wantedHeaders([], values)).toEqual({});
  });

  it('take the place of those beneath them', () => {
    const under = new Headers({ a: '1', b: '1' });

    expect(Object.fromEntries(overlaid(under, new Headers({ B: '2', c: '2' })))).toEqual({
      a: '1',
      b: '2',
      c: '2',
    });
    expect(under.get('b')).toBe('1');
  });

  it('say of what type a body is, without parameters', () => {
    const typeOf = (value: string) => mediaTypeOf(new Headers({ 'content-type': value }));

    expect(typeOf(' Text/Event-Stream ; charset=utf-8')).toBe('text/event-stream');
    expect([typeOf(''), mediaTypeOf(new Headers())]).toEqual(['', '']);
  });

  it('hold lists, whose items are never empty', () => {
    expect(itemsOf(' a, b ,,c,')).toEqual(['a', 'b', 'c']);
    expect(itemsOf(' , ')).toEqual([]);
  });
});
