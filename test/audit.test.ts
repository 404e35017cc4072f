import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deleteOldAudit } from '../src/audit';
import { deleteOldCounts } from '../src/governance/tool-counts';
import { recordSignIn } from '../src/governance/users';
import { Browser, type Page } from './support/browser';
import { McpCaller } from './support/caller';
import { admin, configure, gate, newKey } from './support/gate';
import { McpClient, post } from './support/mcp-client';
import { Upstream } from './support/upstream';

type Event = {
  id: string;
  at: string;
  act: string;
  outcome: string;
  actor: string;
  actor_name: string | null;
  client_id: string | null;
  client_name: string | null;
  subject: string | null;
  subject_name: string | null;
  about_name: string | null;
  grant_id: string | null;
  detail: Record<string, unknown>;
  address: string | null;
  code: string;
  request_id: string | null;
};
type List = { events: Event[]; count: number; total_count: number };
type Refusal = { error: { type: string; message: string; field?: string } };

const list = (query: Record<string, string> = {}) =>
  admin<List>('GET', `/audit?${new URLSearchParams(query)}`);

/** The acts a query finds, oldest first, once there are `count`: they are written behind the answers. */
async function acts(query: Record<string, string>, count: number): Promise<Event[]> {
  const events = await vi.waitFor(async () => {
    const { events, total_count } = await list(query);
    expect(total_count).toBeGreaterThanOrEqual(count);
    return events;
  });
  return events.reverse();
}

/** A client of its own: one that registers as another did, and got no grant, is that other one. */
const newClient = (metadata: Record<string, unknown> = {}) =>
  McpClient.register({ client_name: `App ${crypto.randomUUID()}`, ...metadata });

const named = (events: Event[]) => events.map(({ act }) => act);

/** Minutes pass, so that this isolate may add counts again. */
const later = (minutes: number) => vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + minutes * 60_000 });

beforeEach(() => void later(1));
afterEach(() => void vi.useRealTimers());

