import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it, vi } from 'vitest';
import { Browser } from '../support/browser';
import { admin, configure, gate, newKey } from '../support/gate';
import { McpClient, post } from '../support/mcp-client';

const ended = { status: 400, body: { error: 'invalid_grant' } };
const ping = (token: string) =>
  gate('/mcp', {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
  });
const reasonOf = (token: string) =>
  env.DB.prepare('SELECT ended_reason FROM oauth_grant WHERE grant_id = ?')
    .bind(token.slice(0, 64))
    .first<string>('ended_reason');

describe('revocation (RFC 7009)', () => {
  it.each(['access_token', 'refresh_token'] as const)('ends the grant by its %s', async (kind) => {
    const client = await McpClient.register();
    const tokens = await client.obtainGrant();

    expect((await ping(tokens.access_token)).status).toBe(200);
    expect((await client.revoke(tokens[kind])).status).toBe(200);
    expect(await client.refresh(tokens.refresh_token)).toMatchObject(ended);
    expect((await ping(tokens.access_token)).status).toBe(401);
    expect(await reasonOf(tokens.refresh_token)).toBe('revoked_by_client');
  });

  it('ends a grant by a refresh token that has been replaced', async () => {
    const client = await McpClient.register();
    const first = await client.obtainGrant();
    const second = await client.refresh(first.refresh_token);

    await client.revoke(first.refresh_token);

    expect(await client.refresh(second.body.refresh_token)).toMatchObject(ended);
  });

  it("answers 200 for unknown tokens and another client's, and changes nothing", async () => {
    const client = await McpClient.register();
    const other = await McpClient.register();
    const tokens = await client.obtainGrant();

    for (const token of [
      'nonsense',
      `${'0'.repeat(64)}.1.${'A'.repeat(43)}`,
      tokens.access_token,
      tokens.refresh_token,
    ]) {
      expect((await other.revoke(token)).status).toBe(200);
    }
    expect((await client.revoke(`${tokens.refresh_token.slice(0, -4)}AAAA`)).status).toBe(200);
    expect((await client.refresh(tokens.refresh_token)).status).toBe(200);
  });

  it('is repeatable, and asks for a client and a token', async () => {
    const client = await McpClient.register();
    const { refresh_token } = await client.obtainGrant();

    expect((await client.revoke(refresh_token)).headers.get('cache-control')).toBe('no-store');
    expect((await client.revoke(refresh_token)).status).toBe(200);
    expect((await post('/oauth2/revoke', { token: refresh_token })).status).toBe(400);
    expect((await post('/oauth2/revoke', { client_id: client.clientId })).status).toBe(400);
    expect((await post('/oauth2/revoke', { client_id: 'nobody', token: refresh_token })).status).toBe(401);
  });

  it('ends the grant although the index does not answer, and tells it later', async () => {
    const client = await McpClient.register();
    const { refresh_token } = await client.obtainGrant();
    await env.DB.prepare('ALTER TABLE oauth_grant RENAME TO oauth_grant_away').run();

    const unsure = await client.revoke(refresh_token);
    const refused = await client.refresh(refresh_token);
    await env.DB.prepare('ALTER TABLE oauth_grant_away RENAME TO oauth_grant').run();
    await runDurableObjectAlarm(env.GRANTS.get(env.GRANTS.idFromString(refresh_token.slice(0, 64))));

    expect(unsure.status).toBe(503);
    expect(unsure.headers.get('retry-after')).toBeTruthy();
    expect(refused).toMatchObject(ended);
    expect(await reasonOf(refresh_token)).toBe('revoked_by_client');
  });

  it('keeps its first reason, told once, where an administrator ends it before the index knew', async () => {
    const client = await McpClient.register();
    const { refresh_token } = await client.obtainGrant();
    const id = refresh_token.slice(0, 64);
    await env.DB.prepare('ALTER TABLE oauth_grant RENAME TO oauth_grant_away').run();
    const unsure = await client.revoke(refresh_token);
    await env.DB.prepare('ALTER TABLE oauth_grant_away RENAME TO oauth_grant').run();

    const { status } = await admin('DELETE', `/oauth2/sessions/${id}`);

    const { results } = await env.DB.prepare(
      "SELECT detail ->> 'reason' AS reason FROM audit WHERE act = 'grant.ended' AND grant_id = ?1",
    )
      .bind(id)
      .all();
    expect([unsure.status, status]).toEqual([503, 204]);
    expect(await reasonOf(refresh_token)).toBe('revoked_by_client');
    expect(results).toEqual([{ reason: 'revoked_by_client' }]);
  });

  it('tells the index again ever later while it does not answer, an hour later at most', async () => {
    const client = await McpClient.register();
    const { refresh_token } = await client.obtainGrant();
    const grant = env.GRANTS.get(env.GRANTS.idFromString(refresh_token.slice(0, 64)));
    const pauses: number[] = [];
    const pauseNow = async () => {
      const at = await runInDurableObject(grant, (_, { storage }) => storage.getAlarm());
      pauses.push(Math.round(((at ?? 0) - Date.now()) / 1000));
    };
    await env.DB.prepare('ALTER TABLE oauth_grant RENAME TO oauth_grant_away').run();

    await grant.end('revoked_by_client');
    for (let tries = 0; tries < 10; tries++) {
      await pauseNow();
      await runDurableObjectAlarm(grant);
    }
    await env.DB.prepare('ALTER TABLE oauth_grant_away RENAME TO oauth_grant').run();
    await runDurableObjectAlarm(grant);

    expect(pauses).toEqual([10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600]);
    expect(await reasonOf(refresh_token)).toBe('revoked_by_client');
  });

  it('holds although yesterday came back in D1: the object decides (SECURITY 26)', async () => {
    const client = await McpClient.register();
    const { access_token, refresh_token } = await client.obtainGrant();
    await client.revoke(refresh_token);

    await env.DB.prepare('UPDATE oauth_grant SET ended_at = NULL, ended_reason = NULL').run();

    expect(await client.refresh(refresh_token)).toMatchObject(ended);
    await vi.waitFor(async () => expect((await ping(access_token)).status).toBe(401));
  });
});

