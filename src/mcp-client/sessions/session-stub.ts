import type { Sharer } from '../../accounts/connect';
import { hashSecret } from '../../crypto/secrets';
import type { SessionActs } from './session-acts';

/** The object of a client session, as it is called from elsewhere. */
export async function sessionObjectOf({ objects, name }: Sharer): Promise<SessionActs> {
  return objects.get(objects.idFromName(await hashSecret(name)));
}
