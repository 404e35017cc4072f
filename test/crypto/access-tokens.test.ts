import { env } from 'cloudflare:workers';
import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { open, seal } from '../../src/crypto/secrets';
import { wait } from '../support/clock';
import { gate, ISSUER } from '../support/gate';
import { McpClient } from '../support/mcp-client';

type Row = { kid: string; public_jwk: string; sealed: string };
const rows = async () => (await env.DB.prepare('SELECT * FROM signing_key').all<Row>()).results;
const placeOf = (kid: string) => `signing_key/${kid}/sealed`;
const publishedKids = async () =>
  ((await (await gate('/.well-known/jwks.json')).json()) as { keys: { kid: string }[] }).keys.map(
    ({ kid }) => kid,
  );
const partOf = (token: string, place: number) =>
  JSON.parse(atob((token.split('.')[place] ?? '').replaceAll('-', '+').replaceAll('_', '/')));

/** The status /mcp answers to an access token. */
async function statusOf(token: string): Promise<number> {
  const response = await gate('/mcp', {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
  });
  await response.text();
  return response.status;
}

/** The gateway's own private key: what a forger would have at best. */
async function privateJwk(): Promise<JWK & { kid: string }> {
  const [row] = await rows();
  if (!row) throw new Error('no key was made yet');
  const text = await open(env.ENCRYPTION_KEY, placeOf(row.kid), row.sealed);
  return { ...JSON.parse(text ?? ''), kid: row.kid };
}

type Forgery = { header?: Record<string, unknown>; claims?: Record<string, unknown> };

/** A token under the gateway's own key, good but for `header` and `claims`; undefined leaves a member out. */
async function forge(good: string, { header, claims }: Forgery): Promise<string> {
  const protectedHeader = { ...partOf(good, 0), ...header };
  const key = await importJWK({ ...(await privateJwk()), alg: protectedHeader.alg }, protectedHeader.alg);
  return new SignJWT({ ...partOf(good, 1), ...claims }).setProtectedHeader(protectedHeader).sign(key);
}

const now = () => Math.floor(Date.now() / 1000);

afterAll(() => {
  vi.useRealTimers(); // not sooner: the ring this isolate holds must never be from the future
});

describe('the first key', () => {
  it('spends no code while signing keys cannot be read or opened (CONTRACT §5)', async () => {
    const client = await McpClient.register();
    const code = await client.obtainCode();
    await env.DB.prepare('ALTER TABLE signing_key RENAME TO signing_key_away').run();

    const down = await client.redeem(code);
    await env.DB.prepare('ALTER TABLE signing_key_away RENAME TO signing_key').run();
    const up = await client.redeem(code);

    expect(down).toMatchObject({ status: 500, body: { error: 'server_error' } });
    expect(up.status).toBe(200);
  });

  it('is one, though many need it at once', async () => {
    wait(301); // past the life of a ring
    await env.DB.prepare('DELETE FROM signing_key').run();

    await Promise.all([publishedKids(), publishedKids(), publishedKids()]);

    expect(await rows()).toHaveLength(1);
  });
});

describe('verifying an access token (RFC 9068 §4, RFC 8725 §3)', () => {
  it('takes a good one, 3 seconds after its time too', async () => {
    const { access_token } = await (await McpClient.register()).obtainGrant();

    expect(await statusOf(await forge(access_token, {}))).toBe(200);
    expect(await statusOf(await forge(access_token, { claims: { exp: now() - 3 } }))).toBe(200);
    expect(await statusOf(await forge(access_token, { claims: { nbf: now() + 3 } }))).toBe(200);
  });

  it.each<[string, () => Forgery]>([
    ['another type', () => ({ header: { typ: 'JWT' } })],
    ['no type', () => ({ header: { typ: undefined } })],
    ['another algorithm under the same key', () => ({ header: { alg: 'PS256' } })],
    ['no kid', () => ({ header: { kid: undefined } })],
    ['an unknown kid', () => ({ header: { kid: 'nobody' } })],
    ['another issuer', () => ({ claims: { iss: 'https://evil.example' } })],
    ['no issuer', () => ({ claims: { iss: undefined } })],
    ['another audience', () => ({ claims: { aud: 'https://evil.example/mcp' } })],
    ['the audience of one server', () => ({ claims: { aud: `${ISSUER}/mcp/other` } })],
    ['several audiences', () => ({ claims: { aud: [`${ISSUER}/mcp`, 'https://evil.example'] } })],
    ['no audience', () => ({ claims: { aud: undefined } })],
    ['a time that is over', () => ({ claims: { exp: now() - 6 } })],
    ['no end', () => ({ claims: { exp: undefined } })],
    ['a time to come', () => ({ claims: { nbf: now() + 10 } })],
    ['no beginning', () => ({ claims: { nbf: undefined } })],
    ['no time of issue', () => ({ claims: { iat: undefined } })],
    ['another subject', () => ({ claims: { sub: 'vk:another' } })],
    ['no subject', () => ({ claims: { sub: undefined } })],
    ['no client', () => ({ claims: { client_id: undefined } })],
    ['a client that is no text', () => ({ claims: { client_id: 7 } })],
    ['a scope that is no text', () => ({ claims: { scope: ['mcp'] } })],
    ['no jti', () => ({ claims: { jti: undefined } })],
    ['another grant', () => ({ claims: { grant_id: '0'.repeat(64) } })],
  ])('refuses %s', async (_, forgery) => {
    const { access_token } = await (await McpClient.register()).obtainGrant();

    expect(await statusOf(await forge(access_token, forgery()))).toBe(401);
  });

  it('refuses alg none, the public key as a shared secret, and a key the token brings along', async () => {
    const { access_token } = await (await McpClient.register()).obtainGrant();
    const [header, payload] = [partOf(access_token, 0), partOf(access_token, 1)];
    const encode = (value: unknown) => btoa(JSON.stringify(value)).replaceAll('=', '');
    const [row] = await rows();
    const { privateKey, publicKey } = await generateKeyPair('RS256');
    const jwk = await exportJWK(publicKey);

    const none = `${encode({ ...header, alg: 'none' })}.${encode(payload)}.`;
    const shared = await new SignJWT(payload)
      .setProtectedHeader({ ...header, alg: 'HS256' })
      .sign(new TextEncoder().encode(row?.public_jwk));
    const embedded = await new SignJWT(payload).setProtectedHeader({ ...header, jwk }).sign(privateKey);

    for (const token of [none, shared, embedded, `${access_token}x`, 'a.b.c']) {
      expect(await statusOf(token)).toBe(401);
    }
  });
});

