import { createExecutionContext, env } from 'cloudflare:test';
import { beforeAll, describe, expect, it } from 'vitest';
import worker from '../../../src/index';
import { Browser, type Page } from '../../support/browser';
import { admin, configure, newKey } from '../../support/gate';
import { McpClient } from '../../support/mcp-client';
import { Upstream } from '../../support/upstream';

let browser: Browser;
beforeAll(async () => {
  browser = await Browser.administrator();
});

async function open(path = ''): Promise<Page> {
  const page = await browser.open(`/admin${path}`);
  if (!page) throw new Error(`${path} led elsewhere`);
  return page;
}

describe('the overview', () => {
  it('teaches the first steps in their order until an app has access', async () => {
    const empty = await open();
    await Upstream.start(['echo'], { registration: { name: 'files' } });
    const served = await open();
    const key = await newKey();
    const client = await McpClient.register({ client_name: 'First app' });
    await client.obtainGrant({ key: key.value });
    const done = await open();

    const next = ({ html }: Page) => /class="button primary" href="([^"]+)"/.exec(html)?.[1];
    expect(empty.html).toContain('Three steps to the first tool call');
    expect([next(empty), next(served)]).toEqual(['/admin/servers/new', '/admin/keys/new']);
    expect(done.html).not.toContain('Three steps');
    expect(done.html).toContain('First app');
    expect(done.html).toMatch(/files<\/b><\/a><\/td><td data-label="State"><span class="badge good">works/);
  });

  it('counts calls and failures of the last day, drawn and as a table, without a style of its own', async () => {
    const hour = Math.floor(Date.now() / 3_600_000);
    const count = env.DB.prepare('INSERT INTO tool_count VALUES (?1, ?2, ?3, ?4, ?5)');
    await env.DB.batch([
      count.bind(hour - 1, 's', 't', 'answered', 1490),
      count.bind(hour - 1, 's', 't', 'failed', 6),
      count.bind(hour - 2, 's', 't', 'gone', 4),
      count.bind(hour - 30, 's', 't', 'answered', 7000),
    ]);

    const { html } = await open();

    expect(html).toContain('<b>1,500 </b>');
    expect(html).toContain('<b>0.4 % </b>');
    expect(html).toMatch(/<svg [^>]*role="img" aria-label="Tool calls by hour, up to 1,496 in one/);
    expect(html).toMatch(
      /<td data-label="Calls" class="num">1,496<\/td><td data-label="Failed" class="num">6</,
    );
    expect(html).not.toMatch(/ style=|<style/);
  });

  it('warns of what somebody has to see to', async () => {
    const quiet = await open();
    const { id, name } = await newKey();
    await admin('PUT', '/config', { vk_rotation_cooldown: 7200, enforce_auth_on_inference: false });
    await admin('POST', `/governance/virtual-keys/${id}/rotate`, { reason: 'routine' });
    const client = await McpClient.register();
    const first = await client.obtainGrant();
    const second = await client.refresh(first.refresh_token);
    await client.refresh(second.body.refresh_token);
    await client.refresh(first.refresh_token); // a spent token comes back
    const { html } = await open();
    await configure({ enforce_auth_on_inference: null });

    expect(quiet.html).not.toContain('Nobody has to say who they are');
    expect(html).toContain('Nobody has to say who they are');
    expect(html).toContain('The access of one app ended this week because a spent token came back');
    expect(html).toContain(`<a href="/admin/keys/${id}">${name}</a> still works`);
    expect(html).toContain('Administrators sign in with one shared token');
    expect((await open('/audit?act=refresh_token.reused')).html).toContain(
      'A spent token of Test client came back',
    );
  });

  it('saves the address this page was opened at, once, while there is none', async () => {
    const bare = { ...env, OAUTH2_SERVER_CONFIG_ISSUER_URL: '', REVOCATION_LAG: 0 };
    const at = (path: string, init: RequestInit = {}) => {
      const request = new Request(`https://fresh.example${path}`, { redirect: 'manual', ...init });
      return worker.fetch(request, bare, createExecutionContext());
    };
    const origin = 'https://fresh.example';
    const token = new URLSearchParams({ token: 'test-admin-token-of-32-characters' });
    const signedIn = await at('/admin/sign-in', { method: 'POST', body: token, headers: { origin } });
    const cookie = signedIn.headers.getSetCookie()[0]?.split(';')[0] ?? '';

    const before = await (await at('/admin', { headers: { cookie } })).text();
    const [, csrf = '', once = ''] =
      /action="\/admin\/settings\/address".*?name="csrf" value="([^"]+)".*?name="once" value="([^"]+)"/.exec(
        before,
      ) ?? [];
    const post = (value: string) =>
      at('/admin/settings/address', {
        method: 'POST',
        body: new URLSearchParams({ csrf: value, once }),
        headers: { cookie, origin },
      });
    await post('x'.repeat(43));
    const refused = await (await at('/admin', { headers: { cookie } })).text();
    await post(csrf);
    const after = await (await at('/admin', { headers: { cookie } })).text();
    await configure({ oauth2_server_config: { issuer_url: null, confirm: true } });

    expect(before).toContain('Is it <b>https://fresh.example</b>?');
    expect(refused).toContain('Is it <b>https://fresh.example</b>?');
    expect(after).not.toContain('does not know its own address');
    expect(after).toContain('title="fresh.example">fresh.example</span>');
  });
});