describe('the audit of a flow (CONTRACT §8)', () => {
  it('tells its whole story under one short code', async () => {
    await Upstream.start();
    const client = await newClient();
    const key = await newKey();
    const tokens = await client.obtainGrant({ key: key.value });
    await client.revoke(tokens.refresh_token);

    const flow = await acts({ client_id: client.clientId }, 3);

    expect(named(flow)).toEqual(['consent.allowed', 'code.redeemed', 'grant.ended']);
    expect(new Set(flow.map(({ code }) => code)).size).toBe(1);
    expect(flow[0]?.code).toMatch(/^F-[2-9A-Z]{4}$/);
    expect(await list({ code: flow[0]?.code.toLowerCase() ?? '' })).toMatchObject({ total_count: 3 });
    expect(await list({ grant_id: flow[0]?.grant_id ?? '' })).toMatchObject({ total_count: 3 });
    expect(flow[0]).toMatchObject({
      actor: `vk:${key.id}`,
      outcome: 'done',
      address: 'local',
      request_id: expect.any(String),
      detail: { redirect_host: '127.0.0.1:7777', scope: 'mcp' },
    });
    expect(flow[2]).toMatchObject({ actor: 'client', detail: { reason: 'revoked_by_client' } });
  });

  it('begins with the person: names who said no, and no key that was refused (SECURITY 30)', async () => {
    const client = await newClient();
    const key = await newKey();
    const browser = new Browser();
    const asked = (await browser.open(await client.authorizeUrl())) as Page;
    const again = (await browser.submit(asked, { virtual_key: 'sk-bf-wrong', decision: 'continue' })) as Page;
    const services = (await browser.submit(again, { virtual_key: key.value, decision: 'continue' })) as Page;
    await browser.submit(services, { decision: 'deny' });

    const story = await acts({ client_id: client.clientId }, 1);

    expect(named(story)).toEqual(['consent.denied']);
    expect(story[0]).toMatchObject({ outcome: 'refused', actor: `vk:${key.id}` });
  });

  it('tells a code redeemed again and a refresh token used again, and that each ended its grant', async () => {
    await Upstream.start();
    const client = await newClient();
    const code = await client.obtainCode();
    await client.redeem(code);
    later(1);
    await client.redeem(code);
    const [codeReplayed] = await acts({ client_id: client.clientId, act: 'code.replayed' }, 1);
    const first = await client.obtainGrant();
    const second = await client.refresh(first.refresh_token);
    await client.refresh(second.body.refresh_token);
    await client.refresh(first.refresh_token);
    const [reused] = await acts({ client_id: client.clientId, act: 'refresh_token.reused' }, 1);
    const ended = await acts({ client_id: client.clientId, act: 'grant.ended' }, 2);

    expect(codeReplayed).toMatchObject({ outcome: 'refused', actor: 'client' });
    expect(reused).toMatchObject({ outcome: 'refused', actor: 'client' });
    expect(ended.map(({ detail, code: of }) => [detail.reason, of])).toEqual([
      ['code_replayed', codeReplayed?.code],
      ['refresh_token_reused', reused?.code],
    ]);
  });

  it('tells the end of every grant of a key that leaked, by whom', async () => {
    await Upstream.start();
    const client = await newClient();
    const key = await newKey();
    await client.obtainGrant({ key: key.value });
    await client.obtainGrant({ key: key.value });
    await admin('POST', `/governance/virtual-keys/${key.id}/rotate`, { reason: 'leaked' });

    const ended = await acts({ client_id: client.clientId, act: 'grant.ended' }, 2);

    expect(ended).toHaveLength(2);
    expect(ended[0]).toMatchObject({ actor: 'administrator', detail: { reason: 'key_leaked' } });
  });

  it('tells the end of a grant once, however often it is told to end', async () => {
    await Upstream.start();
    const client = await newClient();
    const { refresh_token } = await client.obtainGrant();

    await client.revoke(refresh_token);
    await client.revoke(refresh_token);

    expect(await acts({ client_id: client.clientId, act: 'grant.ended' }, 1)).toHaveLength(1);
  });
});

describe('the audit of changes (CONTRACT §8)', () => {
  it('names what an administrator changed, never a value', async () => {
    const upstream = await Upstream.start();
    const key = await newKey();
    await admin('PUT', `/governance/virtual-keys/${key.id}`, { description: 'a private remark' });
    await admin('DELETE', `/governance/virtual-keys/${key.id}`);
    await upstream.change({ tools_to_execute: ['a_private_tool'] });
    await configure({ support_text: 'Ask the desk', display_name: null });

    const keys = (await acts({ actor: 'administrator' }, 5)).filter(
      ({ detail }) => detail.virtual_key === key.id,
    );
    const [settings] = await acts({ act: 'setting.changed' }, 1);
    const servers = await acts({ act: 'server.changed' }, 1);

    expect(named(keys)).toEqual(['virtual_key.created', 'virtual_key.changed', 'virtual_key.deleted']);
    expect(settings?.detail).toEqual({ settings: 'display_name support_text' });
    expect(servers).toHaveLength(1);
    const everything = JSON.stringify(await list({ limit: '500' }));
    for (const value of [
      'Ask the desk',
      'a_private_tool',
      'a private remark',
      key.value,
      'test-admin-token-of-32-characters',
    ]) {
      expect(everything).not.toContain(value);
    }
  });

  it('holds no token, code or key of any flow', async () => {
    await Upstream.start();
    const key = await newKey();
    const client = await newClient({ token_endpoint_auth_method: 'client_secret_post' });
    const code = await client.obtainCode({ key: key.value });
    const { body } = await client.redeem(code);
    await acts({ client_id: client.clientId, act: 'code.redeemed' }, 1);

    const { results } = await env.DB.prepare('SELECT * FROM audit').all();

    const secrets = [
      key.value,
      code,
      body.access_token,
      body.refresh_token,
      client.registration.client_secret,
    ];
    for (const secret of secrets) expect(JSON.stringify(results)).not.toContain(secret);
  });
});

