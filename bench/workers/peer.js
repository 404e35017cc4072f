import { forward } from './forwarder.js';
import { OAuthProvider } from './oauth-provider.js';

/** A gateway made with @cloudflare/workers-oauth-provider: it authorizes, the forwarder's function does the rest. */
const COOKIE = 'csrf';

/** What the library hands over once it has found the token good. */
const apiHandler = { fetch: (request, env) => forward(request, env.UPSTREAM) };

/** The one page, and the answer to it. */
const defaultHandler = {
  async fetch(request, env) {
    if (new URL(request.url).pathname !== '/authorize') return new Response('Not found', { status: 404 });
    return request.method === 'POST' ? allow(request, env.OAUTH_PROVIDER) : ask(request, env.OAUTH_PROVIDER);
  },
};

async function ask(request, provider) {
  const asked = await provider.parseAuthRequest(request);
  const client = await provider.lookupClient(asked.clientId);
  if (!client) return new Response('Unknown client', { status: 400 });
  const csrf = crypto.randomUUID();
  const page = `<!doctype html><html lang="en"><title>Allow</title>
<form method="post" action="/authorize"><p>Allow ${escaped(client.clientName ?? 'an app')}?</p>
<input type="hidden" name="request" value="${escaped(JSON.stringify(asked))}"><input type="hidden" name="csrf" value="${csrf}">
<button name="decision" value="allow">Allow</button></form></html>`;
  const cookie = `${COOKIE}=${csrf}; Path=/; HttpOnly; SameSite=Lax`;
  return new Response(page, {
    headers: { 'content-type': 'text/html; charset=utf-8', 'set-cookie': cookie },
  });
}

/** Each answer is a person's of their own: the library ends what the same person allowed the same client before. */
async function allow(request, provider) {
  const form = await request.formData();
  const sent = request.headers.get('cookie') ?? '';
  if (!sent.split('; ').includes(`${COOKIE}=${form.get('csrf')}`))
    return new Response('Not this page', { status: 403 });
  const asked = JSON.parse(form.get('request'));
  const userId = crypto.randomUUID();
  const scope = asked.scope.length ? asked.scope : ['mcp'];
  const { redirectTo } = await provider.completeAuthorization({
    request: asked,
    userId,
    metadata: {},
    scope,
    props: { userId },
  });
  return Response.redirect(redirectTo, 302);
}

const escaped = (text) => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

let provider;

export default {
  fetch(request, env, ctx) {
    const { origin } = new URL(request.url);
    provider ??= new OAuthProvider({
      apiRoute: '/mcp',
      apiHandler,
      defaultHandler,
      authorizeEndpoint: '/authorize',
      tokenEndpoint: '/token',
      clientRegistrationEndpoint: '/register',
      scopesSupported: ['mcp'],
      resourceMetadata: {
        resource: `${origin}/mcp`,
        authorization_servers: [origin],
        scopes_supported: ['mcp'],
      },
      onError() {},
    });
    return provider.fetch(request, env, ctx);
  },
};
