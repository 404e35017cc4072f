import * as z from 'zod';
import type { Rotation } from '../../grants/grant';
import { askGrant, touchGrant } from '../../grants/store';
import { modeOf, standingOf } from '../../identity';
import { canonicalResource, isUnder, narrowScope } from '../../protocol/authorization';
import { OAuthError } from '../../protocol/error';
import type { TokenResponse } from '../../protocol/oauth-answers';
import type { Params } from '../../protocol/params';
import type { GrantType, TokenContext } from './grant-type';
import { tokenResponse } from './token-response';

/** Refreshing, RFC 6749 §6, with rotation (RFC 9700 §4.14.2). Everything is checked before a token is spent. */
export const refreshToken: GrantType = {
  form: {
    refresh_token: z.string(),
    scope: z.string().describe('May narrow what was granted').optional(),
    resource: z.string().optional(),
  },
  answer,
};

async function answer(form: Params, context: TokenContext): Promise<TokenResponse> {
  const { client, env, settings, issuer } = context;
  if (!form.refresh_token) throw new OAuthError('invalid_request', 'refresh_token is required');
  const presented = parseRefreshToken(form.refresh_token);
  if (!presented) throw refusal();
  const { grantId, n, tag } = presented;
  const terms = await askGrant(env.GRANTS, grantId, (grant) => grant.terms(n, tag));
  if (terms?.clientId !== client.clientId) throw refusal();
  if (!isUnder(terms.resource, issuer)) throw refusal(); // kept, so that the old issuer brings it back (CONTRACT §5)
  if (form.resource && canonicalResource(form.resource, issuer) !== terms.resource) {
    throw new OAuthError('invalid_target', 'the refresh token was issued for another resource');
  }
  const scope = narrowScope(form.scope, terms.scope);

  const standing = await standingOf(env, settings, terms);
  const mode = modeOf(terms.subject);
  if (standing.is === 'suspended') throw new OAuthError('invalid_grant', mode?.suspended ?? GONE);
  if (standing.is === 'gone') {
    const reason = mode?.endReason ?? 'identity_refused';
    await askGrant(env.GRANTS, grantId, (grant) => grant.end(reason));
    throw new OAuthError('invalid_grant', GONE);
  }

  const { refresh_reuse_interval: reuseInterval, refresh_token_ttl: idleTtl } = settings.oauth2_server_config;
  const rotation = { n, tag, clientId: client.clientId, reuseInterval, idleTtl };
  const rotated = await askGrant<Rotation>(env.GRANTS, grantId, async (grant) => grant.rotate(rotation));
  if (rotated && !rotated.ok && rotated.reason === 'reused') {
    context.audit({ act: 'refresh_token.reused', client_id: client.clientId, grant_id: grantId });
  }
  if (!rotated?.ok) throw refusal();
  context.later(touchGrant(env.DB, grantId, Math.floor(Date.now() / 1000)));
  return tokenResponse(context, grantId, terms, scope, rotated);
}

const GONE = 'who allowed this may no longer use this gateway';

function refusal(): OAuthError {
  return new OAuthError(
    'invalid_grant',
    'the refresh token is unknown, replaced or expired, or its grant has ended',
  );
}

/** The parts of a refresh token: `<grant id>.<n>.<tag>`. Null for what this gateway could not have written. */
export function parseRefreshToken(token: string): { grantId: string; n: number; tag: string } | null {
  const [, grantId, n, tag] = /^([0-9a-f]{64})\.([1-9]\d{0,9})\.([A-Za-z0-9_-]{43})$/.exec(token) ?? [];
  return grantId && n && tag ? { grantId, n: Number(n), tag } : null;
}
