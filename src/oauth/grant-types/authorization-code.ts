import * as z from 'zod/mini';
import { hashSecret } from '../../crypto/secrets';
import { type Code, findCode } from '../../flows';
import { grantObject } from '../../grants/store';
import { log } from '../../log';
import { canonicalResource, isUnder } from '../../protocol/authorization';
import { OAuthError } from '../../protocol/error';
import { faultFacts } from '../../protocol/faults/storage';
import type { TokenResponse } from '../../protocol/oauth-answers';
import type { Params } from '../../protocol/params';
import type { GrantType, TokenContext } from './grant-type';
import { tokenResponse } from './token-response';

/** RFC 7636 §4.1. */
const VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/;

/** The authorization code grant with PKCE, RFC 6749 §4.1.3 and RFC 7636 §4.5. */
export const authorizationCode: GrantType = {
  form: {
    code: z.string(),
    code_verifier: z.string().check(z.regex(VERIFIER)),
    redirect_uri: z.optional(z.string().check(z.describe('When sent, as in the authorization request'))),
    resource: z.optional(z.string()),
  },
  answer,
};

async function answer(form: Params, context: TokenContext): Promise<TokenResponse> {
  const { client, env, settings, issuer } = context;
  const { code, code_verifier: verifier, redirect_uri: redirectUri } = form;
  if (!code) throw new OAuthError('invalid_request', 'code is required');
  if (!verifier) throw new OAuthError('invalid_request', 'code_verifier is required');
  if (!VERIFIER.test(verifier)) {
    throw new OAuthError('invalid_request', 'code_verifier must be 43 to 128 unreserved characters');
  }
  const resource = form.resource && canonicalResource(form.resource, issuer);
  if (resource === null) throw new OAuthError('invalid_target', 'the code was issued for another resource');

  const request = {
    clientId: client.clientId,
    codeHash: await hashSecret(code),
    codeChallenge: await hashSecret(verifier),
    redirectUri,
    resource,
    issuer,
    idleTtl: settings.oauth2_server_config.refresh_token_ttl,
    address: context.address,
  };
  const now = Math.floor(Date.now() / 1000);
  const issued = await findCode(env.KV, request.codeHash, now).catch((error: unknown) => {
    log('code.not_read', { request_id: context.requestId, ...faultFacts(error) });
    return null; // the object knows it, too (SECURITY 23)
  });
  if (issued) refuseEarly(issued, request);

  const grantId = code.slice(0, 64);
  const redeemed = await grantObject(env.GRANTS, grantId)?.redeem(request);
  const story = { client_id: client.clientId, grant_id: grantId };
  if (redeemed?.ok) context.audit({ act: 'code.redeemed', ...story });
  else if (redeemed?.reason === 'repeated') context.audit({ act: 'code.repeated', ...story });
  else if (redeemed?.reason === 'replayed') context.audit({ act: 'code.replayed', ...story });
  if (!redeemed?.ok) throw refusalOf(redeemed?.reason ?? 'unknown');
  return tokenResponse(context, grantId, redeemed.terms, redeemed.terms.scope, redeemed);
}

/** Refuses what cannot pass before the grant is woken: it would say the same. */
function refuseEarly(
  issued: Code,
  request: {
    clientId: string;
    codeChallenge: string;
    redirectUri: string | undefined;
    resource: string | undefined;
    issuer: string;
  },
): void {
  if (!isUnder(issued.resource, request.issuer)) throw refusalOf('wrong_issuer');
  if (issued.clientId !== request.clientId) throw refusalOf('wrong_client');
  if (request.redirectUri && issued.redirectUri !== request.redirectUri)
    throw refusalOf('wrong_redirect_uri');
  if (request.resource && issued.resource !== request.resource) throw refusalOf('wrong_resource');
  if (issued.codeChallenge !== request.codeChallenge) throw refusalOf('wrong_verifier');
}

function refusalOf(reason: string): OAuthError {
  if (reason === 'wrong_resource')
    return new OAuthError('invalid_target', 'the code was issued for another resource');
  if (reason === 'wrong_redirect_uri') {
    return new OAuthError('invalid_grant', 'redirect_uri differs from the authorization request');
  }
  return new OAuthError(
    'invalid_grant',
    'the code is unknown, spent or expired, or the verifier does not match',
  );
}
