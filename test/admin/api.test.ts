import { env } from 'cloudflare:workers';
import { describe, expect, it, vi } from 'vitest';
import { app } from '../../src/app';
import { altered } from '../support/altered.ts';
import { McpCaller } from '../support/caller';
import { wait } from '../support/clock';
import { admin, configure, gate, ISSUER, read } from '../support/gate';

const basic = (user: string, password: string) => `Basic ${btoa(`${user}:${password}`)}`;
const VERBS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD'];
const PATHS = [
  '/api/config',
  '/api/mcp/clients',
  '/api/mcp/client',
  '/api/mcp/client/some-id',
  '/api/mcp/client/some-id/reconnect',
  '/api/mcp/client/some-id/refresh-tools',
  '/api/governance/virtual-keys',
  '/api/governance/virtual-keys/some-id',
  '/api/oauth2/sessions',
  '/api/oauth2/sessions/some-id',
  '/api/mcp/session/more',
  '/api/no/such/path',
  '/api',
];
type Refusal = { error: { type: string; message: string; field?: string } };

describe('who may use the management API (CONTRACT §8)', () => {
  it.each(PATHS)('refuses %s without a credential, on every verb', async (path) => {
    for (const method of VERBS) {
      const response = await gate(path, {
        method,
        body: method === 'POST' || method === 'PUT' ? 'not json' : null,
      });

      expect([method, response.status]).toEqual([method, 401]);
      expect(response.headers.get('www-authenticate')).toBe('Bearer realm="toolgate"');
      expect(response.headers.get('cache-control')).toBe('no-store');
      const text = await response.text();
      if (method !== 'HEAD') expect(JSON.parse(text)).toMatchObject({ error: { type: 'unauthorized' } });
    }
  });

  it.each([
    ['a Bearer token', { authorization: 'Bearer test-admin-token-of-32-characters' }],
    [
      'a Bearer token, however the scheme is spelled',
      { authorization: 'bearer test-admin-token-of-32-characters' },
    ],
    ['the password of HTTP Basic', { authorization: basic('anyone', 'test-admin-token-of-32-characters') }],
    [
      'the password of HTTP Basic without a name',
      { authorization: basic('', 'test-admin-token-of-32-characters') },
    ],
    ['x-api-key', { 'x-api-key': 'test-admin-token-of-32-characters' }],
  ])('takes ADMIN_TOKEN as %s', async (_, headers) => {
    const response = await gate('/api/config', { headers });

    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('no-store');
    await response.body?.cancel();
  });

  it.each([
    ['another token', { authorization: 'Bearer test-admin-token-of-32-characterz' }],
    ['the beginning of the token', { authorization: 'Bearer test-admin-token-of-32-character' }],
    ['no token', { authorization: 'Bearer ' }],
    ['another scheme', { authorization: 'Digest test-admin-token-of-32-characters' }],
    [
      'the token as the name of HTTP Basic',
      { authorization: basic('test-admin-token-of-32-characters', '') },
    ],
    [
      'the token as name and password at once',
      { authorization: `Basic ${btoa('test-admin-token-of-32-characters')}` },
    ],
    ['a broken Basic credential', { authorization: 'Basic %%%' }],
    ['an empty x-api-key', { 'x-api-key': '' }],
    ['another x-api-key', { 'x-api-key': 'sk-bf-00000000000000' }],
    ['the token in a cookie', { cookie: 'token=test-admin-token-of-32-characters' }],
  ])('refuses %s', async (_, headers) => {
    const { status, body } = await read<Refusal>(await gate('/api/config', { headers }));

    expect(status).toBe(401);
    expect(body.error.type).toBe('unauthorized');
    expect(JSON.stringify(body)).not.toContain('test-admin');
  });

  it('takes no token from the query', async () => {
    const response = await gate(
      '/api/config?token=test-admin-token-of-32-characters&x-api-key=test-admin-token-of-32-characters',
    );

    expect(response.status).toBe(401);
    await response.body?.cancel();
  });

  it('lets nobody in while ADMIN_TOKEN is not set', async () => {
    const headers = { authorization: basic('anyone', '') };
    const response = await app.request('/api/config', { headers }, { ...env, ADMIN_TOKEN: '' });

    expect(response.status).toBe(503);
    expect(await response.text()).toContain('npx wrangler secret put ADMIN_TOKEN');
  });

  it('answers an administrator who mistyped a path with a JSON 404', async () => {
    for (const path of ['/no/such/path', '', '/mcp', '/config/more']) {
      const { status, error } = await admin<Refusal>('GET', path);

      expect([path, status, error.type]).toEqual([path, 404, 'not_found']);
    }
  });

  it('leaves the older OAuth paths to OAuth: unknown ones are 404 without a challenge', async () => {
    const response = await gate('/api/oauth/per-user/nothing');

    expect(response.status).toBe(404);
    expect(response.headers.get('www-authenticate')).toBeNull();
    expect(await response.json()).toMatchObject({ error: 'not_found' });
  });
});

