import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TestProject } from 'vitest/node';

type Json = Record<string, unknown>;
type Client = {
  client_id: string;
  client_secret?: string;
  token_endpoint_auth_method?: string;
  redirect_uris?: string[];
};
type Grant = { user: string; client: string; scope: string; resource: string | null };

/** How an authorization server behaves; tests set it over HTTP (support/authorization-server.ts). */
type Behaviour = {
  /** Clients register themselves (RFC 7591). */
  registers: boolean;
  /** Clients may be described by documents; those are not fetched here. */
  documents: boolean;
  /** Each refresh replaces the refresh token, and one that comes back ends the grant. */
  rotates: boolean;
  /** `expires_in` of access tokens, seconds; null: it does not say. */
  lifetime: number | null;
  issuesRefreshTokens: boolean;
  /** Answers of the authorization endpoint name the issuer, and the metadata promises it (RFC 9207). */
  namesIssuer: boolean;
  /** `github`: refusals under status 200, forms unless JSON is asked for, scopes with commas, no PKCE. */
  quirks: null | 'github' | 'slack';
  /** Where its metadata is found: RFC 8414, OpenID with the path inserted, OpenID with it appended. */
  foundAt: ('oauth' | 'openid-inserted' | 'openid')[];
  /** On top of its metadata; null leaves a member out. */
  metadata: Json;
  /** On top of what a registration answers. */
  registration: Json;
  /** Clients someone registered by hand. */
  clients: Client[];
  /** On top of the parameters of an authorization response; null leaves one out. */
  answer: Record<string, string | null>;
  /** The error every token request meets. */
  refuses: string | null;
  /** What every token request of this grant type meets, whole. */
  says: null | { to: string; status: number; body: string; type?: string };
  /** Where a request that names `resource` is refused with this error (RFC 8707). */
  refusesResource: null | { at: 'authorize' | 'authorization_code' | 'refresh_token'; error: Json };
  /** Scopes it knows: a request at the authorization endpoint that names another is refused with `invalid_scope`. Null: all. */
  knowsScopes: null | string[];
  /** Claims of the ID token beside its tokens, and at its userinfo endpoint; null: there is none. */
  idToken: null | Json;
  userinfo: null | Json;
  /** How alone clients send their secret. */
  secretBy: null | 'client_secret_basic' | 'client_secret_post';
  /** What every request for tokens, registrations or metadata meets in place of an answer. */
  fault: null | 'hang' | 'die' | 'redirect' | 'long' | 'html' | number;
  /** Token requests wait until they are released. */
  holds: boolean;
};

export type Asked = {
  path: string;
  authorization?: string;
  accept?: string;
  form: Record<string, string>;
  body: unknown;
};

/** One authorization server of the tests, at `/<name>`: it lets everybody in who is sent to it, at once. */
class AuthorizationServer {
  behaviour: Behaviour = {
    registers: true,
    documents: false,
    rotates: true,
    lifetime: 3600,
    issuesRefreshTokens: true,
    namesIssuer: true,
    quirks: null,
    foundAt: ['oauth'],
    metadata: {},
    registration: {},
    clients: [],
    answer: {},
    refuses: null,
    says: null,
    refusesResource: null,
    knowsScopes: null,
    idToken: null,
    userinfo: null,
    secretBy: null,
    fault: null,
    holds: false,
  };
  readonly asked: Asked[] = [];
  private clients = new Map<string, Client>();
  private readonly codes = new Map<string, Grant & { challenge: string | null; redirectUri: string }>();
  private readonly access = new Map<string, Grant>();
  private readonly refresh = new Map<string, Grant>();
  private readonly spent = new Map<string, Grant>();
  private held: (() => void)[] = [];
  private waiting: (() => void)[] = [];

  constructor(readonly issuer: string) {}

