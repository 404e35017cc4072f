import { afterEach, describe, expect, inject, it, vi } from 'vitest';
import { Account } from '../support/account';
import { AuthorizationServer } from '../support/authorization-server';
import { Browser, said } from '../support/browser';
import { McpCaller } from '../support/caller';
import { wait } from '../support/clock';
import { admin, administer, gate, newKey } from '../support/gate';
import { accountServer } from '../support/own-accounts';
import { Upstream } from '../support/upstream';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

type Shown = { client: { provider_refuses_resource: boolean } };

/** A key's holder, who connects as `user`, and what the server then answers to whom it takes them for. */
async function connectedAs(provider: AuthorizationServer, upstream: Upstream, user: string) {
  const key = await newKey();
  await new Account(upstream.id, `vk:${key.id}`).connect(provider, user);
  const caller = new McpCaller({ 'x-bf-vk': key.value }, '2025', `/mcp/${upstream.slug}`);
  return async (): Promise<string> => {
    const { body } = await caller.call('whoami');
    return body.result?.content?.[0]?.text ?? JSON.stringify(body.error);
  };
}

describe('what a registration leaves unsaid (RFC 7591 §§2, 3.2.1)', () => {
  const UNSAID = { token_endpoint_auth_method: null, client_secret: 'given' };

  it.each([
    ['the default way', 'client_secret_basic', 1],
    ['the other way, which it then remembers', 'client_secret_post', 2],
  ])('sends a secret in %s', async (_, secretBy, tries) => {
    const provider = await AuthorizationServer.start({ registration: UNSAID, secretBy });
    const upstream = await accountServer(provider);
    const first = await provider.tokenRequests('authorization_code');
    const whoami = await connectedAs(provider, upstream, 'ann');
    wait(3_700);

    expect(await whoami()).toBe('ann');
    expect(first).toHaveLength(tries);
    expect(await provider.tokenRequests('authorization_code')).toHaveLength(tries + 1);
    expect(await provider.tokenRequests('refresh_token')).toHaveLength(2); // the administrator's, too
    expect(await provider.asked('register')).toHaveLength(1);
  });

  it('takes an empty secret for none', async () => {
    const provider = await AuthorizationServer.start({ registration: { client_secret: '' } });
    const whoami = await connectedAs(provider, await accountServer(provider), 'ann');

    const [{ authorization, form } = { form: {} }] = await provider.tokenRequests('authorization_code');

    expect(await whoami()).toBe('ann');
    expect([authorization, 'client_secret' in form]).toEqual([undefined, false]);
  });
});

