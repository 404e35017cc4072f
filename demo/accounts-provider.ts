import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import Provider, { errors } from 'oidc-provider';

/**
 * The authorization server of the demo's calendar, at `origin`: clients register themselves, everyone types a name, refresh
 * tokens rotate. It remembers nothing when it ends.
 * @param resource for which it issues access tokens @param tokenLife of those, seconds
 */
export function demoProvider(origin: string, resource: string, tokenLife: number): Provider {
  return new Provider(origin, {
    features: {
      devInteractions: { enabled: false },
      registration: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_, asked) => {
          if (asked !== resource) throw new errors.InvalidTarget();
          return {
            scope: 'calendar',
            audience: resource,
            accessTokenFormat: 'opaque',
            accessTokenTTL: tokenLife,
          };
        },
      },
    },
    scopes: ['calendar'],
    issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    ttl: { AccessToken: tokenLife, RefreshToken: 86_400, Grant: 86_400, Session: 3600, Interaction: 900 },
    findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    cookies: { keys: [randomBytes(32).toString('base64url')] },
  });
}

/** The page where a person says who they are, and lets the client in. */
export async function showLogin(
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { params, session } = await provider.interactionDetails(request, response);
  const client = await provider.Client.find(String(params.client_id));
  const name = escapeHtml(session?.accountId ?? '');
  response
    .writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' })
    .end(`<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Demo calendar</title>
<style>body{font:16px/1.5 system-ui;max-width:26rem;margin:4rem auto;padding:0 1rem}input,button{font:inherit;padding:.5rem .75rem}</style>
<h1>Demo calendar</h1>
<p>${escapeHtml(client?.clientName ?? 'An app')} wants to see your calendar. Any name will do.</p>
<form method="post">
<p><label>Your name <input name="login" value="${name}" required maxlength="64" autofocus></label></p>
<button name="decision" value="allow">Allow</button> <button name="decision" value="deny" formnovalidate>Deny</button>
</form></html>`);
}

/** Takes the answer of {@link showLogin}: signed in and allowed at once, or neither. */
export async function answerLogin(
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { params, grantId } = await provider.interactionDetails(request, response);
  const form = new URLSearchParams(await text(request));
  const accountId = (form.get('login') ?? '').trim().slice(0, 64);
  if (form.get('decision') !== 'allow' || !accountId) {
    const result = { error: 'access_denied', error_description: 'the person said no' };
    return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
  }
  const known = grantId ? await provider.Grant.find(grantId) : undefined;
  const grant =
    known?.accountId === accountId
      ? known
      : new provider.Grant({ accountId, clientId: String(params.client_id) });
  const scope = String(params.scope ?? '');
  grant.addOIDCScope(scope);
  if (params.resource) grant.addResourceScope(String(params.resource), scope);
  const result = { login: { accountId, remember: false }, consent: { grantId: await grant.save() } };
  return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

function escapeHtml(words: string): string {
  return words.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
