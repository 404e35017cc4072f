import type { Grant } from '../grants/store';
import { isLoopback } from '../protocol/public-url';

/** What an app is called where its person reads of it. */
export function nameOf({ givenName, clientName }: Grant): string {
  return givenName ?? clientName;
}

/** Where an app runs, as far as the place it sends people back to tells. */
export function whereOf({ redirectHost: host }: Grant): string {
  if (host.endsWith(':')) return 'on a device';
  return isLoopback(host.replace(/:\d+$/, '')) ? 'on a computer' : `at ${host}`;
}

/** What an app may use, in a line. @param servers names, by id */
export function mayUse({ servers: allowed, scope }: Grant, servers: ReadonlyMap<string, string>): string {
  const what = allowed ? counted(allowed, servers) : 'all you may';
  return scope === 'mcp:read' ? `${what}, reading only` : what;
}

function counted(allowed: NonNullable<Grant['servers']>, servers: ReadonlyMap<string, string>): string {
  const here = allowed.filter(({ id }) => servers.has(id));
  const [only] = here;
  if (!only) return 'nothing any more';
  const where = here.length === 1 ? `${servers.get(only.id)}` : `${here.length} servers`;
  if (here.some(({ tools }) => tools === null)) return where;
  const tools = here.flatMap(({ tools }) => tools ?? []).length;
  return `${where}, ${tools === 1 ? '1 tool' : `${tools} tools`}`;
}

/** A moment given in epoch seconds, as pages take it. */
export function rfc3339(seconds: number | null): string | null {
  return seconds === null ? null : new Date(seconds * 1000).toISOString();
}
