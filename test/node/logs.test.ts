import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.tsx?$/.test(path))
  .map((path) => read(join('src', path)));

/** Members that stand in a line by a name of their own. Another one fails, so that what it brings is written down. */
const SPREADS: Record<string, readonly string[]> = {
  'faultFacts(error)': ['fault'],
  who: ['subject', 'client', 'grant'], // src/mcp/passing/note-end.ts
  about: ['owner', 'server'], // src/accounts/removal.ts
};
/** What every line of a request begins with. */
const COMMON = ['request_id', 'trace_id'];

/** The text between the parenthesis that opens before `from` and the one that closes it. */
function within(text: string, from: number): string {
  let depth = 1;
  for (let at = from; at < text.length; at++) {
    if ('({['.includes(text[at] ?? '')) depth++;
    if (')}]'.includes(text[at] ?? '') && --depth === 0) return text.slice(from, at);
  }
  throw new Error(`nothing closes: ${text.slice(from, from + 80)}`);
}

/** Names of the members of an object literal, or of what stands in its place. */
function membersOf(facts: string): string[] {
  const spread = (name: string) => SPREADS[name] ?? [`an unknown spread: ${name}`];
  const [, literal] = /^\{(.*)\}$/s.exec(facts) ?? [];
  if (literal === undefined) return [...spread(facts)];
  const parts = literal.split(/,(?![^(]*\))/).map((part) => part.trim());
  return parts.filter(Boolean).flatMap((part) => {
    const [, spreaded] = /^\.\.\.(.*)$/s.exec(part) ?? [];
    return spreaded ? spread(spreaded) : [/^\w+/.exec(part)?.[0] ?? part];
  });
}

/** Each event that a line of the source is written for, with its members. */
function eventsInCode(): Map<string, Set<string>> {
  const events = new Map<string, Set<string>>();
  const named = sources.filter((text) => !text.includes('export function log(')).flatMap(callsOf);
  for (const { names, facts } of named)
    for (const name of names) events.set(name, new Set([...(events.get(name) ?? []), ...membersOf(facts)]));
  return events;
}

function callsOf(text: string): { names: string[]; facts: string }[] {
  return [...text.matchAll(/\blog\((?=['\w])/g)].map((match) => {
    const args = within(text, match.index + match[0].length);
    const [, event = '', facts = ''] = /^\s*([^,]*),\s*(.*?),?\s*$/s.exec(args) ?? [];
    const chosen = event === 'event' ? /const event = ([^;]*);/.exec(text)?.[1] : event;
    return { names: [...(chosen ?? '').matchAll(/'([\w.]+)'/g)].map(([, name = '']) => name), facts };
  });
}

/** Each act of src/audit.ts with its members, and whether the audit keeps it. */
function actsInCode(): Map<string, { members: string[]; isKept: boolean }> {
  const text = read('src/audit.ts').replace(/\/\*\*.*?\*\//gs, '');
  const kept = /export type Act =(.*?);\n\n/s.exec(text)?.[1] ?? '';
  const others = /type Refusal = (.*?);\n\n/s.exec(text)?.[1] ?? '';
  const strangers = /type StrangersAct =(.*?);\n\n/s.exec(text)?.[1] ?? '';
  const acts = new Map<string, { members: string[]; isKept: boolean }>();
  for (const [types, isKept] of [
    [kept, true],
    [others + strangers, false],
  ] as const) {
    for (const [, body = ''] of types.matchAll(/\{([^{}]*)\}/g)) {
      const members = [...body.matchAll(/(\w+)\??:/g)].map(([, name = '']) => name);
      const own = members.filter((name) => !['act', 'client_id', 'grant_id'].includes(name));
      const names = /act:([^;]*)/.exec(body)?.[1] ?? '';
      for (const [, name = ''] of names.matchAll(/'([\w.]+)'/g)) acts.set(name, { members: own, isKept });
    }
  }
  return acts;
}

const page = read('docs/logs.md');

/** The rows of the table below a heading. */
function rowsOf(heading: string): string[][] {
  const section = page.split(/^## /m).find((text) => text.startsWith(heading)) ?? '';
  const rows = [...section.matchAll(/^\| (`.*) \|$/gm)].map(([, row = '']) => row.split(' | '));
  return rows.map((cells) => cells.map((cell) => cell.trim()));
}

const namesIn = (cell = '') => [...cell.matchAll(/[`*]([\w.]+)[`*]/g)].map(([, name = '']) => name);
const sorted = (names: Iterable<string>) => [...new Set(names)].sort();

describe('docs/logs.md', () => {
  it('has every event of the source, with its members, and no other', () => {
    const told = rowsOf('Events').map(([event, , members]) => [namesIn(event)[0], sorted(namesIn(members))]);
    const found = [...eventsInCode()].map(([event, members]) => [
      event,
      sorted([...members].filter((name) => !COMMON.includes(name))),
    ]);

    expect(Object.fromEntries(told)).toEqual(Object.fromEntries(found));
    expect(told.length).toBeGreaterThan(40);
  });

  it('has every act, with its members, and says which the audit does not keep', () => {
    const told = rowsOf('Acts').map(([act, members, when]) => [
      namesIn(act)[0],
      { members: sorted(namesIn(members)), isKept: !when?.startsWith('*log only*') },
    ]);
    const found = [...actsInCode()].map(([act, { members, isKept }]) => [
      act,
      { members: sorted(members), isKept },
    ]);

    expect(Object.fromEntries(told)).toEqual(Object.fromEntries(found));
    expect(told.length).toBeGreaterThan(40);
  });

  it('is in the order of the alphabet, as far as a reader looks for a name', () => {
    const names = rowsOf('Events').map(([event]) => namesIn(event)[0] ?? '');

    expect(names).toEqual(names.toSorted());
  });

  it('tells of no line but those of src/log.ts', () => {
    const others = sources.filter((text) => /(?<!\w\.)\bconsole\.\w+\(/.test(text));

    expect(others).toHaveLength(1);
    expect(others[0]).toContain('export function log(');
  });
});
