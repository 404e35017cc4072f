import type { Peer } from '../accounts/connect';
import { isObject, type JsonObject, META } from '../protocol/mcp';
import { type ServerWords, wordsIn } from '../servers/words';

/** What servers said of themselves, by the peer that met them. */
const met = new WeakMap<Peer, ServerWords>();

/** Notes what a server says of itself in its answer to `initialize`, or to `server/discover`, whose `_meta` names it. */
export function noteWords(peer: Peer, { serverInfo, instructions, capabilities, _meta }: JsonObject): void {
  const named = isObject(_meta) ? _meta[META.serverInfo] : undefined;
  met.set(peer, wordsIn(named ?? serverInfo, instructions, capabilities));
}

/** What a server said of itself to this peer; null: it was not met by it. */
export function wordsTo(peer: Peer): ServerWords | null {
  return met.get(peer) ?? null;
}
