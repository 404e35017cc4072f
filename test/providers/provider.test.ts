import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, inject, it, vi } from 'vitest';
import { newServer } from '../../src/admin/api/servers/request';
import { knownProvider, prepareProvider, registerAnew } from '../../src/providers/provider';
import type { ProviderProblem } from '../../src/providers/provider-problem';
import { introductionOf } from '../../src/providers/registration';
import { findServer } from '../../src/servers/find';
import type { OAuthConfigChange } from '../../src/servers/oauth-config';
import { findOAuthConfigOf } from '../../src/servers/oauth-config-store';
import type { Server, ServerChange } from '../../src/servers/server';
import { insertServer, updateServer } from '../../src/servers/store';
import { Settings } from '../../src/settings';
import { AuthorizationServer } from '../support/authorization-server';
import { wait } from '../support/clock';
import { faulty } from '../support/faults';
import { gate, ISSUER } from '../support/gate';
import { addressOf, control } from '../support/upstream';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const settings = Settings.parse({
  mcp_server_auth_mode: 'both',
  oauth2_server_config: {},
  oidc: {},
  access: {},
});
const now = () => Math.floor(Date.now() / 1000);

/** A server of everyone's own account, as the gateway has it. @param demands of support/upstream-setup.ts */
async function serverWith(
  demands: { issuer: string } & Record<string, unknown>,
  oauth_config: OAuthConfigChange = {},
  connection_string?: string,
): Promise<Server> {
  await gate('/health'); // whose first request makes the tables
  const name = `up_${crypto.randomUUID().slice(0, 8)}`;
  await control(name, 'set', { demands });
  const wanted = newServer(true).parse({
    name,
    connection_type: 'http',
    connection_string: connection_string ?? addressOf(name),
    auth_type: 'per_user_oauth',
    oauth_config,
  });
  const server = await insertServer(
    env.DB,
    env.ENCRYPTION_KEY,
    wanted,
    { hasProvider: true, isVerified: true },
    now(),
  );
  if (!server) throw new Error('the name is taken');
  return server;
}

const prepare = (server: Server) => prepareProvider(env, settings, ISSUER, server);

/** Why no one can be sent to the server's provider. */
async function problemOf(server: Server): Promise<ProviderProblem> {
  return prepare(server).then(
    () => Promise.reject(new Error('a provider was found')),
    (problem: ProviderProblem) => problem,
  );
}

/** Changes how the gateway is a client of the server's provider, and what else of the server. */
async function changeAt(server: Server, oauth_config: OAuthConfigChange, change: ServerChange = {}) {
  const config = await findOAuthConfigOf(env.DB, server.id);
  if (!config) throw new Error('the configuration is gone');
  const whole = { ...change, oauth_config };
  return updateServer(env.DB, env.ENCRYPTION_KEY, server, whole, now(), config);
}

const generationOf = async ({ id }: Server) => (await findServer(env.DB, id))?.credentialGeneration;