describe('a provider that refuses `resource` (RFC 8707)', () => {
  it.each([
    ['at authorize', 'authorize', { error: 'invalid_target' }],
    [
      'at authorize, in words',
      'authorize',
      { error: 'invalid_request', error_description: 'unknown resource' },
    ],
    ['at the token endpoint', 'authorization_code', { error: 'invalid_target' }],
    ['there in a form of its own', 'authorization_code', { message: 'Unexpected parameter: resource' }],
  ])('is asked once more without it: %s', async (_, at, error) => {
    const provider = await AuthorizationServer.start({ refusesResource: { at, error } });
    const upstream = await Upstream.start(['whoami'], {
      demands: { issuer: provider.issuer, scope: 'read' },
      registration: { auth_type: 'oauth' },
    });
    const browser = await Browser.administrator();
    const page = await browser.open(`/admin/servers/${upstream.id}`);
    await browser.submit(page as never, {}, undefined, `/admin/servers/${upstream.id}/authorize`);
    await provider.approve(browser, 'root');
    if (at === 'authorize') await provider.approve(browser, 'root');
    const { client } = await administer<Shown>('GET', `/mcp/client/${upstream.id}`);
    const shown = await browser.open(`/admin/servers/${upstream.id}/account`);
    const { body } = await new McpCaller({ 'x-bf-vk': (await newKey()).value }, '2025').call(
      `${upstream.name}-whoami`,
    );

    expect(body.result?.content?.[0]?.text).toBe('root');
    expect(client.provider_refuses_resource).toBe(true);
    expect(said(shown as never)).toContain('refuses the parameter resource');
  });

  it('is not taken at the word of a browser: it is remembered once tokens have come without it', async () => {
    const provider = await AuthorizationServer.start({});
    const upstream = await Upstream.start(['whoami'], {
      demands: { issuer: provider.issuer, scope: 'read' },
      registration: { auth_type: 'oauth' },
    });
    const begun = await administer<{ authorize_url: string }>(
      'POST',
      `/mcp/client/${upstream.id}/initiate-verification`,
    );
    const { searchParams } = new URL(begun.authorize_url);
    const forged = new URL(searchParams.get('redirect_uri') ?? '');
    for (const [name, value] of [
      ['state', searchParams.get('state') ?? ''],
      ['iss', provider.issuer],
      ['error', 'invalid_target'],
    ] as const)
      forged.searchParams.set(name, value);
    const sentOn = (await gate(forged.href)).headers.get('location') ?? '';
    const again = new URL(sentOn);
    forged.searchParams.set('state', again.searchParams.get('state') ?? '');
    const refused = await gate(forged.href);
    const { client } = await administer<Shown>('GET', `/mcp/client/${upstream.id}`);

    expect(searchParams.has('resource')).toBe(true);
    expect([again.origin, again.searchParams.has('resource')]).toEqual([
      new URL(begun.authorize_url).origin,
      false,
    ]);
    expect(refused.status).toBe(403);
    expect(client.provider_refuses_resource).toBe(false);
  });

  it('is refreshed without it, for good, until an administrator sets another', async () => {
    const provider = await AuthorizationServer.start({});
    const upstream = await accountServer(provider);
    const whoami = await connectedAs(provider, upstream, 'ann');
    await provider.behave({ refusesResource: { at: 'refresh_token', error: { error: 'invalid_target' } } });
    wait(3_700);
    const first = await whoami();
    const tries = await provider.tokenRequests('refresh_token');
    wait(3_700);
    const second = await whoami();
    const all = await provider.tokenRequests('refresh_token');
    await upstream.change({ oauth_config: { resource: 'https://other.example/mcp' } });
    const { client } = await administer<Shown>('GET', `/mcp/client/${upstream.id}`);

    expect([first, second]).toEqual(['ann', 'ann']);
    expect(tries.filter(({ form }) => 'resource' in form).length).toBeGreaterThan(0);
    expect(all.slice(tries.length).filter(({ form }) => 'resource' in form)).toEqual([]);
    expect(all.length).toBeGreaterThan(tries.length);
    expect(client.provider_refuses_resource).toBe(false);
  });

  it('is not asked without it for a resource owner or a resource server', async () => {
    const error = { error: 'access_denied', error_description: 'The resource owner denied the request' };
    const provider = await AuthorizationServer.start({ refusesResource: { at: 'authorize', error } });
    const upstream = await Upstream.start(['whoami'], {
      demands: { issuer: provider.issuer, scope: 'read' },
      registration: { auth_type: 'oauth' },
    });
    const begun = await administer<{ authorize_url: string }>(
      'POST',
      `/mcp/client/${upstream.id}/initiate-verification`,
    );
    const page = await new Browser().open(await provider.answer(begun.authorize_url, 'root'));

    expect(page?.status).toBe(403);
  });
});

describe('servers of 2025-03-26 without any document (Fallbacks for Servers without Metadata Discovery)', () => {
  const origin = () => inject('authorizationOrigin');
  const add = (url: string) =>
    admin<Record<string, string>>('POST', '/mcp/client', {
      name: `legacy_${crypto.randomUUID().slice(0, 8)}`,
      connection_type: 'http',
      connection_string: url,
      auth_type: 'oauth',
    });
  const behave = (behaviour: unknown) =>
    fetch(`${origin()}/undescribed/control/set`, { method: 'POST', body: JSON.stringify(behaviour) });

  it('are authorized at the default endpoints of their origin, once a registration there succeeded', async () => {
    await behave({ registers: true });
    const { authorize_url } = await add(`${origin()}/no-such/mcp`);
    const { origin: at, pathname, searchParams } = new URL(authorize_url ?? '');

    expect([at, pathname]).toEqual([origin(), '/authorize']);
    expect(searchParams.get('client_id')).toMatch(/^client-/);
    expect(searchParams.has('resource')).toBe(false);
  });

  it('have no provider when it did not', async () => {
    await behave({ registers: false });
    const answer = await add(`${origin()}/no-such/mcp`);
    await behave({ registers: true });

    expect(answer).toMatchObject({ status: 422, error: { type: 'discovery_failed' } });
  });
});
