import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Worker } from 'node:worker_threads';
import { exportJWK, generateKeyPair } from 'jose';
import OidcProvider, { type AdapterConstructor } from 'oidc-provider';
// @ts-expect-error: it has no types
import MemoryAdapter from 'oidc-provider/lib/adapters/memory_adapter.js';
import type { TestProject } from 'vitest/node';

/** Seconds an access token of oidc-provider lives. */
const LIFE = 60;

const userOf = ({ headers }: IncomingMessage) => String(headers['x-user'] ?? 'somebody');

/**
 * `oidc-provider` as a server's authorization server: clients register, tokens live {@link LIFE} seconds, refresh tokens
 * rotate. Whoever comes is let in, as the `x-user` that the browser says.
 */
async function startOidcProvider() {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const ttl = {
    AccessToken: LIFE,
    Grant: 3600,
    IdToken: 3600,
    Interaction: 600,
    RefreshToken: 3600,
    Session: 3600,
  };
  const provider = new OidcProvider(origin, {
    adapter: class extends (MemoryAdapter as AdapterConstructor) {}, // what it has by itself, without its warning
    jwks: { keys: [await exportJWK(privateKey)] },
    ttl,
    scopes: ['offline_access', 'read'],
    features: {
      devInteractions: { enabled: false },
      registration: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource) => ({
          audience: resource,
          scope: 'read',
          accessTokenTTL: LIFE,
          accessTokenFormat: 'opaque',
        }),
        useGrantedResource: () => true,
      },
    },
    interactions: { url: (_, { uid }) => `/let-in/${uid}` },
    pkce: { required: () => true },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
  });
  const callback = provider.callback();

  const letIn = async (request: IncomingMessage, response: ServerResponse) => {
    const { prompt, params, session } = await provider.interactionDetails(request, response);
    if (prompt.name === 'login') {
      const login = { accountId: userOf(request) };
      return provider.interactionFinished(request, response, { login });
    }
    const clientId = String(params.client_id);
    const grant = new provider.Grant({ accountId: session?.accountId ?? '', clientId });
    grant.addOIDCScope(String(params.scope));
    grant.addResourceScope(String(params.resource), 'read');
    return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
  };
  /** For the servers that take its tokens. */
  const introspect = async (request: IncomingMessage, response: ServerResponse) => {
    const token = new URLSearchParams(await text(request)).get('token') ?? '';
    const found = token ? await provider.AccessToken.find(token) : undefined;
    const answer = { active: Boolean(found), sub: found?.accountId, resource: found?.aud };
    response.end(JSON.stringify(answer));
  };
  server.on('request', (request, response) => {
    if (request.url?.startsWith('/let-in/')) return void letIn(request, response);
    if (request.url === '/introspect') return void introspect(request, response);
    callback(request, response);
  });
  return { origin, server };
}

/** The SDK's demo authorization server, in a thread of its own: it cannot be closed. */
async function startDemoServer() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const origin = `http://localhost:${(probe.address() as AddressInfo).port}`;
  probe.close();
  await once(probe, 'close');
  const thread = new Worker(
    `const { setupAuthServer } = await import('@modelcontextprotocol/sdk/examples/server/demoInMemoryOAuthProvider.js');
     setupAuthServer({ authServerUrl: new URL('${origin}'), mcpServerUrl: new URL('${origin}'), strictResource: false });`,
    { eval: true, stdout: true },
  );
  return { origin, thread };
}

/** Starts authorization servers that others wrote. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const [oidc, demo] = await Promise.all([startOidcProvider(), startDemoServer()]);
  project.provide('peers', { oidcProvider: oidc.origin, sdkDemo: demo.origin });
  return async () => {
    oidc.server.closeAllConnections();
    oidc.server.close();
    await demo.thread.terminate();
  };
}

declare module 'vitest' {
  interface ProvidedContext {
    peers: { oidcProvider: string; sdkDemo: string };
  }
}
