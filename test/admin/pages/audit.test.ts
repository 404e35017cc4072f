import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import source from '../../../src/audit.ts?raw';
import { Browser, type Page } from '../../support/browser';
import { admin, newKey } from '../../support/gate';
import { McpClient } from '../../support/mcp-client';
import { Provider, personOf } from '../../support/provider';
import { Upstream } from '../../support/upstream';

let browser: Browser;
beforeAll(async () => {
  browser = await Browser.administrator();
});

async function open(query: Record<string, string> = {}): Promise<Page> {
  const page = await browser.open(`/admin/audit?${new URLSearchParams(query)}`);
  if (!page) throw new Error('the audit led elsewhere');
  return page;
}

/** The sentences of a page, newest first, each with what else is said of it. */
const sentences = ({ html }: Page) =>
  [...html.matchAll(/data-label="Event"><span><span class="cut all"[^>]*>([^<]+)<.*?<\/td>/g)].map(
    ([cell, said]) => {
      const [, more] = /<small class="cut"[^>]*>([^<]*)/.exec(cell) ?? [];
      return more ? `${said}: ${more}` : said;
    },
  );

/** The acts of a query, once there are `count`: they are written behind the answers. */
const opened = (query: Record<string, string>, count: number) =>
  vi.waitFor(async () => {
    const page = await open(query);
    expect(sentences(page).length).toBeGreaterThanOrEqual(count);
    return page;
  });

