import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { recordSignIn } from '../../src/governance/users';
import { CallUnderWay } from '../support/call-under-way';
import { McpCaller, wholeAnswer } from '../support/caller';
import { shortWaits, unhurried, wait } from '../support/clock';
import { administer, configure, newKey } from '../support/gate';
import { McpClient } from '../support/mcp-client';
import { OpenStream } from '../support/open-stream';
import { Provider } from '../support/provider';
import { Upstream } from '../support/upstream';

/** A server whose tool `held` answers when it is released. */
let upstream: Upstream;
let provider: Provider;
beforeAll(async () => {
  provider = await Provider.start();
  upstream = await Upstream.start(['held', 'a']);
  await upstream.change({ tool_execution_timeout: 300 });
});
const USUAL = { mcp_server_auth_mode: null, enforce_auth_on_inference: false };
beforeEach(async () => {
  await configure({ ...USUAL, oidc: { allowed_domains: ['acme.example'] } });
  shortWaits();
});
afterEach(async () => {
  await OpenStream.leaveAll();
  vi.restoreAllMocks();
  vi.useRealTimers();
  await upstream.release();
});

type Case = { headers: Record<string, string>; path?: string; withdraw(): Promise<unknown> };

/** By the access token of a grant. */
async function byToken(withdraw: (app: McpClient, grantId: string) => Promise<unknown>): Promise<Case> {
  const app = await McpClient.register();
  const { access_token, refresh_token } = await app.obtainGrant();
  const [grantId = ''] = refresh_token.split('.');
  const headers = { authorization: `Bearer ${access_token}` };
  return { headers, withdraw: () => withdraw(app, grantId) };
}

/** By a key, of nobody or of someone who signed in. */
async function byKey(withdraw: (path: string) => Promise<unknown>): Promise<Case> {
  const key = await newKey();
  const path = `/governance/virtual-keys/${key.id}`;
  return { headers: { 'x-bf-vk': key.value }, withdraw: () => withdraw(path) };
}
async function byKeyOfPerson(withdraw: (id: string) => Promise<unknown>): Promise<Case> {
  const name = crypto.randomUUID();
  const account = { issuer: provider.issuer, subject: name, email: `${name}@acme.example`, name };
  const { id } = await recordSignIn(env.DB, account, Math.floor(Date.now() / 1000));
  const key = await newKey();
  await administer('PUT', `/governance/virtual-keys/${key.id}`, { owner_user_id: id });
  return { headers: { 'x-bf-vk': key.value }, withdraw: () => withdraw(id) };
}
const soon = () => new Date(Date.now() + 5_000).toISOString();

async function atToolset(): Promise<Case> {
  const key = await newKey();
  const { virtual_mcp: made } = await administer<{ virtual_mcp: { id: string; endpoint_slug: string } }>(
    'POST',
    '/mcp/virtual-mcps',
    {
      name: `set ${crypto.randomUUID()}`,
      tools: [{ mcp_client_id: upstream.id, tool_names: ['*'] }],
      virtual_key_ids: [key.id],
    },
  );
  const withdraw = () => administer('PUT', `/mcp/virtual-mcps/${made.id}`, { enabled: false });
  return { headers: { 'x-bf-vk': key.value }, path: `/mcp/${made.endpoint_slug}`, withdraw };
}

/** A call of the held tool, once its server has it and its answer has begun. */
async function calling(caller: McpCaller): Promise<CallUnderWay> {
  const before = (await upstream.seen('tools/call')).length;
  const name = caller.path === `/mcp/${upstream.slug}` ? 'held' : `${upstream.name}-held`;
  const call = new CallUnderWay(await caller.send('tools/call', { name }, { id: 'mine' }));
  await upstream.sees('tools/call', before + 1);
  return call;
}
const cancelled = async () => (await upstream.seen('notifications/cancelled')).length;

