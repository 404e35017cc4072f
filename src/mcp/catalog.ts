import { readVirtualMcps, type VirtualMcp } from '../governance/virtual-mcps';
import { exposedNameOf } from '../protocol/exposed-name';
import { parseExact } from '../protocol/json/exact';
import { isObject, type JsonObject } from '../protocol/mcp';
import { type MirroredParam, mirroredParams } from '../protocol/mcp-headers';
import { readServers } from '../servers/find';
import { forOlderClients, type ItemKind } from '../servers/listed-item';
import type { Listed, Server } from '../servers/server';

/** Something a server lists, as the gateway offers it. */
export type Item = {
  /** The server's own name or URI for it. */
  name: string;
  /** Its name among everything on `/mcp`: `<server>-<name>`. A resource keeps its URI. */
  exposedName: string;
  /** JSON, as the server described it; `exposed` with the exposed name. */
  definition: string;
  exposed: string;
  /** Both as clients of the 2025 era read them; null: likewise. */
  older: { definition: string; exposed: string } | null;
  /** Of tools: whether the server calls it read-only, and which arguments it wants repeated in headers. */
  readOnly: boolean;
  mirrored: readonly MirroredParam[];
};

/** A server and what it lists, as this isolate knows it. */
export type CatalogServer = {
  server: Server;
  items: Record<ItemKind, readonly Item[]>;
  /** When this isolate last asked it for its lists, epoch milliseconds. */
  askedAt: number;
  /** Settles, never rejected, when it has answered what it is being asked now; null: no one asks. */
  asking: Promise<void> | null;
};

/** Every server with what it lists, and every Virtual MCP. */
export type Catalog = { entries: readonly CatalogServer[]; virtualMcps: readonly VirtualMcp[] };

let catalog: (Catalog & { revision: number }) | null = null;

/** The catalogue, read again only when the revision has moved. While D1 does not answer, the last one serves. */
export async function catalogAt(db: D1Database, revision: number): Promise<Catalog> {
  if (catalog?.revision === revision) return catalog;
  const known = catalog;
  try {
    const [rows, virtualMcps] = await Promise.all([readServers(db), readVirtualMcps(db)]);
    const entries = await Promise.all(
      rows.map(async ({ server, listing }): Promise<CatalogServer> => {
        const before = known?.entries.find((entry) => entry.server.id === server.id);
        const { askedAt = 0, asking = null } = before ?? {};
        return { server, items: await itemsOf(server, listing), askedAt, asking };
      }),
    );
    if (catalog?.revision !== revision) catalog = { revision, entries, virtualMcps }; // else another request was quicker
    return catalog;
  } catch (error) {
    if (known) return known;
    throw error;
  }
}

/** Puts what a server lists now in place of what was known. */
export async function relist(entry: CatalogServer, server: Server, listing: Listed | null): Promise<void> {
  if (listing) entry.items = { ...entry.items, ...(await itemsOf(server, listing)) };
  entry.server = server;
}

async function itemsOf<L extends Listed>(server: Server, listing: L): Promise<Record<keyof L, Item[]>> {
  const kinds = Object.entries(listing).map(async ([kind, definitions]) => {
    const items = await Promise.all(
      definitions.map((definition) => itemOf(server, kind as ItemKind, definition)),
    );
    const names = new Set<string>();
    return [kind, items.filter(({ exposedName }) => names.size < names.add(exposedName).size)];
  });
  return Object.fromEntries(await Promise.all(kinds));
}

async function itemOf(server: Server, kind: ItemKind, definition: string): Promise<Item> {
  const parsed = JSON.parse(definition) as JsonObject;
  const name = String(
    kind === 'resource' ? parsed.uri : kind === 'template' ? parsed.uriTemplate : parsed.name,
  );
  if (kind === 'resource' || kind === 'template') {
    return {
      name,
      exposedName: name,
      definition,
      exposed: definition,
      older: null,
      readOnly: true,
      mirrored: [],
    };
  }
  const exposedName = await exposedNameOf(server.name, name);
  const readOnly = isObject(parsed.annotations) && parsed.annotations.readOnlyHint === true;
  const exposed = renamed(definition, name, exposedName);
  const forOlder = kind === 'tool' ? forOlderClients(definition, parsed) : definition;
  const older =
    forOlder === definition ? null : { definition: forOlder, exposed: renamed(forOlder, name, exposedName) };
  const mirrored = mirroredParams(parsed.inputSchema);
  return { name, exposedName, definition, exposed, older, readOnly, mirrored };
}

/** A definition under another name, the rest letter by letter: it begins with its name where this version stored it. */
function renamed(definition: string, name: string, exposedName: string): string {
  const begin = `{"name":${JSON.stringify(name)}`;
  if (definition.startsWith(begin))
    return `{"name":${JSON.stringify(exposedName)}${definition.slice(begin.length)}`;
  return JSON.stringify({ ...(parseExact(definition) as JsonObject), name: exposedName });
}

/**
 * True when `uri` can be an expansion of a URI template (RFC 6570): its literal parts follow each other, whatever stands
 * where the expressions are.
 */
export function matchesTemplate(template: string, uri: string): boolean {
  const [head = '', ...parts] = template.split(/\{[^}]*\}/);
  const tail = parts.pop();
  if (tail === undefined) return uri === head;
  if (!uri.startsWith(head) || !uri.endsWith(tail) || uri.length < head.length + tail.length) return false;
  const middle = uri.slice(head.length, uri.length - tail.length);
  let at = 0;
  return parts.every((part) => {
    const found = middle.indexOf(part, at);
    at = found + part.length;
    return found >= 0;
  });
}
