import * as z from 'zod';
import type { GrantTerms, Rotation } from '../../grants/grant';
import { askGrant, touchGrant } from '../../grants/store';
import { modeOf, standingOf } from '../../identity';
import { canonicalResource, isUnder, narrowScope, scopeWithin } from '../../protocol/authorization';
import { OAuthError, Unavailable } from '../../protocol/error';
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
  scopeNow(form.scope, terms);

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
  const known = touchGrant(env.DB, grantId, Math.floor(Date.now() / 1000));
  if (rotated.version === 0) context.later(known);
  else if ((await known) !== rotated.version) await tellIndex(context, grantId);
  return tokenResponse(context, grantId, rotated.terms, scopeNow(form.scope, rotated.terms), rotated);
}

/** What of the scope that the client was granted, or asks for again, it has today. @throws OAuthError `invalid_scope` */
function scopeNow(asked: string | undefined, { scope, askedScope = scope }: GrantTerms): string {
  const now = scopeWithin(narrowScope(asked, askedScope), scope);
  if (now) return now;
  throw new OAuthError('invalid_scope', `the scope was narrowed to ${scope}`);
}

/** Tells an index that was restored, or missed a change, what the grant allows (SECURITY 26): no token is issued before. */
async function tellIndex({ env }: TokenContext, grantId: string): Promise<void> {
  if (await askGrant(env.GRANTS, grantId, (grant) => grant.tellTerms())) return;
  throw new Unavailable('the index was not told what a grant allows');
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
