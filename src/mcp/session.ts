import * as z from 'zod/mini';
import { open, randomSecret, seal } from '../crypto/secrets';
import { CODE, isObject, type JsonObject, RpcError } from '../protocol/mcp';

/**
 * What a client of the 2025 era told us at `initialize`. Its `Mcp-Session-Id` *is* this record, sealed and stored nowhere
 * (CONTRACT §6). It identifies no one.
 */
const ClientSession = z.object({
  id: z.string(),
  version: z.string(),
  clientName: z.string(),
  capabilities: z.custom<JsonObject>(isObject),
});
export type ClientSession = z.infer<typeof ClientSession>;

const SEAL_CONTEXT = 'mcp-session';
/** Capabilities longer than this as JSON are not kept: the client is served as one without. */
const MOST_CAPABILITIES = 2000;

/** The `Mcp-Session-Id` for a client that has just initialised. */
export async function sealSession(
  keys: string,
  client: { version: string; clientName: string; capabilities: JsonObject },
): Promise<string> {
  const kept = JSON.stringify(client.capabilities).length <= MOST_CAPABILITIES ? client.capabilities : {};
  const session = {
    ...client,
    clientName: client.clientName.slice(0, 100),
    capabilities: kept,
    id: randomSecret(16),
  };
  return seal(keys, SEAL_CONTEXT, JSON.stringify(session));
}

/** The session of a request; null for none and for one we did not make. */
export async function openSession(keys: string, value: string | undefined): Promise<ClientSession | null> {
  if (!value || value.length > 6000) return null;
  const opened = await open(keys, SEAL_CONTEXT, value);
  return opened === null ? null : ClientSession.parse(JSON.parse(opened));
}

/** Client sessions that their clients ended here, by the name of their sharer, the oldest first. */
const ended = new Set<string>();
const MOST_ENDED = 2000;

/** Notes that a client session was ended, for as long as this isolate remembers. */
export function noteEnded(sharer: string): void {
  ended.delete(sharer);
  ended.add(sharer);
  if (ended.size > MOST_ENDED) ended.delete(ended.values().next().value as string);
}

/** True for a client session that was ended here: its client has to begin another (MCP 2025-11-25, Session Management). */
export function isEnded(sharer: string): boolean {
  return ended.has(sharer);
}

/** What a request of a client session that was ended meets (MCP 2025-11-25, Session Management). */
export function sessionEnded(): RpcError {
  const message = 'This session was ended. Begin another with initialize.';
  return new RpcError(404, CODE.invalidRequest, message, { type: 'session_ended' });
}
