import * as oauth from 'oauth4webapi';
import { type Answers, consent } from '../../../demo/consent.ts';

const REDIRECT_URI = 'http://127.0.0.1:7777/callback';

/** What a client and a resource server written with `oauth4webapi` get, which checks every answer against its RFC. */
export type LibraryWalk = {
  /** Claims of the access token as a resource server reads them (RFC 9068), and the algorithm it was signed with. */
  claims: oauth.JWTAccessTokenClaims;
  alg: unknown;
  /** Of the answer to the refresh. */
  refreshed: oauth.TokenEndpointResponse;
  /** Status of a refresh with the token that was revoked. */
  afterRevocation: number;
};

/** From the MCP URL through discovery, registration, consent, redemption, refresh and revocation. */
export async function walkWithLibrary(mcpUrl: string, answers: Answers): Promise<LibraryWalk> {
  const http = { [oauth.allowInsecureRequests]: true };
  const resource = new URL(mcpUrl);
  const described = await oauth.processResourceDiscoveryResponse(
    resource,
    await oauth.resourceDiscoveryRequest(resource, http),
  );
  const issuer = new URL(described.authorization_servers?.[0] ?? '');
  const discovered = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...http });
  const as = await oauth.processDiscoveryResponse(issuer, discovered);

  const metadata = { client_name: 'oauth4webapi', redirect_uris: [REDIRECT_URI] };
  const registered = await oauth.dynamicClientRegistrationRequest(
    as,
    { ...metadata, token_endpoint_auth_method: 'none' },
    http,
  );
  const client = await oauth.processDynamicClientRegistrationResponse(registered);
  const [verifier, state] = [oauth.generateRandomCodeVerifier(), oauth.generateRandomState()];
  const asked = new URL(as.authorization_endpoint ?? '');
  asked.search = `${new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: REDIRECT_URI,
    response_type: 'code',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    resource: resource.href,
    state,
  })}`;
  const callback = oauth.validateAuthResponse(as, client, await consent(asked, answers), state);

  const auth = oauth.None();
  const redeemed = await oauth.authorizationCodeGrantRequest(
    as,
    client,
    auth,
    callback,
    REDIRECT_URI,
    verifier,
    http,
  );
  const tokens = await oauth.processAuthorizationCodeResponse(as, client, redeemed);
  const again = await oauth.refreshTokenGrantRequest(as, client, auth, tokens.refresh_token ?? '', http);
  const refreshed = await oauth.processRefreshTokenResponse(as, client, again);

  const authorization = `Bearer ${refreshed.access_token}`;
  const presented = new Request(resource, { headers: { authorization } });
  const claims = await oauth.validateJwtAccessToken(as, presented, resource.href, http);
  const [header = ''] = refreshed.access_token.split('.');
  const { alg } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { alg: unknown };

  const revoked = await oauth.revocationRequest(as, client, auth, refreshed.refresh_token ?? '', http);
  await oauth.processRevocationResponse(revoked);
  const replayed = await oauth.refreshTokenGrantRequest(
    as,
    client,
    auth,
    refreshed.refresh_token ?? '',
    http,
  );
  return { claims, alg, refreshed, afterRevocation: replayed.status };
}
