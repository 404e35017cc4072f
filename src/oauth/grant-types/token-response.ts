import { signingSetup } from '../../config';
import { signAccessToken } from '../../crypto/access-tokens';
import { randomSecret } from '../../crypto/secrets';
import type { GrantTerms } from '../../grants/grant';
import { OAuthError } from '../../protocol/error';
import type { TokenResponse } from '../../protocol/oauth-answers';
import type { TokenContext } from './grant-type';

/**
 * The tokens of a grant (RFC 6749 §5.1, RFC 9068 §2.2). The access token's `jti` begins with the number of the refresh
 * token it came with, so that /mcp can tell the grant which one is in use; it never outlives the grant.
 */
export async function tokenResponse(
  { env, settings, issuer }: TokenContext,
  grantId: string,
  terms: GrantTerms,
  scope: string,
  { refreshToken, n }: { refreshToken: string; n: number },
): Promise<TokenResponse> {
  const now = Math.floor(Date.now() / 1000);
  const lifetime = Math.min(
    settings.oauth2_server_config.access_token_ttl,
    (terms.expiresAt ?? Infinity) - now,
  );
  if (lifetime <= 0) throw new OAuthError('invalid_grant', 'the time this was allowed for is over');
  const claims = {
    iss: issuer,
    sub: terms.subject,
    aud: terms.resource,
    client_id: terms.clientId,
    scope,
    jti: `${n}.${randomSecret(16)}`,
    grant_id: grantId,
  };
  return {
    access_token: await signAccessToken(signingSetup(env, settings), claims, now, now + lifetime),
    token_type: 'Bearer',
    expires_in: lifetime,
    refresh_token: refreshToken,
    scope,
  };
}