describe('the ring (CONTRACT §5)', () => {
  /** Adds a key that signs from `activeAt` on, as a rotation in another isolate would. */
  async function addKey(kid: string, activeAt: number): Promise<void> {
    const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
    const published = { ...(await exportJWK(publicKey)), use: 'sig', alg: 'RS256', kid };
    const sealed = await seal(env.ENCRYPTION_KEY, placeOf(kid), JSON.stringify(await exportJWK(privateKey)));
    await env.DB.prepare('INSERT INTO signing_key VALUES (?1, ?2, ?3, ?4, ?4)')
      .bind(kid, JSON.stringify(published), sealed, activeAt)
      .run();
  }

  it('publishes the next key before it signs, and the one before it afterwards', async () => {
    const client = await McpClient.register();
    const before = await client.obtainGrant();
    await addKey('next', now() + 600);

    wait(301);
    const [first] = await publishedKids();
    const still = await client.refresh(before.refresh_token);
    wait(301);
    const after = await client.refresh(still.body.refresh_token);

    expect(await publishedKids()).toContain('next');
    expect(partOf(still.body.access_token, 0).kid).toBe(first);
    expect(partOf(after.body.access_token, 0).kid).toBe('next');
    expect(await publishedKids()).toContain(first);
    expect(await statusOf(still.body.access_token)).toBe(200);
    await env.DB.prepare("DELETE FROM signing_key WHERE kid = 'next'").run();
    wait(301);
    await publishedKids();
  });

  it('looks an unknown kid up in storage, at most once in 10 seconds', async () => {
    const { access_token } = await (await McpClient.register()).obtainGrant();
    wait(11);
    expect(await statusOf(await forge(access_token, { header: { kid: 'nobody' } }))).toBe(401);
    const key = await privateJwk();
    await env.DB.prepare(
      "INSERT INTO signing_key SELECT 'twin', public_jwk, 'not opened', 0, 0 FROM signing_key WHERE kid = ?",
    )
      .bind(key.kid)
      .run();
    const signedByTwin = await forge(access_token, { header: { kid: 'twin' } });

    wait(5);
    const within = await statusOf(signedByTwin);
    wait(6);
    const after = await statusOf(signedByTwin);

    expect([within, after]).toEqual([401, 200]);
    await env.DB.prepare("DELETE FROM signing_key WHERE kid = 'twin'").run();
  });

  it('goes on with the keys it knows while storage does not answer', async () => {
    const { access_token } = await (await McpClient.register()).obtainGrant();
    const claims = { exp: now() + 3600 };
    const token = await forge(access_token, { claims });
    const ofUnknownKey = await forge(access_token, { claims, header: { kid: 'nobody' } });
    await env.DB.prepare('ALTER TABLE signing_key RENAME TO signing_key_away').run();

    wait(301);
    const status = await statusOf(token);
    const unknown = await statusOf(ofUnknownKey);
    await env.DB.prepare('ALTER TABLE signing_key_away RENAME TO signing_key').run();

    expect(status).toBe(200);
    expect(unknown).toBe(500); // a refusal would be for good
  });

  it('verifies with a replaced key until the last token it can have signed is over, then with it no more', async () => {
    const { access_token } = await (await McpClient.register()).obtainGrant();
    const token = await forge(access_token, { claims: { exp: now() + 7 * 86_400 } });
    await addKey('later', now());

    wait(86_400 + 590);
    const before = await statusOf(token);
    wait(11);
    const retired = await statusOf(token);

    expect([before, retired]).toEqual([200, 401]);
    expect(await rows()).toHaveLength(2); // the cron has not deleted it yet
  });

  it('does not sign with a private key that was moved to another row (SECURITY 19)', async () => {
    const client = await McpClient.register();
    const { kid } = partOf((await client.obtainGrant()).access_token, 0);
    wait(1);
    await addKey('moved', now());
    await env.DB.prepare(
      "UPDATE signing_key SET sealed = (SELECT sealed FROM signing_key WHERE kid = ?1) WHERE kid = 'moved'",
    )
      .bind(kid)
      .run();

    wait(301);
    const { access_token } = await client.obtainGrant();

    expect(partOf(access_token, 0).kid).not.toBe('moved');
    expect(await statusOf(access_token)).toBe(200);
    wait(2); // a key of the next test is later than the one that was made now
  });

  it('does not sign with a key that does not open with this ENCRYPTION_KEY, but makes another (CONTRACT §5)', async () => {
    const client = await McpClient.register();
    await addKey('foreign', now());
    await env.DB.prepare("UPDATE signing_key SET sealed = 'AAAAAAAA.AAAA.AAAA' WHERE kid = 'foreign'").run();
    const before = await publishedKids();

    wait(301);
    const { access_token } = await client.obtainGrant();

    expect([...before, 'foreign']).not.toContain(partOf(access_token, 0).kid);
    expect(await statusOf(access_token)).toBe(200);
  });
});
