import { whyEnded } from '../grants/end-words';
import type { Grant } from '../grants/store';
import { isLoopback } from '../protocol/public-url';
import { countOf } from '../ui/english';
import { cut } from '../ui/name';

/** What an app is called where its person reads of it. */
export function nameOf({ givenName, clientName }: Grant): string {
  return givenName ?? clientName;
}

/** Where an app returned to after consent, in words. */
export function whereOf({ redirectHost: host }: Grant): string {
  if (host.endsWith(':')) return 'this device';
  return isLoopback(host.replace(/:\d+$/, '')) ? 'this computer' : host;
}

/** What an app can use, in a line. @param servers names, by id */
export function canUse({ servers: allowed, scope }: Grant, servers: ReadonlyMap<string, string>): string {
  const isReading = scope === 'mcp:read';
  if (!allowed) return isReading ? 'Read-only tools' : 'Everything';
  return `${counted(allowed, servers)}${isReading ? ', read-only' : ''}`;
}

function counted(allowed: NonNullable<Grant['servers']>, servers: ReadonlyMap<string, string>): string {
  const here = allowed.filter(({ id }) => servers.has(id));
  const [only] = here;
  if (!only) return 'Nothing';
  const where = here.length === 1 ? cut(servers.get(only.id) ?? '') : countOf(here.length, 'server');
  if (here.some(({ tools }) => tools === null)) return where;
  return `${where}, ${countOf(here.flatMap(({ tools }) => tools ?? []).length, 'tool')}`;
}

/** Why access ended, to its own person. */
export function endedWord(reason: string | null): string {
  return reason === 'revoked_by_person' ? 'Revoked by you' : whyEnded(reason);
}

/** A moment given in epoch seconds, as pages take it. */
export function rfc3339(seconds: number | null): string | null {
  return seconds === null ? null : new Date(seconds * 1000).toISOString();
}