describe('short codes (CONTRACT §8)', () => {
  const codeIn = (text: string) => /F-[2-9A-Z]{4}/.exec(text)?.[0] ?? 'none';

  it.each([
    ['a page before any flow', 400, () => gate('/oauth2/authorize?client_id=nobody')],
    ['a page nobody built', 404, () => gate('/nowhere', { headers: { accept: 'text/html' } })],
    ['/mcp', 401, () => gate('/mcp', { method: 'POST', body: '{}' })],
    ['the management API', 401, () => gate('/api/config')],
    ['the token endpoint', 401, () => post('/oauth2/token', { grant_type: 'refresh_token', client_id: 'x' })],
  ])('let the log find what %s refused a stranger', async (_, status, ask) => {
    const logged = vi.spyOn(console, 'log');
    const response = await ask();
    const code = codeIn(await response.text());

    expect(response.status).toBe(status);
    expect(logged).toHaveBeenCalledWith(expect.stringMatching(`"request.refused".*"code":"${code}"`));
    expect(await list({ code })).toMatchObject({ total_count: 0 });
  });

  it('let the audit find what a known person was refused', async () => {
    const browser = await Browser.administrator();
    const page = (await browser.open('/admin/keys/nothing')) as Page;
    const code = codeIn(page.html);

    const [refused] = await acts({ code }, 1);

    expect(page.status).toBe(404);
    expect(refused).toMatchObject({
      act: 'request.refused',
      actor: 'administrator',
      detail: { status: 404 },
    });
  });

  it('are the flow’s where a token of an ended grant is refused', async () => {
    await Upstream.start();
    const client = await newClient();
    const { access_token, refresh_token } = await client.obtainGrant();
    await client.revoke(refresh_token);
    const { body } = await new McpCaller({ authorization: `Bearer ${access_token}` }).ask('tools/list');
    const code = String(body.error?.data?.reference);

    expect(named(await acts({ code }, 3))).toEqual(['consent.allowed', 'code.redeemed', 'grant.ended']);
  });

  it('are the flow’s on the pages of a flow', async () => {
    const client = await newClient();
    const key = await newKey();
    const browser = new Browser();
    const services = await client.toServices(browser, { key: key.value });
    const stolen = await gate(services.url); // a browser without the cookie
    const late = (await browser.submit(services, { form: 'an older one', decision: 'allow' })) as Page;
    const code = codeIn(late.html);

    const [refused] = await acts({ code }, 1);

    expect([stolen.status, late.status]).toEqual([403, 403]);
    expect(codeIn(await stolen.text())).toBe(code);
    expect(refused).toMatchObject({ act: 'request.refused', actor: `vk:${key.id}` });
  });
});

describe('writing the audit', () => {
  it('is never on a request’s way: a failure to write is only logged', async () => {
    const logged = vi.spyOn(console, 'log');
    const before = await list({ act: 'virtual_key.created' });
    await env.DB.prepare(
      "CREATE TRIGGER failing BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'failing'); END",
    ).run();

    const { id } = await newKey();
    await vi.waitFor(() => expect(logged).toHaveBeenCalledWith(expect.stringContaining('audit.failed')));
    await env.DB.prepare('DROP TRIGGER failing').run();

    expect(id).toBeTruthy();
    expect(await list({ act: 'virtual_key.created' })).toMatchObject({ total_count: before.total_count });
  });

  it('ends after 90 days', async () => {
    await newKey();
    const now = Math.floor(Date.now() / 1000);
    const { total_count } = await list();

    expect(await deleteOldAudit(env.DB, now + 89 * 86_400)).toBe(0);
    expect(await deleteOldAudit(env.DB, now + 91 * 86_400)).toBeGreaterThanOrEqual(total_count);
    expect(await list()).toMatchObject({ events: [] });
  });
});

