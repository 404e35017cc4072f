import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { GROUPS } from '../../../src/admin/pages/settings/words';
import { SETTINGS } from '../../../src/settings';
import { Browser, type Page, said } from '../../support/browser';
import { leadsHere, unknownHost } from '../../support/domain';
import { admin, configure, ISSUER } from '../../support/gate';
import { McpClient } from '../../support/mcp-client';
import { Provider } from '../../support/provider';
import { Upstream } from '../../support/upstream';

type Config = Record<string, unknown> & {
  oauth2_server_config: Record<string, unknown>;
  oidc: Record<string, unknown>;
};

let browser: Browser;
beforeAll(async () => {
  browser = await Browser.administrator();
});

async function open(path: string): Promise<Page> {
  const page = await browser.open(`/admin/settings${path}`);
  if (!page) throw new Error(`${path} led elsewhere`);
  return page;
}

async function save(group: string, answers: Record<string, string | string[] | null>): Promise<Page> {
  const page = await browser.submit(await open(`/${group}`), answers, undefined, `/admin/settings/${group}`);
  if (!page) throw new Error('the form led elsewhere');
  return page;
}

/** How many settings are amounts of time on one page. */
const TIMES = GROUPS.find(({ id }) => id === 'times')?.names.length ?? 0;

const config = () => admin<Config>('GET', '/config');

