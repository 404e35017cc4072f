import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { seal } from '../../src/crypto/secrets';
import { markVerified } from '../../src/servers/store';
import { Account } from '../support/account';
import { AuthorizationServer } from '../support/authorization-server';
import { McpCaller } from '../support/caller';
import { shortWaits, wait } from '../support/clock';
import { admin, newKey } from '../support/gate';
import { addressOf, Upstream } from '../support/upstream';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A server of everyone's own account, listed with the administrator's. */
async function world(behaviour: Record<string, unknown> = {}, oauth_config: Record<string, unknown> = {}) {
  const provider = await AuthorizationServer.start(behaviour);
  const upstream = await Upstream.start(['whoami'], {
    demands: { issuer: provider.issuer, scope: 'read' },
    registration: { auth_type: 'per_user_oauth', tool_sync_interval: 10_080, oauth_config },
  });
  await new Account(upstream.id, 'gateway').connect(provider, 'the administrator');
  await markVerified(env.DB, upstream.id);
  await admin('POST', `/mcp/client/${upstream.id}/refresh-tools`);
  return { provider, upstream };
}

/** `user`, with an account at the server; they ask it who they are. */
async function personAt({ provider, upstream }: Awaited<ReturnType<typeof world>>, user: string) {
  const key = await newKey();
  const caller = new McpCaller({ 'x-bf-vk': key.value }, '2025', `/mcp/${upstream.slug}`);
  await new Account(upstream.id, `vk:${key.id}`).connect(provider, user);
  return async (): Promise<string> => {
    const { body } = await caller.call('whoami');
    return body.result?.content?.[0]?.text ?? JSON.stringify(body.error);
  };
}

describe('what ends an account at a refresh, and what passes (RFC 6749 §5.2)', () => {
  it.each([401, 400])('goes on after a %s that says nothing', async (fault) => {
    const there = await world();
    const [ann, bob] = [await personAt(there, 'ann'), await personAt(there, 'bob')];
    wait(3_700);
    await there.provider.behave({ fault });
    shortWaits();
    const during = await ann();
    vi.restoreAllMocks();
    await there.provider.behave({ fault: null });

    expect(during).toContain('Nothing is lost; try again');
    expect([await ann(), await bob()]).toEqual(['ann', 'bob']);
    expect(await there.provider.asked('register')).toHaveLength(1);
  });

  it.each([
    ['nested', 400, '{"error":{"code":"invalid_grant"}}'],
    ['deeply nested', 401, '{"errors":[{"error":{"type":"InvalidGrant","message":"no"}}]}'],
    ["in a status of HubSpot's", 400, '{"status":"BAD_REFRESH_TOKEN","message":"missing or invalid"}'],
    ['in capitals', 403, '{"code":"INVALID_GRANT"}'],
    ['in words', 401, '{"error":"Invalid grant"}'],
    ['in a message', 400, '{"message":"invalid_grant: token was revoked"}'],
    ['in an unusual status', 404, '{"error_code":"refresh_token_not_found"}'],
    ['under 200', 200, '{"ok":false,"error":"token_revoked"}'],
  ])('ends at once with an invalid_grant %s', async (_, status, body) => {
    const there = await world({ lifetime: 60 });
    const ann = await personAt(there, 'ann');
    wait(70);
    await there.provider.behave({ says: { to: 'refresh_token', status, body } });

    expect(await ann()).toContain('Authentication required');
    expect(await there.provider.tokenRequests('refresh_token')).toHaveLength(1);
  });

  it.each([
    ['an empty 400', 400, '', true],
    ['a 401 with a message', 401, '{"message":"Unauthorized"}', true],
    ['a 403 with a list', 403, '[]', true],
    ['a 410 with null', 410, 'null', true],
    ['a 400 with a code of its own', 400, '{"error":"invalid_request"}', true],
    ['a 404', 404, '{"error":"not_found"}', false],
    ['a 408', 408, '{"error":"invalid_grant"}', false],
    ['a 425', 425, '', false],
    ['a 429', 429, '{"error":"invalid_grant"}', false],
    ['a 503', 503, '{"error":"invalid_grant"}', false],
    ['a page', 403, '<html><body>invalid_grant</body></html>', false],
  ])('waits for three answers in two minutes with %s', async (_, status, body, ends) => {
    const there = await world({ lifetime: 60 });
    const ann = await personAt(there, 'ann');
    const type = body.startsWith('<') ? 'text/html' : 'application/json';
    wait(70);
    await there.provider.behave({ says: { to: 'refresh_token', status, body, type } });
    shortWaits();
    const said = [await ann(), await ann(), await ann()];
    wait(119);
    said.push(await ann());
    const asked = await there.provider.tokenRequests('refresh_token');
    wait(2);
    const last = await ann();

    for (const words of said) expect(words).toContain('Nothing is lost; try again');
    expect(last).toContain(ends ? 'Authentication required' : 'Nothing is lost; try again');
    if (ends) expect(asked).toHaveLength(4); // one a call
  });

  it('begins to count again once something else was answered', async () => {
    const there = await world({ lifetime: 60 });
    const ann = await personAt(there, 'ann');
    const mute = { says: { to: 'refresh_token', status: 401, body: '' } };
    wait(70);
    shortWaits();
    await there.provider.behave(mute);
    for (const _ of [1, 2]) await ann();
    wait(130);
    await there.provider.behave({ says: null, fault: 500 });
    await ann();
    await there.provider.behave({ ...mute, fault: null });

    expect(await ann()).toContain('Nothing is lost; try again');
    await there.provider.behave({ says: null });
    expect(await ann()).toBe('ann');
  });

  it('goes on once the variable of the client secret is set again', async () => {
    const clients = [{ client_id: 'ours', client_secret: 'https://gate.example' }];
    const there = await world(
      { registers: false, clients },
      { client_id: 'ours', client_secret: 'env.OAUTH2_SERVER_CONFIG_ISSUER_URL' },
    );
    const ann = await personAt(there, 'ann');
    const { id, client_secret } = (await env.DB.prepare('SELECT * FROM oauth_config WHERE server_id = ?1')
      .bind(there.upstream.id)
      .first<{ id: string; client_secret: string }>()) as { id: string; client_secret: string };
    const place = `oauth_config/${id}/client_secret@${new URL(addressOf('x')).origin}`;
    const set = async (sealed: string) =>
      env.DB.prepare('UPDATE oauth_config SET client_secret = ?2 WHERE id = ?1').bind(id, sealed).run();
    await set(await seal(env.ENCRYPTION_KEY, place, 'env.NOT_SET'));
    wait(3_700);
    shortWaits();
    const during = await ann();
    vi.restoreAllMocks();
    await set(client_secret);

    expect(during).toContain('Nothing is lost; try again');
    expect(await ann()).toBe('ann');
  });

  it('follows a provider whose token endpoint moves within its origin', async () => {
    const there = await world();
    const ann = await personAt(there, 'ann');
    await there.provider.behave({ metadata: { token_endpoint: `${there.provider.issuer}/token?v=2` } });
    wait(90_000);
    await personAt(there, 'bob'); // with whom it is found there

    expect(await ann()).toBe('ann');
  });

  it('registers anew once an hour at most, while the provider refuses every client', async () => {
    const there = await world();
    const [ann, bob] = [await personAt(there, 'ann'), await personAt(there, 'bob')];
    wait(3_700);
    await there.provider.behave({ refuses: 'invalid_client' });
    await ann();

    expect(await bob()).toContain('Nothing is lost; try again');
    expect(await there.provider.asked('register')).toHaveLength(2);
  });
});
