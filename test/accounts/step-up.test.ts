import { afterEach, describe, expect, it, vi } from 'vitest';
import { Account } from '../support/account';
import { AuthorizationServer } from '../support/authorization-server';
import { Browser, type Page, said } from '../support/browser';
import { McpCaller } from '../support/caller';
import { authorizeAs, beginAuthorizing } from '../support/connected';
import { administer, newKey } from '../support/gate';
import { accountServer } from '../support/own-accounts';
import { Upstream } from '../support/upstream';

afterEach(async () => {
  await administer('PUT', '/config', { revocation_lag: null });
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A server whose tool `write` needs a scope that no one was asked for, where everyone has their own account. */
async function world(needsScope: Record<string, string> = { write: 'write' }) {
  const provider = await AuthorizationServer.start();
  const upstream = await accountServer(provider, { needsScope, tools: TOOLS });
  await administer('POST', `/mcp/client/${upstream.id}/refresh-tools`);
  return { provider, upstream };
}
const TOOLS = ['whoami', 'write'].map((name) => ({ name, inputSchema: { type: 'object' } }));

/** A key's holder who has connected as `user`. */
async function holder(provider: AuthorizationServer, upstream: Upstream, user: string) {
  const key = await newKey();
  const account = await new Account(upstream.id, `vk:${key.id}`).connect(provider, user);
  const caller = new McpCaller({ 'x-bf-vk': key.value }, '2025', `/mcp/${upstream.slug}`);
  const call = async (tool: string): Promise<string> => {
    const { body } = await caller.call(tool);
    return body.result?.content?.[0]?.text ?? JSON.stringify(body.error);
  };
  return { key, account, call };
}

/** Opens the connect link in an answer, as its key's holder. */
async function follow(answer: string, key: { value: string }): Promise<{ browser: Browser; page: Page }> {
  const [url = ''] = /https?:\/\/\S+\/connect\/[\w-]+/.exec(answer) ?? [];
  const browser = new Browser();
  const proof = (await browser.open(url)) as Page;
  return {
    browser,
    page: (await browser.submit(proof, { virtual_key: key.value, decision: 'continue' })) as Page,
  };
}

/** Isolates remember for a minute, as far as the rules let them. */
const remembering = () => administer('PUT', '/config', { revocation_lag: 60 });

/** How many calls `act` makes the server see. */
async function calls(upstream: Upstream, act: () => Promise<unknown>): Promise<{ seen: number }> {
  const before = (await upstream.seen('tools/call')).length;
  await act();
  return { seen: (await upstream.seen('tools/call')).length - before };
}

const scopesAsked = async (provider: AuthorizationServer, account: Account) => {
  await account.connect(provider, 'ann');
  return (await account.row())?.scopes;
};

describe('a 403 that names a scope (RFC 6750 §3.1; MCP 2025-11-25, Scope Challenge Handling)', () => {
  it('has its caller connect again, and only them, for what was asked before and for that', async () => {
    const { provider, upstream } = await world();
    const ann = await holder(provider, upstream, 'ann');
    const bob = await holder(provider, upstream, 'bob');

    const answer = await ann.call('write');
    const during = await ann.call('whoami');
    const { browser, page } = await follow(answer, ann.key);
    await browser.submit(page, { decision: 'continue' });
    const asked = browser.callback?.searchParams.get('scope');
    await provider.approve(browser, 'ann');

    expect(answer).toContain(`Authentication required for ${upstream.name}`);
    expect(during).toBe('ann');
    expect(said(page)).toContain('The server needs more access than you gave it: write');
    expect(asked).toBe('read write');
    expect(await ann.call('write')).not.toContain('Authentication required');
    expect(await bob.account.row()).toMatchObject({ status: 'active', wantedScopes: null });
    expect(await scopesAsked(provider, bob.account)).toEqual(['read']);
  });

  it('says that the account has to be connected again, until it was', async () => {
    const { provider, upstream } = await world();
    const ann = await holder(provider, upstream, 'ann');
    await ann.call('write');
    const before = await ann.account.row();

    expect(before).toMatchObject({ status: 'needs_reauth', wantedScopes: ['write'] });
    expect(await scopesAsked(provider, ann.account)).toEqual(['read', 'write']);
    expect(await ann.account.row()).toMatchObject({ status: 'active' });
    expect(await scopesAsked(provider, ann.account)).toEqual(['read', 'write']);
  });

  it('is over as soon as they have, whatever this isolate remembers of the token before', async () => {
    const { provider, upstream } = await world();
    await remembering();
    const ann = await holder(provider, upstream, 'ann');
    const before = await ann.call('write');
    await ann.account.connect(provider, 'ann');

    const after = await ann.call('write');
    const { seen } = await calls(upstream, () => ann.call('write'));

    expect(before).toContain('Authentication required');
    expect(after).toBe('write ran');
    expect(seen).toBe(1);
    expect(await ann.account.row()).toMatchObject({ status: 'active' });
  });

  it('does not send anyone round in circles for what was asked and not granted', async () => {
    const { provider, upstream } = await world();
    const ann = await holder(provider, upstream, 'ann');
    await ann.call('write');
    await ann.account.connect(provider, 'ann');
    const challenge = 'Bearer error="insufficient_scope", scope="write"';
    await upstream.behave({ challenge, needsScope: { write: 'never' } });

    expect(await ann.call('write')).toContain('wants more than the connected account allows: write');
    expect(await ann.account.row()).toMatchObject({ status: 'active' });
  });

  it('asks again without it where the provider does not know it: the account can still be connected', async () => {
    const { provider, upstream } = await world();
    const ann = await holder(provider, upstream, 'ann');
    const refusesResource = { at: 'authorize', error: { error: 'invalid_target' } };
    await provider.behave({ knowsScopes: ['read'], refusesResource });
    const answer = await ann.call('write');
    const { browser, page } = await follow(answer, ann.key);
    await browser.submit(page, { decision: 'continue' });
    const asked = [browser.callback?.searchParams.get('scope')];
    for (let turn = 0; turn < 2; turn++) {
      await provider.approve(browser, 'ann');
      asked.push(browser.callback?.searchParams.get('scope'));
    }
    const end = await provider.approve(browser, 'ann');

    expect(asked).toEqual(['read write', 'read write', 'read']);
    expect(end?.status).toBe(200);
    expect(await ann.account.row()).toMatchObject({ status: 'active' });
    expect(await ann.call('whoami')).toBe('ann');
    expect(await ann.call('write')).toContain('wants more than the connected account allows: write');
  });

  it.each([
    ['twenty scopes', Array.from({ length: 30 }, (_, at) => `s${at}`), 20],
    ['a thousand characters', Array.from({ length: 10 }, (_, at) => `${at}${'x'.repeat(150)}`), 6],
  ])('adds at most %s', async (_, scopes, most) => {
    const { provider, upstream } = await world({ write: scopes.join(' ') });
    const ann = await holder(provider, upstream, 'ann');
    await ann.call('write');

    const wanted = (await ann.account.row())?.wantedScopes ?? [];

    expect(wanted).toHaveLength(most);
  });

  it('is the administrator’s to answer where the account is shared', async () => {
    const provider = await AuthorizationServer.start();
    const upstream = await Upstream.start(['whoami', 'write'], {
      demands: { issuer: provider.issuer, scope: 'read' },
      needsScope: { write: 'write' },
      registration: { auth_type: 'oauth' },
    });
    await authorizeAs(provider, await beginAuthorizing(upstream.id));
    const caller = await McpCaller.withKey('2025', `/mcp/${upstream.slug}`);
    const text = async (tool: string) => (await caller.call(tool)).body.result?.content?.[0]?.text;

    const refused = await text('write');
    const page = await (await Browser.administrator()).open(`/admin/servers/${upstream.id}/account`);
    const begun = await beginAuthorizing(upstream.id, 'reauthorize');

    expect(refused).toContain('An administrator of this gateway has to authorize it again');
    expect(await text('whoami')).toBe('root');
    expect(said(page as Page)).toContain('The server asks for more access than before: write');
    expect(new URL(begun.authorize_url).searchParams.get('scope')).toBe('read write');
  });
});

describe('a 401 whose metadata names another authorization server (MCP 2026-07-28, Authorization Server Binding)', () => {
  it('is followed there: registered anew, and nothing of the old sent to it', async () => {
    const { provider, upstream } = await world({});
    const ann = await holder(provider, upstream, 'ann');
    const next = await AuthorizationServer.start();
    const before = await provider.asked();
    await upstream.behave({ demands: { issuer: next.issuer, scope: 'read' } });

    const answer = await ann.call('whoami');
    const { browser, page } = await follow(answer, ann.key);
    await browser.submit(page, { decision: 'continue' });
    await next.approve(browser, 'ann');
    const old = before.flatMap(({ body, form }) => [...Object.values(form), body?.client_id]).filter(Boolean);
    const sent = JSON.stringify(await next.asked());

    expect(answer).toContain(`Authentication required for ${upstream.name}`);
    expect(said(page)).toContain(`You now sign in at ${new URL(next.issuer).host}`);
    expect(await ann.call('whoami')).toBe('ann');
    expect(await next.asked('register')).toHaveLength(1);
    expect(await next.tokenRequests('refresh_token')).toEqual([]);
    expect(sent).not.toMatch(/"refresh-|"access-/);
    expect(old.filter((value) => /^client-/.test(String(value)) && sent.includes(String(value)))).toEqual([]);
    expect(await provider.asked('token')).toHaveLength(before.filter(({ path }) => path === 'token').length);
  });

  it('is over as soon as they have connected there, whatever this isolate remembers of the server before', async () => {
    const { provider, upstream } = await world({});
    await remembering();
    const ann = await holder(provider, upstream, 'ann');
    await ann.call('whoami');
    const next = await AuthorizationServer.start();
    await upstream.behave({ demands: { issuer: next.issuer, scope: 'read' } });
    const before = await ann.call('whoami');
    await ann.account.connect(next, 'ann');

    const after = await ann.call('whoami');

    expect(before).toContain('Authentication required');
    expect(after).toBe('ann');
  });

  it.each([
    ['client_id', { client_id: 'by-hand' }],
    ['issuer', { issuer: 'own' }],
    ['an endpoint', { authorize_url: 'own' }],
  ])('is not followed where an administrator set %s', async (_, config) => {
    const provider = await AuthorizationServer.start({ clients: [{ client_id: 'by-hand' }] });
    const own = { issuer: provider.issuer, authorize_url: `${provider.issuer}/authorize` };
    const oauth_config = Object.fromEntries(
      Object.entries(config).map(([name, value]) => [name, value === 'own' ? own[name as 'issuer'] : value]),
    );
    const upstream = await accountServer(provider, { registration: { oauth_config } });
    const ann = await holder(provider, upstream, 'ann');
    const next = await AuthorizationServer.start();
    await upstream.behave({ demands: { issuer: next.issuer, scope: 'read' } });

    await ann.call('whoami');

    expect(await next.asked()).toEqual([]);
  });
});
