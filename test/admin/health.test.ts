import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { version } from '../../package.json';
import { app } from '../../src/app';
import { forgetDeployment } from '../../src/config';
import { newest } from '../../src/schema/upgrade';
import { admin, configure, gate, ISSUER, read } from '../support/gate';

const headers = { authorization: 'Bearer test-admin-token-of-32-characters' };
const deployment = expect.stringMatching(/^[0-9a-f]{32}$/);
const failing = () => Promise.reject(new Error('D1_ERROR: no answer'));

describe('GET /health (CONTRACT §8)', () => {
  it('names this deployment by a random id that was made once, and is told while settings change', async () => {
    const idOf = async () => {
      forgetDeployment();
      return (await read<{ deployment: string }>(await gate('/health'))).body.deployment;
    };
    const before = await idOf();
    await configure({ support_text: 'Ask Ada' });

    expect(before).toMatch(/^[0-9a-f]{32}$/);
    expect([await idOf(), await env.DB.prepare('SELECT id FROM deployment').first('id')]).toEqual([
      before,
      before,
    ]);
  });

  it('tells everyone that it works, and no more', async () => {
    const response = await gate('/health');

    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await read(response)).toEqual({ status: 200, body: { status: 'ok', version, deployment } });
  });

  it('tells an administrator about D1, KV, the signing keys and each server', async () => {
    const before = await read(await gate('/health', { headers }));
    const { keys } = (await (await gate('/.well-known/jwks.json')).json()) as { keys: { kid: string }[] };
    const server = { connection_type: 'http', connection_string: 'https://mcp.example.com', enabled: false };
    await admin('POST', '/mcp/client', { name: 'resting', ...server });
    const personal = { auth_type: 'per_user_headers', per_user_header_keys: ['X-Key'], enabled: true };
    await admin('POST', '/mcp/client', { name: 'waiting', ...server, ...personal });

    const { status, body } = await read(await gate('/health', { headers }));

    expect(before.body).toMatchObject({ signing_keys: { count: 0, active_kid: null }, servers: [] });
    expect(status).toBe(200);
    expect(body).toEqual({
      status: 'ok',
      version,
      deployment,
      d1: 'ok',
      schema: newest(),
      kv: 'ok',
      signing_keys: { count: 1, active_kid: keys[0]?.kid },
      servers: [
        { id: expect.any(String), name: 'resting', state: 'disabled' },
        { id: expect.any(String), name: 'waiting', state: 'pending_verification' },
      ],
    });
  });

  it.each([
    ['ENCRYPTION_KEY', { ENCRYPTION_KEY: undefined }],
    ['ENCRYPTION_KEY', { ENCRYPTION_KEY: 'too short' }],
    ['ADMIN_TOKEN', { ADMIN_TOKEN: '' }],
  ])('says that %s is missing and the command that sets it', async (secret, bindings) => {
    const broken = { ...env, ...bindings, DB: null }; // and needs no storage for it

    const response = await app.request(`${ISSUER}/health`, { headers: { authorization: 'Bearer ' } }, broken);

    expect(await read(response)).toEqual({
      status: 503,
      body: {
        status: 'unconfigured',
        version,
        missing: [{ secret, command: expect.stringContaining(`npx wrangler secret put ${secret}`) }],
      },
    });
  });

  it('tells an administrator that KV does not answer', async () => {
    const response = await app.request(`${ISSUER}/health`, { headers }, { ...env, KV: { get: failing } });

    expect(await read(response)).toMatchObject({
      status: 503,
      body: { status: 'degraded', d1: 'ok', kv: 'failing' },
    });
  });

  it('tells an administrator that D1 does not answer, while what is known of the settings still serves', async () => {
    await gate('/health');
    const DB = { batch: failing, prepare: () => ({ bind: () => ({ all: failing }), all: failing }) };

    const everyone = await app.request(`${ISSUER}/health`, {}, { ...env, DB });
    const response = await app.request(`${ISSUER}/health`, { headers }, { ...env, DB });

    expect(everyone.status).toBe(200);
    expect(await read(response)).toMatchObject({
      status: 503,
      body: { status: 'degraded', d1: 'failing', kv: 'ok' },
    });
  });
});
