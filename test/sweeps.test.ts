import { createScheduledController } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import worker from '../src/index';
import { Browser } from './support/browser';
import { McpCaller } from './support/caller';
import { admin } from './support/gate';
import { McpClient } from './support/mcp-client';
import { control } from './support/upstream';

const DAY = 86_400;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function wait(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000);
}

async function cron(bindings = env): Promise<void> {
  const controller = createScheduledController({ scheduledTime: new Date(), cron: '17 * * * *' });
  await worker.scheduled(controller, bindings);
}

const isKnown = async ({ clientId }: McpClient) =>
  (await admin('GET', `/oauth2/clients/${encodeURIComponent(clientId)}`)).status === 200;

describe('grants that never opened', () => {
  it('end two hours after consent, and those that did open stay', async () => {
    const client = await McpClient.register();
    const opened = await client.obtainGrant({ answers: { expires_in: '0' } });
    const lost = env.GRANTS.newUniqueId().toString();
    await env.DB.prepare(
      'UPDATE oauth_grant SET grant_id = ?2 WHERE grant_id = ?1', // as if the row had been written, and its object not opened
    )
      .bind((await client.obtainCode()).slice(0, 64), lost)
      .run();
    const ended = (id: string) =>
      env.DB.prepare('SELECT ended_reason FROM oauth_grant WHERE grant_id = ?')
        .bind(id)
        .first('ended_reason');

    wait(3600);
    await cron();
    const early = await ended(lost);
    wait(3700);
    await cron();

    expect(early).toBeNull();
    expect(await ended(lost)).toBe('code_never_redeemed');
    expect(await ended(opened.refresh_token.slice(0, 64))).toBeNull();
    expect((await client.refresh(opened.refresh_token)).status).toBe(200);
  });
});

describe('clients nobody uses (CONTRACT §3)', () => {
  const sweptInAudit = async ({ clientId }: McpClient) =>
    (await admin<{ total_count: number }>('GET', `/audit?act=client.swept&client_id=${clientId}`))
      .total_count;

  it('go 30 days after they registered, when they never got a grant', async () => {
    const client = await McpClient.register();

    wait(30 * DAY - 1);
    await cron();
    const kept = await isKnown(client);
    wait(2);
    await cron();

    expect([kept, await isKnown(client)]).toEqual([true, false]);
    expect((await client.refresh('x')).body.error).toBe('invalid_client');
    expect(await sweptInAudit(client)).toBe(0); // a stranger may have registered it (SECURITY 30)
  });

  it('stay while a grant stands, and for 30 days after the last one ended', async () => {
    const client = await McpClient.register();
    const { refresh_token } = await client.obtainGrant({ answers: { expires_in: '0' } });

    wait(60 * DAY);
    await cron();
    const whileItStands = await isKnown(client);
    await client.revoke(refresh_token);
    wait(29 * DAY);
    await cron();
    const after29 = await isKnown(client);
    wait(2 * DAY);
    await cron();

    expect([whileItStands, after29, await isKnown(client)]).toEqual([true, true, false]);
    expect(await sweptInAudit(client)).toBe(1);
  });

  it('registered anew identically count from then', async () => {
    const metadata = { redirect_uris: [`https://app.example/${crypto.randomUUID()}`] };
    const first = await McpClient.register(metadata);
    wait(20 * DAY);
    const again = await McpClient.register(metadata);

    wait(20 * DAY);
    await cron();

    expect(again.clientId).toBe(first.clientId);
    expect(await isKnown(first)).toBe(true);
  });

  it('with a metadata document and no grant go 7 days after it is stale', async () => {
    const name = `site-${crypto.randomUUID()}`;
    const url = `${inject('upstreamOrigin')}/${name}/client.json`;
    const redirect_uris = ['https://app.example/cb'];
    const body = JSON.stringify({ client_id: url, redirect_uris });
    await control(name, 'set', {
      document: { status: 200, headers: { 'content-type': 'application/json' }, body },
    });
    const client = McpClient.described(url, redirect_uris);
    await client.toServices(new Browser());

    wait(7 * DAY + 299);
    await cron();
    const kept = await isKnown(client);
    wait(2);
    await cron();

    expect([kept, await isKnown(client)]).toEqual([true, false]);
  });
});

describe('what has ended', () => {
  it('is remembered by the list of grants for 90 days', async () => {
    const client = await McpClient.register();
    const { access_token, refresh_token } = await client.obtainGrant();
    const rows = async () =>
      (await env.DB.prepare('SELECT 1 FROM oauth_grant WHERE client_id = ?1').bind(client.clientId).all())
        .results;
    await client.revoke(refresh_token);

    wait(90 * DAY - 1);
    await cron();
    const kept = await rows();
    wait(2);
    await cron();

    expect([kept.length, (await rows()).length]).toEqual([1, 0]);
    expect((await new McpCaller({ authorization: `Bearer ${access_token}` }).ask('ping')).status).toBe(401);
  });
});

describe('deleting a client with more grants than one request ends', () => {
  it('refuses it at once, and the cron does the rest', async () => {
    const client = await McpClient.register();
    const { access_token } = await client.obtainGrant();
    await env.DB.prepare(
      `INSERT INTO oauth_grant SELECT 'row-' || value, client_id, client_name, subject, 0, scope, resource, servers, read_only,
         redirect_host, user_agent, country, created_at, expires_at, last_used_at, ended_at, ended_reason, given_name FROM oauth_grant, json_each(?2) WHERE client_id = ?1`,
    )
      .bind(client.clientId, JSON.stringify(Array.from({ length: 1000 }, (_, n) => n)))
      .run();
    const standing = async () =>
      (
        await env.DB.prepare(
          'SELECT count(*) AS n FROM oauth_grant WHERE client_id = ?1 AND ended_at IS NULL',
        )
          .bind(client.clientId)
          .first<{ n: number }>()
      )?.n;

    const deleted = await admin<{ message: string }>('DELETE', `/oauth2/clients/${client.clientId}`);
    const refused = await new McpCaller({ authorization: `Bearer ${access_token}` }).ask('ping');
    const left = await standing();
    await cron();

    expect(deleted).toMatchObject({ status: 200, message: expect.stringContaining('background') });
    expect(refused.status).toBe(401);
    expect(left).toBe(101);
    expect(await standing()).toBe(0);
    expect(
      await env.DB.prepare('SELECT 1 FROM client WHERE client_id = ?1').bind(client.clientId).first(),
    ).toBeNull();
  });
});

describe('the cron (SECURITY 25)', () => {
  it('does everything else when one task fails, and says which', async () => {
    const client = await McpClient.register();
    wait(31 * DAY);
    const said = vi.spyOn(console, 'log');
    const { DB } = env;
    const failing = new Proxy(DB, {
      get(target, member: keyof D1Database) {
        if (member !== 'prepare') return target[member].bind(target);
        return (sql: string) => {
          if (sql.includes('FROM signing_key')) throw new Error('D1_ERROR: down');
          return target.prepare(sql);
        };
      },
    });

    await cron({ ...env, DB: failing });

    expect(await isKnown(client)).toBe(false);
    expect(said.mock.calls.flat().filter((line) => String(line).includes('sweep.failed'))).toHaveLength(2);
  });

  it('may run twice', async () => {
    const client = await McpClient.register();
    wait(31 * DAY);

    await Promise.all([cron(), cron()]);

    expect(await isKnown(client)).toBe(false);
  });
});