describe('the audit log', () => {
  it('tells what happened in sentences, newest first, with the names of things', async () => {
    const key = await newKey();
    await admin('POST', `/governance/virtual-keys/${key.id}/rotate`, { reason: 'leaked' });
    await admin('PUT', '/config', { display_name: 'Renamed' });
    await admin('PUT', '/config', { display_name: null });

    const page = await opened({ actor: 'administrator' }, 4);

    expect(sentences(page).slice(0, 4)).toEqual([
      'Settings were changed: Gateway name',
      'Settings were changed: Gateway name',
      `Key “${key.name}” was rotated: It may have leaked`,
      `Key “${key.name}” was created`,
    ]);
    expect(page.html).toContain('Only events of Administrator');
  });

  it('is led to from a key, a server, a toolset, a person and an app’s access, narrowed to that one', async () => {
    const server = await Upstream.start(['echo']);
    const key = await newKey([server.name]);
    const { virtual_mcp: toolset } = await admin<{ virtual_mcp: { id: string } }>(
      'POST',
      '/mcp/virtual-mcps',
      {
        name: `Toolset ${key.name}`,
        tools: [],
      },
    );
    const client = await McpClient.register({ client_name: 'Led to' });
    await client.obtainGrant({ key: key.value });
    const { sessions } = await admin<{ sessions: { id: string }[] }>('GET', '/oauth2/sessions?search=Led');
    const somebody = new Browser();
    await (await Provider.start()).signIn(somebody, 'led@acme.example');
    const person = await personOf('led@acme.example');
    const events = async (path: string) => {
      const [, href = ''] =
        /href="([^"]*)">See in the audit log</.exec((await browser.open(`/admin/${path}`))?.html ?? '') ?? [];
      const query = Object.fromEntries(new URL(href, 'https://x.example').searchParams);
      return sentences(await opened(query, 1));
    };

    expect(await events(`keys/${key.id}`)).toContain(`Key “${key.name}” was created`);
    expect(await events(`servers/${server.id}`)).toEqual([`Server “${server.name}” was added`]);
    expect(await events(`toolsets/${toolset.id}`)).toEqual([`Toolset “Toolset ${key.name}” was created`]);
    expect(await events(`people/${person.id}`)).toEqual(['led signed in']);
    expect((await events(`access/${sessions[0]?.id}`)).at(-1)).toContain('Led to was allowed access');
  });

  it.each<Record<string, string>>([
    { key: '__proto__' },
    { actor: 'constructor' },
    { server: 'toString' },
    { to: '+275760-09-13' },
  ])('is a page whatever is asked for: %j', async (query) => {
    expect((await open(query)).status).toBe(200);
  });

  it('names what is deleted as it was called', async () => {
    const key = await newKey();
    await admin('DELETE', `/governance/virtual-keys/${key.id}`);

    const page = await opened({ key: key.id }, 2);

    expect(sentences(page)).toEqual([`Key “${key.name}” was deleted`, `Key “${key.name}” was created`]);
    expect(page.html).toContain(`Only events of ${key.name}`);
  });

  it('says of nobody without a name in the event that they are deleted', async () => {
    for (const actor of [`vk:${crypto.randomUUID()}`, `user:${crypto.randomUUID()}`])
      await env.DB.prepare(
        "INSERT INTO audit (id, at, act, actor, outcome, detail, code) VALUES (?2, ?1, 'consent.allowed', ?2, 'done', '{}', 'F-NMES')",
      )
        .bind(Date.now(), actor)
        .run();

    const { html } = await opened({ q: 'F-NMES' }, 2);

    expect(html).toMatch(/\bA person\b/);
    expect(html).toMatch(/\bA key\b/);
    expect(html).not.toMatch(/A deleted/);
  });

  it('leads from a code to its flow, however it is typed', async () => {
    const client = await McpClient.register({ client_name: 'Told app' });
    await client.obtainGrant();
    const { html } = await opened({ app: client.clientId }, 2);
    const [, code = ''] = /q=(F-[2-9A-Z]{4})/.exec(html) ?? [];
    const story = ['Told app connected', 'Told app was allowed access: Everything'];

    expect(sentences(await open({ q: ` ${code.toLowerCase()} ` }))).toEqual(story);
    expect(sentences(await open({ code }))).toEqual(story); // as other pages link to it
  });

  it('is searched by any part of a name, and says what it looked for when there is none', async () => {
    const key = await newKey();
    await opened({ q: key.name.slice(2).toUpperCase() }, 1);

    const none = await open({ q: 'F-NONSENSE' });

    expect(none.status).toBe(200);
    expect(none.html).toContain('No events match');
    expect(none.html).toContain('value="F-NONSENSE"');
  });

  it('is narrowed to whole days, act and result, and keeps them from page to page and in the file', async () => {
    for (let i = 0; i < 52; i++) await newKey();
    const today = new Date().toISOString().slice(0, 10);
    const filter = { act: 'virtual_key.created', outcome: 'done', from: today, to: today };

    const first = await opened(filter, 25);
    const second = await open({ ...filter, offset: '25' });
    const [, file = ''] = /href="([^"]+)" download/.exec(first.html) ?? [];
    const csv = await browser.open(file.replaceAll('&amp;', '&'));

    expect(sentences(first)).toHaveLength(25);
    expect(first.html).toContain(
      `href="/admin/audit?act=virtual_key.created&amp;outcome=done&amp;from=${today}&amp;to=${today}&amp;offset=25"`,
    );
    expect(first.html).toMatch(/1–25 of \d+ events/);
    expect(sentences(second).length).toBeGreaterThan(0);
    expect(sentences(await open({ ...filter, outcome: 'failed' }))).toEqual([]);
    expect(sentences(await open({ ...filter, from: '2020-01-01', to: '2020-01-31' }))).toEqual([]);
    const lines = (csv?.html ?? '').split('\r\n');
    expect(lines.length).toBeGreaterThan(52);
    expect(lines.slice(1, -1).every((line) => line.includes(',virtual_key.created,done,'))).toBe(true);
  });

  it('takes what makes no sense in its address for nothing', async () => {
    expect((await open({ outcome: 'well', from: 'yesterday', to: '2026-13-45' })).status).toBe(200);
  });

  it('has every act in its filter, in words', async () => {
    const kept = /export type Act =(.*?);\n\n/s.exec(source)?.[1] ?? '';
    const acts = new Set([...kept.matchAll(/'([a-z_]+\.[a-z_]+)'/g)].map(([, act]) => act));
    const { html } = await open();

    const options = [...html.matchAll(/<option value="([a-z_]+\.[a-z_]+)">([^<]+)/g)];

    const others = ['request.refused', 'request.failed']; // a type of their own
    expect(options.map(([, act]) => act).sort()).toEqual([...acts, ...others].sort());
    expect(options.filter(([, , label]) => /[_.]/.test(label ?? ''))).toEqual([]);
  });
});