describe('what the management API reads (CONTRACT §8)', () => {
  it.each(['', '{', 'name=x'])('refuses %j as malformed', async (body) => {
    const headers = { authorization: 'Bearer test-admin-token-of-32-characters' };
    const response = await gate('/api/governance/virtual-keys', { method: 'POST', headers, body });

    expect(await read(response)).toEqual({
      status: 400,
      body: { error: { type: 'invalid_request', message: 'The body is not JSON.' } },
    });
  });

  it.each([null, [], 'text', 7])('refuses %j, which is no object', async (body) => {
    const { status, error } = await admin<Refusal>('POST', '/governance/virtual-keys', body);

    expect(status).toBe(400);
    expect(error.message).toMatch(/^The body /);
  });

  it('reads bodies of up to 256 KiB', async () => {
    const padding = (size: number) => ({ display_name: 'Toolgate', padding: 'x'.repeat(size) });

    expect(await admin('PUT', '/config', padding(262_144 - 64))).toMatchObject({ status: 200 });
    expect(await admin('PUT', '/config', padding(262_144))).toMatchObject({
      status: 413,
      error: { type: 'payload_too_large' },
    });
  });

  it.each(['/mcp/clients', '/governance/virtual-keys', '/oauth2/sessions'])(
    'judges limit and offset of %s',
    async (path) => {
      expect(await admin('GET', path)).toMatchObject({
        status: 200,
        count: 0,
        total_count: 0,
        limit: 50,
        offset: 0,
      });
      expect(await admin('GET', `${path}?limit=500&offset=3`)).toMatchObject({
        status: 200,
        limit: 500,
        offset: 3,
      });
      for (const limit of ['0', '-1', '501', 'ten', '1.5', '', '1e2', ' 5']) {
        const refused = await admin<Refusal>('GET', `${path}?limit=${encodeURIComponent(limit)}`);
        expect([limit, refused.status, refused.error.field]).toEqual([limit, 400, 'limit']);
      }
      for (const offset of ['-1', 'x', '']) {
        const refused = await admin<Refusal>('GET', `${path}?offset=${offset}`);
        expect([offset, refused.status, refused.error.field]).toEqual([offset, 400, 'offset']);
      }
    },
  );
});

describe('an anonymous session (POST /api/mcp/session)', () => {
  it('is refused while everyone must identify themselves', async () => {
    const { status, body } = await read<Refusal>(await gate('/api/mcp/session', { method: 'POST' }));

    expect(status).toBe(403);
    expect(body.error).toEqual({
      type: 'forbidden',
      message: 'Anonymous use is off here: enforce_auth_on_inference is true.',
    });
  });

  it('is given to anyone once anonymous use is on, each one its own', async () => {
    await configure({ enforce_auth_on_inference: false });
    type Answer = { message: string; session: { id: string } };

    const response = await gate('/api/mcp/session', { method: 'POST' });
    const one = await read<Answer>(response);
    const two = await read<Answer>(await gate('/api/mcp/session', { method: 'POST' }));
    const { id } = one.body.session;
    const ours = await new McpCaller({ 'x-bf-mcp-session-id': id }).ask('tools/list');
    const forged = await new McpCaller({ 'x-bf-mcp-session-id': altered(id) }).ask('tools/list');
    await configure({ enforce_auth_on_inference: null });

    expect(one.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(one.body.message).toMatch(/x-bf-mcp-session-id/);
    expect(two.body.session.id).not.toBe(id);
    expect([ours.status, forged.status]).toEqual([200, 401]);
  });

  it('is over after 90 days (decision 0092)', async () => {
    await configure({ enforce_auth_on_inference: false });
    const { session } = await admin<{ session: { id: string } }>('POST', '/mcp/session');
    const statusOf = async () =>
      (await new McpCaller({ 'x-bf-mcp-session-id': session.id }).ask('tools/list')).status;

    wait(90 * 86_400 - 60);
    const before = await statusOf();
    wait(61);
    const after = await statusOf();
    vi.useRealTimers();
    await configure({ enforce_auth_on_inference: null });

    expect([before, after]).toEqual([200, 401]);
  });

  it('cannot be asked for by other means', async () => {
    expect((await gate(`${ISSUER}/api/mcp/session`)).status).toBe(401);
  });
});
