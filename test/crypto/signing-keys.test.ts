import { createScheduledController } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { randomSecret, seal } from '../../src/crypto/secrets';
import worker from '../../src/index';
import { Browser } from '../support/browser';
import { McpCaller } from '../support/caller';
import { admin, gate, read } from '../support/gate';
import { McpClient } from '../support/mcp-client';

const MINUTE = 60;
const DAY = 86_400;
type Rotated = { signing_key: { kid: string; active_at: string; created_at: string } };

/** Goes on from test to test: a key of tomorrow would be in the way of one of today. */
let clock = Date.now();
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: clock });
});
afterEach(() => {
  vi.useRealTimers();
});

/** From now on the clock stands `seconds` ahead. */
function wait(seconds: number): void {
  clock = Date.now() + seconds * 1000;
  vi.setSystemTime(clock);
}

async function cron(): Promise<void> {
  const controller = createScheduledController({ scheduledTime: new Date(), cron: '17 * * * *' });
  await worker.scheduled(controller, env);
}

const kidOf = (token: string) => decodeProtectedHeader(token).kid ?? '';

/** The ids of the published keys. */
async function published(): Promise<string[]> {
  const response = await gate('/.well-known/jwks.json');
  return ((await response.json()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
}

/** What /mcp answers to an access token. */
async function works(token: string): Promise<boolean> {
  const { status } = await new McpCaller({ authorization: `Bearer ${token}` }).ask('ping');
  return status === 200;
}

describe('the first key', () => {
  it('signs for an isolate, too, whose clock is behind that of its maker', async () => {
    await published();
    wait(5 * MINUTE + 1); // the ring is read again
    await env.DB.prepare('UPDATE signing_key SET active_at = ?')
      .bind(Math.floor(Date.now() / 1000) + 3)
      .run();

    const { access_token } = await (await McpClient.register()).obtainGrant();

    expect(await works(access_token)).toBe(true);
    await env.DB.prepare('UPDATE signing_key SET active_at = created_at').run();
    wait(5 * MINUTE + 1);
  });
});

describe('a key this isolate does not know (ARCHITECTURE, Rules)', () => {
  it('makes it read the ring again at most once in ten seconds', async () => {
    const { access_token } = await (await McpClient.register()).obtainGrant();
    const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
    const kid = `made-${crypto.randomUUID()}`;
    const token = await new SignJWT(decodeJwt(access_token))
      .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid })
      .sign(privateKey);

    wait(11);
    const unknown = await works(token);
    await env.DB.prepare('INSERT INTO signing_key VALUES (?1, ?2, ?3, 1, 1)')
      .bind(kid, JSON.stringify({ ...(await exportJWK(publicKey)), alg: 'RS256', kid }), 'not ours to open')
      .run();
    wait(9);
    const tooSoon = await works(token);
    wait(2);
    const readAgain = await works(token);

    expect([unknown, tooSoon, readAgain]).toEqual([false, false, true]);
    expect(await works(access_token)).toBe(true);
  });
});

describe('replacing the signing key (CONTRACT §5)', () => {
  it('publishes the next key ten minutes before it signs; tokens of both verify through the change', async () => {
    const client = await McpClient.register();
    const before = await client.obtainGrant();
    const old = kidOf(before.access_token);
    const earlier = await published();

    const { signing_key: next, ...answer } = await admin<Rotated>('POST', '/oauth2/keys/rotate');
    const during = await published();
    wait(10 * MINUTE - 2);
    const last = (await client.refresh(before.refresh_token)).body;
    wait(3);
    const first = (await client.refresh(last.refresh_token)).body;

    expect(answer.status).toBe(200);
    expect(Date.parse(next.active_at) - Date.parse(next.created_at)).toBe(10 * MINUTE * 1000);
    expect(during).toEqual([...earlier, next.kid]);
    expect([kidOf(last.access_token), kidOf(first.access_token)]).toEqual([old, next.kid]);
    expect([await works(last.access_token), await works(first.access_token)]).toEqual([true, true]);
    expect(await published()).toEqual(during);
  });

  it('is told of the key that is already waiting when asked again, also at the same moment', async () => {
    const count = (await published()).length;

    const answers = await Promise.all([1, 2, 3].map(() => admin<Rotated>('POST', '/oauth2/keys/rotate')));
    const again = await admin<Rotated>('POST', '/oauth2/keys/rotate');

    const kids = [...answers, again].map(({ signing_key }) => signing_key.kid);
    expect(new Set(kids).size).toBe(1);
    wait(5 * MINUTE);
    expect(await published()).toHaveLength(count + 1);
  });

  it('shows next, active and old, and keeps an old key until the last token it can have signed has expired', async () => {
    await published();
    const { signing_key: second } = await admin<Rotated>('POST', '/oauth2/keys/rotate');
    wait(11 * MINUTE);
    const old = (await published()).filter((kid) => kid !== second.kid);
    const { signing_key: third } = await admin<Rotated>('POST', '/oauth2/keys/rotate');
    const shown = await published();
    wait(DAY - 2 * MINUTE);
    await cron();
    const aDayLater = await published();
    wait(11 * MINUTE);
    const retired = await published();
    await cron();
    const { results } = await env.DB.prepare('SELECT kid FROM signing_key').all();

    expect(shown).toEqual([...old, second.kid, third.kid]);
    expect(aDayLater).toEqual(expect.arrayContaining([...old.slice(-1), second.kid, third.kid]));
    expect(retired).toEqual([second.kid, third.kid]);
    expect(results.map(({ kid }) => kid).sort()).toEqual([second.kid, third.kid].sort());
  });

  it('happens by cron after 90 days, once, and catches up', async () => {
    wait(3 * DAY);
    await cron();
    const [signing] = (await published()).slice(-1);
    wait(85 * DAY);
    await cron();
    const early = await published();
    wait(20 * DAY);
    await cron();
    await cron();
    wait(5 * MINUTE);
    const due = await published();

    expect(early).toEqual([signing]);
    expect(due).toHaveLength(2);
    expect(due[0]).toBe(signing);
  });

  it('is for administrators', async () => {
    expect((await gate('/api/oauth2/keys/rotate', { method: 'POST' })).status).toBe(401);
  });
});

