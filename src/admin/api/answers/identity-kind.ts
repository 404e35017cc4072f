import * as z from 'zod/mini';
import { identityKinds } from '../../../identity';

/** The kind of an identity, as answers name it: one that a mode is registered for. */
export const IdentityKind = z.string().register(z.globalRegistry, {
  get documented() {
    return { type: 'string', enum: identityKinds() };
  },
});