  /** Everything the tests may do to it. */
  async control(act: string, asked: Json): Promise<unknown> {
    if (act === 'set') Object.assign(this.behaviour, asked);
    if (act === 'release') for (const go of this.held.splice(0)) go();
    if (act === 'until') {
      const { grant_type: type, count } = asked as { grant_type: string; count: number };
      while (this.asked.filter(({ form }) => form.grant_type === type).length < count)
        await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    if (act === 'forget-clients') this.clients = new Map();
    if (act === 'expire') this.access.clear();
    if (act === 'revoke') for (const tokens of [this.access, this.refresh]) tokens.clear();
    return { asked: this.asked };
  }

  metadata(): Json {
    const { registers, documents, namesIssuer, quirks, metadata } = this.behaviour;
    const { issuer } = this;
    const whole: Json = {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      ...(registers && { registration_endpoint: `${issuer}/register` }),
      revocation_endpoint: `${issuer}/revoke`,
      response_types_supported: ['code'],
      ...(quirks === null && { code_challenge_methods_supported: ['S256'] }),
      token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
      ...(namesIssuer && { authorization_response_iss_parameter_supported: true }),
      ...(this.behaviour.userinfo && { userinfo_endpoint: `${issuer}/userinfo` }),
      ...(documents && { client_id_metadata_document_supported: true }),
      ...metadata,
    };
    return Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== null));
  }

  /** @param path below the server's own */
  async serve(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const body = await text(request);
    const { authorization, accept } = request.headers;
    const isJson = request.headers['content-type']?.startsWith('application/json');
    const form = isJson ? {} : Object.fromEntries(new URLSearchParams(body));
    if (path === 'introspect') return void json(response, 200, this.introspect(form.token ?? ''));
    this.asked.push({ path, authorization, accept, form, body: isJson ? JSON.parse(body) : null });
    for (const wake of this.waiting.splice(0)) wake();
    const { fault } = this.behaviour;
    if (path === 'authorize') return this.authorize(request, response);
    if (fault === 'hang') return;
    if (fault === 'die') return void request.socket.destroy();
    if (fault === 'redirect') return void response.writeHead(302, { location: '/elsewhere' }).end();
    if (fault === 'long') return void json(response, 200, { padding: 'x'.repeat(300_000) });
    if (fault === 'html')
      return void response.writeHead(200, { 'content-type': 'text/html' }).end('<p>Hello</p>');
    if (fault !== null) return void json(response, fault, {});
    if (path === 'metadata') return void json(response, 200, this.metadata());
    if (path === 'register') return this.register(response, isJson ? JSON.parse(body) : {});
    if (path === 'userinfo') {
      const isKnown = this.access.has(authorization?.replace('Bearer ', '') ?? '');
      return void json(response, isKnown ? 200 : 401, (isKnown && this.behaviour.userinfo) || {});
    }
    if (path === 'revoke') return this.revoke(response, form.token ?? '');
    if (path !== 'token') return void json(response, 404, { error: 'not_found' });
    if (this.behaviour.holds) await new Promise<void>((resolve) => this.held.push(resolve));
    this.token(response, form, authorization, accept?.includes('application/json') ?? false);
  }

  /** Whose an access token is, for the servers that take it (RFC 7662). */
  private introspect(token: string): Json {
    const grant = this.access.get(token);
    return grant ? { active: true, sub: grant.user, ...grant } : { active: false };
  }

  private clientOf(id: string): Client | undefined {
    if (this.behaviour.documents && id.startsWith('https://')) return { client_id: id };
    return this.clients.get(id) ?? this.behaviour.clients.find(({ client_id }) => client_id === id);
  }

  /** Lets in whoever comes, as the `x-user` that the browser says, and sends them back. */
  /** What an authorization is refused with; null: it is not. */
  private refusalOf(query: URLSearchParams): Json | null {
    const { refusesResource, knowsScopes } = this.behaviour;
    if (refusesResource?.at === 'authorize' && query.has('resource')) return refusesResource.error;
    const scopes = query.get('scope')?.split(' ') ?? [];
    const isKnown = (scope: string) => knowsScopes?.includes(scope) ?? true;
    return scopes.every(isKnown) ? null : { error: 'invalid_scope' };
  }

  private authorize(request: IncomingMessage, response: ServerResponse): void {
    const query = new URL(request.url ?? '', 'http://x').searchParams;
    const client = this.clientOf(query.get('client_id') ?? '');
    const redirectUri = query.get('redirect_uri') ?? '';
    const challenge = query.get('code_challenge');
    const isRegistered = !client?.redirect_uris || client.redirect_uris.includes(redirectUri);
    const isProof = query.get('code_challenge_method') === 'S256' && challenge;
    if (!client || !isRegistered || query.get('response_type') !== 'code')
      return void response.writeHead(400).end();
    if (!isProof && this.behaviour.quirks !== 'github') return void response.writeHead(400).end();

    const refused = this.refusalOf(query);
    if (refused) {
      const location = new URL(redirectUri);
      const answer = { ...refused, state: query.get('state'), iss: this.issuer };
      for (const [name, value] of Object.entries(answer)) location.searchParams.set(name, String(value));
      return void response.writeHead(302, { location: location.href }).end();
    }
    const code = randomUUID();
    this.codes.set(code, {
      user: String(request.headers['x-user'] ?? 'somebody'),
      client: client.client_id,
      scope: query.get('scope') ?? '',
      resource: query.get('resource'),
      challenge,
      redirectUri,
    });
    const location = new URL(redirectUri);
    const answer = {
      code,
      state: query.get('state'),
      iss: this.behaviour.namesIssuer ? this.issuer : null,
      ...this.behaviour.answer,
    };
    for (const [name, value] of Object.entries(answer))
      if (value !== null) location.searchParams.set(name, value);
    response.writeHead(302, { location: location.href }).end();
  }

  private register(response: ServerResponse, metadata: Json): void {
    if (!this.behaviour.registers) return void json(response, 403, { error: 'access_denied' });
    const isPublic = metadata.token_endpoint_auth_method === 'none';
    const client = {
      ...metadata,
      client_id: `client-${randomUUID()}`,
      ...(!isPublic && { client_secret: `secret-${randomUUID()}`, client_secret_expires_at: 0 }),
      ...this.behaviour.registration,
    };
    this.clients.set(client.client_id, client);
    json(response, 201, Object.fromEntries(Object.entries(client).filter(([, value]) => value !== null)));
  }

  private revoke(response: ServerResponse, token: string): void {
    for (const tokens of [this.access, this.refresh]) tokens.delete(token);
    response.writeHead(200).end();
  }

  private token(
    response: ServerResponse,
    form: Record<string, string>,
    authorization: string | undefined,
    wantsJson: boolean,
  ): void {
    const { quirks, refuses } = this.behaviour;
    const refuse = (error: string) => {
      if (quirks === 'slack') return json(response, 200, { ok: false, error });
      if (quirks === 'github')
        return wantsJson ? json(response, 200, { error }) : formEncoded(response, { error });
      return json(response, error === 'invalid_client' ? 401 : 400, { error });
    };
    if (refuses) return void refuse(refuses);
    const { says, refusesResource } = this.behaviour;
    if (says && says.to === form.grant_type)
      return void response
        .writeHead(says.status, { 'content-type': says.type ?? 'application/json' })
        .end(says.body);
    if (refusesResource && refusesResource.at === form.grant_type && form.resource !== undefined)
      return void json(response, 400, refusesResource.error);
    const client = this.authenticated(form, authorization);
    if (!client) return void refuse(quirks === 'github' ? 'incorrect_client_credentials' : 'invalid_client');
    const grant = this.grantOf(form, client);
    if (!grant) return void refuse(quirks === 'github' ? 'bad_verification_code' : 'invalid_grant');

    const { lifetime, rotates, issuesRefreshTokens } = this.behaviour;
    const access_token = `access-${randomUUID()}`;
    this.access.set(access_token, grant);
    const isNew = form.grant_type !== 'refresh_token' || rotates;
    const refresh_token = issuesRefreshTokens && isNew ? `refresh-${randomUUID()}` : null;
    if (refresh_token) this.refresh.set(refresh_token, grant);
    if (quirks === 'github') {
      const tokens = { access_token, scope: grant.scope.replaceAll(' ', ','), token_type: 'bearer' };
      return void (wantsJson ? json(response, 200, tokens) : formEncoded(response, tokens));
    }
    json(response, 200, {
      ...(quirks === 'slack' && { ok: true }),
      access_token,
      token_type: quirks === 'slack' ? 'user' : 'Bearer',
      ...(lifetime !== null && { expires_in: lifetime }),
      ...(refresh_token && { refresh_token }),
      ...(this.behaviour.idToken && { id_token: unsigned(this.behaviour.idToken) }),
      scope: grant.scope,
    });
  }

  private grantOf(form: Record<string, string>, client: Client): Grant | null {
    switch (form.grant_type) {
      case 'refresh_token':
        return this.refreshed(form, client);
      case 'urn:ietf:params:oauth:grant-type:token-exchange':
        return this.exchanged(form.subject_token, client, form.audience ?? null, form.scope);
      case 'urn:ietf:params:oauth:grant-type:jwt-bearer':
        return this.exchanged(form.assertion, client, null, form.scope);
      default:
        return this.redeemed(form, client);
    }
  }

  /** A token of this gateway counts as its person's; of a token of others, the person is named after it. `worthless` is no one's. */
  private exchanged(token = '', client: Client, resource: string | null, scope = ''): Grant | null {
    if (!token || token === 'worthless') return null;
    return { user: this.access.get(token)?.user ?? token, client: client.client_id, scope, resource };
  }

  /** The client that proves to be who it says (RFC 6749 §2.3.1). */
  private authenticated(form: Record<string, string>, authorization: string | undefined): Client | null {
    const [id = form.client_id ?? '', secret = form.client_secret] = authorization
      ? atob(authorization.slice(6))
          .split(':')
          .map((part) => decodeURIComponent(part.replaceAll('+', ' ')))
      : [];
    const client = this.clientOf(id);
    const way = authorization ? 'client_secret_basic' : 'client_secret_post';
    const isWay = !secret || this.behaviour.secretBy === null || this.behaviour.secretBy === way;
    return client && (client.client_secret || undefined) === secret && isWay ? client : null;
  }

  private redeemed(
    { code = '', code_verifier = '', redirect_uri }: Record<string, string>,
    { client_id }: Client,
  ): Grant | null {
    const known = this.codes.get(code);
    this.codes.delete(code);
    if (!known || known.client !== client_id || known.redirectUri !== redirect_uri) return null;
    const challenge = createHash('sha256').update(code_verifier).digest('base64url');
    if (known.challenge !== null && known.challenge !== challenge) return null;
    const { user, client, scope, resource } = known;
    return { user, client, scope, resource };
  }

  private refreshed(
    { refresh_token: token = '' }: Record<string, string>,
    { client_id }: Client,
  ): Grant | null {
    const replayed = this.spent.get(token);
    if (replayed) {
      for (const tokens of [this.access, this.refresh])
        for (const [name, grant] of tokens) if (grant === replayed) tokens.delete(name);
    }
    const grant = this.refresh.get(token);
    if (!grant || grant.client !== client_id) return null;
    if (this.behaviour.rotates) {
      this.refresh.delete(token);
      this.spent.set(token, grant);
    }
    return grant;
  }
}

