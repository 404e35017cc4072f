/**
 * What the URIs of a server's resources begin with on `/mcp` and toolsets, before a plus sign (PROTOCOL §6): its slug. With it
 * a URI is still a URI, whose scheme begins with a letter (RFC 3986 §3.1).
 */
export function prefixOf(slug: string): string {
  return /^\d/.test(slug) ? `s.${slug}` : slug;
}

/** What a URI of MCP Apps begins with, in any case. Hosts know it by that, so the prefix stands behind. */
export const APP_SCHEME = 'ui://';

/** True for the URI of an MCP App's page. */
export function isAppUri(uri: string): boolean {
  return uri.slice(0, APP_SCHEME.length).toLowerCase() === APP_SCHEME;
}

/** A server's own URI, or URI template, as it stands on `/mcp` and toolsets. */
export function withPrefix(slug: string, uri: string): string {
  const at = isAppUri(uri) ? APP_SCHEME.length : 0;
  return `${uri.slice(0, at)}${prefixOf(slug)}+${uri.slice(at)}`;
}

/** What may be a prefix, as clients write it that normalise or encode URIs. */
const BEGINNING = /^(ui:\/\/)?([a-z\d.-]{0,100})(?:\+|%2b)/i;

/** The prefix of an address, in small letters, and the URI without it; null: it has none. */
export function takenOff(address: string): { prefix: string; uri: string } | null {
  const [all, scheme = '', prefix] = BEGINNING.exec(address) ?? [];
  if (all === undefined || prefix === undefined) return null;
  return { prefix: prefix.toLowerCase(), uri: `${scheme}${address.slice(all.length)}` };
}
