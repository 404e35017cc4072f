import { waitUntil } from 'cloudflare:workers';
import { readVirtualMcps, type VirtualMcp } from '../governance/virtual-mcps';
import { SharedWork } from '../protocol/patience';
import { readServers } from '../servers/find';
import type { Server } from '../servers/server';

/** A server, as this isolate knows it. There is one of these for a server, whatever revision it was read at. */
export type CatalogServer = {
  server: Server;
  /** When this isolate last asked it for its lists, epoch milliseconds. */
  askedAt: number;
  /** Settles, never rejected, when it has answered what it is being asked now; null: no one asks. */
  asking: Promise<void> | null;
  /** True once a request waited in vain for what it is asked. */
  isSlow: boolean;
};

/** Every server and every Virtual MCP. What servers list is read when it is wanted (server-lists.ts). */
export type Catalog = { entries: readonly CatalogServer[]; virtualMcps: readonly VirtualMcp[] };

/** How long a request waits for the catalogue that another one is reading. Milliseconds. */
const PATIENCE = 2_000;

let catalog: (Catalog & { revision: number }) | null = null;
const readings = new SharedWork<Catalog>(PATIENCE, waitUntil);

/** The catalogue, read again only when the revision has moved, once for all who wait. While D1 does not answer, the last one serves. */
export async function catalogAt(db: D1Database, revision: number): Promise<Catalog> {
  if (catalog?.revision === revision) return catalog;
  const known = catalog;
  try {
    return await readings.join(String(revision), () => readCatalog(db, revision));
  } catch (error) {
    if (known) return known;
    throw error;
  }
}

async function readCatalog(db: D1Database, revision: number): Promise<Catalog> {
  const known = catalog;
  const [servers, virtualMcps] = await Promise.all([readServers(db), readVirtualMcps(db)]);
  if (catalog && catalog !== known && catalog.revision > revision) return catalog; // a later reading was quicker
  const before = new Map(catalog?.entries.map((entry) => [entry.server.id, entry]));
  const entries = servers.map((server): CatalogServer => {
    const entry = before.get(server.id);
    if (!entry) return { server, askedAt: 0, asking: null, isSlow: false };
    entry.server = withNewerLists(server, entry.server);
    return entry;
  });
  catalog = { revision, entries, virtualMcps };
  return catalog;
}

/** A server as it was read, with what this isolate stored of its lists meanwhile. */
function withNewerLists(read: Server, known: Server): Server {
  if ((known.listedAt ?? 0) <= (read.listedAt ?? 0)) return read;
  return withListsOf(read, known);
}

/** A server as it is known, with what `other`, the same one read elsewhere, says of its lists. */
export function withListsOf(server: Server, other: Server): Server {
  const { state, lastFailure, leftOut, listedAt, askedAt, listingStamp, listingSize, info } = other;
  return { ...server, state, lastFailure, leftOut, listedAt, askedAt, listingStamp, listingSize, info };
}
