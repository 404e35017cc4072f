import * as z from 'zod/mini';
import { hashSecret, randomSecret, sealersIn } from '../../../src/crypto/secrets';
import { grantObject, insertGrant } from '../../../src/grants/store';
import { virtualKey } from '../../../src/identity/virtual-key';
import type { GrantType } from '../../../src/oauth/grant-types/grant-type';
import { tokenResponse } from '../../../src/oauth/grant-types/token-response';
import { OAuthError } from '../../../src/protocol/error';

/** Seconds a grant that never opened would stay. */
const LIFE = 60;

/** A machine shows its access key, and gets tokens that act as that key: no browser is there to ask a person. */
export const keyExchange: GrantType = {
  form: { virtual_key: z.string().check(z.describe('The access key the tokens act as')) },

  async answer({ virtual_key }, context) {
    const { client, env, settings, issuer } = context;
    const identity = await virtualKey.identify(env, settings, { virtual_key });
    if (!identity || 'mustSignIn' in identity) throw new OAuthError('invalid_grant', 'the key is not active');

    const now = Math.floor(Date.now() / 1000);
    const grantId = env.GRANTS.newUniqueId().toString();
    const [codeHash, codeChallenge] = [await hashSecret(randomSecret()), await hashSecret(randomSecret())];
    const [sealedBy = null] = await sealersIn(env.ENCRYPTION_KEY);
    const [redirectUri = ''] = client.metadata.redirect_uris;
    const { subject, generation } = identity;
    const what = { clientId: client.clientId, subject, generation, scope: 'mcp', resource: `${issuer}/mcp` };
    const idleTtl = settings.oauth2_server_config.refresh_token_ttl;
    const bound = {
      clientId: client.clientId,
      codeHash,
      codeChallenge,
      redirectUri,
      resource: what.resource,
    };

    await insertGrant(env.DB, {
      ...what,
      grantId,
      clientName: client.metadata.client_name ?? '',
      servers: null,
      askedScope: null,
      readOnly: false,
      redirectHost: 'a machine',
      userAgent: null,
      country: null,
      createdAt: now,
      expiresAt: null,
      sealedBy,
    });
    const grant = grantObject(env.GRANTS, grantId);
    const lives = { codeExpiresAt: now + LIFE, flowExpiresAt: now + LIFE, expiresAt: null };
    await grant?.open({ ...what, ...bound, ...lives });
    const redeemed = await grant?.redeem({ ...bound, issuer, idleTtl, address: context.address });
    if (!redeemed?.ok) throw new OAuthError('invalid_grant', 'the grant did not open');
    return tokenResponse(context, grantId, redeemed.terms, redeemed.terms.scope, redeemed);
  },
};
