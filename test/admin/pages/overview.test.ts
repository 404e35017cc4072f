import { createExecutionContext, env } from 'cloudflare:test';
import { beforeAll, describe, expect, it } from 'vitest';
import { textOf } from '../../../demo/consent';
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
    expect(empty.html).toContain('<h2>Get started</h2>');
    expect(served.html).toContain('<li class="done"><div><b>Add a server</b>');
    expect([next(empty), next(served)]).toEqual(['/admin/servers/new', '/admin/keys/new']);
    expect(done.html).not.toContain('Get started');
    expect(done.html).toMatch(/Recently allowed apps.*First app.*?>A computer</);
    expect(done.html).toContain('<small>▲ 1 this week</small>');
  });

  it('lists servers that need someone, the most urgent first, and nothing healthy', async () => {
    const [well, silent, expired, unfinished] = await Promise.all(
      ['Well', 'Silent', 'Expired', 'Unfinished'].map((name) =>
        Upstream.start(['echo'], { registration: { name: `${name}_${crypto.randomUUID().slice(0, 8)}` } }),
      ),
    );
    const failure = { stage: 'call', message: 'It said nothing.', at: 1_790_000_000, since: 1_790_000_000 };
    const set = (column: string, value: unknown, server?: Upstream) =>
      env.DB.prepare(`UPDATE server SET ${column} = ?1 WHERE id = ?2`).bind(value, server?.id).run();
    await set('state', 'unstable', silent);
    await set('last_failure', JSON.stringify(failure), silent);
    await set('state', 'needs_reauth', expired);
    await set('is_verified', 0, unfinished);

    const { html } = await open();
    for (const server of [silent, expired]) await set('state', 'healthy', server);
    await set('is_verified', 1, unfinished);
    const rows = [...html.matchAll(/<tr class="(is-\w+)">.*?<a class="name cut"[^>]*>([^<]+)<.*?<\/tr>/g)];

    expect(html).toContain('<h2>3 servers need attention</h2>');
    expect(rows.map(([, look, name]) => [look, name])).toEqual([
      ['is-bad', silent?.name],
      ['is-warn', expired?.name],
      ['is-warn', unfinished?.name],
    ]);
    expect(rows[0]?.[0]).toContain('It said nothing.');
    expect(rows.map(([row]) => /class="end"><a[^>]*>([^<]+)</.exec(row)?.[1])).toEqual([
      'Check',
      'Sign in again',
      'Finish setup',
    ]);
    expect(html).not.toContain(well?.name);
    expect(html).toMatch(/The other \d+ are healthy or turned off|The other one is healthy or turned off/);
    expect((await open()).html).not.toContain('need attention</h2>');
  });

  it('counts calls and failures of the last day beside the day before, drawn and as a table', async () => {
    const hour = Math.floor(Date.now() / 3_600_000);
    const { id, name } = await Upstream.start(['echo']);
    const count = env.DB.prepare('INSERT INTO tool_count VALUES (?1, ?2, ?3, ?4, ?5)');
    await env.DB.batch([
      count.bind(hour - 1, 's', 't', 'answered', 1490),
      count.bind(hour - 1, id, 't', 'failed', 6),
      count.bind(hour - 2, 's', 't', 'gone', 4),
      count.bind(hour - 30, 's', 't', 'answered', 1000),
      count.bind(hour - 60, 's', 't', 'answered', 7000),
    ]);

    const { html } = await open();

    expect(html).toContain('<b>1,500</b><small>▲ 50 % vs. the day before</small><svg class="spark"');
    expect(html).toContain(`<b>0.4 %</b><small>6 calls, most on ${name}</small><svg class="spark bad"`);
    expect(html).toContain('aria-label="Tool calls by hour for the last 24 hours, 1,496 at most.');
    expect(html).toContain('<span class="y"><span>2,000</span><span>1,000</span><span>0</span></span>');
    expect(html).toMatch(/<title>\d\d:00 UTC: 1,496 calls, 6 failed<\/title>/);
    expect(html).toMatch(
      /<details class="quiet"><summary>Show as a table<.*<td data-label="Calls" class="num">1,496<\/td><td data-label="Failed" class="num">6</,
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

    expect(quiet.html).not.toContain('Anyone who knows the address');
    expect(html).toContain('Anyone who knows the address can use tools that are open to everyone.');
    expect(html).toContain(
      '<b>Access of 1 app was ended this week for safety.</b> A replaced token was used',
    );
    expect(html).toContain(`<a href="/admin/keys/${id}">${name}</a> still works`);
    expect(html).toContain('Administrators share one token, so the audit log can’t tell them apart.');
    expect((await open('/audit?act=refresh_token.reused')).html).toContain(
      'Access of Test client ended for safety',
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

    expect(textOf(before)).toContain('Is it https://fresh.example ?');
    expect(textOf(refused)).toContain('Is it https://fresh.example ?');
    expect(after).not.toContain('know its own address');
    expect(after).toContain('title="fresh.example">fresh.<wbr/>example</span>');
  });
});
