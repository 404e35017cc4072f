import { endBegunAt } from '../accounts/removal';
import { type Act, type By, SYSTEM } from '../audit';
import type { Env } from '../config';
import { removalFactsOf } from '../servers/find';
import { serverDeletion, serverTraces } from '../servers/store';
import { type Removed, removalOfEarlier, remove } from './begin';
import { newRemoval } from './store';

/** Deletes a server with everyone's accounts there, and what was begun to connect some. */
export async function removeServer(env: Env, id: string, by: By): Promise<Removed> {
  return removeAs(env, id, by, { act: 'server.deleted', server: id });
}

/** Takes back a server whose making ends in a refusal: the audit never knew of it. */
export async function takeBackServer(env: Env, id: string): Promise<void> {
  await removeAs(env, id, SYSTEM, null);
}

async function removeAs(env: Env, id: string, by: By, act: Act | null): Promise<Removed> {
  const { DB } = env;
  const facts = await removalFactsOf(DB, id);
  if (!facts) return removalOfEarlier(env, 'server', id);
  return remove(env, newRemoval('server', id, by, facts), {
    also: [...endBegunAt(DB, id), ...serverTraces(DB, id)],
    gone: serverDeletion(DB, id),
    act: act && { ...act, name: facts.name },
  });
}
