import { afterEach, describe, expect, it, vi } from 'vitest';
import { Browser, type Page, said } from './support/browser';
import { McpCaller } from './support/caller';
import { leadsHere, unknownHost } from './support/domain';
import { admin, configure, gate, ISSUER, newKey, read } from './support/gate';
import { McpClient, type Tokens } from './support/mcp-client';

const OLD = ISSUER;
const NEW = 'https://tools.example.com';

afterEach(async () => {
  vi.restoreAllMocks();
  await configure({ oauth2_server_config: { issuer_url: null, confirm: 'unreachable' } });
});

const issuerIs = (issuer_url: string | null) =>
  configure({ oauth2_server_config: { issuer_url, confirm: 'unreachable' } });

const onMcp = (origin: string, { access_token }: Tokens) =>
  gate(
    new Request(`${origin}/mcp`, {
      method: 'POST',
      headers: { authorization: `Bearer ${access_token}`, 'content-type': 'application/json' },
      body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
    }),
  );

const statusOf = async (response: Promise<Response>) => {
  const { status, body } = await response;
  await body?.cancel();
  return status;
};

/** Where a GET of a host and path leads a browser without cookies; the status where it stays. */
async function leadsTo(url: string, method = 'GET'): Promise<string | number> {
  const response = await gate(new Request(url, { method }));
  await response.body?.cancel();
  return response.headers.get('location') ?? response.status;
}

/** An app that finds its way by what a 401 says (MCP, Authorization), and a person who allows it at `origin`. */
async function connectsByDiscovery(
  origin: string,
  refused: Response,
): Promise<{ tokens: Tokens; issuer: string }> {
  const [, metadata = ''] =
    /resource_metadata="([^"]+)"/.exec(refused.headers.get('www-authenticate') ?? '') ?? [];
  const { body: resource } = await read<{ authorization_servers: string[]; resource: string }>(
    await gate(new Request(metadata)),
  );
  const [issuer = ''] = resource.authorization_servers;
  const { body: server } = await read<{ authorization_endpoint: string; token_endpoint: string }>(
    await gate(new Request(`${issuer}/.well-known/oauth-authorization-server`)),
  );
  const client = await McpClient.register();
  const person = new Browser(origin);
  const url = (await client.authorizeUrl({ resource: resource.resource })).replace(
    `${ISSUER}/oauth2/authorize`,
    server.authorization_endpoint,
  );
  const who = (await person.open(url)) as Page;
  const { value } = await newKey();
  const answers = { identity: 'virtual_key', virtual_key: value, decision: 'continue' };
  const what = (await person.submit(who, answers)) as Page;
  await person.submit(what, { decision: 'allow' });
  const answered = person.callback?.searchParams;
  const { body: tokens } = await read<Tokens>(
    await gate(
      new Request(server.token_endpoint, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'authorization_code',
          code: answered?.get('code') ?? '',
          client_id: client.clientId,
          code_verifier: client.verifier,
        }),
      }),
    ),
  );
  return { tokens, issuer: answered?.get('iss') ?? '' };
}

describe('moving to another address (docs/operations.md)', () => {
  it('goes from the first deployment’s address to a domain, step by step', async () => {
    const administrator = await Browser.administrator();
    const app = await McpClient.register();
    const key = await newKey();
    const tokens = await app.obtainGrant({ key: key.value });
    const listed = () => admin<{ sessions: object[] }>('GET', `/oauth2/sessions?virtual_key_id=${key.id}`);
    const move = { oauth2_server_config: { issuer_url: NEW }, confirm: true };

    // Before the domain leads here, nothing changes.
    leadsHere([NEW], unknownHost);
    const early = await admin<{ error: { type: string } }>('PUT', '/config', move);
    const still = [await statusOf(onMcp(OLD, tokens)), (await app.refresh(tokens.refresh_token)).status];

    vi.restoreAllMocks();
    leadsHere([NEW]);
    const moved = await admin('PUT', '/config', move);

    expect([early.status, early.error.type, ...still, moved.status]).toEqual([
      ...[400, 'issuer_unreachable', 200, 200],
      200,
    ]);

    // What apps were given ends, and the list says why.
    const refused = await onMcp(NEW, tokens);
    const refreshed = await app.refresh(tokens.refresh_token);
    expect([refused.status, await statusOf(onMcp(OLD, tokens))]).toEqual([401, 401]);
    expect(refreshed).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect((await listed()).sessions).toMatchObject([{ status: 'ended', ended_reason: 'issuer_changed' }]);

    // An app follows the 401 to consent at the new address.
    const again = await connectsByDiscovery(NEW, refused);
    expect(again.issuer).toBe(NEW);
    expect(await statusOf(onMcp(NEW, again.tokens))).toBe(200);

    // Administrators get in at both addresses, people are sent to the new one, keys work on.
    const there = await Browser.administrator(NEW);
    const pages = [await there.open('/admin/settings'), await administrator.open('/admin/settings')];
    expect(pages.map((page) => page?.status)).toEqual([200, 200]);
    expect(await leadsTo(`${OLD}/me?as=person`)).toBe(`${NEW}/me?as=person`);
    expect((await new McpCaller({ 'x-bf-vk': key.value }).ask('ping')).status).toBe(200);

    // Taken back within a day, the old access goes on, and the new one has ended.
    await issuerIs(null);
    expect(await statusOf(onMcp(OLD, tokens))).toBe(200);
    expect((await app.refresh(tokens.refresh_token)).status).toBe(200);
    expect((await listed()).sessions).toMatchObject([{ status: 'active', ended_reason: null }]);
    expect(await statusOf(onMcp(OLD, again.tokens))).toBe(401);
  });
});