describe('names in the audit (CONTRACT §8)', () => {
  it('are what things were called then, and outlive them', async () => {
    const upstream = await Upstream.start();
    const key = await newKey();
    const app = `App ${crypto.randomUUID()}`;
    const client = await newClient({ client_name: app });
    await client.obtainGrant({ key: key.value });
    await acts({ client_id: client.clientId, act: 'code.redeemed' }, 1);
    await admin('PUT', `/governance/virtual-keys/${key.id}`, { name: `${key.name} renamed` });
    const { virtual_mcp: toolset } = await admin<{ virtual_mcp: { id: string; name: string } }>(
      'POST',
      '/mcp/virtual-mcps',
      { name: `Set ${key.name}`, tools: [] },
    );
    await acts({ key: key.id, act: 'virtual_key.changed' }, 1);
    await admin('DELETE', `/governance/virtual-keys/${key.id}`);
    await admin('DELETE', `/oauth2/clients/${client.clientId}`);
    await admin('DELETE', `/mcp/client/${upstream.id}`);
    await admin('DELETE', `/mcp/virtual-mcps/${toolset.id}`);

    const story = await acts({ key: key.id }, 6);
    const [server] = await acts({ server: upstream.name, act: 'server.deleted' }, 1);
    const [, gone] = await acts({ server: toolset.id }, 2);
    const [app_] = await acts({ app, act: 'client.deleted' }, 1);

    expect(story.map(({ act, subject_name, client_name }) => [act, subject_name, client_name])).toEqual([
      ['virtual_key.created', key.name, null],
      ['consent.allowed', key.name, app],
      ['code.redeemed', key.name, app],
      ['virtual_key.changed', `${key.name} renamed`, null],
      ['virtual_key.deleted', `${key.name} renamed`, null],
      ['grant.ended', `${key.name} renamed`, app],
    ]);
    expect(story[1]).toMatchObject({ actor: `vk:${key.id}`, actor_name: key.name });
    expect(story[4]).toMatchObject({ about_name: `${key.name} renamed` });
    expect(server).toMatchObject({ about_name: upstream.name, detail: { server: upstream.id } });
    expect(gone).toMatchObject({ act: 'virtual_mcp.deleted', about_name: toolset.name });
    expect(app_).toMatchObject({ client_id: client.clientId, client_name: app });
  });

  it('lead to what a person did, and to what was done to them', async () => {
    const now = Math.floor(Date.now() / 1000);
    const name = `Ada ${crypto.randomUUID()}`;
    const account = {
      issuer: 'https://id.example',
      subject: name,
      email: `${now}@example.com`,
      name,
    };
    const { id } = await recordSignIn(env.DB, account, now);
    await admin('PUT', `/users/${id}`, { mcp_configs: [] });
    await admin('DELETE', `/users/${id}`);

    const told = ['user.changed', 'user.deleted'];
    expect(named(await acts({ person: id }, 2))).toEqual(told);
    expect(named(await acts({ person: name.toUpperCase() }, 2))).toEqual(told);
    expect(named(await acts({ q: name.slice(4, 20) }, 2))).toEqual(told);
    expect(await list({ key: name })).toMatchObject({ total_count: 0 });
  });

  it('are found by any part, and a code by the search leads to its flow', async () => {
    const client = await newClient({ client_name: 'Some % odd_name App' });
    await client.obtainGrant();
    const [first] = await acts({ q: '% ODD_', act: 'consent.allowed' }, 1);

    const flow = await list({ q: ` ${first?.code.toLowerCase()} ` });

    expect(flow.total_count).toBe(2);
    expect(new Set(flow.events.map(({ client_id }) => client_id))).toEqual(new Set([client.clientId]));
    expect(await list({ q: 'odd name' })).toMatchObject({ total_count: 0 });
  });
});