describe("finding a server's provider (CONTRACT §7; RFC 9728, RFC 8414)", () => {
  it('passes over an odd member that may be left out, and keeps the rest of the document', async () => {
    const odd = {
      scopes_supported: 'read write',
      revocation_endpoint: 7,
      token_endpoint_auth_methods_supported: 'none',
      client_id_metadata_document_supported: 'no',
    };
    const as = await AuthorizationServer.start({ metadata: odd });
    const server = await serverWith({ issuer: as.issuer, resource: { scopes_supported: 'all' } });

    const provider = await prepare(server);

    expect(provider).toMatchObject({ issuer: as.issuer, revocationEndpoint: null, scopes: [] });
  });

  it('follows the resource metadata that the 401 names, and its scopes', async () => {
    const as = await AuthorizationServer.start();
    const server = await serverWith({
      issuer: as.issuer,
      scope: 'read write',
      resource: { scopes_supported: ['all'] },
    });

    const provider = await prepare(server);

    expect(provider).toMatchObject({
      issuer: as.issuer,
      authorizationEndpoint: `${as.issuer}/authorize`,
      tokenEndpoint: `${as.issuer}/token`,
      revocationEndpoint: `${as.issuer}/revoke`,
      tokenHost: null,
      promisesIss: true,
      resource: server.connectionString,
      scopes: ['read', 'write'],
      client: { from: 'registration', authMethod: 'none', secret: null },
    });
  });

  it('looks at the well-known path when the 401 names nothing, and asks for the scopes found there', async () => {
    const as = await AuthorizationServer.start({ metadata: { scopes_supported: ['all', 'offline_access'] } });
    const server = await serverWith({
      issuer: as.issuer,
      found: 'path',
      resource: { scopes_supported: ['all'] },
    });

    const provider = await prepare(server);

    expect(provider).toMatchObject({ issuer: as.issuer, scopes: ['all', 'offline_access'] });
  });

  it.each([
    ['of the 2025 era, in a session that is ended again', '2025', 'initialize tools/list DELETE'],
    ['without sessions', 'stateless', 'initialize tools/list'],
    ['of 2026-07-28 only', '2026', 'initialize tools/list'],
  ])('asks a server for tools that lets anyone begin: one %s', async (_, era, messages) => {
    const as = await AuthorizationServer.start();
    const server = await serverWith({
      issuer: as.issuer,
      scope: 'read',
      resource: { scopes_supported: ['all'] },
    });
    await control(server.name, 'set', { era, open: ['initialize', 'server/discover'] });

    const provider = await prepare(server);
    const { seen } = await control(server.name, 'seen');

    expect(provider).toMatchObject({ issuer: as.issuer, scopes: ['read'] });
    expect(seen.map(({ method, message }) => message.method ?? method).join(' ')).toBe(messages);
  });

  it.each([
    ['OpenID metadata with the path inserted', ['openid-inserted']],
    ['OpenID metadata with the path appended', ['openid']],
  ])('finds %s', async (_, foundAt) => {
    const as = await AuthorizationServer.start({ foundAt });

    const provider = await prepare(await serverWith({ issuer: as.issuer }));

    expect(provider.issuer).toBe(as.issuer);
  });

  it('takes the root document of a server without resource metadata, whatever issuer it names', async () => {
    const legacy = `${inject('authorizationOrigin').replace('127.0.0.1', 'localhost')}/legacy/mcp`;
    const server = await serverWith({ issuer: '' }, {}, legacy);

    const provider = await prepare(server);

    expect(provider).toMatchObject({
      issuer: `${inject('authorizationOrigin')}/root`,
      resource: null,
      scopes: [],
    });
  });

  it('sends nobody on from a root document that names an issuer and takes its codes itself', async () => {
    const origin = inject('authorizationOrigin').replace('127.0.0.1', 'localhost');
    const issuer = `${inject('authorizationOrigin')}/root`;
    const legacy = () => serverWith({ issuer: '' }, { client_id: 'by-hand' }, `${origin}/legacy/mcp`);
    const root = (metadata: Record<string, unknown>) =>
      fetch(`${issuer}/control/set`, { method: 'POST', body: JSON.stringify({ metadata }) });
    const known = await legacy();
    await prepare(known);
    wait(86_500);

    for (const endpoint of ['token_endpoint', 'authorization_endpoint']) {
      await root({ [endpoint]: `${origin}/root/own` });
      for (const server of [await legacy(), known])
        expect(await problemOf(server)).toMatchObject({ type: 'issuer_mismatch', offeredIssuer: issuer });
    }
    await root({ issuer: `${origin}/root`, token_endpoint: `${inject('authorizationOrigin')}/root/token` });
    const itself = await prepare(await legacy());
    await root({});

    expect(itself.tokenHost).toBe(new URL(issuer).host);
  });

  it('forgives an issuer one trailing slash, and nothing else', async () => {
    const as = await AuthorizationServer.start({});
    await as.behave({ metadata: { issuer: `${as.issuer}/` } });
    const slashed = await prepare(await serverWith({ issuer: as.issuer }));
    await as.behave({ metadata: { issuer: `${as.issuer}/x` } });
    const other = await problemOf(await serverWith({ issuer: as.issuer }));

    expect(slashed.issuer).toBe(`${as.issuer}/`);
    expect(other.type).toBe('issuer_mismatch');
  });

  it('refuses another issuer, shows both, and takes it when an administrator does', async () => {
    const other = `${inject('authorizationOrigin').replace('127.0.0.1', 'localhost')}/other`;
    const as = await AuthorizationServer.start({ metadata: { issuer: other } });

    const refused = await problemOf(await serverWith({ issuer: as.issuer }));
    const accepted = await prepare(await serverWith({ issuer: as.issuer }, { issuer: other }));

    expect(refused).toMatchObject({ type: 'issuer_mismatch', offeredIssuer: other });
    expect(refused.message).toContain(as.issuer);
    expect(refused.message).toContain(other);
    expect(accepted).toMatchObject({
      issuer: other,
      tokenEndpoint: `${as.issuer}/token`,
      tokenHost: new URL(as.issuer).host,
    });
  });

  it('tells nothing of a name that hides or turns characters round (SECURITY 17)', async () => {
    const as = await AuthorizationServer.start({ metadata: { issuer: 'https://a.example/\u202egro.live' } });

    const { message, tried } = await problemOf(await serverWith({ issuer: as.issuer }));

    expect(message).toContain('https://a.example/gro.live');
    expect(tried.join()).not.toMatch(/\p{C}/u);
  });

  it('refuses metadata that describes another server, unless an administrator says it is this one', async () => {
    const as = await AuthorizationServer.start();
    const resource = 'https://elsewhere.example/mcp';
    const demands = { issuer: as.issuer, resource: { resource } };

    const refused = await problemOf(await serverWith(demands));
    const accepted = await prepare(await serverWith(demands, { resource }));

    expect(refused).toMatchObject({ type: 'discovery_failed' });
    expect(refused.message).toContain(resource);
    expect(accepted.resource).toBe(resource);
  });

  it('takes metadata that names the origin of the server, as many do', async () => {
    const as = await AuthorizationServer.start();
    const resource = new URL(addressOf('x')).origin;

    const provider = await prepare(await serverWith({ issuer: as.issuer, resource: { resource } }));

    expect(provider.resource).toBe(resource);
  });

  it.each([
    [
      'an authorization endpoint that runs something (CVE-2025-6514)',
      { authorization_endpoint: 'file:///bin/sh' },
    ],
    ['an authorization endpoint with a script', { authorization_endpoint: 'javascript:alert(1)' }],
    ['a token endpoint without TLS', { token_endpoint: 'http://public.example/token' }],
    ['a token endpoint on a private address', { token_endpoint: 'https://10.0.0.1/token' }],
    ['a registration endpoint on a private address', { registration_endpoint: 'https://[fd00::1]/register' }],
    ['no PKCE with S256', { code_challenge_methods_supported: ['plain'] }],
  ])('uses nothing of metadata with %s', async (_, metadata) => {
    const as = await AuthorizationServer.start({ metadata });
    const problem = await problemOf(await serverWith({ issuer: as.issuer }));

    expect(problem.type).toBe('discovery_failed');
    expect(await as.asked('register')).toEqual([]);
  });

  it.each(['issuer', 'authorization_endpoint', 'token_endpoint'])(
    'names what metadata lacks, and who has to add it: %s',
    async (member) => {
      const as = await AuthorizationServer.start({ metadata: { [member]: null } });

      const { message, tried } = await problemOf(await serverWith({ issuer: as.issuer }));

      expect(message).toContain(`has no ${member}. The people who run it have to add that.`);
      expect(tried.join()).toContain(`has no ${member}`);
      expect(await as.asked('register')).toEqual([]);
    },
  );

  it.each([
    ['a redirect', 'redirect', 'discovery_failed'],
    ['a page', 'html', 'discovery_failed'],
    ['more than 256 KiB', 'long', 'unavailable'],
    ['a fault of its own', 503, 'unavailable'],
    ['nothing at all', 'die', 'unavailable'],
  ])('does not go on from %s', async (_, fault, type) => {
    const as = await AuthorizationServer.start({ fault });

    const problem = await problemOf(await serverWith({ issuer: as.issuer }));

    expect(problem.type).toBe(type);
    expect(problem.tried.join('\n')).toContain(`/.well-known/oauth-authorization-server/${as.name} `);
  });

  it.each([301, 302, 307, 308])(
    'follows a %i of a document within its origin, and to no other (PROTOCOL §7)',
    async (status) => {
      const as = await AuthorizationServer.start();
      const server = await serverWith({ issuer: as.issuer });
      const wellKnown = '/.well-known/oauth-protected-resource';
      const pathOf = ({ connectionString }: Server) => new URL(connectionString).pathname;
      const pathname = pathOf(server);
      const own = server.name;
      const moved = { status, headers: { location: `/${own}/described` } };
      const metadata = { resource: server.connectionString, authorization_servers: [as.issuer] };
      await control(own, 'set', {
        demands: { issuer: as.issuer, found: 'path' },
        paths: {
          [`GET ${wellKnown}${pathname}`]: moved,
          [`GET /${own}/described`]: { status: 200, body: JSON.stringify(metadata) },
        },
      });

      const elsewhere = await serverWith({ issuer: as.issuer });
      const away = pathOf(elsewhere);
      const origin = inject('upstreamOrigin').replace('127.0.0.1', 'localhost');
      const toAway = { status, headers: { location: `${origin}/${elsewhere.name}/described` } };
      await control(elsewhere.name, 'set', {
        demands: { issuer: as.issuer, found: 'nowhere' },
        paths: {
          [`GET ${wellKnown}${away}`]: toAway,
          [`GET /${elsewhere.name}/described`]: { status: 200, body: '{}' },
        },
      });

      expect(await prepare(server)).toMatchObject({ issuer: as.issuer, resource: server.connectionString });
      expect((await problemOf(elsewhere)).tried.join()).toContain(`${away} answered ${status}`);
      expect(
        (await control(elsewhere.name, 'seen')).seen.filter(({ message }) =>
          message.method?.endsWith('described'),
        ),
      ).toEqual([]);
    },
  );

  it('asks nobody on a private address, nor without TLS, whatever a server names', async () => {
    const issuers = ['https://10.0.0.1', 'https://[::ffff:127.0.0.1]/as', 'http://public.example'];
    const { issuer } = await AuthorizationServer.start();
    const server = await serverWith({ issuer, resource: { authorization_servers: issuers } });
    const asked = vi.spyOn(globalThis, 'fetch');

    const problem = await problemOf(server);
    const hosts = asked.mock.calls.map(([input]) => new URL(String(input)).host);

    expect(problem.type).toBe('discovery_failed');
    expect(new Set(hosts)).toEqual(new Set([new URL(server.connectionString).host]));
  });

  it('never takes resource metadata that fails for resource metadata that is not there', async () => {
    const legacy = `${inject('authorizationOrigin').replace('127.0.0.1', 'localhost')}/legacy/mcp`;
    const server = await serverWith({ issuer: '' }, {}, legacy);
    const { fetch } = globalThis;
    vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
      if (String(input).includes('/.well-known/oauth-protected-resource'))
        return new Response('', { status: 503 });
      return fetch(input, init);
    });

    const problem = await problemOf(server);

    expect(problem.type).toBe('unavailable');
  });

  it('does not ask an administrator to accept an issuer because the right one is down', async () => {
    const origin = inject('authorizationOrigin').replace('127.0.0.1', 'localhost');
    const as = await AuthorizationServer.start();
    const issuer = `${origin}/${as.name}`; // whose root has the metadata of another
    const mismatched = await problemOf(await serverWith({ issuer: `${origin}/nobody/here` }));
    await as.behave({ fault: 503 });
    const down = await problemOf(await serverWith({ issuer }));
    await as.behave({ fault: null, metadata: { issuer, token_endpoint: 'https://10.0.0.1/token' } });
    const refused = await problemOf(await serverWith({ issuer }));

    expect(mismatched).toMatchObject({
      type: 'issuer_mismatch',
      offeredIssuer: `${inject('authorizationOrigin')}/root`,
    });
    expect(down.type).toBe('unavailable');
    expect(refused.type).toBe('discovery_failed');
    expect(refused.message).toContain('token_endpoint');
  });

  it('shows the host of a token endpoint that is not the issuer’s', async () => {
    const as = await AuthorizationServer.start({
      metadata: { token_endpoint: 'https://tokens.example/token' },
    });

    const provider = await prepare(await serverWith({ issuer: as.issuer }));

    expect(provider.tokenHost).toBe('tokens.example');
  });

  it('asks for no metadata of a provider whose endpoints an administrator named', async () => {
    const as = await AuthorizationServer.start();
    const config = {
      authorize_url: `${as.issuer}/authorize?access_type=offline`,
      token_url: `${as.issuer}/token`,
      client_id: 'by-hand',
      client_secret: 'the-secret-by-hand',
      resource: '',
      scopes: ['repo'],
    };

    const provider = await prepare(await serverWith({ issuer: as.issuer }, config));

    expect(provider).toMatchObject({
      issuer: null,
      authorizationEndpoint: config.authorize_url,
      resource: null,
      scopes: ['repo'],
      client: { clientId: 'by-hand', from: 'administrator', authMethod: 'client_secret_post' },
    });
    expect(await as.asked('metadata')).toEqual([]);
  });

  it('looks again after a day, and goes on with what it knows while nobody answers', async () => {
    const as = await AuthorizationServer.start();
    const server = await serverWith({ issuer: as.issuer });
    const first = await prepare(server);
    await as.behave({ fault: 500 });
    const fresh = await prepare(server);
    wait(86_500);
    const known = await prepare(server);
    await as.behave({ fault: null, metadata: { authorization_endpoint: `${as.issuer}/authorize?v=2` } });
    wait(400);
    const moved = await prepare(server);

    expect(fresh).toEqual(first);
    expect(known).toEqual(first);
    expect(moved).toEqual({ ...first, authorizationEndpoint: `${as.issuer}/authorize?v=2` });
    expect(await as.asked('register')).toHaveLength(1);
    expect(await generationOf(server)).toBe(1);
  });

  it('sends another provider nothing that the first one gave (MCP 2026-07-28, Authorization Server Binding)', async () => {
    const [one, two] = await Promise.all([AuthorizationServer.start(), AuthorizationServer.start()]);
    const server = await serverWith({ issuer: one.issuer });
    const byHand = await serverWith({ issuer: one.issuer }, { client_id: 'by-hand' });
    const before = await prepare(server);
    await prepare(byHand);
    await control(server.name, 'set', { demands: { issuer: two.issuer } });
    await control(byHand.name, 'set', { demands: { issuer: two.issuer } });
    wait(86_500);

    const after = await prepare(server);
    const refused = await problemOf(byHand);

    expect(after.issuer).toBe(two.issuer);
    expect(after.client.clientId).not.toBe(before.client.clientId);
    expect(await generationOf(server)).toBe(2);
    expect(refused).toMatchObject({ type: 'issuer_mismatch', offeredIssuer: two.issuer });
  });

  it('sends the client of an administrator to no other origin, with the same issuer neither', async () => {
    const as = await AuthorizationServer.start();
    const server = await serverWith({ issuer: as.issuer }, { client_id: 'by-hand' });
    await prepare(server);
    await as.behave({ metadata: { token_endpoint: 'https://tokens.example/token' } });
    wait(86_500);

    const { type, message } = await problemOf(server);

    expect(type).toBe('issuer_mismatch');
    expect(message).toContain(new URL(as.issuer).origin);
    expect(message).toContain('oauth_config.token_url to https://tokens.example/token');
  });
});

