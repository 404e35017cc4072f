import type { Peer } from '../../accounts/connect';
import type { JsonObject } from '../../protocol/mcp';
import { failures } from '../../servers/failure';
import { whereIs } from '../../servers/server';
import { modernRequest } from '../eras';
import { drain, post } from '../exchange';
import { hearEvents, inTime, isEvents } from '../questions/listening';
import { nextRequestId } from '../request-ids';

/** How long credentials that were renewed for this count as new, and how long it is not done again that they were refused all the same. Milliseconds. */
const NEW = 600_000;
const VAIN = 86_400_000;
const MOST = 2_000;
/** When that was last done, by server and account, or until when it is not. Epoch milliseconds. */
const renewed = new Map<string, number>();

/** Gets other credentials in place of those refused. False: there are none, or they were refused all the same. */
async function renews({ server, credentials, owner }: Peer): Promise<boolean> {
  const key = `${whereIs(server)} ${owner}`;
  const at = renewed.get(key) ?? 0;
  const now = Date.now();
  if (!credentials.refused || at > now) return false;
  const isVain = at + NEW > now;
  renewed.delete(key);
  renewed.set(key, isVain ? now + VAIN : now);
  if (renewed.size > MOST) renewed.delete(renewed.keys().next().value as string);
  if (!isVain) await credentials.refused(null);
  return !isVain;
}

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
  if (status === 401 && !(await renews(peer))) return false;
  if (!isTaken && (status >= 500 || PASSING.includes(status))) throw failures.unanswered(peer.server.name);
  return isTaken;
}
