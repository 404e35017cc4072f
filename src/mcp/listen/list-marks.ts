import type { ItemKind } from '../../servers/listed-item';
import { type Call, nameAt } from '../call';
import { allowedItems } from '../judge';
import { type Item, listsOf, type ServerLists } from '../server-lists';

/** The kinds of lists of which clients are told that they changed: a template is a resource (MCP, Resources). */
export const LIST_KINDS = ['tools', 'prompts', 'resources'] as const;
export type ListKind = (typeof LIST_KINDS)[number];

/** What names each list as one caller gets it: another text whenever the list is another. */
export type ListMarks = Readonly<Record<ListKind, string>>;

/** Who has the lists, and in which form. */
type Reader = Pick<Call, 'gate' | 'rules' | 'entries' | 'isOneServer' | 'era'>;

const KINDS: readonly [ItemKind, ListKind][] = [
  ['tool', 'tools'],
  ['prompt', 'prompts'],
  ['resource', 'resources'],
  ['template', 'resources'],
];

/** What the lists are made of, by names alone: where these are the same, so are the lists, and their marks. */
export function sourcesOf({ entries, rules, isOneServer, era }: Reader): string {
  const servers = entries.map(({ server }) => [
    server.id,
    server.name,
    server.endpointSlug,
    server.listingStamp,
    server.toolsToExecute,
    server.allowResources,
    server.allowPrompts,
  ]);
  return JSON.stringify([era, isOneServer, servers, rules]);
}

/** Marks by what they were made of, the last used last: callers who may use the same have the same lists. */
const made = new Map<string, ListMarks>();
const MOST_MADE = 100;

/** Marks the lists of a caller as they are now. Reads storage only for lists that this isolate does not hold. */
export async function marksOf(reader: Reader, sources: string): Promise<ListMarks> {
  const marks = made.get(sources) ?? (await mark(reader));
  made.delete(sources);
  made.set(sources, marks);
  if (made.size > MOST_MADE) made.delete(made.keys().next().value as string);
  return marks;
}

async function mark(reader: Reader): Promise<ListMarks> {
  const marks: Record<ListKind, Hash> = { tools: new Hash(), prompts: new Hash(), resources: new Hash() };
  for await (const [entry, lists] of listsOf(reader.gate.env.DB, reader.entries)) {
    for (const [kind, list] of KINDS) {
      for (const item of allowedItems(reader, entry, lists, kind)) {
        marks[list].add(nameAt(reader, item));
        marks[list].add(markOf(lists, kind, item, reader.era === '2025'));
      }
    }
  }
  const { tools, prompts, resources } = marks;
  return { tools: tools.text, prompts: prompts.text, resources: resources.text };
}

/** Marks of definitions, made once an item and isolate: of those for clients of 2026-07-28, and of those for older ones. */
const known = { newer: new WeakMap<Item, string>(), older: new WeakMap<Item, string>() };

function markOf(lists: ServerLists, kind: ItemKind, item: Item, isOlder: boolean): string {
  const marks = isOlder ? known.older : known.newer;
  const mark = marks.get(item) ?? hashOf(lists.definitionOf(kind, item, '', isOlder));
  marks.set(item, mark);
  return mark;
}

function hashOf(text: string): string {
  const hash = new Hash();
  hash.add(text);
  return hash.text;
}

/** 64 bits over texts, in their order (two of FNV-1a, begun differently). It guards nothing: it tells one list from the next. */
class Hash {
  private one = 0x811c9dc5;
  private other = 0x9747b28c;

  add(text: string): void {
    for (let at = 0; at < text.length; at++) this.mix(text.charCodeAt(at));
    this.mix(0x1f);
  }

  private mix(code: number): void {
    this.one = Math.imul(this.one ^ code, 0x01000193);
    this.other = Math.imul(this.other ^ code, 0x85ebca6b) ^ (this.other >>> 13);
  }

  get text(): string {
    return [this.one, this.other].map((half) => (half >>> 0).toString(36)).join('-');
  }
}
