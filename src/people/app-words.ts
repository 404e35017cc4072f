import { whyEnded } from '../grants/end-words';
import type { Grant } from '../grants/store';
import { isLoopback } from '../protocol/public-url';
import { canUseWords } from '../ui/access-words';

/** What an app is called where its person reads of it. */
export function nameOf({ givenName, clientName }: Grant): string {
  return givenName ?? clientName;
}

/** Where an app returned to after consent, in words. */
export function whereOf({ redirectHost: host }: Grant): string {
  if (host.endsWith(':')) return 'this device';
  return isLoopback(host.replace(/:\d+$/, '')) ? 'this computer' : host;
}

/** What an app can use, in a line. @param names of servers, by id; those that are gone are not in it */
export function canUse({ servers, scope }: Grant, names: ReadonlyMap<string, string>): string {
  const here = servers?.flatMap(({ id, tools }) => {
    const name = names.get(id);
    return name === undefined ? [] : [{ name, tools }];
  });
  return canUseWords(here ?? null, scope === 'mcp:read');
}

/** Why access ended, to its own person. */
export function endedWord(reason: string | null): string {
  return reason === 'revoked_by_person' ? 'Revoked by you' : whyEnded(reason);
}

/** A moment given in epoch seconds, as pages take it. */
export function rfc3339(seconds: number | null): string | null {
  return seconds === null ? null : new Date(seconds * 1000).toISOString();
}
