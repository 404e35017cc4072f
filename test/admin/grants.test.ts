import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { Browser } from '../support/browser';
import { McpCaller } from '../support/caller';
import { admin, gate, ISSUER, newKey, read } from '../support/gate';
import { McpClient } from '../support/mcp-client';

type Session = {
  id: string;
  client_id: string;
  client_name: string;
  bf_mode: string;
  bf_sub: string;
  identity_name: string | null;
  scope: string;
  created_at: string;
  expires_at: string | null;
  status: string;
  ended_reason: string | null;
};
type List = { sessions: Session[]; count: number; total_count: number };
type Refusal = { error: { type: string; message: string; field?: string } };

const list = (query: Record<string, string> = {}) =>
  admin<List>('GET', `/oauth2/sessions?${new URLSearchParams(query)}`);
const end = (id: string) =>
  gate(`/api/oauth2/sessions/${id}`, {
    method: 'DELETE',
    headers: { authorization: 'Bearer test-admin-token-of-32-characters' },
  });

/** A client whose person allowed it with a key of its own. */
async function allowed(client_name = `App ${crypto.randomUUID()}`) {
  const key = await newKey();
  const client = await McpClient.register({ client_name });
  const tokens = await client.obtainGrant({ key: key.value });
  return { key, client, tokens, client_name };
}

describe('the grants (CONTRACT §8)', () => {
  it('shows who allowed which app what, and no token', async () => {
    const { key, client, tokens, client_name } = await allowed();

    const { sessions, ...page } = await list({ client_id: client.clientId });

    expect(page).toEqual({ status: 200, count: 1, total_count: 1, limit: 50, offset: 0 });
    const [session] = sessions;
    expect(session).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f]{64}$/),
      client_id: client.clientId,
      client_name,
      bf_mode: 'vk',
      bf_sub: key.id,
      identity_name: key.name,
      scope: 'mcp',
      resource: 'https://gate.example/mcp',
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      last_used_at: null,
      redirect_host: '127.0.0.1:7777',
      status: 'active',
      ended_at: null,
      ended_reason: null,
    });
    for (const secret of [tokens.access_token, tokens.refresh_token, key.value]) {
      expect(JSON.stringify(sessions)).not.toContain(secret);
    }
  });

  it('is found by any part of the app’s name, by key, by kind and by client', async () => {
    const mine = await allowed('Étude 100% app');
    await allowed('Another app');
    const ids = async (query: Record<string, string>) =>
      (await list(query)).sessions.map(({ client_id }) => client_id);
    const { clientId } = mine.client;

    for (const q of ['Étude 100% A', '100% APP']) expect(await ids({ q })).toEqual([clientId]);
    expect(await ids({ q: '100%%' })).toEqual([]);
    expect(await ids({ virtual_key_id: `${mine.key.id},some-other` })).toEqual([clientId]);
    expect(await ids({ client_id: clientId, bf_mode: 'vk,session' })).toEqual([clientId]);
    expect(await ids({ client_id: clientId, bf_mode: 'user' })).toEqual([]);
    expect(await ids({ client_id: clientId, user_id: mine.key.id })).toEqual([]);
    expect(await ids({ client_id: clientId, user_id: 'somebody', virtual_key_id: mine.key.id })).toEqual([
      clientId,
    ]);
    expect(await ids({ client_id: clientId, virtual_key_id: 'some-other' })).toEqual([]);
  });

  it('comes newest first, a page at a time', async () => {
    const client = await McpClient.register();
    const key = await newKey();
    for (let i = 0; i < 3; i++) await client.obtainGrant({ key: key.value });
    await env.DB.prepare(
      'UPDATE oauth_grant SET created_at = created_at - 60 WHERE grant_id = (SELECT min(grant_id) FROM oauth_grant WHERE client_id = ?1)',
    )
      .bind(client.clientId)
      .run();

    const all = await list({ client_id: client.clientId });
    const last = await list({ client_id: client.clientId, limit: '1', offset: '2' });

    expect(all.sessions).toHaveLength(3);
    expect(last).toMatchObject({ count: 1, total_count: 3, sessions: [all.sessions[2]] });
    expect(new Date(all.sessions[1]?.created_at ?? 0).getTime()).toBeGreaterThan(
      Date.parse(last.sessions[0]?.created_at ?? ''),
    );
  });

  it('remembers where it was allowed: the browser and its country', async () => {
    const client = await McpClient.register();
    const browser = new Browser();
    const services = await client.toServices(browser);
    const headers = { origin: ISSUER, 'user-agent': `Firefox/150 ${'x'.repeat(400)}` };
    await browser.submit(services, { decision: 'allow' }, headers);

    const { sessions } = await list({ client_id: client.clientId });

    expect(sessions).toMatchObject([
      { user_agent: `Firefox/150 ${'x'.repeat(288)}`, country: null, redirect_host: '127.0.0.1:7777' },
    ]);
  });

  it('calls ended what has expired, before anything has noticed', async () => {
    const { client } = await allowed();
    const now = Math.floor(Date.now() / 1000);
    await env.DB.prepare('UPDATE oauth_grant SET expires_at = ?2 WHERE client_id = ?1')
      .bind(client.clientId, now)
      .run();

    const of = { client_id: client.clientId };
    expect(await list({ ...of, status: 'active' })).toMatchObject({ sessions: [], total_count: 0 });
    expect(await list(of)).toMatchObject({ sessions: [{ status: 'ended', ended_reason: 'expired' }] });
  });

  it.each(['vk,admin', 'VK', 'constructor'])('refuses bf_mode %s', async (bf_mode) => {
    const { status, error } = await admin<Refusal>('GET', `/oauth2/sessions?bf_mode=${bf_mode}`);

    expect([status, error.field]).toEqual([400, 'bf_mode']);
  });
});

