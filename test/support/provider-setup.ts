import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { TestProject } from 'vitest/node';

/** How a token is signed: with the provider's key, with another's under the same name, with our own secret, or not at all. */
type Signature = 'own' | 'other' | 'HS256' | 'none';
/** What a provider answers next; tests set it over HTTP. */
type Behaviour = {
  claims: Record<string, unknown>;
  signature: Signature;
  userinfo: Record<string, unknown> | null;
  metadata: Record<string, unknown>;
  /** On top of what its token endpoint answers; `access_token` is followed by `-again` once it was refreshed. */
  tokens: { access_token: string } & Record<string, unknown>;
  /** The error every refresh meets. */
  refusesRefresh: string | null;
  /** Where its paths redirect, by path. One that is called `moved` has its metadata. */
  redirects: Record<string, { status: number; location: string }>;
  /** What every request meets in place of an answer. */
  fault: null | 'redirect' | 'long' | number;
};
type Asked = { path: string; authorization: string | undefined; form: Record<string, string> };

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Starts the providers of the tests: `/<name>/…` each, and Cloudflare Access' keys at the root. They sign what they are told. */
export default async function setup(project: TestProject): Promise<() => void> {
  const [own, other] = await Promise.all([generateKeyPair('RS256'), generateKeyPair('RS256')]);
  const jwks = { keys: [{ ...(await exportJWK(own.publicKey)), kid: 'one', alg: 'RS256', use: 'sig' }] };
  const providers = new Map<string, { behaviour: Behaviour; asked: Asked[] }>();
  let origin = '';

  const sign = (claims: Record<string, unknown>, signature: Signature): Promise<string> | string => {
    if (signature === 'own' || signature === 'other') {
      const { privateKey } = signature === 'own' ? own : other;
      return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'one' }).sign(privateKey);
    }
    const body = `${encode({ alg: signature, kid: 'one' })}.${encode(claims)}`;
    const tag =
      signature === 'none' ? '' : createHmac('sha256', 'client-secret').update(body).digest('base64url');
    return `${body}.${tag}`;
  };

  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const { pathname } = new URL(request.url ?? '', 'http://x');
    const body = await text(request);
    const json = (value: unknown, status = 200) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    if (pathname === '/cdn-cgi/access/certs') return json(jwks);
    if (pathname === '/sign') {
      const { claims, signature } = JSON.parse(body);
      return json({ token: await sign(claims, signature) });
    }

    const [, name = '', ...rest] = pathname.split('/');
    const path = rest.join('/');
    const provider = providers.get(name) ?? {
      behaviour: {
        claims: {},
        signature: 'own' as const,
        userinfo: null,
        metadata: {},
        tokens: { access_token: 'opaque', expires_in: 60 },
        refusesRefresh: null,
        redirects: {},
        fault: null,
      },
      asked: [],
    };
    providers.set(name, provider);
    const { behaviour, asked } = provider;
    if (path === 'control') {
      Object.assign(behaviour, JSON.parse(body || '{}'));
      return json(asked);
    }
    const { authorization } = request.headers;
    asked.push({ path, authorization, form: Object.fromEntries(new URLSearchParams(body)) });
    if (behaviour.fault === 'redirect') return response.writeHead(302, { location: '/elsewhere' }).end();
    if (behaviour.fault === 'long') return json({ padding: 'x'.repeat(300_000) });
    if (behaviour.fault !== null) return json({ error: 'fault' }, behaviour.fault);
    const issuer = `${origin}/${name}`;
    const redirect = behaviour.redirects[path];
    if (redirect) return response.writeHead(redirect.status, { location: redirect.location }).end();
    if (path === '.well-known/openid-configuration' || path === 'moved') {
      return json({
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/jwks`,
        userinfo_endpoint: `${issuer}/userinfo`,
        id_token_signing_alg_values_supported: ['RS256', 'HS256', 'none'],
        ...behaviour.metadata,
      });
    }
    if (path === 'jwks') return json(jwks);
    if (path === 'userinfo') return json(behaviour.userinfo);
    const { tokens, refusesRefresh } = behaviour;
    if (asked.at(-1)?.form.grant_type === 'refresh_token') {
      if (refusesRefresh) return json({ error: refusesRefresh }, 400);
      return json({ token_type: 'Bearer', ...tokens, access_token: `${tokens.access_token}-again` });
    }
    const id_token = await sign(behaviour.claims, behaviour.signature);
    json({ token_type: 'Bearer', ...tokens, id_token });
  };

  const server = createServer((request, response) => void serve(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  project.provide('providerOrigin', origin);
  return () => {
    server.closeAllConnections();
    server.close();
  };
}

declare module 'vitest' {
  interface ProvidedContext {
    providerOrigin: string;
  }
}
