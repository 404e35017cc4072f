import { serveGrantTypes } from '../../clients/grant-types';
import { authorizationCode } from './authorization-code';
import type { GrantType } from './grant-type';
import { refreshToken } from './refresh-token';

/** Every grant type by its `grant_type`. Discovery, registration, metadata documents and the API's description follow it. */
export const grantTypes = serveGrantTypes(
  new Map<string, GrantType>([
    ['authorization_code', authorizationCode],
    ['refresh_token', refreshToken],
  ]),
);
