import { waitUntil } from 'cloudflare:workers';
import { ask } from '../database';
import { exposedNameOf } from '../protocol/exposed-name';
import { parseExact } from '../protocol/json/exact';
import { isAppUri, withPrefix } from '../protocol/json/resource-address';
import { isObject, type JsonObject } from '../protocol/mcp';
import { type MirroredParam, mirroredParams } from '../protocol/mcp-headers';
import { inPool, SharedWork } from '../protocol/patience';
import { type AppMeta, appMetaOf, NO_APP } from '../servers/app-meta';
import { listingQuestion } from '../servers/find';
import { forOlderClients, type ItemKind, NAMED_BY } from '../servers/listed-item';
import type { Listing, Server } from '../servers/server';
import type { CatalogServer } from './catalog';

/** Something a server lists, as the gateway offers it. */
export type Item = {
  /** The server's own name or URI for it. */
  name: string;
  /** Its name among everything on `/mcp`: `<server>-<name>`, of a resource `<server>+<URI>` (PROTOCOL §6). */
  exposedName: string;
  /** Its definition under that name, as JSON. `older`: to clients of the 2025 era. */
  text: Stored;
  older: Stored;
  /** How many bytes of either go before what follows the name. */
  named: number;
  /** Of tools: whether the server calls it read-only and describes what it returns, and which arguments it wants repeated in headers. */
  readOnly: boolean;
  hasOutputSchema: boolean;
  /** Whether a call of it may, or has to, be a task (MCP 2025-11-25, Tasks). Null: neither. */
  taskSupport: 'optional' | 'required' | null;
  mirrored: readonly MirroredParam[];
  app: AppMeta;
};

/** Where a text is in the bytes of its server's lists: with a comma behind it, so that those side by side are a list. */
type Stored = readonly [from: number, to: number];

const utf8 = new TextEncoder();
/** Names, places and what else is kept of an item beside its definition. Bytes. */
const WEIGHT_OF_ITEM = 600;

/** What one server lists. The texts of its definitions are bytes, once each. */
export class ServerLists {
  /** True for a server with an MCP App: a page, or a tool that names one. */
  readonly hasApp: boolean;
  /** About how much memory this takes, bytes. */
  readonly weight: number;

  constructor(
    readonly items: Readonly<Record<ItemKind, readonly Item[]>>,
    readonly bytes: Uint8Array,
  ) {
    this.hasApp =
      items.tool.some(({ app }) => app.pages.length) || items.resource.some(({ name }) => isAppUri(name));
    this.weight = bytes.length + Object.values(items).flat().length * WEIGHT_OF_ITEM;
  }

  /** The definition of an item under `name`, for a client of either era. */
  definitionOf(kind: ItemKind, item: Item, name: string, isOlder: boolean): string {
    const [from, to] = isOlder ? item.older : item.text;
    const text = new TextDecoder().decode(this.bytes.subarray(from + item.named, to));
    return `${beginOf(kind, name)}${text}`;
  }
}

/** The first bytes of a definition. */
export function beginOf(kind: ItemKind, name: string): string {
  return `{"${NAMED_BY[kind]}":${JSON.stringify(name)}`;
}

/** The most that an isolate keeps of all servers' lists (PROTOCOL §5), and loads at once. Bytes. */
const MOST_KEPT = 25_165_824;
const MOST_LOADED = 4_194_304;
/** Servers whose lists are loaded at once. */
const POOL = 5;
/** How long a request waits for the lists that another one is loading. Milliseconds. */
const PATIENCE = 2_000;

/** What is kept of a server: its lists, by which stamp and under which name of the server they were made. */
type Kept = { lists: ServerLists; stamp: string; serverName: string };

const NOTHING = new ServerLists({ tool: [], prompt: [], resource: [], template: [] }, new Uint8Array());
const loads = new SharedWork<Kept>(PATIENCE, waitUntil);
/** By the server's id, the longest unused first. */
const kept = new Map<string, Kept>();
let weightKept = 0;

/**
 * What each of these servers lists, in their order, loaded a few at a time: the lists of all of them need not fit in
 * memory together.
 */
export async function* listsOf(
  db: D1Database,
  entries: readonly CatalogServer[],
): AsyncGenerator<[entry: CatalogServer, lists: ServerLists]> {
  for (let at = 0; at < entries.length; ) {
    const from = at;
    let weight = 0;
    while (at < entries.length && (at === from || weight <= MOST_LOADED)) {
      weight += entries[at]?.server.listingSize ?? 0;
      at++;
    }
    const found = new Map<CatalogServer, ServerLists>();
    await inPool(POOL, entries.slice(from, at), async (entry) => {
      found.set(entry, await listsAt(db, entry));
    });
    for (const entry of entries.slice(from, at)) yield [entry, found.get(entry) ?? NOTHING];
  }
}

