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

const config = () => admin<Config>('GET', '/config');

describe('the settings (CONTRACT §1)', () => {
  it('are each in one group, with a name and what they mean', async () => {
    const { html } = await open('');
    const grouped = GROUPS.flatMap(({ names }) => names);

    expect([...grouped].sort()).toEqual(SETTINGS.map(({ name }) => name).sort());
    for (const { meta } of SETTINGS) {
      const { label, means, does } = meta as Record<string, string>;
      expect(label).toBeTruthy();
      expect(means ?? does).not.toMatch(/`|issuer_url|_uri/); // no names of the wire on a page
    }
    expect(html).toContain('Keys and browser sign-in');
    expect(html).toContain('90 days');
    expect(html).not.toContain('mcp_server_auth_mode');
  });

  it('are saved where they changed, and only there', async () => {
    const unchanged = await save('times', {});
    const changed = await save('times', { revocation_lag: '1', vk_rotation_cooldown: '3600' });
    const { html } = await open('');

    expect(unchanged.html).toContain('Nothing was changed.');
    expect(changed.html).toContain('Saved: Changes take hold within, A key’s old value works for.');
    expect(await config()).toMatchObject({ revocation_lag: 1, vk_rotation_cooldown: 3600 });
    expect(html.match(/saved here/g)).toHaveLength(2);
    await configure({ revocation_lag: null });
  });

  it('go back to what the deployment says', async () => {
    await save('gateway', { display_name: 'Acme tools' });
    const back = await save('gateway', { return: 'display_name' });

    expect(back.html).toContain('Saved: Name of this gateway.');
    expect(await config()).toMatchObject({ display_name: 'Toolgate' });
  });

  it('say beside the field what is wrong with it, and show what was typed', async () => {
    const refused = await save('times', {
      'oauth2_server_config.access_token_ttl': '5',
      'oauth2_server_config.auth_code_ttl': '120',
    });

    expect(refused.status).toBe(400);
    expect(refused.html).toMatch(
      /id="oauth2_server_config.access_token_ttl-error"[^>]*>“Life of an access token”/,
    );
    expect(refused.html).toMatch(/value="120"/);
    expect((await config()).oauth2_server_config).toMatchObject({
      auth_code_ttl: 300,
      access_token_ttl: 600,
    });
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

  it('keep a secret that nobody typed anew, and never show it', async () => {
    await Provider.start({ client_secret: 'a-secret-of-the-provider' });
    const saved = await save('sign-in', { 'oidc.client_id': 'another-client' });

    expect(saved.html).toContain('Saved: Client ID.');
    expect((await config()).oidc).toMatchObject({ client_id: 'another-client', client_secret: '••••ider' });
    expect((await open('/sign-in')).html).not.toContain('a-secret-of-the-provider');
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

    expect(asked.html).toContain('Change the address of this gateway?');
    expect(unreachable?.status).toBe(400);
    expect(unreachable && said(unreachable)).toContain(
      'https://new.example does not lead to this gateway yet: nothing answered. Nothing was changed.',
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
    await browser.submit(await open(''), answers, headers, '/admin/settings/signing-key');

    expect(refused?.status).toBe(403);
    expect(await config()).toMatchObject({ display_name: 'Toolgate' });
    expect(await admin('GET', '/audit?act=signing_key.rotated')).toMatchObject({ total_count: 0 });
  });

  it('replace the signing key and seal anew at the press of a button', async () => {
    const rotated = await browser.submit(await open(''), {}, undefined, '/admin/settings/signing-key');
    const sealed = await browser.submit(await open(''), {}, undefined, '/admin/settings/reseal');

    expect(rotated?.html).toContain('A new signing key was made.');
    expect(sealed?.html).toContain('Every secret is sealed with the newest key already.');
    expect(await admin('GET', '/audit?act=signing_key.rotated')).toMatchObject({ total_count: 1 });
  });
});
