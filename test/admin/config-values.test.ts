import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { forgetDeployment } from '../../src/config';
import { isSecret } from '../../src/setting';
import { SETTINGS } from '../../src/settings';
import { Browser, type Page, said } from '../support/browser';
import { deployedWith } from '../support/deployed';
import { admin, configure, gate, ISSUER, newKey, read } from '../support/gate';
import { Provider } from '../support/provider';

type Config = Record<string, unknown> & { oidc: Record<string, unknown> };
type Refusal = { error: { type: string; message: string; field?: string } };

const put = <T = Config>(body: unknown) => admin<T>('PUT', '/config', body);
const headers = { authorization: 'Bearer test-admin-token-of-32-characters' };

describe('addresses, domains and origins among the settings (CONTRACT §1)', () => {
  it.each([
    ['allowed_origins.0', { allowed_origins: ['https://a.example/path'] }],
    ['allowed_origins.0', { allowed_origins: ['https://a.example/'] }],
    ['allowed_origins.1', { allowed_origins: ['https://a.example', '*'] }],
    ['allowed_origins.0', { allowed_origins: ['https://*.a.example'] }],
    ['allowed_origins.0', { allowed_origins: ['a.example'] }],
    ['allowed_origins.0', { allowed_origins: ['https://user@a.example'] }],
    ['oidc.allowed_domains.0', { oidc: { allowed_domains: ['@acme.example'] } }],
    ['oidc.allowed_domains.0', { oidc: { allowed_domains: ['acme'] } }],
    ['oidc.allowed_domains.1', { oidc: { allowed_domains: ['acme.example', 'https://acme.example'] } }],
    ['oidc.admin_emails.0', { oidc: { admin_emails: ['ada'] } }],
    ['oidc.admin_emails.0', { oidc: { admin_emails: ['ada@acme'] } }],
    ['oidc.admin_emails.0', { oidc: { admin_emails: ['Ada <ada@acme.example>'] } }],
  ])('are checked as such: %s of %j', async (field, body) => {
    const { status, error } = await put<Refusal>(body);

    expect([status, error.field]).toEqual([400, field]);
    expect(error.message).toMatch(/ must be (an origin|a domain|an e-mail address), .*such as /);
  });

  it('are taken as browsers and providers write them', async () => {
    const origins = ['https://a.example:8443', 'http://intranet.example', 'chrome-extension://abcdef'];
    const changed = await put({
      allowed_origins: origins,
      oidc: { allowed_domains: ['Acme.Example', 'bücher.example'], admin_emails: ["Ada+1.o'x@Acme.example"] },
    });
    await configure({ allowed_origins: null, oidc: { allowed_domains: null, admin_emails: null } });

    expect(changed).toMatchObject({
      allowed_origins: origins,
      oidc: {
        allowed_domains: ['acme.example', 'bücher.example'],
        admin_emails: ["ada+1.o'x@acme.example"],
      },
    });
  });
});

describe('a list in a text (CONTRACT §1)', () => {
  const uris = ['https://a.example/cb?in=1,2', 'https://b.example/,/cb', 'https://c.example/cb'];
  const inEffect = async () =>
    (await admin<{ oauth2_server_config: Config }>('GET', '/config')).oauth2_server_config
      .allowed_redirect_uris;

  it('of addresses keeps their commas, and is shown a line each', async () => {
    const browser = await Browser.administrator();
    const page = (await browser.open('/admin/settings/apps')) as Page;
    const name = 'oauth2_server_config.allowed_redirect_uris';

    const saved = await browser.submit(page, { [name]: uris.join('\r\n') }, undefined, name);
    const again = (await browser.open('/admin/settings/apps')) as Page;
    const held = await inEffect();
    await configure({ oauth2_server_config: { allowed_redirect_uris: null } });

    expect(said(saved as Page)).toContain('Saved: Web apps that can connect.');
    expect(held).toEqual(uris);
    expect(again.html).toContain(`>${uris.join('\n')}</textarea>`);
  });

  it('is read from a variable at blanks, and at commas where another item begins', async () => {
    const variables = {
      OAUTH2_SERVER_CONFIG_ALLOWED_REDIRECT_URIS: `${uris[0]},${uris[2]} https://d.example/cb`,
      ALLOWED_ORIGINS: 'https://a.example, chrome-extension://abcdef,http://b.example',
      OIDC_SCOPES: 'openid,https://id.example/auth/mail,profile email',
    };
    const { body } = await read(await deployedWith(variables, `${ISSUER}/api/config`, { headers }));
    forgetDeployment();

    expect(body).toMatchObject({
      oauth2_server_config: { allowed_redirect_uris: [uris[0], uris[2], 'https://d.example/cb'] },
      allowed_origins: ['https://a.example', 'chrome-extension://abcdef', 'http://b.example'],
      oidc: { scopes: ['openid', 'https://id.example/auth/mail', 'profile', 'email'] },
    });
  });
});

