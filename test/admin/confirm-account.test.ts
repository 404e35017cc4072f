import { afterEach, describe, expect, it, vi } from 'vitest';
import { Account } from '../support/account';
import { AuthorizationServer } from '../support/authorization-server';
import { Browser, type Page, said } from '../support/browser';
import { McpCaller } from '../support/caller';
import { wait } from '../support/clock';
import { beginAuthorizing, type Initiation } from '../support/connected';
import { gate } from '../support/gate';
import { Upstream } from '../support/upstream';

afterEach(() => {
  vi.useRealTimers();
});

/** A server of a shared account, whose authorization someone has answered as `user`, and where they came out. */
async function answered(behaviour: Record<string, unknown> = {}, user = 'mallory') {
  const provider = await AuthorizationServer.start(behaviour);
  const upstream = await Upstream.start(['whoami'], {
    demands: { issuer: provider.issuer, scope: 'read' },
    registration: { auth_type: 'oauth' },
  });
  const begun = await beginAuthorizing(upstream.id);
  const back = await gate((await provider.answer(begun.authorize_url, user)).href);
  return { provider, upstream, begun, at: back.headers.get('location') ?? '' };
}

async function statusOf({ status_url }: Initiation): Promise<string> {
  const headers = { authorization: 'Bearer test-admin-token-of-32-characters' };
  return (await (await gate(status_url, { headers })).json<{ status: string }>()).status;
}

/** What everybody's calls are answered as. */
async function whoami({ slug }: Upstream): Promise<string> {
  const { body } = await (await McpCaller.withKey('2025', `/mcp/${slug}`)).call('whoami');
  return body.result?.content?.[0]?.text ?? JSON.stringify(body.error);
}

describe('an administrator’s authorization that was begun through the API (PROTOCOL §7)', () => {
  it.each([
    ['an ID token', { idToken: { sub: '1', email: 'mallory@evil.example' } }, 'mallory@evil.example'],
    ['userinfo', { userinfo: { sub: '1', name: 'Mallory M' } }, 'Mallory M'],
    ['neither', {}, 'Not named by the provider'],
  ])('is kept once an administrator has seen whose account it is: by %s', async (_, behaviour, words) => {
    const { provider, upstream, begun, at } = await answered(behaviour);
    const stranger = await new Browser().open(at);
    const before = [await statusOf(begun), await new Account(upstream.id, 'gateway').row()];
    const administrator = await Browser.administrator();
    const page = (await administrator.open(at)) as Page;
    const kept = (await administrator.submit(page, { decision: 'allow' })) as Page;

    expect(stranger?.url).toContain('/admin/sign-in?return_to=');
    expect(before).toEqual(['pending', null]);
    for (const fact of [words, provider.issuer, new URL(provider.issuer).host, 'read'])
      expect(said(page)).toContain(fact);
    expect(said(kept)).toContain('The account was kept');
    expect(await statusOf(begun)).toBe('authorized');
    expect(await whoami(upstream)).toBe('mallory');
    expect((await administrator.open(at))?.status).toBe(410);
  });

  it('is revoked at the provider when an administrator does not keep it', async () => {
    const { provider, upstream, begun, at } = await answered();
    const administrator = await Browser.administrator();
    const page = (await administrator.open(at)) as Page;
    await administrator.submit(page, { decision: 'deny' });

    expect(await statusOf(begun)).toBe('failed');
    expect(await provider.asked('revoke')).toHaveLength(1);
    expect(await new Account(upstream.id, 'gateway').stored()).not.toHaveProperty('unconfirmed');
    expect((await administrator.open(at))?.status).toBe(410);
  });

  it('is revoked and forgotten after 15 minutes', async () => {
    const { provider, upstream, begun, at } = await answered();
    const administrator = await Browser.administrator();
    const page = (await administrator.open(at)) as Page;
    const account = new Account(upstream.id, 'gateway');
    const wakes = ((await account.wakesAt()) ?? 0) - Date.now() / 1000;
    wait(901);
    const late = await administrator.submit(page, { decision: 'allow' });
    await account.wake();

    expect(wakes).toBeGreaterThan(880);
    expect(wakes).toBeLessThanOrEqual(901);
    expect(late?.status).toBe(410);
    expect(await statusOf(begun)).toBe('expired');
    expect(await provider.asked('revoke')).toHaveLength(1);
    expect(await account.stored()).not.toHaveProperty('unconfirmed');
  });

  it('is kept by no form of another site, and by no one who is not signed in', async () => {
    const { upstream, begun, at } = await answered();
    const administrator = await Browser.administrator();
    const page = (await administrator.open(at)) as Page;
    const foreign = await administrator.submit(page, { decision: 'allow', csrf: 'guessed' });
    const nobody = await new Browser().submit(page, { decision: 'allow' });

    expect(foreign?.status).toBe(403);
    expect(nobody?.url).toContain('/admin/sign-in');
    expect(await statusOf(begun)).toBe('pending');
    expect(await new Account(upstream.id, 'gateway').row()).toBeNull();
  });

  it('is not kept for a server that changed meanwhile', async () => {
    const { provider, upstream, at } = await answered();
    const administrator = await Browser.administrator();
    const page = (await administrator.open(at)) as Page;
    await upstream.change({ oauth_config: { scopes: ['other'] } });
    const late = await administrator.submit(page, { decision: 'allow' });

    expect(late?.status).toBe(410);
    expect(await provider.asked('revoke')).toHaveLength(1);
  });
});
