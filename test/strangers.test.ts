import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { Browser, type Page } from './support/browser';
import { configure, gate, ISSUER } from './support/gate';
import { McpClient, post, register } from './support/mcp-client';

/** How many rows each table has. What was set out to be written before is written: D1 answers in order. */
async function rows(): Promise<Record<string, number>> {
  const changes = "SELECT count(*) AS n FROM audit WHERE act = 'setting.changed'";
  const seen = await env.DB.prepare(changes).first<number>('n');
  await configure({ support_text: 'Ask the desk' });
  await vi.waitFor(async () => expect(await env.DB.prepare(changes).first('n')).toBe((seen ?? 0) + 1));
  const { results } = await env.DB.prepare(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
  ).all<{ name: string }>();
  const counts = results.map(async ({ name }): Promise<[string, number]> => {
    const written = name === 'audit' ? "WHERE act <> 'setting.changed'" : '';
    return [name, (await env.DB.prepare(`SELECT count(*) AS n FROM ${name} ${written}`).first('n')) ?? 0];
  });
  return Object.fromEntries(await Promise.all(counts));
}

/** Signing keys after HEAD has asked for them, before anything needed one. */
let keysAfterHead: unknown;

/** The first request ever applies the schema, the first need of a signing key makes it. */
beforeAll(async () => {
  await gate('/.well-known/jwks.json', { method: 'HEAD' });
  keysAfterHead = await env.DB.prepare('SELECT count(*) AS n FROM signing_key').first('n');
  await (await gate('/.well-known/jwks.json')).text();
});

const kvKeys = async () => (await env.KV.list()).keys.map(({ name }) => name);

const wrong = { authorization: `Bearer ${'wrong'.repeat(10)}` };
const id = 'A'.repeat(22);

/** What a page answers to a form filled in by someone who is not known. */
async function typed(path: string, field: string, value: string): Promise<Response> {
  const browser = new Browser();
  const page = (await browser.open(path)) as Page;
  const answer = (await browser.submit(
    page,
    { [field]: value, decision: 'continue' },
    undefined,
    field,
  )) as Page;
  return new Response(answer.html, { status: answer.status });
}