/** What a server lists, where this isolate has it; null: it is read first. */
export function listsHere({ server: { id, name, listingStamp } }: CatalogServer): ServerLists | null {
  if (listingStamp === '') return NOTHING;
  const known = kept.get(id);
  if (known?.stamp !== listingStamp || known.serverName !== name) return null;
  kept.delete(id);
  kept.set(id, known); // the last used
  return known.lists;
}

/** What a server lists. While D1 does not answer, what was known of it. */
async function listsAt(db: D1Database, entry: CatalogServer): Promise<ServerLists> {
  const here = listsHere(entry);
  if (here) return here;
  const { id, name, listingStamp } = entry.server;
  try {
    const found = await loads.join(`${id} ${name} ${listingStamp}`, () => load(db, entry.server));
    keep(id, found);
    return found.lists;
  } catch (error) {
    const known = kept.get(id);
    if (known) return known.lists;
    throw error;
  }
}

/** Puts the lists of a server where the last used are. What then is too much is dropped, the longest unused first. */
function keep(id: string, found: Kept): void {
  drop(id);
  kept.set(id, found);
  weightKept += found.lists.weight;
  for (const other of kept.keys()) {
    if (weightKept <= MOST_KEPT) break;
    drop(other);
  }
}

function drop(id: string): void {
  weightKept -= kept.get(id)?.lists.weight ?? 0;
  kept.delete(id);
}

/** Reads what is stored. It counts under the stamp by which it was asked for: what is newer has another, and is read again. */
async function load(db: D1Database, server: Server): Promise<Kept> {
  const [{ listing }] = await ask(db, listingQuestion(db, server.id));
  const lists = await made(server, listing);
  return { lists, stamp: server.listingStamp, serverName: server.name };
}

async function made(server: Server, listing: Listing): Promise<ServerLists> {
  const texts: Uint8Array[] = [];
  let size = 0;
  const store = (text: string): Stored => {
    const bytes = utf8.encode(`${text},`);
    const from = size;
    texts.push(bytes);
    size += bytes.length;
    return [from, size - 1];
  };
  const itemsOf = async (kind: ItemKind): Promise<Item[]> => {
    const items: Item[] = [];
    const names = new Set<string>();
    for (const definition of listing[kind]) {
      const item = await itemOf(server, kind, definition, store);
      if (names.size < names.add(item.exposedName).size) items.push(item);
    }
    return items;
  };
  const items = {
    tool: await itemsOf('tool'),
    prompt: await itemsOf('prompt'),
    resource: await itemsOf('resource'),
    template: await itemsOf('template'),
  };
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const text of texts) {
    bytes.set(text, at);
    at += text.length;
  }
  return new ServerLists(items, bytes);
}

async function itemOf(
  server: Server,
  kind: ItemKind,
  definition: string,
  store: (text: string) => Stored,
): Promise<Item> {
  const parsed = JSON.parse(definition) as JsonObject;
  const name = String(parsed[NAMED_BY[kind]]);
  const isAddress = kind === 'resource' || kind === 'template';
  const exposedName = isAddress
    ? withPrefix(server.endpointSlug, name)
    : await exposedNameOf(server.name, name);
  const begin = beginOf(kind, exposedName);
  const storeAs = (own: string) => store(begin + afterName(own, kind, name));
  const text = storeAs(definition);
  const known = { name, exposedName, text, older: text, named: utf8.encode(begin).length };
  if (isAddress)
    return { ...known, readOnly: true, hasOutputSchema: false, taskSupport: null, mirrored: [], app: NO_APP };
  const forOlder = kind === 'tool' ? forOlderClients(definition, parsed) : definition;
  if (forOlder !== definition) known.older = storeAs(forOlder);
  return {
    ...known,
    readOnly: isObject(parsed.annotations) && parsed.annotations.readOnlyHint === true,
    hasOutputSchema: isObject(parsed.outputSchema),
    taskSupport: taskSupportOf(parsed),
    mirrored: mirroredParams(parsed.inputSchema),
    app: appMetaOf(parsed),
  };
}

function taskSupportOf({ execution }: JsonObject): Item['taskSupport'] {
  const support = isObject(execution) ? execution.taskSupport : undefined;
  return support === 'optional' || support === 'required' ? support : null;
}

/** What follows the name in a definition, letter by letter: it begins with its name where this version stored it. */
function afterName(definition: string, kind: ItemKind, name: string): string {
  const member = NAMED_BY[kind];
  const begin = beginOf(kind, name);
  if (definition.startsWith(begin)) return definition.slice(begin.length);
  const { [member]: _, ...others } = parseExact(definition) as JsonObject;
  const rest = JSON.stringify(others).slice(1);
  return rest === '}' ? rest : `,${rest}`;
}
