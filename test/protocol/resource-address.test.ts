import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { slugOf } from '../../src/protocol/authorization';
import { prefixOf, takenOff, withPrefix } from '../../src/protocol/json/resource-address';

describe('the address of a resource on /mcp and toolsets (PROTOCOL §6)', () => {
  it.each([
    ['docs', 'file:///a', 'docs+file:///a'],
    ['docs', 'ui://weather/view', 'ui://docs+weather/view'],
    ['docs', 'UI://weather/view', 'UI://docs+weather/view'],
    ['docs', 'ui:weather', 'docs+ui:weather'],
    ['1up', 'file:///a', 's.1up+file:///a'],
    ['1up', 'ui://a', 'ui://s.1up+a'],
    ['docs', 'note://{id}/{+path}', 'docs+note://{id}/{+path}'],
    ['docs', '{scheme}://x', 'docs+{scheme}://x'],
    ['docs', 'docs+file:///a', 'docs+docs+file:///a'],
    ['docs', 'git+https://x', 'docs+git+https://x'],
    ['docs', '', 'docs+'],
  ])('of %s, %s is %s', (slug, uri, address) => {
    expect(withPrefix(slug, uri)).toBe(address);
    expect(takenOff(address)).toEqual({ prefix: prefixOf(slug), uri });
  });

  it.each([
    ['DOCS+file:///A', { prefix: 'docs', uri: 'file:///A' }],
    ['docs%2Bfile:///a+b', { prefix: 'docs', uri: 'file:///a+b' }],
    ['docs%2bfile:///a', { prefix: 'docs', uri: 'file:///a' }],
    ['ui://DOCS+a', { prefix: 'docs', uri: 'ui://a' }],
    ['ui://docs%2Ba', { prefix: 'docs', uri: 'ui://a' }],
    ['docs+ui://a', { prefix: 'docs', uri: 'ui://a' }],
    ['file:///a+b', null],
    ['ui://a/b+c', null],
    ['note:a', null],
    ['', null],
    [`${'a'.repeat(100_000)}+b`, null],
  ])('%s is read as %o', (address, read) => {
    expect(takenOff(address)).toEqual(read);
  });

  it('is taken off as it was put in, whatever server and URI', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^\w{1,70}$/),
        fc.string({ unit: 'binary' }),
        fc.constantFrom('', 'ui://', 'uI://'),
        (name, rest, begin) => {
          const slug = slugOf(name);
          const uri = `${begin}${rest}`;

          expect(takenOff(withPrefix(slug, uri))).toEqual({ prefix: prefixOf(slug), uri });
        },
      ),
    );
  });
});