describe('what a stranger has written (SECURITY 30, CONTRACT §§3, 4, 8)', () => {
  it.each<[string, () => Promise<Response>]>([
    ['/mcp without a credential', () => gate('/mcp', { method: 'POST', body: '{}' })],
    ['/mcp with a wrong token', () => gate('/mcp', { method: 'POST', headers: wrong, body: '{}' })],
    ['/mcp with a wrong key', () => gate('/mcp', { method: 'POST', headers: { 'x-bf-vk': 'sk-bf-x' } })],
    ['/mcp/<slug>', () => gate('/mcp/nothing', { method: 'POST', body: '{}' })],
    ['the management API', () => gate('/api/config')],
    ['the management API with a wrong token', () => gate('/api/mcp/clients', { headers: wrong })],
    [
      'connected accounts with a wrong key',
      () => gate('/api/mcp/sessions', { headers: { 'x-api-key': 'x' } }),
    ],
    ['quota with a wrong key', () => gate('/api/governance/virtual-keys/quota', { headers: wrong })],
    ['health with a wrong token', () => gate('/health', { headers: wrong })],
    ['signing in to the API', () => gate('/api/session', { method: 'POST', body: '{"token":"wrong"}' })],
    ['signing in to the pages', () => typed('/admin/sign-in', 'token', 'wrong')],
    ['a wrong key on /me', () => typed('/me', 'virtual_key', 'sk-bf-wrong')],
    ['authorize for an unknown app', () => gate('/oauth2/authorize?client_id=x')],
    [
      'authorize for a document on a private host',
      () => gate('/authorize?client_id=https://10.0.0.1/c.json'),
    ],
    [
      'a token request of an unknown app',
      () => post('/oauth2/token', { grant_type: 'refresh_token', client_id: 'x' }),
    ],
    ['revocation by an unknown app', () => post('/oauth2/revoke', { token: 'x', client_id: 'x' })],
    ['consent without a flow', () => gate(`/oauth/consent?flow_id=${id}`)],
    [
      'a consent form of another site',
      () => post('/oauth/consent', { flow_id: id }, { origin: 'https://evil.example' }),
    ],
    ['a link that there is not', () => gate(`/connect/${id}`)],
    ['a form of a link that there is not', () => post(`/connect/${id}`, { form: 'x' })],
    ['a callback of nothing', () => gate('/api/oauth/callback')],
    [
      'a callback of a connection that was not begun',
      () => gate(`/api/oauth/callback?code=x&state=connect.${id}`),
    ],
    [
      'a callback of a sign-in that was not begun',
      () => gate(`/api/oauth/callback?code=x&state=sign-in.${id}`),
    ],
    [
      'a Connect button of nothing',
      () => gate(`/api/oauth/per-user/upstream/authorize?mcp_client_id=x&flow_id=${id}`),
    ],
    ['signing in where there is no provider', () => gate('/oauth/sign-in')],
    ['an administrator’s page', () => gate('/admin/servers')],
    ['a page that there is not', () => gate('/nowhere', { headers: { accept: 'text/html' } })],
  ])('by %s is nothing', async (_, ask) => {
    const before = await rows();
    const keys = await kvKeys();

    for (let n = 0; n < 3; n++) await (await ask()).body?.cancel();

    expect(await rows()).toEqual(before);
    expect(await kvKeys()).toEqual(keys);
  });

  it('by a registration is that registration', async () => {
    const before = await rows();

    for (let n = 0; n < 3; n++) await register({ redirect_uris: [`https://app.example/${n}`], note: 'x' });

    expect(await rows()).toEqual({ ...before, client: (before.client ?? 0) + 3 });
  });

  it('by beginning to authorize is one KV entry, whatever else is tried in the flow without a key', async () => {
    const app = await McpClient.register();
    const before = await rows();
    const keys = await kvKeys();
    const browser = new Browser();

    let page = (await browser.open(await app.authorizeUrl())) as Page;
    for (let n = 0; n < 3; n++) {
      const guess = { identity: 'virtual_key', virtual_key: `sk-bf-${n}`, decision: 'continue' };
      page = (await browser.submit(page, guess)) as Page;
    }
    const stolen = await gate(page.url);
    await app.redeem('no code');
    await app.refresh('no refresh token');
    await app.revoke('no token');

    expect(page.html).toContain('doesn’t work here');
    expect(stolen.status).toBe(403);
    expect(await rows()).toEqual(before);
    expect(await kvKeys()).toHaveLength(keys.length + 1);
  });

  it('is found in the log by its short code', async () => {
    const logged = vi.spyOn(console, 'log');

    const refused = await (await gate('/api/config')).text();
    const page = await (await gate('/oauth2/authorize?client_id=x')).text();

    for (const text of [refused, page]) {
      const [code] = /F-[2-9A-Z]{4}/.exec(text) ?? [];
      expect(logged).toHaveBeenCalledWith(
        expect.stringMatching(`"event":"request.refused".*"code":"${code}"`),
      );
    }
  });
});

describe('HEAD (CONTRACT §4)', () => {
  const statusOf = async (url: string, method: string) => {
    const response = await gate(url, { method });
    await response.body?.cancel();
    return response;
  };

  it.each(['/oauth2/authorize', '/authorize', '/api/oauth/per-user/authorize'])(
    'on %s answers as GET does, and keeps nothing',
    async (path) => {
      const good = (await (await McpClient.register()).authorizeUrl()).replace('/oauth2/authorize', path);
      const before = await rows();
      const keys = await kvKeys();

      const looked = await statusOf(good, 'HEAD');

      expect(looked.status).toBe(302);
      expect(looked.headers.get('location')).toMatch(new RegExp(`^${ISSUER}/`));
      expect(looked.headers.getSetCookie()).toEqual([]);
      expect(await rows()).toEqual(before);
      expect(await kvKeys()).toEqual(keys);
      for (const bad of [`${path}?client_id=x`, `${good}&state=again`]) {
        const [head, get] = [await statusOf(bad, 'HEAD'), await statusOf(bad, 'GET')];
        expect([head.status, head.headers.get('location')]).toEqual([
          get.status,
          get.headers.get('location'),
        ]);
      }
    },
  );

  it('fetches no metadata document', async () => {
    const before = await rows();
    const url = `${inject('upstreamOrigin')}/none/client.json`;

    const looked = await statusOf(`/oauth2/authorize?client_id=${url}`, 'HEAD');

    expect(looked.status).toBe(302);
    expect(await rows()).toEqual(before);
  });

  it('makes no signing key', async () => {
    expect((await statusOf('/.well-known/jwks.json', 'HEAD')).status).toBe(200);
    expect(keysAfterHead).toBe(0);
  });

  it.each(['/', '/me', '/admin/sign-in'])('sets no cookie on %s', async (path) => {
    const [head, get] = [await statusOf(path, 'HEAD'), await statusOf(path, 'GET')];

    expect(head.status).toBe(get.status);
    expect(head.headers.getSetCookie()).toEqual([]);
  });
});
