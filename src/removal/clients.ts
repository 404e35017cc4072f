import type { By } from '../audit';
import { clientDeletion } from '../clients/store';
import type { Env } from '../config';
import { type Removed, remove } from './begin';
import { newRemoval } from './store';

/**
 * Deletes a client and ends what it was allowed. `/mcp` and the token endpoint refuse it at once; one with a great many grants
 * takes several calls, which the cron makes.
 */
export function removeClient(env: Env, clientId: string, by: By): Promise<Removed> {
  return remove(env, newRemoval('client', clientId, by), {
    also: [],
    gone: clientDeletion(env.DB, clientId, Math.floor(Date.now() / 1000)),
    act: { act: 'client.deleted', client_id: clientId },
  });
}
