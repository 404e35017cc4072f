import type { Server } from '../servers/server';
import type { AccountKind } from './auth/auth';

/**
 * What is missing: an account at the server's provider, header values, a sign-in at this gateway whose provider's tokens
 * can be exchanged, or an identity of one's own to keep any of them for (a shared key and an anonymous caller have none).
 */
export type NeededKind = AccountKind | 'sign_in' | 'own_identity';

/** A server wants the caller's own credential and there is none that serves: the caller can do something about it. */
export class CredentialNeeded extends Error {
  override readonly name = 'CredentialNeeded';

  constructor(
    readonly server: Pick<Server, 'id' | 'name' | 'authType'>,
    readonly kind: NeededKind,
  ) {
    super(`${server.name} needs a credential of the caller's own (${kind})`);
  }
}