describe('a host that is not the issuer’s (CONTRACT §1)', () => {
  it.each([
    '/',
    '/me',
    '/me/apps/x?as=key',
    '/connect/x',
    '/oauth/consent?flow_id=x',
    '/oauth/sign-in',
    '/oauth2/authorize?client_id=x',
    '/api/oauth/callback?code=x&state=y',
    '/admin',
    '/admin/servers?offset=50',
    '/admin/sign-in?return_to=/admin/keys',
  ])('sends GET %s on to the same path of the issuer, and nothing else', async (path) => {
    await issuerIs(NEW);

    expect(await leadsTo(`${OLD}${path}`)).toBe(NEW + path);
    expect(await leadsTo(`${OLD}${path}`, 'HEAD')).toBe(NEW + path);
    expect(String(await leadsTo(`${OLD}${path}`, 'POST'))).not.toContain(NEW);
  });

  it.each([
    '/health',
    '/.well-known/oauth-authorization-server',
    '/.well-known/jwks.json',
    '/oauth/client.json',
    '/api/openapi.json',
  ])('answers machines at %s itself', async (path) => {
    await issuerIs(NEW);

    expect(await leadsTo(`${OLD}${path}`)).toBe(200);
  });

  it('lets an administrator in with here=1 when the issuer cannot be reached, and change it back', async () => {
    await issuerIs('https://mistyped.example');

    const lost = await leadsTo(`${OLD}/admin`);
    const administrator = await Browser.administrator(OLD, '/admin?here=1');
    const form = (await administrator.open('/admin/settings/gateway')) as Page;
    const asked = (await administrator.submit(
      form,
      { 'oauth2_server_config.issuer_url': OLD },
      undefined,
      '/admin/settings/gateway',
    )) as Page;
    const back = (await administrator.submit(asked, {}, undefined, 'confirm')) as Page;

    expect(lost).toBe('https://mistyped.example/admin');
    expect(said(form)).toMatch(/You are at gate\.example ?\. This gateway is at mistyped\.example ?\./);
    expect(said(back)).toContain('Saved: Gateway address.');
    expect(await leadsTo(`${OLD}/admin`)).toMatch(`${OLD}/admin/sign-in`);
  });

  it('offers the token alone there, and takes no form of another site', async () => {
    await issuerIs(NEW);
    const page = (await new Browser(OLD).open('/admin/sign-in?here=1')) as Page;
    const post = (origin: string) =>
      gate(
        new Request(`${OLD}/admin/sign-in`, {
          method: 'POST',
          headers: { origin },
          body: new URLSearchParams({ token: 'test-admin-token-of-32-characters' }),
        }),
      );

    const foreign = await post('https://evil.example');
    const own = await post(OLD);

    expect(said(page)).toContain('Sign in here only if that doesn’t open.');
    expect([foreign.status, foreign.headers.getSetCookie()]).toEqual([403, []]);
    expect([own.status, own.headers.get('location')]).toEqual([303, '/admin']);
    expect(own.headers.getSetCookie()).toHaveLength(1);
  });

  it('names no host that a request brings along', async () => {
    const names = {
      host: 'evil.example',
      'x-forwarded-host': 'evil.example',
      forwarded: 'host=evil.example',
    };
    for (const path of ['/admin?here=1', '/admin', '/me', '/oauth/consent?flow_id=x']) {
      const response = await gate(new Request(`https://evil.example${path}`, { headers: names }));
      await response.body?.cancel();

      expect(response.headers.get('location')).toMatch(/^(\/admin\/sign-in\?|https:\/\/gate\.example\/)/);
    }
  });
});
