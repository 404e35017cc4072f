import * as z from 'zod/mini';
import { identityKinds } from '../../identity';
import { because } from '../../protocol/faults/fault';
import { CommaList } from './request';

/** Kinds of identities a list may be narrowed to. */
export const IdentityKinds = CommaList.check(
  z.refine((kinds) => kinds?.every((kind) => identityKinds().includes(kind)) ?? true, {
    error: () => because('not_of_kinds', { options: identityKinds().join(', ') }),
  }),
).register(z.globalRegistry, {
  get documented() {
    return { type: 'array', items: { type: 'string', enum: identityKinds() } };
  },
});