describe('values that an earlier version took (CONTRACT §1)', () => {
  const stored = async (name: string, value: unknown) => {
    await env.DB.prepare('INSERT OR REPLACE INTO setting (name, value) VALUES (?1, ?2)')
      .bind(name, JSON.stringify(value))
      .run();
    forgetDeployment();
  };
  beforeAll(async () => void (await admin('GET', '/config'))); // makes the database
  afterEach(async () => {
    await env.DB.prepare('DELETE FROM setting').run();
    forgetDeployment();
  });

  it('are left out where they were saved, and named in /health and on the overview', async () => {
    await stored('allowed_origins', ['https://a.example/x', 'https://b.example']);
    await stored('revocation_lag', 'soon');
    const browser = await Browser.administrator();
    const settings = await admin<Config>('GET', '/config');
    const health = await read(await gate('/health', { headers }));
    const overview = (await browser.open('/admin')) as Page;

    expect(settings).toMatchObject({
      status: 200,
      allowed_origins: ['https://b.example'],
      revocation_lag: 0,
    });
    expect(health.body).toMatchObject({ refused_settings: ['revocation_lag', 'allowed_origins'] });
    expect(said(overview)).toMatch(
      /2 settings can’t be read: Changes apply within ?, Web pages that can call tools ?\. What Settings shows/,
    );
  });

  it('open nothing while none can be read, and leave the administrator a way in', async () => {
    for (const { name } of SETTINGS) await stored(name, { not: 'a value' });
    const names = SETTINGS.filter((setting) => !isSecret(setting)).map(({ name }) => name);
    await env.DB.prepare("UPDATE setting SET value = 'no JSON' WHERE name = 'oidc.allowed_domains'").run();
    forgetDeployment();

    const browser = await Browser.administrator();
    const page = (await browser.open('/admin/settings/times')) as Page;
    const overview = (await browser.open('/admin')) as Page;
    const health = await read(await gate('/health', { headers }));
    const unknown = await read(await gate('/health'));
    const mcp = await gate('/mcp', { method: 'POST', headers });
    const token = await gate('/oauth2/token', { method: 'POST' });

    expect(overview.html).toContain(
      `<b>${names.length} settings can’t be read:</b> <a href="/admin/settings/gateway#display_name">Gateway name</a>`,
    );
    expect(page.html).toContain('Apps are refused for now.');
    expect(page.html.split('What was set can’t be read')).toHaveLength(7); // at each of its six settings
    expect(health).toMatchObject({
      status: 503,
      body: { status: 'unconfigured', refused_settings: names },
    });
    expect(unknown).toMatchObject({ status: 503, body: { status: 'unconfigured' } });
    expect([mcp.status, token.status]).toEqual([503, 503]);
    expect(await token.json()).toMatchObject({ error: 'temporarily_unavailable' });
  });

  it.each([
    'mcp_server_auth_mode',
    'default_user_access',
    'oauth2_server_config.refresh_token_ttl',
    'oauth2_server_config.refresh_reuse_interval',
  ])('keep apps out while %s cannot be read: no value of it is the narrowest', async (name) => {
    const key = await newKey();
    const bearer = { authorization: `Bearer ${key.value}`, 'x-api-key': key.value };
    await stored(name, 'mostly');

    const paths = ['/mcp', '/oauth2/token', '/oauth2/register', '/token', '/oauth/consent', '/authorize'];
    const refused = await Promise.all(
      paths.map((path) => gate(path, { method: 'POST', headers: bearer, body: '{}' })),
    );
    const page = await gate('/');

    expect(refused.map(({ status }) => status)).toEqual(paths.map(() => 503));
    expect(await refused[0]?.text()).toContain(`until an administrator saves ${name} again`);
    expect(refused[0]?.headers.get('retry-after')).toBe('60');
    expect(page.status).toBe(200);
  });

  it('do not keep the administrator from saving others, nor from saving them again', async () => {
    await stored('oidc.issuer', 'https://id.example');
    await stored('oidc.client_id', 7);

    const other = await put({ support_text: 'Ask Ada' });
    const without = await put({ oidc: { client_id: null } });
    const again = await put({ confirm: 'unreachable', oidc: null, support_text: null });
    const health = await read(await gate('/health', { headers }));

    expect(other).toMatchObject({ status: 200, oidc: { issuer: null, client_id: null } });
    expect(without).toMatchObject({ status: 200, oidc: { issuer: null, client_id: null } });
    expect(again.status).toBe(200);
    expect(health.body).not.toHaveProperty('refused_settings');
  });

  it('are replaced by what is shown once the settings are saved as they are', async () => {
    const browser = await Browser.administrator();
    await stored('allowed_origins', ['https://a.example/x', 'https://b.example']);
    const page = (await browser.open('/admin/settings/apps')) as Page;

    await browser.submit(page, {}, undefined, 'allowed_origins');

    const health = await read(await gate('/health', { headers }));
    expect(health.body).not.toHaveProperty('refused_settings');
    expect(await admin<Config>('GET', '/config')).toMatchObject({ allowed_origins: ['https://b.example'] });
  });

  it('are left out of variables whose rule was wider', async () => {
    const answer = await deployedWith(
      { ALLOWED_ORIGINS: 'https://a.example/x,https://b.example', OIDC_ALLOWED_DOMAINS: '@acme.example' },
      `${ISSUER}/api/config`,
      { headers },
    );
    forgetDeployment();

    expect(await read(answer)).toMatchObject({
      status: 200,
      body: { allowed_origins: ['https://b.example'], oidc: { allowed_domains: [] } },
    });
  });
});