describe('what must stand at refresh (CONTRACT §5)', () => {
  it.each([
    [
      'deactivated',
      'key_refused',
      (id: string) => admin('PUT', `/governance/virtual-keys/${id}`, { is_active: false }),
    ],
    ['deleted', 'key_deleted', (id: string) => admin('DELETE', `/governance/virtual-keys/${id}`)],
    [
      'expired',
      'key_refused',
      (id: string) => env.DB.prepare('UPDATE virtual_key SET expires_at = 1 WHERE id = ?').bind(id).run(),
    ],
  ])('ends the grant of a key that was %s', async (_, reason, change) => {
    const client = await McpClient.register();
    const key = await newKey();
    const tokens = await client.obtainGrant({ key: key.value });

    await change(key.id);

    expect((await ping(tokens.access_token)).status).toBe(401);
    expect(await client.refresh(tokens.refresh_token)).toMatchObject(ended);
    expect(await reasonOf(tokens.refresh_token)).toBe(reason);
  });

  it('keeps an anonymous grant while enforcement is on, and lets it go on afterwards', async () => {
    await configure({ enforce_auth_on_inference: false });
    const client = await McpClient.register();
    const browser = new Browser();
    const identify = await browser.open(await client.authorizeUrl());
    const services =
      identify && (await browser.submit(identify, { identity: 'session', decision: 'continue' }));
    if (services) await browser.submit(services, { decision: 'allow' });
    const { body } = await client.redeem(browser.callback?.searchParams.get('code') ?? '');

    await configure({ enforce_auth_on_inference: true });
    const refused = await client.refresh(body.refresh_token);
    const refusedCall = await ping(body.access_token);
    await configure({ enforce_auth_on_inference: false });
    const refreshed = await client.refresh(body.refresh_token);
    const call = await ping(body.access_token);
    await configure({ enforce_auth_on_inference: null });

    expect(refused).toMatchObject(ended);
    expect(refusedCall.status).toBe(401);
    expect(refreshed).toMatchObject({
      status: 200,
      body: { refresh_token: expect.stringMatching(/^[0-9a-f]{64}\.2\./) },
    });
    expect(call.status).toBe(200);
  });

  it('knows a deleted client no more', async () => {
    const client = await McpClient.register();
    const tokens = await client.obtainGrant();
    await env.DB.prepare('DELETE FROM client WHERE client_id = ?').bind(client.clientId).run();

    expect(await client.refresh(tokens.refresh_token)).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    });
    expect((await ping(tokens.access_token)).status).toBe(401);
  });
});
