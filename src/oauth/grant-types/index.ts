import { authorizationCode } from './authorization-code';
import type { GrantType } from './grant-type';
import { refreshToken } from './refresh-token';

/** Every grant type by its `grant_type`. Discovery and registration follow these keys. */
export const grantTypes: ReadonlyMap<string, GrantType> = new Map<string, GrantType>([
  ['authorization_code', authorizationCode],
  ['refresh_token', refreshToken],
]);
