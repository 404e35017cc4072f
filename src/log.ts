import { requestNow } from './invocation';

/** What a log line may hold: ids, counts and words of this gateway. Never a token, code, key, cookie or header value. */
type Facts = Record<string, string | number | boolean | null | undefined>;

/**
 * Writes one JSON line; of a request, with its id and that of its trace. `event` is named for the area and what happened, e.g.
 * `token.refreshed`: docs/logs.md has each.
 */
export function log(event: string, facts: Facts): void {
  console.log(JSON.stringify({ event, ...requestNow(), ...facts }));
}

/** A code that another server said, as a log line may hold it: what is no plain word could be anything, also a token. */
export function wordOf(said: string): string {
  return /^[a-z_]{1,64}$/.test(said) ? said : 'other';
}

/** The short code a person can read out (`F-7K2Q`), from an id that the log lines of the same request or flow carry. */
export function shortCode(id: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193) >>> 0; // FNV-1a
  let code = '';
  for (let at = 0; at < 4; at++, hash >>>= 5) code += '23456789ABCDEFGHJKLMNPQRSTUVWXYZ'[hash & 31];
  return `F-${code}`;
}
