import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { signInOf } from '../../src/accounts/sign-in-tokens';
import { currentSettings } from '../../src/config';
import { Account } from '../support/account';
import { AuthorizationServer } from '../support/authorization-server';
import { Browser, said } from '../support/browser';
import { McpCaller } from '../support/caller';
import { shortWaits, wait } from '../support/clock';
import { enterHeaders } from '../support/connected';
import { administer, configure } from '../support/gate';
import { shown } from '../support/identity-places';
import { McpClient } from '../support/mcp-client';
import { headerServer } from '../support/own-accounts';
import { as, Provider, personOf, sessionOf } from '../support/provider';
import { addressOf, Upstream } from '../support/upstream';

const CLIENT = { client_id: 'exchanger', client_secret: 'the-secret-of-exchanges' };
const BOSS = 'boss@elsewhere.example';
const TOKENS = { access_token: 'their-token', expires_in: 300, refresh_token: 'again' };

let provider: Provider;
let other: Provider;
/** Where everyone has their own account, and one where everyone acts by their sign-in. */
let keyed: Upstream;
let exchanging: Upstream;
const settings = () => ({
  issuer: provider.issuer,
  allowed_domains: ['acme.example'],
  admin_emails: ['ada@acme.example', BOSS],
});

beforeAll(async () => {
  other = await Provider.start();
  provider = await Provider.start();
  await configure({ oidc: settings() });
  keyed = await headerServer();
  const exchanger = await AuthorizationServer.start({ clients: [CLIENT], lifetime: 60 });
  const name = `reports_${crypto.randomUUID().slice(0, 8)}`;
  exchanging = await Upstream.start(['whoami'], {
    demands: { issuer: exchanger.issuer },
    registration: {
      name,
      auth_type: 'token_exchange',
      token_exchange: { audience: addressOf(name), ...CLIENT, authorization_server_url: exchanger.issuer },
    },
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  await configure({ oidc: settings() });
});

/** A person who allowed an app, has a key, an account of their own and two browsers: one is signed in, one remembers them. */
async function world(email: string) {
  const client = await McpClient.register();
  const browser = new Browser();
  const first = shown(await browser.open(await client.authorizeUrl()));
  await browser.submit(first, { identity: 'user', decision: 'continue' });
  const services = shown(await provider.approve(browser, email, { tokens: TOKENS }));
  await browser.submit(services, { services: null, expires_in: '0', decision: 'allow' });
  const { body: tokens } = await client.redeem(browser.callback?.searchParams.get('code') ?? '');
  const remembering = new Browser();
  for (const [name, value] of browser.cookies)
    if (name.endsWith('toolgate-identity')) remembering.cookies.set(name, value);
  const { id } = await personOf(email);
  const { virtual_key } = await administer<{ virtual_key: { value: string } }>(
    'POST',
    '/governance/virtual-keys',
    { name: `key ${crypto.randomUUID()}`, owner_user_id: id },
  );
  await enterHeaders(keyed.id, `user:${id}`, { 'x-key': `key of ${email}` });
  return { id, email, client, browser, remembering, tokens, key: virtual_key.value };
}
type World = Awaited<ReturnType<typeof world>>;

/** What every place makes of them. */
async function places({ id, email, client, browser, remembering, tokens, key }: World) {
  const bearer = { authorization: `Bearer ${tokens.access_token}` };
  const ask = async (headers: Record<string, string>) => {
    const { status, body } = await new McpCaller(headers).ask('tools/list');
    return body.error ? `${status} ${body.error.message}` : String(status);
  };
  const whoami = async (headers: Record<string, string>, { slug }: Upstream) => {
    const { status, body } = await new McpCaller(headers, '2025', `/mcp/${slug}`).call('whoami');
    return body.result?.content?.[0]?.text ?? String(status);
  };
  const consent = async (one: Browser) =>
    shown(await one.open(await client.authorizeUrl())).html.includes('Continue as') ? 'known' : 'asked';
  const { sessions } = await administer<{ sessions: { status: string; can_reauth: boolean }[] }>(
    'GET',
    `/mcp/sessions?user_id=${id}`,
  );
  const { user } = await administer<{ user: Record<string, unknown> }>('GET', `/users/${id}`);
  const administrator = await Browser.administrator();
  const page = shown(await administrator.open(`/admin/people/${id}`));
  return {
    token: await ask(bearer),
    key: await ask({ 'x-bf-vk': key }),
    account: await whoami({ 'x-bf-vk': key }, keyed),
    exchange: await whoami({ 'x-bf-vk': key }, exchanging),
    signedIn: await consent(browser),
    remembered: await consent(remembering),
    me: said(shown(await browser.open('/me'))).includes(`Signed in as ${email.split('@')[0]}`)
      ? 'known'
      : 'asked',
    session: (await sessionOf(browser))?.user?.id ?? null,
    ownAccounts: (await as(browser, 'GET', '/mcp/sessions')).status,
    admin: (await as(browser, 'GET', '/config')).status,
    accounts: sessions.map(({ status }) => status),
    user: [user.is_suspended, user.is_administrator, user.is_active],
    page: said(page).includes('Can’t sign in') ? 'suspended' : 'may sign in',
  };
}

const VALID = ({ id, email }: World) => ({
  token: '200',
  key: '200',
  account: `key of ${email}`,
  exchange: 'their-token',
  signedIn: 'known',
  remembered: 'known',
  me: 'known',
  session: id,
  ownAccounts: 200,
  admin: 200,
  accounts: ['active'],
  user: [false, true, true],
  page: 'may sign in',
});

const SUSPENDED = {
  token: '401 The access token is not valid here, or no longer. Connect again.',
  key: '403 The key in x-bf-vk is suspended: its owner may not sign in here now.',
  account: '403',
  exchange: '403',
  signedIn: 'asked',
  remembered: 'asked',
  me: 'asked',
  session: null,
  ownAccounts: 401,
  admin: 401,
  accounts: ['suspended'],
  user: [true, false, true],
  page: 'suspended',
};

describe('a person who may not sign in here any more (CONTRACT §§4, 5)', () => {
  it.each<[string, string, () => object]>([
    ['their domain was withdrawn', 'eva@acme.example', () => ({ allowed_domains: ['other.example'] })],
    ['their own address was', BOSS, () => ({ admin_emails: ['ada@acme.example'] })],
    ['the provider was replaced', 'ada@acme.example', () => ({ issuer: other.issuer })],
    ['there is no provider', 'ida@acme.example', () => ({ issuer: null })],
  ])(
    'is refused everywhere while %s, and has everything again when it is undone',
    async (_, email, change) => {
      await configure({ oidc: { admin_emails: [email, BOSS] } });
      const person = await world(email);
      const before = await places(person);

      const changed = { admin_emails: email === BOSS ? [BOSS] : [], ...change() };
      await configure({ oidc: changed });
      const during = await places(person);
      const refreshed = await person.client.refresh(person.tokens.refresh_token);
      const { session } = await administer<{ session: { status: string } }>(
        'GET',
        `/oauth2/sessions/${person.tokens.refresh_token.split('.')[0]}`,
      );
      await configure({ oidc: { ...settings(), admin_emails: [email, BOSS] } });

      expect(before).toEqual(VALID(person));
      expect(during).toEqual(SUSPENDED);
      expect(refreshed).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
      expect(session.status).toBe('active');
      expect(await places(person)).toEqual(VALID(person));
      expect((await person.client.refresh(person.tokens.refresh_token)).status).toBe(200);
    },
  );

  it('is not allowed an app in a flow that was begun before, and loses nothing of it', async () => {
    const client = await McpClient.register();
    const browser = new Browser();
    const first = shown(await browser.open(await client.authorizeUrl()));
    await browser.submit(first, { identity: 'user', decision: 'continue' });
    const services = shown(await provider.approve(browser, 'fay@acme.example'));

    await configure({ oidc: { allowed_domains: [] } });
    const refused = shown(await browser.submit(services, { decision: 'allow' }));
    await configure({ oidc: settings() });
    const again = shown(await browser.open(services.url));
    const known = shown(await browser.submit(again, { remembered: 'on', decision: 'continue' }));
    await browser.submit(known, { decision: 'allow' });

    expect(services.html).toContain('It acts as <b>fay</b>');
    expect(refused.html).toContain('Your sign-in expired.');
    expect(browser.callback?.searchParams.get('code')).toBeTruthy();
  });

  it('is not taken up at consent by a sign-in of before', async () => {
    const browser = new Browser();
    const first = shown(await browser.open(await (await McpClient.register()).authorizeUrl()));
    await browser.submit(first, { identity: 'user', decision: 'continue' });
    await provider.signIn(browser, 'hal@acme.example');

    await configure({ oidc: { allowed_domains: [] } });
    const page = shown(await browser.open(first.url));

    expect(page.html).toContain('Your sign-in expired.');
    expect(page.html).not.toContain('It acts as');
  });

  it('keeps what their sign-in brought while another provider stands in its place', async () => {
    const person = await world('gus@acme.example');
    const reports = new McpCaller({ 'x-bf-vk': person.key }, '2025', `/mcp/${exchanging.slug}`);
    const whoami = async () => (await reports.call('whoami')).body.result?.content?.[0]?.text;
    const before = await whoami();
    const held = async () => (await signInOf(env, await currentSettings(env), person.id)).ok;
    await configure({ oidc: { allowed_domains: [] } });
    const isUsed = await held();
    await configure({ oidc: settings() });
    const signIn = new Account('sign-in', `user:${person.id}`);

    await configure({ oidc: { issuer: other.issuer } });
    wait(700);
    shortWaits();
    await signIn.wake();
    vi.restoreAllMocks();
    await configure({ oidc: settings() });

    expect(before).toBe('their-token');
    expect([isUsed, await held()]).toEqual([false, true]);
    expect(await whoami()).toBe('their-token-again');
  });

  it('never is who holds ADMIN_TOKEN', async () => {
    const administrator = await Browser.administrator();
    await configure({ oidc: { issuer: other.issuer, allowed_domains: [], admin_emails: [] } });

    expect((await as(administrator, 'GET', '/config')).status).toBe(200);
    expect(await sessionOf(administrator)).toMatchObject({ is_administrator: true });
  });
});
