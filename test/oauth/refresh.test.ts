import { env } from 'cloudflare:workers';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { Browser } from '../support/browser';
import { wait } from '../support/clock';
import { faulty } from '../support/faults';
import { administer, configure, ISSUER, newKey } from '../support/gate';
import { shown } from '../support/identity-places';
import { McpClient } from '../support/mcp-client';
import { Provider } from '../support/provider';
import { objectCallsOf, roundTripsOf } from '../support/round-trips';

const { DB } = env;
const refused = { status: 400, body: { error: 'invalid_grant' } };

afterEach(() => void vi.useRealTimers());

/** An app that someone allowed with a key of their own. */
async function allowed(metadata: Record<string, unknown> = {}) {
  const [client, key] = [await McpClient.register(metadata), await newKey()];
  const { refresh_token } = await client.obtainGrant({ key: key.value, answers: { expires_in: '0' } });
  return { client, key, token: refresh_token, id: refresh_token.slice(0, 64) };
}

const rowOf = (id: string) =>
  DB.prepare('SELECT * FROM oauth_grant WHERE grant_id = ?1').bind(id).first<Record<string, unknown>>();
const setRow = (id: string, set: string) =>
  DB.prepare(`UPDATE oauth_grant SET ${set} WHERE grant_id = ?1`).bind(id).run();
const narrow = (id: string) => administer('PUT', `/oauth2/sessions/${id}`, { read_only: true });

/** Refreshes with `token`, which has to succeed. @returns the successor */
async function renewed(client: McpClient, token: string, changes: Record<string, string> = {}) {
  const { status, body } = await client.refresh(token, changes);
  expect({ status, error: body.error }).toEqual({ status: 200, error: undefined });
  return body.refresh_token;
}

/** Does `work` while no statement about the index of grants succeeds, and all others do. */
async function withoutIndex<T>(work: () => Promise<T>): Promise<T> {
  await DB.prepare('ALTER TABLE oauth_grant RENAME TO oauth_grant_away').run();
  try {
    return await work();
  } finally {
    await DB.prepare('ALTER TABLE oauth_grant_away RENAME TO oauth_grant').run();
  }
}

describe('a refresh', () => {
  beforeAll(() => configure({ revocation_lag: 60 })); // so that settings are read beforehand
  afterAll(() => configure({ revocation_lag: null }));

  /** What a refresh with `token` asks of storage. */
  async function asked(refresh: (token: string) => Promise<{ status: number }>, token: string) {
    let objects: string[] = [];
    let status = 0;
    const trips = await roundTripsOf(async () => {
      objects = await objectCallsOf(async () => {
        ({ status } = await refresh(token));
      });
    });
    return { status, trips, objects };
  }
  /** Refreshes with `token`, and waits until the index has that. @returns the successor */
  async function noted(client: McpClient, token: string) {
    const second = await renewed(client, token);
    await vi.waitFor(async () => expect((await rowOf(token.slice(0, 64)))?.last_used_at).not.toBeNull());
    return second;
  }
  const once = { status: 200, trips: 1, objects: ['rotate'] };

  it('is one round trip to D1 and one call of the grant’s object', async () => {
    const { client, token } = await allowed();
    const second = await noted(client, token);

    expect(await asked((one) => client.refresh(one), second)).toEqual(once);
  });

  it('is no more for a confidential client, a person, or after a change', async () => {
    const { provider, browser } = { provider: await Provider.start(), browser: new Browser() };
    const secret = await allowed({ token_endpoint_auth_method: 'client_secret_post' });
    const changed = await allowed();
    await narrow(changed.id);
    const person = await McpClient.register();
    const first = shown(await browser.open(await person.authorizeUrl()));
    await browser.submit(first, { identity: 'user', decision: 'continue' });
    const services = shown(await provider.approve(browser, `p${crypto.randomUUID()}@acme.example`));
    await browser.submit(services, { decision: 'allow' });
    const { body } = await person.redeem(browser.callback?.searchParams.get('code') ?? '');

    for (const [client, token] of [
      [secret.client, secret.token],
      [changed.client, changed.token],
      [person, body.refresh_token],
    ] as const) {
      const second = await noted(client, token);
      expect(await asked((one) => client.refresh(one), second)).toEqual(once);
    }
  });

  it('is noted in the index once an hour', async () => {
    const { client, token, id } = await allowed();
    const usedAt = async () => (await rowOf(id))?.last_used_at as number | null;
    const before = await usedAt();

    const second = await renewed(client, token);
    const first = await vi.waitFor(async () => expect(await usedAt()).not.toBeNull()).then(usedAt);
    wait(3500);
    const third = await renewed(client, second);
    const same = await usedAt();
    wait(200);
    await renewed(client, third);

    expect(before).toBeNull();
    expect(same).toBe(first);
    await vi.waitFor(async () => expect(await usedAt()).toBeGreaterThanOrEqual((first ?? 0) + 3600));
  });

  it('loses no token, whichever call of storage fails or loses its answer', async () => {
    for (const isLost of [false, true]) {
      for (let nth = 1, failed = true; failed; nth++) {
        const { client, token } = await allowed();
        const first = await faulty({ nth, isOnwards: false, isLost }, () => client.refresh(token));
        failed = first.failed;

        const again = await client.refresh(token);
        expect([200, 503]).toContain(first.value.status);
        expect(again).toMatchObject({ status: 200, body: { refresh_token: expect.stringContaining('.2.') } });
        if (first.value.status === 200) expect(again.body.refresh_token).toBe(first.value.body.refresh_token);
      }
    }
  });
});

