import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Browser } from '../support/browser';
import { cron, wait } from '../support/cron';
import { deployedWith } from '../support/deployed';
import { authorize, Site } from '../support/document-site';
import { admin, ISSUER } from '../support/gate';
import { McpClient, register } from '../support/mcp-client';

const HOUR = 3600;
const DAY = 86_400;
const MINUTE_FOR_COUNTING = 60; // an isolate goes on from what it counted for half of it

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(async () => {
  vi.useRealTimers();
  await env.DB.prepare('DELETE FROM client').run();
});

const now = () => Math.floor(Date.now() / 1000);
const isKnown = async ({ clientId }: McpClient) =>
  (await admin('GET', `/oauth2/clients/${encodeURIComponent(clientId)}`)).status === 200;
const count = async (where: string) =>
  (await env.DB.prepare(`SELECT count(*) AS n FROM client WHERE ${where}`).first<number>('n')) ?? 0;

/** Clients that registered `age` seconds ago from one address, their ids beginning with its name. */
async function many(address: string, n: number, age: number): Promise<void> {
  await env.DB.prepare(
    `WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?2)
     INSERT INTO client (client_id, metadata, name, created_at, address_hash)
     SELECT ?1 || '-' || n, '{"redirect_uris":["https://app.example/cb"]}', '', ?3, ?1 FROM number`,
  )
    .bind(address, n, now() - age)
    .run();
}

describe('what registration stores (CONTRACT §3, SECURITY 11)', () => {
  it('is the members of RFC 7591 §2 that are used, and the address as a keyed hash', async () => {
    const metadata = {
      redirect_uris: ['https://app.example/cb'],
      client_name: 'App',
      logo_uri: 'https://app.example/logo.png',
      contacts: ['marker@app.example'],
      jwks: { keys: ['marker'] },
      software_id: 'marker',
      'client_name#de': 'marker',
    };
    const from = (address: string) =>
      deployedWith({}, `${ISSUER}/oauth2/register`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'cf-connecting-ip': address },
        body: JSON.stringify({ ...metadata, client_name: `App ${address}` }),
      });

    await from('2001:db8:1:2::7');
    await from('2001:db8:1:2:ffff::8');
    await from('203.0.113.9');
    const { results } = await env.DB.prepare('SELECT * FROM client').all();

    expect(Object.keys(JSON.parse(String(results[0]?.metadata))).sort()).toEqual([
      'client_name',
      'grant_types',
      'redirect_uris',
      'response_types',
      'scope',
      'token_endpoint_auth_method',
    ]);
    expect(JSON.stringify(results)).not.toMatch(/marker|logo/);
    const hashes = results.map(({ address_hash }) => String(address_hash));
    expect(hashes[0]).toMatch(/^[\w-]{43}$/);
    expect([hashes[0] === hashes[1], hashes[0] === hashes[2]]).toEqual([true, false]);
  });
});