describe('a provider (CONTRACT §1)', () => {
  const other = () => `${inject('providerOrigin')}/p${crypto.randomUUID().slice(0, 8)}`;
  const behave = (issuer: string, body: unknown) =>
    fetch(`${issuer}/control`, { method: 'POST', body: JSON.stringify(body) });

  it.each([
    ['status 404', { fault: 404 }, / answered with status 404\./],
    ['a fault of its own', { fault: 500 }, /nothing that can be used answered at http/],
    [
      'no metadata',
      { metadata: { issuer: null, authorization_endpoint: null, token_endpoint: null } },
      / is not the metadata of a provider\./,
    ],
    [
      'metadata without an issuer',
      { metadata: { issuer: null } },
      /the metadata at .*openid-configuration has no issuer, which the people who run the provider have to add\./,
    ],
    [
      'metadata without an endpoint',
      { metadata: { token_endpoint: null } },
      / has no token endpoint, which /,
    ],
    [
      'another name',
      { metadata: { issuer: 'https://accounts.example' } },
      /calls itself https:\/\/accounts\.example\./,
    ],
  ])('is tried before it is saved, and refused for %s', async (_, behaviour, says) => {
    const before = await Provider.start();
    const issuer = other();
    await behave(issuer, behaviour);

    const { status, error } = await put<Refusal>({ support_text: 'Ask Ada', oidc: { issuer } });
    const after = await admin<Config>('GET', '/config');
    const forced = await put({ confirm: 'unreachable', oidc: { issuer } });

    expect([status, error.field]).toEqual([400, 'oidc.issuer']);
    expect(error.message).toMatch(says);
    expect(after).toMatchObject({ support_text: '', oidc: { issuer: before.issuer } });
    expect(forced).toMatchObject({ status: 200, oidc: { issuer } });
  });

  it('is asked nothing while it stays the same', async () => {
    const provider = await Provider.start();
    await provider.behave({ fault: 500 });

    expect(await put({ oidc: { issuer: provider.issuer, client_id: 'other' } })).toMatchObject({
      status: 200,
    });
  });

  it('is removed with all that belongs to it by null', async () => {
    await Provider.start();

    expect(await put({ oidc: null })).toMatchObject({
      status: 200,
      oidc: { issuer: null, client_id: null, client_secret: null, allowed_domains: [], admin_emails: [] },
    });
  });
});
