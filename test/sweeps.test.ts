import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { endUnopened } from '../src/grants/sweeps';
import { newSessionValue, subjectOfSessionValue } from '../src/identity/session';
import type { Subject } from '../src/protocol/subject';
import { Account } from './support/account';
import { Browser } from './support/browser';
import { McpCaller } from './support/caller';
import { enterHeaders } from './support/connected';
import { cron, wait } from './support/cron';
import { faulty } from './support/faults';
import { admin, configure } from './support/gate';
import { McpClient } from './support/mcp-client';
import { headerServer } from './support/own-accounts';
import { control } from './support/upstream';

const DAY = 86_400;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

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

  it('are found behind any number of grants that did open, and those are asked about once', async () => {
    wait(10); // behind what other tests were asked about
    const client = await McpClient.register();
    for (let n = 0; n < 3; n++) await client.obtainGrant({ answers: { expires_in: '0' } });
    const lost = env.GRANTS.newUniqueId().toString();
    await env.DB.prepare(
      'UPDATE oauth_grant SET grant_id = ?2, created_at = created_at + 1 WHERE grant_id = ?1',
    )
      .bind((await client.obtainCode()).slice(0, 64), lost)
      .run();
    const now = Math.floor(Date.now() / 1000) + 2 * DAY;
    const reason = () =>
      env.DB.prepare('SELECT ended_reason FROM oauth_grant WHERE grant_id = ?')
        .bind(lost)
        .first('ended_reason');
    await cron(); // past those of other tests

    const asked: number[] = [];
    for (let run = 0; run < 20 && !(await reason()); run++)
      asked.push(await endUnopened(env.DB, env.GRANTS, now, 2));

    expect(asked.length).toBeGreaterThan(1);
    expect(await reason()).toBe('code_never_redeemed');
    expect(await endUnopened(env.DB, env.GRANTS, now, 2)).toBe(0);
  });

  it('stay to be found when an object does not answer for now', async () => {
    wait(300); // behind what other tests were asked about
    const lost = env.GRANTS.newUniqueId().toString();
    const client = await McpClient.register();
    await env.DB.prepare('UPDATE oauth_grant SET grant_id = ?2 WHERE grant_id = ?1')
      .bind((await client.obtainCode()).slice(0, 64), lost)
      .run();
    const now = Math.floor(Date.now() / 1000) + 2 * DAY;

    const { value } = await faulty({ nth: 2, isOnwards: true, isLost: false }, () =>
      endUnopened(env.DB, env.GRANTS, now).catch(() => -1),
    );

    const ended = await env.DB.prepare('SELECT ended_reason FROM oauth_grant WHERE grant_id = ?')
      .bind(lost)
      .first('ended_reason');
    expect(value).toBeLessThan(1);
    expect(ended).toBeNull();
    while (await endUnopened(env.DB, env.GRANTS, now));
    expect(
      await env.DB.prepare('SELECT ended_reason FROM oauth_grant WHERE grant_id = ?')
        .bind(lost)
        .first('ended_reason'),
    ).toBe('code_never_redeemed');
  });
});

describe('grants that began while there was no idle time', () => {
  it('end once there is one and it is over, though nobody refreshes them', async () => {
    await configure({ oauth2_server_config: { refresh_token_ttl: 0 } });
    const client = await McpClient.register();
    const idle = (await client.obtainGrant({ answers: { expires_in: '0' } })).refresh_token;
    const used = (await client.obtainGrant({ answers: { expires_in: '0' } })).refresh_token;
    const reason = (token: string) =>
      env.DB.prepare('SELECT ended_reason FROM oauth_grant WHERE grant_id = ?')
        .bind(token.slice(0, 64))
        .first('ended_reason');

    wait(60 * DAY);
    const renewed = await client.refresh(used);
    await env.DB.prepare('UPDATE oauth_grant SET last_used_at = NULL WHERE grant_id = ?') // as if a fault had kept that from the index
      .bind(used.slice(0, 64))
      .run();
    wait(31 * DAY);
    await cron();
    const without = await reason(idle);
    await configure({ oauth2_server_config: { refresh_token_ttl: null } });
    await cron();

    expect(without).toBeNull();
    expect(await reason(idle)).toBe('idle');
    expect(await reason(used)).toBeNull();
    expect((await client.refresh(renewed.body.refresh_token)).status).toBe(200);
  });
});

describe('accounts of anonymous sessions', () => {
  it('end when the grants of the session have, and when its value works no more', async () => {
    await configure({ enforce_auth_on_inference: false });
    const { id: serverId } = await headerServer();
    const client = await McpClient.register();
    const browser = new Browser();
    const first = await browser.open(await client.authorizeUrl());
    const services = first && (await browser.submit(first, { identity: 'session', decision: 'continue' }));
    if (services) await browser.submit(services, { decision: 'allow', expires_in: '0' });
    const { body } = await client.redeem(browser.callback?.searchParams.get('code') ?? '');
    const grantId = body.refresh_token.slice(0, 64);
    const ofGrant = (await env.DB.prepare('SELECT subject FROM oauth_grant WHERE grant_id = ?')
      .bind(grantId)
      .first<Subject>('subject')) as Subject;
    const value = await newSessionValue(env.ENCRYPTION_KEY);
    const ofValue = (await subjectOfSessionValue(env.ENCRYPTION_KEY, value)) as Subject;
    for (const owner of [ofGrant, ofValue]) await enterHeaders(serverId, owner, { 'x-key': 'secret' });
    const owners = async () => {
      const accounts = [new Account(serverId, ofGrant), new Account(serverId, ofValue)];
      return Promise.all(accounts.map(async (account) => (await account.row()) !== null));
    };

    await cron();
    const standing = await owners();
    await client.revoke(body.refresh_token);
    await cron();
    const revoked = await owners();
    wait(90 * DAY);
    const subject = await subjectOfSessionValue(env.ENCRYPTION_KEY, value);
    await cron();

    expect([standing, revoked]).toEqual([
      [true, true],
      [false, true],
    ]);
    expect(subject).toBeNull();
    expect(await owners()).toEqual([false, false]);
    expect(await new Account(serverId, ofGrant).stored()).toEqual({});
    await configure({ enforce_auth_on_inference: null });
  });
});