function unsigned(claims: Json): string {
  const part = (value: Json) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part(claims)}.`;
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

function formEncoded(response: ServerResponse, members: Record<string, string>): void {
  response
    .writeHead(200, { 'content-type': 'application/x-www-form-urlencoded' })
    .end(new URLSearchParams(members).toString());
}

/** Where metadata is looked for: what finds it, and of which server. */
function documentAt(
  pathname: string,
  host: string,
): [found: Behaviour['foundAt'][number], name: string] | null {
  const [, inserted = '', name = ''] =
    /^\/\.well-known\/(oauth-authorization-server|openid-configuration)\/([^/]+)$/.exec(pathname) ?? [];
  if (name) return [inserted === 'openid-configuration' ? 'openid-inserted' : 'oauth', name];
  const [, appended = ''] = /^\/([^/]+)\/\.well-known\/openid-configuration$/.exec(pathname) ?? [];
  if (appended) return ['openid', appended];
  // The one document at a root, of `localhost`: that of the server named `root`.
  const isRoot = pathname === '/.well-known/oauth-authorization-server' && host.startsWith('localhost:');
  return isRoot ? ['oauth', 'root'] : null;
}

/** Starts the authorization servers of the tests: `/<name>/…` each, set and asked through `/<name>/control/…`. */
export default async function setup(project: TestProject): Promise<() => void> {
  const servers = new Map<string, AuthorizationServer>();
  let origin = '';
  const named = (name: string) => {
    const known = servers.get(name) ?? new AuthorizationServer(`${origin}/${name}`);
    servers.set(name, known);
    return known;
  };
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://x');
    const document = documentAt(pathname, request.headers.host ?? '');
    if (document) {
      const [found, name] = document;
      const known = named(name);
      if (known.behaviour.foundAt.includes(found)) return known.serve(request, response, 'metadata');
      return json(response, 404, { error: 'not_found' });
    }
    const [, first = '', second = '', act = ''] = pathname.split('/');
    // At its origin, the one without documents (MCP 2025-03-26, default endpoints).
    const isDefault = ['authorize', 'token', 'register'].includes(first) && !second;
    const [name, path] = isDefault ? ['undescribed', first] : [first, second];
    if (path !== 'control') return named(name).serve(request, response, path);
    json(response, 200, await named(name).control(act, JSON.parse((await text(request)) || '{}')));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  project.provide('authorizationOrigin', origin);
  return () => {
    server.closeAllConnections();
    server.close();
  };
}

declare module 'vitest' {
  interface ProvidedContext {
    authorizationOrigin: string;
  }
}