describe('who the gateway is there (CONTRACT §7, RFC 7591)', () => {
  it('registers itself once, however many come at once', async () => {
    const as = await AuthorizationServer.start();
    const server = await serverWith({ issuer: as.issuer, scope: 'read' });

    const providers = await Promise.all(Array.from({ length: 5 }, () => prepare(server)));
    const [asked] = await as.asked('register');

    expect(new Set(providers.map(({ client }) => client.clientId)).size).toBe(1);
    expect(asked?.body).toEqual({
      client_name: 'Toolgate',
      client_uri: ISSUER,
      redirect_uris: [`${ISSUER}/api/oauth/callback`],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      application_type: 'web',
      scope: 'read',
    });
  });

  it('is described by its own document where that is taken', async () => {
    const as = await AuthorizationServer.start({ documents: true });

    const { client } = await prepare(await serverWith({ issuer: as.issuer }));
    const document = await gate(new URL(client.clientId).pathname);

    expect(client).toMatchObject({
      clientId: `${ISSUER}/oauth/client.json`,
      from: 'document',
      authMethod: 'none',
    });
    expect(document.headers.get('access-control-allow-origin')).toBe('*');
    expect(document.headers.get('cache-control')).toContain('max-age=');
    expect(await document.json()).toMatchObject({
      client_id: client.clientId,
      client_name: 'Toolgate',
      redirect_uris: [`${ISSUER}/api/oauth/callback`],
      token_endpoint_auth_method: 'none',
    });
    expect(await as.asked('register')).toEqual([]);
  });

  it('uses the client of an administrator before its own', async () => {
    const as = await AuthorizationServer.start({ documents: true });

    const { client } = await prepare(await serverWith({ issuer: as.issuer }, { client_id: 'by-hand' }));

    expect(client).toEqual({
      clientId: 'by-hand',
      from: 'administrator',
      authMethod: 'none',
      otherMethod: null,
      secret: null,
    });
  });

  it('keeps the secret it is given sealed', async () => {
    const as = await AuthorizationServer.start({
      metadata: { token_endpoint_auth_methods_supported: ['client_secret_post'] },
    });
    const server = await serverWith({ issuer: as.issuer });

    const { client } = await prepare(server);
    const row = await env.DB.prepare('SELECT * FROM oauth_config WHERE server_id = ?1')
      .bind(server.id)
      .first();

    expect(client).toMatchObject({ from: 'registration', authMethod: 'client_secret_post' });
    expect(client.secret?.sealed).toBe(row?.registered_secret);
    expect(JSON.stringify(row)).not.toContain('secret-');
  });

  it.each([
    ['offers none', { registers: false }, 'no registration endpoint'],
    [
      'takes no strangers',
      { registers: false, metadata: { registration_endpoint: 'own' } },
      '403 (access_denied)',
    ],
    ['wants keys', { metadata: { token_endpoint_auth_methods_supported: ['private_key_jwt'] } }, 'keys'],
  ])('says what it tried and what to paste when registration %s', async (_, behaviour, word) => {
    const as = await AuthorizationServer.start();
    const metadata = (behaviour as { metadata?: Record<string, unknown> }).metadata;
    const own = metadata?.registration_endpoint === 'own' && {
      registration_endpoint: `${as.issuer}/register`,
    };
    await as.behave({ ...behaviour, ...(metadata && { metadata: { ...metadata, ...own } }) });

    const problem = await problemOf(await serverWith({ issuer: as.issuer }));

    expect(problem).toMatchObject({
      type: 'registration_unavailable',
      redirectUri: `${ISSUER}/api/oauth/callback`,
    });
    expect(problem.message).toContain(`${ISSUER}/api/oauth/callback`);
    expect(problem.tried.join('\n')).toContain('Client ID Metadata Documents');
    expect(problem.tried.at(-1)).toContain(word);
  });

  it('registers anew when its redirect URI changes, and when its secret is about to end', async () => {
    const as = await AuthorizationServer.start({
      metadata: { token_endpoint_auth_methods_supported: ['client_secret_basic'] },
      registration: { client_secret_expires_at: now() + 90_000 },
    });
    const server = await serverWith({ issuer: as.issuer });
    const first = await prepare(server);
    wait(7200);
    const later = await prepare(server);
    const moved = await prepareProvider(env, settings, 'https://gate2.example', server);

    const ids = [first, later, moved].map(({ client }) => client.clientId);
    expect(new Set(ids).size).toBe(3);
  });

  it.each([
    ['lives an hour, until half of it is over', 3600, [60, 1700], [200]],
    ['ends before it begins: that is no end', -10, [60, 7200], []],
  ])('sends everyone with the same client whose secret %s', async (_, life, before, after) => {
    const as = await AuthorizationServer.start({
      metadata: { token_endpoint_auth_methods_supported: ['client_secret_basic'] },
      registration: { client_secret_expires_at: now() + life },
    });
    const server = await serverWith({ issuer: as.issuer });
    const idAfter = async (seconds: number) => {
      wait(seconds);
      return (await prepare(server)).client.clientId;
    };
    const first = await idAfter(0);

    for (const seconds of before) expect(await idAfter(seconds)).toBe(first);
    for (const seconds of after) expect(await idAfter(seconds)).not.toBe(first);
  });

  it('registers anew once for everybody whose client was refused', async () => {
    const as = await AuthorizationServer.start();
    const server = await serverWith({ issuer: as.issuer });
    const { client } = await prepare(server);
    const introduction = introductionOf(settings, ISSUER);

    const anew = await Promise.all(
      Array.from({ length: 5 }, () => registerAnew(env, introduction, server, client.clientId)),
    );

    const ids = new Set(anew.map(({ client: { clientId } }) => clientId));
    expect(ids.size).toBe(1);
    expect(ids).not.toContain(client.clientId);
    expect((await knownProvider(env, server))?.client.clientId).toBe([...ids][0]);
  });
});

