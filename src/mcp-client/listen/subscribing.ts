import type { Peer } from '../../accounts/connect';
import type { JsonObject } from '../../protocol/mcp';
import { failures } from '../../servers/failure';
import { modernRequest } from '../eras';
import { drain, post } from '../exchange';
import { hearEvents, inTime, isEvents } from '../questions/listening';
import { nextRequestId } from '../request-ids';

/** Refused credentials, too slow, too many: the next time may be another. */
const PASSING: readonly number[] = [401, 408, 429];

/**
 * Hears what a server of 2026-07-28 tells of `notifications`, until it ends that or `signal` aborts (Subscriptions).
 * @returns false when it takes no such request @throws UpstreamFailure when there is no answer, or one that passes
 */
export async function subscribeTo(
  peer: Peer,
  notifications: JsonObject,
  signal: AbortSignal,
  hear: (message: JsonObject) => Promise<void>,
): Promise<boolean> {
  const params = { notifications };
  const { body, headers } = modernRequest({ id: nextRequestId(), method: 'subscriptions/listen', params });
  const response = await inTime(signal, (signal) => post(peer, body, headers, signal));
  const isTaken = response.ok && isEvents(response);
  if (isTaken) await hearEvents(response, hear).catch(() => undefined);
  else await drain(response);
  const { status } = response;
  if (!isTaken && (status >= 500 || PASSING.includes(status))) throw failures.unanswered(peer.server.name);
  return isTaken;
}
