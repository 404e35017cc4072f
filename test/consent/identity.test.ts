import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Browser, type Page } from '../support/browser';
import { McpCaller } from '../support/caller';
import { admin, configure } from '../support/gate';
import { McpClient } from '../support/mcp-client';
import { Provider, personOf } from '../support/provider';
import { Upstream } from '../support/upstream';

let provider: Provider;
beforeAll(async () => {
  await Upstream.start(['a']);
});
beforeEach(async () => {
  provider = await Provider.start();
});
afterEach(() => vi.useRealTimers());

const shown = (page: Page | null): Page => {
  if (!page) throw new Error('the browser was sent away');
  return page;
};

/** A consent page in `browser`. */
async function consentIn(browser: Browser): Promise<{ client: McpClient; page: Page }> {
  const client = await McpClient.register();
  return { client, page: shown(await browser.open(await client.authorizeUrl())) };
}

/** What `browser`, which knows its person, allows a fresh client. */
async function allowIn(browser: Browser) {
  const { client, page } = await consentIn(browser);
  const services = shown(await browser.submit(page, { decision: 'continue' }));
  await browser.submit(services, { decision: 'allow' });
  const { body } = await client.redeem(browser.callback?.searchParams.get('code') ?? '');
  const caller = new McpCaller({ authorization: `Bearer ${body.access_token}` });
  return { client, tokens: body, caller };
}

/** A browser that remembers `email` from a consent, and in which no one is signed in any more. */
async function remembering(email: string): Promise<Browser> {
  const browser = new Browser();
  await provider.signIn(browser, email);
  await allowIn(browser);
  signOut(browser);
  return browser;
}

function signOut(browser: Browser): void {
  for (const name of browser.cookies.keys())
    if (name.endsWith('toolgate-session')) browser.cookies.delete(name);
}

describe('whoever is signed in outranks what is remembered (CONTRACT §4)', () => {
  it('at consent: the grant is of the person who is signed in', async () => {
    const browser = await remembering('ada@acme.example');
    await provider.signIn(browser, 'bea@acme.example');

    const { page } = await consentIn(browser);
    await allowIn(browser);

    expect(page.html).toContain('Continue as bea');
    const { id } = await personOf('bea@acme.example');
    expect(await admin('GET', `/oauth2/sessions?user_id=${id}`)).toMatchObject({ total_count: 1 });
  });

  it('a key that is remembered likewise', async () => {
    const browser = new Browser();
    const services = await (await McpClient.register()).toServices(browser);
    await browser.submit(services, { decision: 'allow' });
    const before = (await consentIn(browser)).page;
    await provider.signIn(browser, 'cyd@acme.example');

    const { page } = await consentIn(browser);

    expect(before.html).toContain('Continue as key ');
    expect(page.html).toContain('Continue as cyd');
  });

  it("on the pages of people: another person's apps are not shown", async () => {
    const browser = await remembering('dee@acme.example');
    const before = shown(await browser.open('/me'));
    await provider.signIn(browser, 'eve@acme.example');

    const me = shown(await browser.open('/me'));

    expect(before.html).toContain('>dee<');
    expect(me.html).not.toContain('>dee<'); // an id may have these letters
    expect(me.html).toContain('eve');
  });

  it('at a link that connects an account of the one who is remembered', async () => {
    const own = await Upstream.start(['a'], {
      registration: {
        auth_type: 'per_user_headers',
        per_user_header_keys: ['X-Key'],
        user_headers: { 'X-Key': '1' },
      },
    });
    const browser = new Browser();
    await provider.signIn(browser, 'fay@acme.example');
    const { caller } = await allowIn(browser);
    signOut(browser);
    const answer = await caller.ask('tools/call', { name: `${own.name}-a`, arguments: {} });
    const link = JSON.stringify(answer.body).match(/\/connect\/[A-Za-z0-9_-]+/)?.[0] ?? 'no link';
    const asRemembered = shown(await browser.open(link));
    await provider.signIn(browser, 'gus@acme.example');

    const asAnother = shown(await browser.open(link));

    expect(asRemembered.html).not.toContain('/oauth/sign-in');
    expect(asAnother.html).toContain('/oauth/sign-in');
  });
});

/** Ways in which a person who signed in before may no longer. Each can be undone. */
const LOSSES = [
  ['whose domain is no longer allowed', { oidc: { allowed_domains: ['other.example'] } }],
  ['whose provider was replaced', { confirm: 'unreachable', oidc: { issuer: 'https://login.example' } }],
  ['whose provider was removed', { oidc: { issuer: null } }],
] as const;

describe('a person who may no longer sign in (CONTRACT §§4, 5)', () => {
  it.each(LOSSES)('%s gets no grant, neither as remembered nor as signed in', async (_, loss) => {
    const remembers = await remembering('hal@acme.example');
    const signedIn = new Browser();
    await provider.signIn(signedIn, 'ida@acme.example');
    const begun = await consentIn(remembers);
    const further = await consentIn(signedIn);
    const services = shown(await signedIn.submit(further.page, { decision: 'continue' }));

    await configure(loss);
    const pages = [(await consentIn(remembers)).page, (await consentIn(signedIn)).page];
    const posted = shown(await remembers.submit(begun.page, { decision: 'continue' }));
    const allowed = shown(await signedIn.submit(services, { decision: 'allow' }));
    const me = shown(await remembers.open('/me'));

    for (const { html } of pages) expect(html).not.toContain('name="remembered"');
    expect(posted.html).not.toContain('What can');
    expect(allowed.html).toContain('Your sign-in expired');
    expect([remembers.callback, signedIn.callback]).toEqual([null, null]);
    expect(me.html).toContain('to see the apps you allowed');
  });

  it.each(LOSSES)('%s is suspended: refused, kept, and works again when it may', async (_, loss) => {
    const browser = new Browser();
    const email = `${crypto.randomUUID()}@acme.example`;
    await provider.signIn(browser, email);
    const { client, tokens, caller } = await allowIn(browser);
    const status = async () => (await caller.ask('tools/list')).status;
    const before = await status();

    await configure(loss);
    const suspended = await status();
    const refused = await client.refresh(tokens.refresh_token);
    await configure({ oidc: { issuer: provider.issuer, allowed_domains: ['acme.example'] } });

    expect([before, suspended]).toEqual([200, 401]);
    expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect(await status()).toBe(200);
    expect((await client.refresh(tokens.refresh_token)).status).toBe(200);
  });
});