describe('the audit as a file (CONTRACT §8)', () => {
  const csv = async (query: Record<string, string>) => {
    const headers = { authorization: 'Bearer test-admin-token-of-32-characters' };
    return gate(`/api/audit?${new URLSearchParams({ format: 'csv', ...query })}`, { headers });
  };

  it('has a line for each event that is found, in the order of the list', async () => {
    const client = await newClient({ client_name: 'Said "so", twice' });
    await client.obtainGrant();
    const [event] = await acts({ client_id: client.clientId }, 2);

    const response = await csv({ client_id: client.clientId });
    const text = await response.text();
    const [head, ...lines] = text.split('\r\n');

    expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(response.headers.get('content-disposition')).toMatch(/^attachment; filename="audit-[\d-]+\.csv"$/);
    expect(head?.split(',')).toEqual(Object.keys(event ?? {}));
    expect(lines.map((line) => line.split(',')[2])).toEqual(['code.redeemed', 'consent.allowed', undefined]);
    expect(lines[0]).toContain(`,${client.clientId},"Said ""so"", twice",`);
  });

  it.each(['=1+1', '+1', '-1', '@SUM(A1)'])('takes %s for text, never for a formula', async (formula) => {
    const client = await newClient({ client_name: `${formula} ${crypto.randomUUID()}` });
    await client.obtainGrant();
    await acts({ client_id: client.clientId }, 2);

    const text = await (await csv({ client_id: client.clientId })).text();

    expect(text).toContain(`,'${formula} `);
    expect(text).not.toContain(`,${formula}`);
  });

  it.each(['\t=1+1', '\r=1+1', '\n=1+1', '＝1+1', '-1', '@SUM(A1)'])(
    'takes a name that begins with %j for text, however it came to be stored',
    async (name) => {
      const id = `old-${crypto.randomUUID()}`;
      await env.DB.prepare(
        `INSERT INTO audit (id, at, act, outcome, actor, actor_name, detail, code)
         VALUES (?1, 1, 'old.act', 'done', ?1, ?2, '{}', 'F-2222')`,
      )
        .bind(id, name)
        .run();

      const text = await (await csv({ actor: id })).text();

      const cell = /[\r\n]/.test(name) ? `"'${name}"` : `'${name}`;
      expect(text).toContain(`,${id},${cell},`);
    },
  );

  it('goes on past what one question brings', async () => {
    const numbers =
      'WITH RECURSIVE number(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM number WHERE i < 11999)';
    await env.DB.prepare(
      `INSERT INTO audit (id, at, act, outcome, actor, detail, code) ${numbers}
       SELECT 'many' || printf('%06d', i), 1, 'many.acts', 'done', 'system', '{}', 'F-2222' FROM number`,
    ).run();

    const text = await (await csv({ act: 'many.acts' })).text();
    await env.DB.prepare("DELETE FROM audit WHERE act = 'many.acts'").run();

    const ids = text
      .split('\r\n')
      .slice(1, -1)
      .map((line) => line.split(',')[0]);
    expect(ids).toHaveLength(12_000);
    expect(new Set(ids).size).toBe(12_000);
    expect(ids.at(-1)).toBe('many000000');
  });

  it('is for administrators', async () => {
    expect((await gate('/api/audit?format=csv')).status).toBe(401);
  });
});