describe('changing how the gateway is a client (CONTRACT §7)', () => {
  it('ends what was obtained before a real change, and nothing when all was sent as it is', async () => {
    const as = await AuthorizationServer.start();
    const server = await serverWith(
      { issuer: as.issuer },
      { client_id: 'one', client_secret: 'a-secret-by-hand' },
    );
    await prepare(server);
    const change = async (changed: OAuthConfigChange) => {
      const before = await generationOf(server);
      await changeAt(server, changed);
      return (await generationOf(server)) !== before;
    };

    expect(await change({ client_id: 'one', client_secret: 'a-secret-by-hand' })).toBe(false);
    expect(await change({})).toBe(false);
    expect(await generationOf(server)).toBe(1);
    expect(await change({ client_secret: null })).toBe(true);
    expect(await change({ client_secret: null })).toBe(false);
    expect((await knownProvider(env, server))?.client).toMatchObject({ clientId: 'one', authMethod: 'none' });
    expect(await change({ issuer: as.issuer })).toBe(true);
    expect(await knownProvider(env, server)).toBeNull();
    expect(await generationOf(server)).toBe(3);
  });

  it('takes a secret that nobody entered anew to no other provider', async () => {
    const [one, two] = await Promise.all([AuthorizationServer.start(), AuthorizationServer.start()]);
    const byHand = { client_id: 'one', client_secret: 'a-secret-by-hand' };
    const server = await serverWith({ issuer: one.issuer }, byHand);
    const change = async (changed: OAuthConfigChange) => {
      await changeAt(server, changed);
      return (await findOAuthConfigOf(env.DB, server.id))?.sealedSecret;
    };
    await prepare(server);
    await control(server.name, 'set', { demands: { issuer: two.issuer } });

    expect(await change({ registration_url: `${one.issuer}/register` })).toEqual(expect.any(String));
    expect((await problemOf(server)).type).toBe('issuer_mismatch');

    await change({ ...byHand, issuer: two.issuer });
    expect((await prepare(server)).issuer).toBe(two.issuer);
    expect(await change({ token_url: 'https://three.example/token' })).toBeNull();
  });

  it('is part of the change of its server: a name that is taken leaves it as it was', async () => {
    const as = await AuthorizationServer.start();
    const [server, other] = await Promise.all([
      serverWith({ issuer: as.issuer }, { client_id: 'one', client_secret: 'a-secret-by-hand' }),
      serverWith({ issuer: as.issuer }),
    ]);
    await prepare(server);
    const before = await findOAuthConfigOf(env.DB, server.id);
    const elsewhere = { connection_string: 'https://elsewhere.example/mcp' };

    expect(await changeAt(server, { client_id: 'two' }, { ...elsewhere, name: other.name })).toBeNull();
    expect(await findOAuthConfigOf(env.DB, server.id)).toEqual(before);
    expect(await generationOf(server)).toBe(1);

    expect(await changeAt(server, { client_id: 'two' }, elsewhere)).toMatchObject({ name: server.name });
    expect(await findOAuthConfigOf(env.DB, server.id)).toMatchObject({
      configured: { client_id: 'two' },
      discovered: null,
    });
  });

  it('is whole or not at all when its server moves, whichever call of storage fails', async () => {
    const as = await AuthorizationServer.start();
    for (let nth = 1, failed = true; failed; nth++) {
      const server = await serverWith({ issuer: as.issuer });
      await prepare(server);
      const elsewhere = { connection_string: 'https://elsewhere.example/mcp' };
      const change = () => changeAt(server, { client_id: 'two' }, elsewhere).catch(() => null);
      failed = (await faulty({ nth, isOnwards: true, isLost: false }, change)).failed;

      const now = await findServer(env.DB, server.id);
      const config = await findOAuthConfigOf(env.DB, server.id);
      const isMoved = now?.connectionString === elsewhere.connection_string;
      expect([isMoved, config?.discovered === null, config?.configured.client_id]).toEqual(
        failed ? [false, false, undefined] : [true, true, 'two'],
      );
    }
  });

  it('does not send a secret on when the server moves', async () => {
    const as = await AuthorizationServer.start();
    const server = await serverWith(
      { issuer: as.issuer },
      { client_id: 'one', client_secret: 'a-secret-by-hand' },
    );
    await prepare(server);

    const moved = await knownProvider(env, { ...server, connectionString: 'https://elsewhere.example/mcp' });

    expect(moved?.client.secret?.place).toMatch(/@https:\/\/elsewhere\.example$/);
  });
});
