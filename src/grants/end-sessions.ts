import { waitUntil } from 'cloudflare:workers';
import type { Env } from '../config';
import { log } from '../log';
import { faultFacts } from '../protocol/faults/storage';
import { retrying, within } from '../protocol/patience';
import type { Subject } from '../protocol/subject';

/** How long the caller waits for servers to be told. It goes on behind the answer. Milliseconds. */
const PATIENCE = 3_000;

/**
 * Ends the sessions that a subject's client sessions have at servers (PROTOCOL §1). What a fault leaves ends after ten idle minutes.
 * @param which begun by this grant or key; at this server; neither: all
 * @returns true when they have ended
 */
export async function endSessionsOf(
  objects: Env['SUBJECTS'],
  subject: Subject,
  which: { via?: string; serverId?: string },
): Promise<boolean> {
  const ending = retrying(async () => {
    await objects.get(objects.idFromName(subject)).end(which);
    return true;
  }).catch((error: unknown) => {
    log('session.left_to_alarm', { subject, ...faultFacts(error) });
    return false;
  });
  waitUntil(ending);
  return (await within(PATIENCE, ending)) ?? false;
}
