import type { Env } from '../config';
import { Unavailable } from '../protocol/error';
import { SIGN_IN } from './connections';
import type { Terms, Tokens } from './credential';

/** Whose tokens, where, and as which gateway. */
type Place = Pick<Terms, 'serverId' | 'owner' | 'issuer'>;

/** True for credentials that lists show: not for the tokens of sign-ins. */
export function isIndexed(serverId: string): boolean {
  return serverId !== SIGN_IN;
}

/**
 * What the provider issues for a refresh token; `gone` when there is no such server any more.
 * @throws TokenRefused; anything else passes.
 */
export async function refreshAt(_env: Env, _place: Place, _refreshToken: string): Promise<Tokens | 'gone'> {
  throw new Unavailable('there is no provider yet');
}

/** Tells the provider that tokens are not needed any more. False when it could not be told. */
export async function revokeAt(_env: Env, _place: Place, _tokens: Tokens): Promise<boolean> {
  return false;
}