describe('clients that nobody ever allowed (CONTRACT §3)', () => {
  it('go 7 days after they registered, and no audit row tells of it', async () => {
    const client = await McpClient.register();

    wait(7 * DAY - 1);
    await cron();
    const kept = await isKnown(client);
    wait(2);
    await cron();

    expect([kept, await isKnown(client)]).toEqual([true, false]);
    expect((await client.refresh('x')).body.error).toBe('invalid_client');
    const { total_count } = await admin<{ total_count: number }>(
      'GET',
      `/audit?act=client.swept&client_id=${client.clientId}`,
    );
    expect(total_count).toBe(0); // a stranger may have registered it (SECURITY 30)
  });

  it('stay while a flow of theirs is open', async () => {
    const [client, other] = [await McpClient.register(), await McpClient.register()];
    wait(7 * DAY - HOUR);
    const browser = new Browser();
    const services = await client.toServices(browser);
    wait(HOUR - 600);
    await cron();
    wait(601); // 7 days and a second after it registered, and 3,001 seconds after the flow began
    await cron();

    expect([await isKnown(client), await isKnown(other)]).toEqual([true, false]);
    expect(services.html).toContain('Allow');
    wait(2 * HOUR);
    await cron();
    expect(await isKnown(client)).toBe(false);
  });

  it('begin many flows with one write', async () => {
    const client = await McpClient.register();
    const mark = async () =>
      env.DB.prepare('SELECT flow_until FROM client WHERE client_id = ?1')
        .bind(client.clientId)
        .first<number>('flow_until');

    await new Browser().open(await client.authorizeUrl());
    const first = await mark();
    wait(800);
    await new Browser().open(await client.authorizeUrl());
    const second = await mark();
    wait(200);
    await new Browser().open(await client.authorizeUrl());

    expect(first).toBe(now() - 1000 + HOUR + 900);
    expect(second).toBe(first);
    expect(await mark()).toBe(now() + HOUR + 900);
  });

  it('beyond 20,000 go sooner, first those of the addresses with the most, the oldest first', async () => {
    await many('few', 300, 2 * HOUR);
    await many('loud', 19_000, 2 * HOUR);
    await many('loud-now', 700, HOUR - 60);
    await many('second', 1200, 3 * HOUR);
    await env.DB.prepare("UPDATE client SET flow_until = ?1 WHERE client_id = 'loud-1'")
      .bind(now() + 60)
      .run();
    await env.DB.prepare("UPDATE client SET created_at = created_at - 1 WHERE client_id = 'loud-2'").run();

    await cron();

    expect(await count('true')).toBe(20_000);
    expect(await count("address_hash = 'loud'")).toBe(17_800);
    expect(await count("client_id = 'loud-1'")).toBe(1);
    expect(await count("client_id = 'loud-2'")).toBe(0);
  });

  it('beyond 20,000 are never swept within an hour of registering, nor once a person allowed them', async () => {
    await many('now', 20_500, HOUR - 60);
    const allowed = await McpClient.register();
    await allowed.obtainGrant();
    await env.DB.prepare('UPDATE client SET created_at = created_at - 7200 WHERE client_id = ?1')
      .bind(allowed.clientId)
      .run();

    await cron();
    const within = await count('true');
    wait(61);
    await cron();

    expect(within).toBe(20_501);
    expect(await count('true')).toBe(20_001);
    expect(await isKnown(allowed)).toBe(true);
  });

  it('above 40,000 keep registration closed for the moment, and metadata documents go on', async () => {
    const fresh = () => ({ redirect_uris: [`https://app.example/${crypto.randomUUID()}`] });
    await many('now', 39_999, 10);
    wait(MINUTE_FOR_COUNTING);

    const last = await register(fresh());
    const refused = await deployedWith({}, `${ISSUER}/oauth2/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(fresh()),
    });
    const described = await authorize((await Site.serving()).client);
    await env.DB.prepare('DELETE FROM client WHERE client_id LIKE ?1').bind('now-1%').run();
    wait(MINUTE_FOR_COUNTING);

    expect(last.status).toBe(201);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('600');
    expect(await refused.json()).toMatchObject({ error: 'temporarily_unavailable' });
    expect(described.status).toBe(200);
    expect((await register(fresh())).status).toBe(201);
  });
});

describe('metadata documents that nobody has allowed (CONTRACT §3)', () => {
  const host = new URL(new Site().url).origin.replace(/:\d+$/, '');

  /** Documents of the host of these sites, each at a port of its own. */
  async function kept(address: string, n: number, more: { age: number; open?: number }): Promise<void> {
    await env.DB.prepare(
      `WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?2)
       INSERT INTO client (client_id, metadata, name, created_at, fresh_until, checked_at, address_hash, flow_until)
       SELECT ?5 || ':' || n || '/' || ?1, '{"redirect_uris":["https://app.example/cb"]}', '', ?3, ?3 + 300, ?3, ?1, ?4 FROM number`,
    )
      .bind(address, n, now() - more.age, more.open === undefined ? null : now() + more.open, host)
      .run();
  }

  it('are 50 of a host, whatever its ports: one without an open flow makes room', async () => {
    await kept('loud', 48, { age: 60, open: HOUR });
    await kept('idle', 2, { age: 10 });

    const first = await Site.serving();
    await authorize(first.client);
    const after = await count('fresh_until IS NOT NULL');

    expect(after).toBe(50);
    expect([await count("address_hash = 'loud'"), await count("address_hash = 'idle'")]).toEqual([48, 1]);
    expect(await isKnown(first.client)).toBe(true);
  });

  it('of another host, allowed ones and those of other addresses are not touched', async () => {
    await kept('loud', 60, { age: 60, open: HOUR });
    await kept('other', 3, { age: 3600, open: HOUR });
    await env.DB.prepare(
      "INSERT INTO client (client_id, metadata, name, created_at, fresh_until) VALUES ('https://elsewhere.example/c', '{}', '', 1, 1)",
    ).run();
    await env.DB.prepare("UPDATE client SET allowed_at = 1 WHERE client_id LIKE '%:7/loud'").run();

    await authorize((await Site.serving()).client);

    expect(await count("address_hash = 'other'")).toBe(3);
    expect(await count("address_hash = 'loud'")).toBe(47); // one is allowed, and three others and the new one are kept
    expect(await count("client_id = 'https://elsewhere.example/c'")).toBe(1);
  });
});
