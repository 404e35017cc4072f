import type { PolicyVerdict } from '../governance/policy';
import { prefixOf, takenOff } from '../protocol/json/resource-address';
import type { Call } from './call';
import type { CatalogServer } from './catalog';
import { judgeResource } from './judge';
import { listMissing } from './refresh';
import { listsOf } from './server-lists';

/** Where the address of a resource leads: the server, its own URI, and whether the caller may read it there. */
export type ResourceAt = { entry: CatalogServer; uri: string; verdict: PolicyVerdict };

/**
 * Where an address leads (PROTOCOL §6): on `/mcp/<server>` to that server; elsewhere to the server that its prefix names,
 * listed there or not, so that links a tool has just returned can be read. A URI without a prefix leads to the one server
 * that lists it word for word, of those the caller may read from. Null: nowhere.
 */
export async function resourceAt(call: Call, address: string): Promise<ResourceAt | null> {
  const { entries, isOneServer } = call;
  const off = isOneServer ? null : takenOff(address);
  const [entry, uri] = isOneServer
    ? [entries[0], address]
    : [entries.find(({ server }) => prefixOf(server.endpointSlug) === off?.prefix), off?.uri];
  if (entry && uri !== undefined) return { entry, uri, verdict: await judge(call, entry, uri) };
  if (isOneServer) return null;

  const known = await listing(call, entries, address);
  const unlisted = entries.filter(({ server }) => server.listedAt === null);
  if (known.length || !unlisted.length) return onlyOne(known);
  await listMissing(call, unlisted);
  return onlyOne(await listing(call, unlisted, address));
}

/** Those of these servers that list a URI, as far as the caller has to do with them. */
async function listing(call: Call, entries: readonly CatalogServer[], uri: string): Promise<ResourceAt[]> {
  const found: ResourceAt[] = [];
  for await (const [entry, lists] of listsOf(call.gate.env.DB, entries)) {
    if (!lists.items.resource.some(({ name }) => name === uri)) continue;
    const verdict = judgeResource(call, entry, lists, uri);
    if (verdict !== 'hidden') found.push({ entry, uri, verdict });
  }
  return found;
}

function onlyOne(found: readonly ResourceAt[]): ResourceAt | null {
  return found.length === 1 ? (found[0] ?? null) : null;
}

/** What a caller is judged by when they read. */
type Reader = Pick<Call, 'gate' | 'rules'>;

/** True when this caller may read this resource of a server now, by the server's own URI, as its lists are known. */
export async function mayRead(reader: Reader, entry: CatalogServer, uri: string): Promise<boolean> {
  return (await judgeByLists(reader, entry, uri)) === 'allowed';
}

/** May this caller read this resource now? A server that was never listed is asked for its lists when that may decide it. */
async function judge(call: Call, entry: CatalogServer, uri: string): Promise<PolicyVerdict> {
  const verdict = await judgeByLists(call, entry, uri);
  if (verdict === 'allowed' || entry.server.listedAt !== null) return verdict;
  await listMissing(call, [entry]);
  return judgeByLists(call, entry, uri);
}

async function judgeByLists(call: Reader, entry: CatalogServer, uri: string): Promise<PolicyVerdict> {
  for await (const [, lists] of listsOf(call.gate.env.DB, [entry]))
    return judgeResource(call, entry, lists, uri);
  return 'hidden';
}