describe('what is open for a caller who may not be here any more (CONTRACT §5, Open streams)', () => {
  it.each<[string, number, () => Promise<Case>]>([
    ['a grant was revoked', 401, () => byToken((_, id) => administer('DELETE', `/oauth2/sessions/${id}`))],
    [
      'a client was deleted',
      401,
      () => byToken(({ clientId }) => administer('DELETE', `/oauth2/clients/${clientId}`)),
    ],
    [
      'the mode is headers',
      401,
      () => byToken(() => administer('PUT', '/config', { mcp_server_auth_mode: 'headers' })),
    ],
    ['a key was deleted', 401, () => byKey((path) => administer('DELETE', path))],
    ['a key was deactivated', 403, () => byKey((path) => administer('PUT', path, { is_active: false }))],
    ['a key has expired', 403, () => byKey((path) => administer('PUT', path, { expires_at: soon() }))],
    [
      'a key was rotated as leaked',
      401,
      () => byKey((path) => administer('POST', `${path}/rotate`, { reason: 'leaked' })),
    ],
    [
      'its person was blocked',
      403,
      () => byKeyOfPerson((id) => administer('PUT', `/users/${id}`, { is_active: false })),
    ],
    [
      'its person is suspended',
      403,
      () => byKeyOfPerson(() => configure({ oidc: { allowed_domains: ['other.example'] } })),
    ],
    [
      'everyone has to say who they are',
      401,
      async () => ({ headers: {}, withdraw: () => configure({ enforce_auth_on_inference: true }) }),
    ],
    ['its toolset was disabled', 404, atToolset],
  ])('ends within the lag when %s: GET, subscriptions/listen, a call', async (_, code, setUp) => {
    const { headers, path = '/mcp', withdraw } = await unhurried(setUp);
    const client = await new McpCaller(headers, '2025', path).initialized();
    const told = { toolsListChanged: true };
    const streams = [
      await OpenStream.get(client),
      await OpenStream.listen(new McpCaller(headers, '2026', path), told),
    ];
    const before = await cancelled();
    const call = await calling(client);

    await withdraw();
    wait(11);
    await Promise.all(streams.map((stream) => stream.ended()));

    expect(await call.message(0)).toMatchObject({ id: 'mine', error: { code } });
    await upstream.sees('notifications/cancelled', before + 1);
  });

  it('ends within the lag when its server was withdrawn, on /mcp the call alone', async () => {
    const key = await newKey();
    const at = (path: string) => new McpCaller({ 'x-bf-vk': key.value }, '2025', path).initialized();
    const [here, everywhere] = [await at(`/mcp/${upstream.slug}`), await at('/mcp')];
    const [stream, stays] = [await OpenStream.get(here), await OpenStream.get(everywhere)];
    const calls = [await calling(here), await calling(everywhere)];

    await upstream.change({ enabled: false });
    wait(11);
    await stream.ended();
    const answers = await Promise.all(calls.map((call) => call.message(0)));
    await stays.looks(3);
    await upstream.change({ enabled: true });

    expect(answers).toMatchObject([
      { id: 'mine', error: { code: 404 } },
      { id: 'mine', error: { code: -32602, data: { type: 'access_denied' } } },
    ]);
  });

  it('is a refusal with its status where no byte has gone out: a client that reads JSON alone is told to connect again', async () => {
    const { headers, withdraw } = await unhurried(() =>
      byToken((_, id) => administer('DELETE', `/oauth2/sessions/${id}`)),
    );
    const caller = new McpCaller({ ...headers, accept: 'application/json' }, '2025', `/mcp/${upstream.slug}`);
    const before = (await upstream.seen('tools/call')).length;
    const asked = caller.send('tools/call', { name: 'held' }, { id: 'mine' });
    await upstream.sees('tools/call', before + 1);

    await withdraw();
    wait(11);
    const answer = await wholeAnswer(await asked);

    expect(answer).toMatchObject({
      status: 401,
      body: { id: 'mine', error: { data: { type: 'invalid_token' } } },
    });
    expect(answer.headers.get('www-authenticate')).toContain('resource_metadata=');
  });

  it('is told as the end of its session to a client that ends that by another request, and reads JSON alone', async () => {
    const key = await newKey();
    const headers = { 'x-bf-vk': key.value, accept: 'application/json' };
    const caller = await new McpCaller(headers, '2025', `/mcp/${upstream.slug}`).initialized();
    const before = (await upstream.seen('tools/call')).length;
    const asked = caller.send('tools/call', { name: 'held' }, { id: 'mine' });
    await upstream.sees('tools/call', before + 1);

    await caller.post('', { method: 'DELETE', body: null });

    expect(await wholeAnswer(await asked)).toMatchObject({
      status: 404,
      body: { id: 'mine', error: { data: { type: 'session_ended' } } },
    });
  });

  it('ends a call whose tool its caller may not use any more, and leaves the others', async () => {
    const key = await newKey([upstream.name]);
    const client = await new McpCaller(
      { 'x-bf-vk': key.value },
      '2025',
      `/mcp/${upstream.slug}`,
    ).initialized();
    const [stream, call] = [await OpenStream.get(client), await calling(client)];
    const narrowed = [{ mcp_client_name: upstream.name, tools_to_execute: ['a'] }];

    await administer('PUT', `/governance/virtual-keys/${key.id}`, { mcp_configs: narrowed });
    wait(11);

    expect(await call.message(0)).toMatchObject({ id: 'mine', error: { code: -32602 } });
    await stream.looks(2);
  });
});

describe('what is open for a caller who stands', () => {
  it('is not touched: a call outlives the access token it came with', async () => {
    await configure({ oauth2_server_config: { access_token_ttl: 60 } });
    const { headers, withdraw } = await unhurried(() =>
      byToken((_, id) => administer('DELETE', `/oauth2/sessions/${id}`)),
    );
    const client = await new McpCaller(headers, '2025', `/mcp/${upstream.slug}`).initialized();
    const calls = [await calling(client), await calling(client)];

    for (const seconds of [61, 11]) {
      wait(seconds);
      await Promise.all(calls.map((call) => call.comment()));
    }
    const expired = (await client.ask('ping')).status;
    await upstream.release();
    const answers = await Promise.all(calls.map((call) => call.message(0)));
    await withdraw();
    await configure({ oauth2_server_config: { access_token_ttl: null } });

    expect(expired).toBe(401);
    expect(answers).toMatchObject(Array(2).fill({ id: 'mine', result: {} }));
  });
});