describe('reading the audit (CONTRACT §8)', () => {
  it('goes newest first, a page at a time, within a span', async () => {
    const since = new Date().toISOString();
    const client = await newClient();
    const key = await newKey();
    await client.obtainCode({ key: key.value });
    later(5);
    const middle = new Date().toISOString();
    await client.obtainCode({ key: key.value });
    await acts({ client_id: client.clientId }, 2);
    const of = { client_id: client.clientId };

    const all = await list(of);
    const [last, first] = all.events;
    const second = await list({ ...of, limit: '1', offset: '1' });

    expect(named(all.events)).toEqual(['consent.allowed', 'consent.allowed']);
    expect(second).toMatchObject({ events: [first], count: 1, total_count: 2, limit: 1, offset: 1 });
    expect((await list({ ...of, since: middle })).events).toEqual([last]);
    expect((await list({ ...of, since, until: middle })).events).toEqual([first]);
    expect(await list({ ...of, outcome: 'refused' })).toMatchObject({ total_count: 0 });
    expect(await list({ ...of, actor: `vk:${key.id}` })).toMatchObject({ total_count: 2 });
  });

  it.each([
    ['outcome', 'well'],
    ['code', '7K2Q'],
    ['since', 'yesterday'],
    ['until', '2026-01-01'],
    ['limit', '501'],
    ['format', 'xml'],
  ])('refuses %s=%s, naming it', async (field, value) => {
    const { status, error } = await admin<Refusal>('GET', `/audit?${field}=${value}`);

    expect([status, error.type, error.field]).toEqual([400, 'invalid_request', field]);
  });

  it('is for administrators', async () => {
    expect((await gate('/api/audit')).status).toBe(401);
  });
});

describe('tool calls, counted (CONTRACT §8)', () => {
  const countsOf = async (server: string) =>
    (
      await env.DB.prepare('SELECT tool, outcome, n FROM tool_count WHERE server_id = ?1 ORDER BY outcome')
        .bind(server)
        .all()
    ).results;

  it('are gathered in memory and added behind an answer, at most every ten seconds', async () => {
    const upstream = await Upstream.start(['echo']);
    const caller = await McpCaller.withKey();
    const tool = `${upstream.name}-echo`;
    const { id } = await env.DB.prepare('SELECT id FROM server WHERE name = ?1')
      .bind(upstream.name)
      .first<{ id: string }>()
      .then((row) => row ?? { id: '' });

    await caller.call(tool);
    await vi.waitFor(async () => expect(await countsOf(id)).toEqual([{ tool, outcome: 'answered', n: 1 }]));
    await caller.call(tool);
    await caller.call(tool);
    await caller.ask('tools/list');
    const within = await countsOf(id);
    later(1);
    await caller.ask('tools/list');

    expect(within).toMatchObject([{ n: 1 }]);
    await vi.waitFor(async () => expect(await countsOf(id)).toMatchObject([{ n: 3 }]));
  });

  it('are not lost while D1 takes none, and are no reason to fail a call', async () => {
    const upstream = await Upstream.start(['echo']);
    const caller = await McpCaller.withKey();
    const logged = vi.spyOn(console, 'log');
    await env.DB.prepare(
      "CREATE TRIGGER failing BEFORE INSERT ON tool_count BEGIN SELECT RAISE(ABORT, 'failing'); END",
    ).run();

    const answer = await caller.call(`${upstream.name}-echo`);
    await vi.waitFor(() => expect(logged).toHaveBeenCalledWith(expect.stringContaining('tool_count.failed')));
    await env.DB.prepare('DROP TRIGGER failing').run();
    later(1);
    await caller.ask('tools/list');

    expect(answer.status).toBe(200);
    await vi.waitFor(async () => {
      const sql = 'SELECT sum(n) AS n FROM tool_count WHERE tool = ?1';
      expect(await env.DB.prepare(sql).bind(`${upstream.name}-echo`).first('n')).toBe(1);
    });
  });

  it('are kept for 90 days', async () => {
    await env.DB.prepare("INSERT INTO tool_count VALUES (1, 'a server', 'a tool', 'answered', 1)").run();

    expect(await deleteOldCounts(env.DB, 90 * 86_400 + 3600)).toBe(0);
    expect(await deleteOldCounts(env.DB, 90 * 86_400 + 7200)).toBe(1);
  });
});
