import { type Env, freshRevision } from '../config';
import { mayUseServer, type Rules } from '../governance/policy';
import type { Grant } from '../grants/store';
import { scopeWithin } from '../protocol/authorization';
import { itemsOf } from '../protocol/headers';
import { RpcError } from '../protocol/mcp';
import type { Caller } from './caller';
import { type Catalog, type CatalogServer, catalogAt } from './catalog';

/** What stands at an address under `/mcp` for one caller: the servers they may use something of, and by which rules. */
export type Offer = { entries: readonly CatalogServer[]; rules: Rules; isOneServer: boolean };

/**
 * What the caller finds at `slug`, null being `/mcp` itself. A slug is looked up among Virtual MCPs first, then servers.
 * One that is not there yet is looked up again by the revision there is now: what was just authorized is there at once.
 * @throws RpcError 404 for an unknown slug, 403 for one not granted.
 */
export async function offerAt(
  env: Env,
  revision: number,
  slug: string | null,
  caller: Caller,
  headers: Headers,
): Promise<Offer> {
  const known = await catalogAt(env.DB, revision);
  const isUnknown = slug !== null && !isAt(known, slug);
  const catalog = isUnknown ? await catalogAt(env.DB, await freshRevision(env)) : known;
  return offerOf(catalog, slug, caller, headers);
}

/**
 * The same by the revision there is now, for a request of something that is not there by the one that was known: a server that
 * was just authorized has its tools at once. Null when nothing has changed since. @throws RpcError as {@link offerAt}
 */
export async function latestOffer(
  env: Env,
  revision: number,
  slug: string | null,
  caller: Caller,
  headers: Headers,
): Promise<Offer | null> {
  const latest = await freshRevision(env);
  return latest === revision ? null : offerOf(await catalogAt(env.DB, latest), slug, caller, headers);
}

function offerOf(catalog: Catalog, slug: string | null, caller: Caller, headers: Headers): Offer {
  const rules = rulesOf(caller, catalog, headers);
  const usable = (entries: readonly CatalogServer[], by = rules) =>
    entries.filter(({ server }) => mayUseServer(by, server));
  if (slug === null) return { entries: usable(catalog.entries), rules, isOneServer: false };

  const virtualMcp = catalog.virtualMcps.find(({ endpointSlug }) => endpointSlug === slug);
  if (virtualMcp?.enabled) {
    if (!caller.access.virtualMcpIds.includes(virtualMcp.id))
      throw notGranted('This toolset is not open to you.');
    const within = { ...rules, within: virtualMcp.tools };
    return { entries: usable(catalog.entries, within), rules: within, isOneServer: false };
  }
  const here = serversAt(catalog, slug);
  if (!here.length) throw new RpcError(404, 404, 'There is nothing at this address.', { type: 'not_found' });
  const entries = usable(here);
  if (!entries.length) throw notGranted('This server is not open to you.');
  return { entries, rules, isOneServer: true };
}

function isAt(catalog: Catalog, slug: string): boolean {
  const isToolset = catalog.virtualMcps.some(({ endpointSlug, enabled }) => enabled && endpointSlug === slug);
  return isToolset || serversAt(catalog, slug).length > 0;
}

function serversAt({ entries }: Catalog, slug: string): CatalogServer[] {
  return entries.filter(({ server }) => server.enabled && server.endpointSlug === slug);
}

function notGranted(message: string): RpcError {
  return new RpcError(403, 403, message, { type: 'access_denied' });
}

function rulesOf({ access, grant, scope }: Caller, { virtualMcps }: Catalog, headers: Headers): Rules {
  return {
    mcpConfigs: access.mcpConfigs,
    toolsets: virtualMcps.flatMap(({ id, enabled, tools }) =>
      enabled && access.virtualMcpIds.includes(id) ? tools : [],
    ),
    within: null,
    consented: grant?.servers ?? null,
    scope,
    scopeIsFinal: grant !== null && isFinal(grant, scope),
    includeClients: listOf(headers.get('x-bf-mcp-include-clients')),
    includeTools: listOf(headers.get('x-bf-mcp-include-tools')),
  };
}

/**
 * True when the client has nothing to ask its person for: they narrowed the scope, or have widened it since the token was
 * issued, and the next refresh brings the rest.
 */
function isFinal(grant: Grant, scope: string): boolean {
  return grant.readOnly || (grant.termsVersion > 0 && scopeWithin(grant.scope, scope) !== grant.scope);
}

/** A comma list; null when the header is not there, empty when it holds nothing. */
function listOf(header: string | null): string[] | null {
  return header === null ? null : itemsOf(header);
}