describe('a refresh while only the index of grants is away', () => {
  it('is answered', async () => {
    const { client, token } = await allowed();

    const second = await withoutIndex(() => renewed(client, token));

    await renewed(client, second);
  });

  it('is refused as it is else: for another client, another resource, a key that is inactive', async () => {
    const { client, key, token } = await allowed();
    const other = await McpClient.register();

    const [others, elsewhere] = await withoutIndex(async () => [
      await other.refresh(token),
      await client.refresh(token, { resource: `${ISSUER}/mcp/other` }),
    ]);
    const second = await renewed(client, token);
    await DB.prepare('UPDATE virtual_key SET is_active = 0 WHERE id = ?1').bind(key.id).run();
    const inactive = await withoutIndex(() => client.refresh(second));

    expect(others).toMatchObject(refused);
    expect(elsewhere).toMatchObject({ status: 400, body: { error: 'invalid_target' } });
    expect(inactive).toMatchObject(refused);
  });

  it('waits where the grant was changed, and loses no token', async () => {
    const { client, token, id } = await allowed();
    await narrow(id);

    const waiting = await withoutIndex(() => client.refresh(token));

    expect(waiting.status).toBe(503);
    await renewed(client, token);
  });
});

describe('a refresh where the index says other things than the grant’s object (SECURITY 26)', () => {
  it('goes by the object where there is no row', async () => {
    const { client, key, token, id } = await allowed();
    const row = await rowOf(id);
    await DB.prepare('DELETE FROM oauth_grant WHERE grant_id = ?1').bind(id).run();

    const second = await renewed(client, token);
    await DB.prepare('UPDATE virtual_key SET is_active = 0 WHERE id = ?1').bind(key.id).run();

    expect(row).not.toBeNull();
    expect(await client.refresh(second)).toMatchObject(refused);
  });

  it.each([
    ['client', async () => `client_id = '${(await McpClient.register()).clientId}'`],
    ['identity', async () => `subject = 'vk:${(await newKey()).id}'`],
    ['generation', async () => 'generation = 2'],
    ['resource', async () => `resource = '${ISSUER}/mcp/other'`],
    ['scope', async () => "scope = 'mcp:read', asked_scope = 'mcp:read'"],
  ])('goes by the object for its %s', async (_, set) => {
    const { client, key, token, id } = await allowed();
    await setRow(id, await set());

    const second = await renewed(client, token);
    await DB.prepare('UPDATE virtual_key SET is_active = 0 WHERE id = ?1').bind(key.id).run();

    expect(await client.refresh(second)).toMatchObject(refused);
  });

  it('gives no wider scope than the object, and spends nothing where that is too little', async () => {
    const { client, token, id } = await allowed();
    const { scope, asked_scope, terms_version } = (await rowOf(id)) ?? {};
    await narrow(id);
    await setRow(
      id,
      `scope = '${scope}', asked_scope = '${asked_scope}', read_only = 0, terms_version = ${terms_version}`,
    );

    const writing = await client.refresh(token, { scope: 'mcp:write' });
    const reading = await client.refresh(token);

    expect(writing).toMatchObject({ status: 400, body: { error: 'invalid_scope' } });
    expect(reading).toMatchObject({ status: 200, body: { scope: 'mcp:read' } });
    expect(reading.body.refresh_token).toContain('.2.');
    expect(await rowOf(id)).toMatchObject({ scope: 'mcp:read', read_only: 1, terms_version: 1 });
  });

  it('tells no one without the token what the grant is', async () => {
    const { client, token, id } = await allowed();
    const forged = `${token.slice(0, -4)}AAAA`;

    const answers = [
      await client.refresh(forged, { resource: `${ISSUER}/mcp/other` }),
      await client.refresh(forged, { scope: 'mcp:write' }),
    ];
    await setRow(id, 'generation = 2');
    answers.push(await client.refresh(forged));

    expect(new Set(answers.map(({ body }) => body.error_description)).size).toBe(1);
    for (const answer of answers) expect(answer).toMatchObject(refused);
    await renewed(client, token);
  });
});

describe('a client that is not authenticated', () => {
  it('spends nothing, whatever it presents', async () => {
    const { client, token } = await allowed({ token_endpoint_auth_method: 'client_secret_post' });
    const wrong = await client.refresh(token, { client_secret: 'wrong' });
    const unknown = await client.refresh(token, { client_id: crypto.randomUUID() });

    expect([wrong.status, unknown.status]).toEqual([401, 401]);
    expect(await renewed(client, token)).toContain('.2.');
  });
});
