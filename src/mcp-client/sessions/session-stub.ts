import type { Sharer } from '../../accounts/connect';
import { hashSecret } from '../../crypto/secrets';

/** The object of a client session, as it is called from elsewhere. */
export async function sessionStubOf({ objects, name }: Sharer) {
  return objects.get(objects.idFromName(await hashSecret(name)));
}
