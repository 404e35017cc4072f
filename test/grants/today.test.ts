import { createScheduledController } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import worker from '../../src/index';
import { Browser } from '../support/browser';
import { McpCaller } from '../support/caller';
import { admin, configure, ISSUER, newKey } from '../support/gate';
import { McpClient, type Tokens } from '../support/mcp-client';

const ELSEWHERE = 'https://elsewhere.example';
const HOUR = 3600;

let clock = Date.now();
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: clock });
});
afterEach(async () => {
  await issuerIs(null);
  vi.useRealTimers();
});

function wait(seconds: number): void {
  clock = Date.now() + seconds * 1000;
  vi.setSystemTime(clock);
}

async function cron(): Promise<void> {
  const controller = createScheduledController({ scheduledTime: new Date(), cron: '17 * * * *' });
  await worker.scheduled(controller, env);
}

async function issuerIs(issuer_url: string | null): Promise<void> {
  await configure({ confirm: 'unreachable', oauth2_server_config: { issuer_url } });
}

type Session = { id: string; status: string; ended_at: string | null; ended_reason: string | null };
type Allowed = { client: McpClient; tokens: Tokens; keyId: string; keyValue: string };

async function allowed(): Promise<Allowed> {
  const client = await McpClient.register();
  const { id, value } = await newKey();
  return { client, tokens: await client.obtainGrant({ key: value }), keyId: id, keyValue: value };
}

async function sessionsOf({ keyId }: Allowed, status = 'all') {
  return admin<{ sessions: Session[]; total_count: number }>(
    'GET',
    `/oauth2/sessions?virtual_key_id=${keyId}&status=${status}`,
  );
}

const onMcp = async ({ tokens }: Allowed) =>
  (await new McpCaller({ authorization: `Bearer ${tokens.access_token}` }).ask('ping')).status;

async function endsOf({ tokens }: Allowed): Promise<string[]> {
  const { results } = await env.DB.prepare(
    "SELECT detail ->> 'reason' AS reason FROM audit WHERE act = 'grant.ended' AND grant_id = ?1",
  )
    .bind(tokens.refresh_token.slice(0, 64))
    .all<{ reason: string }>();
  return results.map(({ reason }) => reason);
}

describe('a grant whose resource is not under today’s issuer (CONTRACT §5)', () => {
  it('counts as ended wherever it is read, and goes on when the issuer is changed back', async () => {
    const one = await allowed();
    const code = await one.client.obtainCode({ key: one.keyValue });
    const { client_id } = one.client.registration;
    const countOf = async () =>
      (await admin<{ client: { sessions_count?: number } }>('GET', `/oauth2/clients/${client_id}`)).client;
    const before = [await sessionsOf(one, 'active'), await countOf()];

    await issuerIs(ELSEWHERE);
    const refused = [
      await one.client.refresh(one.tokens.refresh_token),
      await one.client.refresh(one.tokens.refresh_token, { resource: `${ISSUER}/mcp` }),
      await one.client.redeem(code),
    ];
    for (const { name } of (await env.KV.list({ prefix: 'code:' })).keys) await env.KV.delete(name);
    refused.push(await one.client.redeem(code)); // which the grant decides now
    const mcp = await onMcp(one);
    const [all, active, ended] = [
      await sessionsOf(one),
      await sessionsOf(one, 'active'),
      await sessionsOf(one, 'ended'),
    ];
    const single = await admin<{ session: Session }>('GET', `/oauth2/sessions/${all.sessions[0]?.id}`);
    const counted = await countOf();
    await issuerIs(null);

    expect(refused.map(({ status, body }) => [status, body.error])).toEqual(
      refused.map(() => [400, 'invalid_grant']),
    );
    expect(mcp).toBe(401);
    expect([active.total_count, ended.total_count]).toEqual([0, 2]);
    for (const session of [...all.sessions, ...ended.sessions, single.session]) {
      expect(session).toMatchObject({ status: 'ended', ended_at: null, ended_reason: 'issuer_changed' });
    }
    expect(counted).not.toEqual(before[1]);
    expect([await sessionsOf(one, 'active'), await countOf()]).toEqual(before);
    expect(await onMcp(one)).toBe(200);
    expect((await one.client.refresh(one.tokens.refresh_token)).status).toBe(200);
    expect((await one.client.redeem(code)).status).toBe(200);
  });

  it('ends by the cron once another issuer was found for 24 hours, for good, and is audited', async () => {
    const one = await allowed();
    await cron();
    await issuerIs(ELSEWHERE);
    await cron();
    wait(23 * HOUR);
    await cron();
    const early = await endsOf(one);
    wait(HOUR);
    await cron();
    await cron();

    const { sessions } = await sessionsOf(one);
    await issuerIs(null);

    expect(early).toEqual([]);
    expect(await endsOf(one)).toEqual(['issuer_changed']);
    expect(sessions).toMatchObject([{ status: 'ended', ended_reason: 'issuer_changed' }]);
    expect(sessions[0]?.ended_at).not.toBeNull();
    expect(await one.client.refresh(one.tokens.refresh_token)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
    expect(await sessionsOf(one, 'active')).toMatchObject({ total_count: 0 });
  });

  it('is spared when the issuer is changed back in time, and the day begins again with the next change', async () => {
    const one = await allowed();
    await issuerIs(ELSEWHERE);
    await cron();
    wait(20 * HOUR);
    await issuerIs(null);
    await cron();
    await issuerIs(ELSEWHERE);
    wait(HOUR);
    await cron();
    wait(20 * HOUR);
    await cron();
    await issuerIs(null);
    await cron();

    expect(await endsOf(one)).toEqual([]);
    expect((await one.client.refresh(one.tokens.refresh_token)).status).toBe(200);
  });

  it('stays while no issuer is configured: a port says nothing', async () => {
    const one = await allowed();
    const anywhere = { ...env, OAUTH2_SERVER_CONFIG_ISSUER_URL: '' };
    const controller = () => createScheduledController({ scheduledTime: new Date(), cron: '17 * * * *' });
    const { forgetDeployment } = await import('../../src/config');
    for (let day = 0; day < 3; day++) {
      forgetDeployment();
      await worker.scheduled(controller(), anywhere);
      wait(25 * HOUR);
    }
    forgetDeployment();

    expect(await endsOf(one)).toEqual([]);
  });

  it('can be ended by an administrator all the same, so that it does not come back', async () => {
    const one = await allowed();
    const { sessions } = await sessionsOf(one);
    await issuerIs(ELSEWHERE);

    const { status } = await admin('DELETE', `/oauth2/sessions/${sessions[0]?.id}`);
    await issuerIs(null);

    expect(status).toBe(204);
    expect(await endsOf(one)).toEqual(['revoked_by_administrator']);
    expect((await one.client.refresh(one.tokens.refresh_token)).status).toBe(400);
  });

  it('is shown to people and administrators as ended, in words', async () => {
    const administrator = await Browser.administrator();
    const person = new Browser();
    const one = await McpClient.register();
    await person.submit(await one.toServices(person), { decision: 'allow' });
    const grantId = person.callback?.searchParams.get('code')?.slice(0, 64);
    await issuerIs(ELSEWHERE);

    const pages = [
      await administrator.open(`/admin/access/${grantId}`),
      await administrator.open('/admin/access?state=ended'),
      await person.open(`${ELSEWHERE}/me`),
      await person.open(`${ELSEWHERE}/me/apps/${grantId}`),
    ];

    for (const page of pages) expect(page?.html).toContain('Gateway address changed');
  });
});