describe('the settings (CONTRACT §1)', () => {
  it('are each on the page of a group, with a name and what they mean', async () => {
    const pages = await Promise.all(GROUPS.map(({ id }) => open(`/${id}`)));
    const html = pages.map(({ html }) => html).join('');
    const grouped = GROUPS.flatMap(({ names }) => names);

    expect([...grouped].sort()).toEqual(SETTINGS.map(({ name }) => name).sort());
    for (const { meta } of SETTINGS) {
      const { label, means, does } = meta as Record<string, string>;
      expect(label).toBeTruthy();
      expect(means ?? does).not.toMatch(/`|issuer_url|_uri/); // no names of the wire on a page
    }
    expect(html).toContain('Keys and sign-in');
    expect(html).toMatch(/value="90"[^>]*><select[^>]*aria-label="Unit of Unused apps lose access after">/);
    expect(html.replace(/<[^>]*>/g, ' ')).not.toMatch(/[a-z]_[a-z]/); // nor of the code
    for (const { id, title } of GROUPS)
      expect(html).toContain(`<a href="/admin/settings/${id}" aria-current="page">${title}</a>`);
    expect((await open('')).html).toContain('Gateway address');
    expect(html).toContain('· Set by the deployment</small>');
  });

  it('are saved where they changed, and only there', async () => {
    const unchanged = await save('times', {});
    const changed = await save('times', {
      revocation_lag: '1',
      vk_rotation_cooldown: '2',
      'vk_rotation_cooldown.unit': 'hours',
    });
    const { html } = await open('/times');

    expect(unchanged.html).toContain('Nothing was changed.');
    expect(changed.html).toContain('Saved: Changes apply within, Keep a rotated key working for.');
    expect(await config()).toMatchObject({ revocation_lag: 1, vk_rotation_cooldown: 7200 });
    expect(html).toMatch(
      /value="2"[^>]*><select[^>]*vk_rotation_cooldown.unit[^>]*>.*?<option value="hours" selected="">hours/,
    );
    expect(html.match(/>Reset to /g)).toHaveLength(2);
    expect(html.match(/<small>Default<\/small>/g)).toHaveLength(TIMES - 2);
    await configure({ revocation_lag: null, vk_rotation_cooldown: null });
  });

  it('go back to their default, which is filled in and saved with the rest', async () => {
    await save('gateway', { display_name: 'Acme tools' });
    const reset = await save('gateway', { reset: 'display_name', support_text: 'Ask Ada' });
    const before = await config();
    const back = (await browser.submit(reset, {}, undefined, '/admin/settings/gateway')) as Page;
    const rows = await env.DB.prepare("SELECT name FROM setting WHERE name = 'display_name'").all();

    expect(reset.html).toContain('Not saved yet');
    expect(before).toMatchObject({ display_name: 'Acme tools', support_text: '' });
    expect(said(back)).toContain('Saved: Gateway name, Support contact.');
    expect(await config()).toMatchObject({ display_name: 'Toolgate', support_text: 'Ask Ada' });
    expect(rows.results).toEqual([]); // of the variable again, whatever that becomes
    await configure({ support_text: null });
  });

  it('say beside the field what is wrong with its value, and show what was typed', async () => {
    const refused = await save('times', {
      'oauth2_server_config.access_token_ttl': '5',
      'oauth2_server_config.access_token_ttl.unit': 'seconds',
      'oauth2_server_config.auth_code_ttl': '2',
    });

    expect(refused.status).toBe(400);
    expect(refused.html).toMatch(
      /id="oauth2_server_config.access_token_ttl-error" role="alert">.*?<\/svg>Use at least 1 minute\./,
    );
    expect(refused.html).toMatch(/value="5"[^>]*autofocus/);
    expect(refused.html).toMatch(/value="2"/);
    expect(refused.html).not.toContain('Nothing was saved.'); // the field alone says it
    expect((await config()).oauth2_server_config).toMatchObject({
      auth_code_ttl: 300,
      access_token_ttl: 600,
    });
  });

  it('say how many need a fix, with the way to each', async () => {
    const refused = await save('sign-in', {
      'oidc.allowed_domains': 'acme.example\n@other.example',
      'oidc.admin_emails': 'ada',
      'access.team_domain': 'https://acme.example',
      user_reauth_days: '9999',
    });

    expect(refused.status).toBe(400);
    expect(said(refused)).toContain('Nothing was saved. 4 settings need a fix:');
    expect(refused.html).toContain('<a href="#oidc.admin_emails">Administrators</a>');
    for (const words of [
      '“@other.example” must be a domain, such as example.com.',
      '“ada” must be an e-mail address, such as ada@example.com.',
      '“https://acme.example” must be a host name',
      'Use at most 3,650 days.',
    ])
      expect(refused.html).toContain(words);
  });

  it('try a provider first, and say at its field what answered', async () => {
    const { issuer } = await Provider.start();
    const elsewhere = `${issuer.replace(/p[^/]*$/, 'q')}${Date.now()}`;
    await fetch(`${elsewhere}/control`, { method: 'POST', body: '{"fault":404}' });
    const refused = await save('sign-in', { 'oidc.issuer': elsewhere, 'oidc.client_id': 'typed' });

    expect(refused.status).toBe(400);
    expect(refused.html).toMatch(
      /id="oidc.issuer-error" role="alert">.*?<\/svg>Check the address: .* answered with status 404\./,
    );
    expect(refused.html).toContain('value="typed"');
    expect((await config()).oidc).toMatchObject({ issuer, client_id: 'toolgate' });
    await configure({ oidc: null });
  });

  it('ask again for a secret that was typed beside what was refused, before they save', async () => {
    const { issuer } = await Provider.start({ client_secret: 'a-secret-of-the-provider' });
    const elsewhere = `${issuer.replace(/p[^/]*$/, 'q')}${Date.now()}`;
    await fetch(`${elsewhere}/control`, { method: 'POST', body: '{"fault":404}' });
    const next = async (page: Page, answers: Record<string, string>) =>
      (await browser.submit(page, answers, undefined, '/admin/settings/sign-in')) as Page;
    const secret = async () => (await config()).oidc.client_secret;

    const typed = { 'oidc.client_secret': 'another-secret-of-it' };
    const refuse = () => save('sign-in', { 'oidc.issuer': elsewhere, ...typed });
    const corrected = { 'oidc.issuer': issuer, 'oidc.client_id': 'corrected' };

    const refused = await refuse();
    const again = await next(refused, corrected);
    const before = await config();
    const kept = await next(again, { keep: 'oidc.client_secret' });
    const old = await secret();
    await next(await refuse(), { 'oidc.issuer': issuer, ...typed });

    for (const page of [refused, again]) {
      expect(page.status).toBe(400);
      expect(page.html).not.toContain('another-secret-of-it');
      expect(page.html).toMatch(
        /id="oidc.client_secret-error" role="alert">.*?<\/svg>Enter the client secret again\./,
      );
    }
    expect(before.oidc).toMatchObject({ client_id: 'toolgate', client_secret: '••••ider' });
    expect(kept.html).toContain('Saved: Client ID.');
    expect(old).toBe('••••ider');
    expect(await secret()).toBe('••••f-it');
    await configure({ oidc: null });
  });

  it('take lists a line each, choices and tools', async () => {
    const files = await Upstream.start(['read', 'write']);
    await save('apps', {
      allowed_origins: 'https://one.example\n https://two.example',
      enforce_auth_on_inference: null,
      mcp_server_auth_mode: 'headers',
    });
    await save('everyone', { [`pick.${files.name}`]: 'some', [`tool.${files.name}`]: 'read' });

    expect(await config()).toMatchObject({
      allowed_origins: ['https://one.example', 'https://two.example'],
      enforce_auth_on_inference: false,
      mcp_server_auth_mode: 'headers',
      default_user_access: [{ mcp_client_name: files.name, tools_to_execute: ['read'] }],
    });
    await configure({
      enforce_auth_on_inference: null,
      mcp_server_auth_mode: null,
      default_user_access: null,
    });
  });

  it('keep a secret that was left empty, never show it, and remove it when told to', async () => {
    await Provider.start({ client_secret: 'a-secret-of-the-provider' });
    const saved = await save('sign-in', { 'oidc.client_id': 'another-client' });

    expect(saved.html).toContain('Saved: Client ID.');
    expect((await config()).oidc).toMatchObject({ client_id: 'another-client', client_secret: '••••ider' });
    expect((await open('/sign-in')).html).not.toContain('a-secret-of-the-provider');
    await configure({ oidc: { issuer: null } });
    const removed = await save('sign-in', { return: 'oidc.client_secret' });

    expect(removed.html).toContain('Saved: Client secret.');
    expect((await config()).oidc).toMatchObject({ client_secret: null });
  });

  it('ask before the address changes, which ends every token', async () => {
    const client = await McpClient.register();
    const { refresh_token } = await client.obtainGrant();

    const asked = await save('gateway', { 'oauth2_server_config.issuer_url': 'https://new.example' });
    leadsHere(['https://new.example'], unknownHost);
    const unreachable = await browser.submit(asked, {}, undefined, 'confirm');
    vi.restoreAllMocks();
    const before = (await config()).oauth2_server_config.issuer_url;
    leadsHere(['https://new.example']);
    const changed = await browser.submit(asked, {}, undefined, 'confirm');
    const after = (await config()).oauth2_server_config.issuer_url;
    vi.restoreAllMocks();
    await configure({ oauth2_server_config: { issuer_url: null, confirm: true } });

    expect(asked.html).toContain('Change the gateway address?');
    expect(unreachable?.status).toBe(400);
    expect(unreachable && said(unreachable)).toContain(
      'https://new.example doesn’t lead to this gateway yet: nothing answered. Nothing was changed.',
    );
    expect([before, after]).toEqual([ISSUER, 'https://new.example']);
    expect(changed && said(changed)).toMatch(/This gateway is at new\.example ?\./);
    expect(await client.refresh(refresh_token)).toMatchObject({ status: 200 }); // nothing else was ended meanwhile
  });

  it('change the address to one that does not answer, once that was said yes to', async () => {
    const asked = await save('gateway', { 'oauth2_server_config.issuer_url': 'https://behind.example' });
    leadsHere(['https://behind.example'], unknownHost);
    const unreachable = (await browser.submit(asked, {}, undefined, 'confirm')) as Page;
    await browser.submit(unreachable, {}, undefined, 'confirm');
    vi.restoreAllMocks();
    const { issuer_url } = (await config()).oauth2_server_config;
    await configure({ oauth2_server_config: { issuer_url: null, confirm: true } });

    expect(unreachable.html).toContain('Change it anyway');
    expect(issuer_url).toBe('https://behind.example');
  });

  it.each([
    ['without the value of the form', { csrf: null }, { origin: ISSUER }],
    ['from another site', {}, { origin: 'https://evil.example' }],
  ])('stay as they are %s', async (_, answers, headers) => {
    const form = await open('/gateway');
    const refused = await browser.submit(
      form,
      { display_name: 'Mallory', ...answers },
      headers,
      'display_name',
    );
    await browser.submit(await open('/keys'), answers, headers, '/admin/settings/signing-key');

    expect(refused?.status).toBe(403);
    expect(await config()).toMatchObject({ display_name: 'Toolgate' });
    expect(await admin('GET', '/audit?act=signing_key.rotated')).toMatchObject({ total_count: 0 });
  });

  it('replace the signing key and re-encrypt at the press of a button', async () => {
    const rotated = await browser.submit(await open('/keys'), {}, undefined, '/admin/settings/signing-key');
    const sealed = await browser.submit(await open('/keys'), {}, undefined, '/admin/settings/reseal');

    expect(rotated?.html).toContain('A new signing key was made.');
    expect(sealed?.html).toContain('All secrets already use the newest key.');
    expect(await admin('GET', '/audit?act=signing_key.rotated')).toMatchObject({ total_count: 1 });
  });
});
