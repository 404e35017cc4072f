import * as z from 'zod/mini';
import type { Peer } from '../../accounts/connect';
import { open, seal } from '../../crypto/secrets';
import type { Call } from '../call';
import { KeptTask } from '../tasks/task-id';
import type { Reached } from './passage';

/**
 * An answer that its client comes back for (MCP 2025-11-25, Resumability and Redelivery). The event id the client gets *is*
 * this record, sealed for this caller, client session and address, and stored nowhere (PROTOCOL §3).
 */
const LeftAnswer = z.object({
  /** The server, where it was and with which credentials it was asked. */
  serverId: z.string(),
  url: z.string(),
  credential: z.string(),
  session: z.object({ ref: z.string(), id: z.nullable(z.string()), version: z.string() }),
  /** The id that was sent. */
  sent: z.number(),
  /** The client's id and progress token, as JSON. */
  id: z.string(),
  token: z.nullable(z.string()),
  method: z.string(),
  /** The name or URI it named, at the address it was asked at: the caller has to be allowed that still. */
  asked: z.string(),
  /** The exposed name, for what is noted at the end. */
  item: z.string(),
  /** Missing: it has nothing to do with tasks. */
  task: z.optional(KeptTask),
  reached: z.object({ lastEventId: z.string(), startedAt: z.number(), waited: z.number() }),
});
export type LeftAnswer = z.infer<typeof LeftAnswer>;

/** No event id of ours is longer: it comes back in a header. */
const MOST_ID = 4096;
/** The revision whose clients come back. */
const RESUMING = '2025-11-25';
/** How long they may, from the request on: as long as it may take. Milliseconds. */
const MOST_AGE = 300_000;

type Owner = Pick<Call, 'gate' | 'caller' | 'session'>;

/** The member of a request's params that names what it asks for. */
export const namedBy = (method: string) => (method === 'resources/read' ? 'uri' : 'name');

/** Whether the client of a request can come back for its answer: from any isolate it shows the same client session. */
export function comesBack({ era, form, session }: Call): boolean {
  return era === '2025' && form !== 'json' && session?.version === RESUMING;
}

const placeOf = ({ gate, caller, session }: Owner) =>
  `mcp-event/${gate.slug ?? ''}/${caller.subject ?? 'anonymous'}/${session?.id}`;

/** The event id for a place in the answer to a request; null when it would be too long. */
export async function sealPlace(
  call: Call,
  { server, credentials }: Peer,
  {
    session,
    ...rest
  }: Pick<LeftAnswer, 'session' | 'sent' | 'item' | 'token' | 'task'> & { reached: Reached },
): Promise<string | null> {
  const { id, method, params } = call.request;
  const left: LeftAnswer = {
    ...rest,
    serverId: server.id,
    url: server.connectionString,
    credential: credentials.version,
    session: { ref: session.ref, id: session.id, version: session.version },
    id: JSON.stringify(id),
    method,
    asked: String(params[namedBy(method)]),
  };
  const sealed = await seal(call.gate.env.ENCRYPTION_KEY, placeOf(call), JSON.stringify(left));
  return sealed.length > MOST_ID ? null : sealed;
}

/** What an event id of ours says; null: it is none, or another's, or too old. */
export async function openPlace(owner: Owner, eventId: string): Promise<LeftAnswer | null> {
  if (!owner.session || eventId.length > MOST_ID) return null;
  const opened = await open(owner.gate.env.ENCRYPTION_KEY, placeOf(owner), eventId);
  const left = opened === null ? null : LeftAnswer.parse(JSON.parse(opened));
  return left && left.reached.startedAt + MOST_AGE > Date.now() ? left : null;
}
