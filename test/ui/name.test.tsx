import { describe, expect, it } from 'vitest';
import { Cut, cut, Name } from '../../src/ui/name';

const family = '👩‍👩‍👧‍👦';

describe('a name that someone chose (SECURITY 31)', () => {
  it('is shown as it is while it is short', () => {
    expect([`${<Name of="Claude Code" />}`, cut('Claude Code')]).toEqual(['Claude Code', 'Claude Code']);
  });

  it('is cut to 60 characters as people count them', () => {
    expect(cut('W'.repeat(61))).toBe(`${'W'.repeat(59)}…`);
    expect(cut(family.repeat(60))).toBe(family.repeat(60));
    expect(cut(family.repeat(61))).toBe(`${family.repeat(59)}…`);
  });

  it('is whole in what its button shows, and in the tooltip of a link', () => {
    const long = 'W'.repeat(200);

    expect(`${<Name of={long} />}`).toMatch(/popovertarget="(name-\d+)".*id="\1".*popover.*W{200}/s);
    expect(`${<Cut of={long} />}`).toBe(`<bdi title="${long}">${'W'.repeat(59)}…</bdi>`);
  });

  it('has an id for each of two on a page', () => {
    const both = `${<Name of={'W'.repeat(61)} />}${<Name of={'W'.repeat(61)} />}`;

    expect(new Set(both.match(/ id="[^"]+"/g)).size).toBe(2);
  });

  it('keeps to its own place when it is written from right to left', () => {
    expect([`${<Name of="שלום" />}`, cut('שלום')]).toEqual(['<bdi>שלום</bdi>', '\u2068שלום\u2069']);
  });

  it('is said to be none when nothing of it is seen', () => {
    const blanks = ['', ' \u00a0', '\u3164\u3164', '\u200b\u2060', '\u2800', '\u0301'];

    expect(new Set(blanks.map(cut))).toEqual(new Set(['(no visible name)']));
  });

  it('paints no more than four marks over one letter', () => {
    expect(cut(`a${'\u0301'.repeat(199)}b`)).toBe(`a${'\u0301'.repeat(4)}b`);
  });
});