describe('ending a grant (CONTRACT §8)', () => {
  it('ends its refresh tokens and says so in the list, with the reason', async () => {
    const { client, tokens } = await allowed();
    const { sessions } = await list({ client_id: client.clientId });
    const id = sessions[0]?.id as string;

    const ended = await end(id);

    expect(ended.status).toBe(204);
    expect(await ended.text()).toBe('');
    expect(await client.refresh(tokens.refresh_token)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
    const of = { client_id: client.clientId };
    const over = { status: 'ended', ended_reason: 'revoked_by_administrator', ended_at: expect.any(String) };
    expect(await list(of)).toMatchObject({ sessions: [{ id, ...over }] });
    expect(await list({ ...of, status: 'ended' })).toMatchObject({ sessions: [{ id }], total_count: 1 });
    expect(await list({ ...of, status: 'active' })).toMatchObject({ sessions: [], total_count: 0 });
  });

  it('ends its access tokens on /mcp', async () => {
    const { client, tokens } = await allowed();
    const { sessions } = await list({ client_id: client.clientId });
    const caller = new McpCaller({ authorization: `Bearer ${tokens.access_token}` });

    expect((await caller.ask('tools/list')).status).toBe(200);
    await end(sessions[0]?.id as string);
    expect((await caller.ask('tools/list')).status).toBe(401);
  });

  it('ends no other grant of the same client and key', async () => {
    const { key, client, tokens } = await allowed();
    const { sessions } = await list({ client_id: client.clientId });
    const other = await client.obtainGrant({ key: key.value });

    await end(sessions[0]?.id as string);

    expect(await client.refresh(tokens.refresh_token)).toMatchObject({ status: 400 });
    expect(await client.refresh(other.refresh_token)).toMatchObject({ status: 200 });
  });

  it('says 404 the second time, and for ids there are none of', async () => {
    const { client } = await allowed();
    const { sessions } = await list({ client_id: client.clientId });
    const id = sessions[0]?.id as string;
    await end(id);

    for (const unknown of [id, 'f'.repeat(64), id.toUpperCase(), 'nonsense']) {
      const response = await end(unknown);
      expect([unknown, response.status]).toEqual([unknown, 404]);
      expect(await response.json()).toMatchObject({ error: { type: 'not_found' } });
    }
  });

  it('ends an access that was allowed but never begun', async () => {
    const client = await McpClient.register();
    const code = await client.obtainCode();
    const { sessions } = await list({ client_id: client.clientId });

    expect((await end(sessions[0]?.id as string)).status).toBe(204);

    expect(await client.redeem(code)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  });

  it('ends one that was begun and never opened', async () => {
    const grantId = env.GRANTS.newUniqueId().toString();
    const { client } = await allowed();
    await env.DB.prepare(
      'UPDATE oauth_grant SET grant_id = ?2 WHERE client_id = ?1', // what is left when an answer at consent breaks off
    )
      .bind(client.clientId, grantId)
      .run();

    expect((await end(grantId)).status).toBe(204);
    expect(await list({ client_id: client.clientId })).toMatchObject({ sessions: [{ status: 'ended' }] });
  });

  it('says 503 while the index cannot be told, and 204 once it can', async () => {
    const { client, tokens } = await allowed();
    const { sessions } = await list({ client_id: client.clientId });
    const id = sessions[0]?.id as string;
    const failing =
      "CREATE TRIGGER failing BEFORE UPDATE OF ended_at ON oauth_grant BEGIN SELECT RAISE(ABORT, 'failing'); END";
    await env.DB.prepare(failing).run();

    const untold = await end(id);
    const refused = await client.refresh(tokens.refresh_token);
    await env.DB.prepare('DROP TRIGGER failing').run();
    const told = await end(id);

    expect([untold.status, untold.headers.get('retry-after')]).toEqual([503, '2']);
    expect(await read<Refusal>(untold)).toMatchObject({
      body: { error: { message: expect.stringMatching(/has ended/) } },
    });
    expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_grant' } }); // it has ended all the same
    expect(told.status).toBe(204);
  });
});
