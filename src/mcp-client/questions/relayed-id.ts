import * as z from 'zod/mini';
import { open, seal } from '../../crypto/secrets';
import { parseExact } from '../../protocol/json/exact';
import { RequestId } from '../../protocol/mcp';
import { tuple } from '../../protocol/params';

/**
 * What a name of a server's is for: a question's id, the progress token in it, or a question of ours that stands for one in a
 * server's `input_required`.
 */
type RelayedKind = 'question' | 'token' | 'input';

/** An id or token of a server's that a client gives back, through any isolate (PROTOCOL §4). */
export type Relayed = {
  kind: RelayedKind;
  serverId: string;
  /** Our name for the upstream session. */
  ref: string;
  /** As the server wrote it. */
  id: RequestId;
};

/** How long a question may be answered. Milliseconds. */
export const MOST_ASKED = 600_000;
/** No id of ours is longer: PROTOCOL §4. */
const MOST = 4096;

const Sealed = tuple(z.enum(['question', 'token', 'input']), z.string(), z.string(), RequestId, z.number());

const contextOf = (sharer: string) => `relayed/${sharer}`;

/**
 * The id that a client gets in place of a server's. Only the same client session of the same subject opens it.
 * @param sharer names the client session and its subject
 */
export function sealRelayed(keys: string, sharer: string, relayed: Relayed): Promise<string> {
  const { kind, serverId, ref, id } = relayed;
  return seal(keys, contextOf(sharer), JSON.stringify([kind, serverId, ref, id, Date.now() + MOST_ASKED]));
}

/** What {@link sealRelayed} sealed for this client session; null when it was foreign, altered or has expired. */
export async function openRelayed(keys: string, sharer: string, value: unknown): Promise<Relayed | null> {
  if (typeof value !== 'string' || value.length > MOST) return null;
  const opened = await open(keys, contextOf(sharer), value);
  if (opened === null) return null;
  const [kind, serverId, ref, id, until] = Sealed.parse(parseExact(opened));
  return until > Date.now() ? { kind, serverId, ref, id } : null;
}