/** Makes keys what they are once the `ENCRYPTION_KEY` that sealed them is lost, and lets this isolate read the ring again. */
async function loseKeys(where = 'true'): Promise<void> {
  const { results } = await env.DB.prepare(`SELECT kid FROM signing_key WHERE ${where}`).all<{
    kid: string;
  }>();
  for (const { kid } of results) {
    const sealed = await seal(randomSecret(), `signing_key/${kid}/sealed`, 'lost');
    await env.DB.prepare('UPDATE signing_key SET sealed = ?2 WHERE kid = ?1').bind(kid, sealed).run();
  }
  wait(5 * MINUTE + 1);
}

type Health = {
  status: string;
  signing_keys: { count: number; active_kid: string | null };
  unreadable?: { kind: string; count: number; remedy: string }[];
};

async function health(): Promise<Health> {
  const response = await gate('/health', {
    headers: { authorization: 'Bearer test-admin-token-of-32-characters' },
  });
  return (await read<Health>(response)).body;
}

async function stored(): Promise<string[]> {
  const { results } = await env.DB.prepare('SELECT kid FROM signing_key').all<{ kid: string }>();
  return results.map(({ kid }) => kid);
}

describe('a stored key that does not open counts as absent (CONTRACT §5)', () => {
  it('is replaced at once by one key, however many ask, while the tokens it signed stay valid', async () => {
    const client = await McpClient.register();
    const before = await client.obtainGrant();
    await loseKeys();
    const keys = await stored();
    const lost = await health();

    const answers = await Promise.all([1, 2, 3].map(() => client.refresh(before.refresh_token)));
    const afterwards = await stored();
    const { access_token } = answers[0]?.body ?? { access_token: '' };

    expect(lost.signing_keys).toEqual({ count: keys.length, active_kid: null });
    expect(lost.unreadable).toEqual([
      { kind: 'signing_keys', count: keys.length, remedy: expect.stringContaining('Nothing to do') },
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(afterwards).toHaveLength(keys.length + 1);
    expect(new Set(answers.map(({ body }) => kidOf(body.access_token))).size).toBe(1);
    expect(keys).not.toContain(kidOf(access_token));
    expect(await published()).toContain(kidOf(access_token));
    expect([await works(before.access_token), await works(access_token)]).toEqual([true, true]);
    expect(await health()).toMatchObject({
      status: 'ok',
      signing_keys: { count: keys.length + 1, active_kid: kidOf(access_token) },
      unreadable: [{ kind: 'signing_keys', count: keys.length }],
    });
  });

  it('is never what a rotation answers: the key of the answer signs', async () => {
    const client = await McpClient.register();
    const grant = await client.obtainGrant();
    await loseKeys();
    const keys = await stored();

    const { signing_key: made } = await admin<Rotated>('POST', '/oauth2/keys/rotate');
    wait(2);
    const { body } = await client.refresh(grant.refresh_token);

    expect(keys).not.toContain(made.kid);
    expect(kidOf(body.access_token)).toBe(made.kid);
    expect(await stored()).toHaveLength(keys.length + 1);
  });

  it('gives way to the next key, when only the waiting one is lost, without an hour in which nothing signs', async () => {
    const client = await McpClient.register();
    const grant = await client.obtainGrant();
    const { signing_key: waiting } = await admin<Rotated>('POST', '/oauth2/keys/rotate');
    await loseKeys(`kid = '${waiting.kid}'`);

    const { signing_key: next } = await admin<Rotated>('POST', '/oauth2/keys/rotate');
    const still = (await client.refresh(grant.refresh_token)).body;
    wait(6 * MINUTE); // the lost one's time has come, the next one's has not
    const early = (await client.refresh(still.refresh_token)).body;

    expect(next.kid).not.toBe(waiting.kid);
    expect(kidOf(still.access_token)).toBe(kidOf(grant.access_token));
    expect(kidOf(early.access_token)).toBe(next.kid);
    expect(await works(early.access_token)).toBe(true);
  });

  it('is replaced by the cron, too, and named on the overview', async () => {
    await (await McpClient.register()).obtainGrant();
    await loseKeys();
    const keys = await stored();

    await cron();
    await cron();

    const { results } = await env.DB.prepare(
      "SELECT detail FROM audit WHERE act = 'signing_key.rotated'",
    ).all();
    const { active_kid } = (await health()).signing_keys;
    expect(keys).not.toContain(active_kid);
    expect(JSON.stringify(results)).toContain(active_kid);
    const overview = await (await Browser.administrator()).open('/admin');
    expect(overview?.html).toContain('ENCRYPTION_KEY doesn’t open');
  });
});