describe('clients nobody uses (CONTRACT §3)', () => {
  const sweptInAudit = async ({ clientId }: McpClient) =>
    (await admin<{ total_count: number }>('GET', `/audit?act=client.swept&client_id=${clientId}`))
      .total_count;

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
    wait(5 * DAY);
    const again = await McpClient.register(metadata);

    wait(5 * DAY);
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
      `INSERT INTO oauth_grant (grant_id, client_id, client_name, subject, generation, scope, resource, servers, read_only,
         redirect_host, user_agent, country, created_at, expires_at, last_used_at, ended_at, ended_reason, given_name) SELECT 'row-' || value, client_id, client_name, subject, 0, scope, resource, servers, read_only,
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

  /** D1 that refuses after so many queries, as the platform ends an invocation that asks too often. */
  const refusingAfter = (queries: number) => {
    let left = queries;
    return new Proxy(env.DB, {
      get(target, member: keyof D1Database) {
        if (member !== 'prepare') return target[member].bind(target);
        return (sql: string) => {
          if (--left < 0) throw new Error('Too many API requests by single Worker invocation.');
          return target.prepare(sql);
        };
      },
    });
  };
  const claims = (n: number) =>
    env.DB.prepare(
      `WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?1)
       INSERT INTO form_once (id, digest, claimed_at) SELECT 'claim-' || n, 'x', 0 FROM number`,
    )
      .bind(n)
      .run();
  const left = async (table: string) => env.DB.prepare(`SELECT count(*) AS n FROM ${table}`).first('n');
  const sweepsIn = (said: { mock: { calls: unknown[][] } }) =>
    said.mock.calls
      .flat()
      .map((line) => JSON.parse(String(line)) as { event: string; sweep?: string; calls?: number })
      .filter(({ event }) => event.startsWith('sweep.'));

  it('goes on until nothing is left, in portions', async () => {
    await cron();
    await claims(12_000);
    await env.DB.prepare(
      `WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 11000)
       INSERT INTO tool_count SELECT 0, 's', n, 'answered', 1 FROM number`,
    ).run();

    await cron();

    expect([await left('form_once'), await left('tool_count')]).toEqual([0, 0]);
  });

  it('asks D1 under 45 times when there is nothing to do: the free plan has 50', async () => {
    await cron();
    const said = vi.spyOn(console, 'log');

    await cron({ ...env, DB: refusingAfter(44) });

    expect(sweepsIn(said).filter(({ event }) => event !== 'sweep.done')).toEqual([]);
  });

  it('keeps no sweep waiting for one that does not end, and begins the next time where it stopped', async () => {
    await cron();
    await claims(1);
    await env.DB.prepare(
      `CREATE TRIGGER refill AFTER DELETE ON form_once BEGIN
         INSERT INTO form_once (id, digest, claimed_at) VALUES (hex(randomblob(8)), 'x', 0);
       END`,
    ).run();
    const client = await McpClient.register();
    wait(8 * DAY);
    const said = vi.spyOn(console, 'log');

    await cron();
    const first = sweepsIn(said);
    said.mockClear();
    await cron();
    const [, begun] = sweepsIn(said);
    await env.DB.prepare('DROP TRIGGER refill').run();

    expect(await isKnown(client)).toBe(false);
    expect(first.at(-1)).toEqual(
      expect.objectContaining({ event: 'sweep.paused', sweep: 'form_once.delete_over' }),
    );
    expect(first.at(-1)?.calls).toBeLessThan(1000);
    expect(begun?.sweep).toBe('form_once.delete_over');
  });

  it('ends in time, and the next one goes on', async () => {
    await cron();
    const said = vi.spyOn(console, 'log');
    const slow = new Proxy(env.DB, {
      get(target, member: keyof D1Database) {
        if (member !== 'prepare') return target[member].bind(target);
        return (sql: string) => {
          if (sql.startsWith('DELETE')) wait(601);
          return target.prepare(sql);
        };
      },
    });

    await cron({ ...env, DB: slow });
    const stopped = sweepsIn(said).at(-1);
    said.mockClear();
    await cron();

    expect(stopped?.event).toBe('sweep.paused');
    expect(sweepsIn(said)[1]?.sweep).toBe(stopped?.sweep);
  });

  it('gives each sweep its turn where the platform ends every run early', async () => {
    const said = vi.spyOn(console, 'log');
    await cron();
    const all = new Set(sweepsIn(said).map(({ sweep }) => sweep));
    said.mockClear();
    await claims(1);

    for (let run = 0; run < 20; run++) await cron({ ...env, DB: refusingAfter(8) });

    const done = sweepsIn(said).filter(({ event }) => event === 'sweep.done');
    expect(new Set(done.map(({ sweep }) => sweep))).toEqual(all);
    expect(all.size).toBeGreaterThan(15);
    expect(await left('form_once')).toBe(0);
  });

  it('may run twice', async () => {
    const client = await McpClient.register();
    wait(31 * DAY);

    await Promise.all([cron(), cron()]);

    expect(await isKnown(client)).toBe(false);
  });
});
