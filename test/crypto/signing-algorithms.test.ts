import { createScheduledController } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import {
  calculateJwkThumbprint,
  decodeJwt,
  decodeProtectedHeader,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
  SignJWT,
} from 'jose';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { open, randomSecret, seal } from '../../src/crypto/secrets';
import worker from '../../src/index';
import { McpCaller } from '../support/caller';
import { wait } from '../support/clock';
import { deployedWith } from '../support/deployed';
import { admin, configure, gate, ISSUER, read } from '../support/gate';
import { McpClient } from '../support/mcp-client';

const MINUTE = 60;
type PublicKey = JWK & { kid: string; alg: string };
type Stored = { kid: string; public_jwk: string; sealed: string; active_at: number; created_at: number };

afterAll(() => {
  vi.useRealTimers(); // not sooner: the ring this isolate holds must never be from the future
});

const setAlgorithm = (signing_alg: 'RS256' | 'ES256' | null) =>
  configure({ oauth2_server_config: { signing_alg } });
const algorithmOf = (token: string) => decodeProtectedHeader(token).alg;

async function published(): Promise<PublicKey[]> {
  return (await read<{ keys: PublicKey[] }>(await gate('/.well-known/jwks.json'))).body.keys;
}

async function stored(): Promise<Stored[]> {
  return (await env.DB.prepare('SELECT * FROM signing_key ORDER BY active_at').all<Stored>()).results;
}

async function statusOf(token: string): Promise<number> {
  return (await new McpCaller({ authorization: `Bearer ${token}` }).ask('ping')).status;
}

/** No key is left, and this isolate has read so. */
async function withoutKeys(): Promise<void> {
  await env.DB.prepare('DELETE FROM signing_key').run();
  wait(5 * MINUTE + 1);
}

describe('a change of signing_alg (CONTRACT §1, §5)', () => {
  it('makes the next key, published ten minutes before it signs; tokens of both kinds are valid meanwhile', async () => {
    const client = await McpClient.register();
    const before = await client.obtainGrant();

    await setAlgorithm('ES256');
    const [old, next, ...others] = await published();
    wait(10 * MINUTE - 2);
    const last = (await client.refresh(before.refresh_token)).body;
    wait(3);
    const first = (await client.refresh(last.refresh_token)).body;

    expect(others).toEqual([]);
    expect(old).toEqual({
      kty: 'RSA',
      use: 'sig',
      alg: 'RS256',
      kid: expect.any(String),
      n: expect.any(String),
      e: 'AQAB',
    });
    expect(next).toEqual({
      kty: 'EC',
      use: 'sig',
      alg: 'ES256',
      kid: (await calculateJwkThumbprint(next as JWK)).slice(0, 16),
      crv: 'P-256',
      x: expect.any(String),
      y: expect.any(String),
    });
    expect([before, last, first].map(({ access_token }) => decodeProtectedHeader(access_token))).toEqual([
      { alg: 'RS256', typ: 'at+jwt', kid: old?.kid },
      { alg: 'RS256', typ: 'at+jwt', kid: old?.kid },
      { alg: 'ES256', typ: 'at+jwt', kid: next?.kid },
    ]);
    expect([await statusOf(last.access_token), await statusOf(first.access_token)]).toEqual([200, 200]);
    expect(await published()).toEqual([old, next]);
  });

  it('makes one key, however often it is sent, and another when it is taken back', async () => {
    const before = await published();

    await setAlgorithm('ES256');
    const same = await published();
    await setAlgorithm(null);
    await setAlgorithm('RS256');
    const back = (await published()).slice(before.length);
    wait(2);
    const waiting = await admin<{ signing_key: { kid: string } }>('POST', '/oauth2/keys/rotate');

    expect(same).toEqual(before);
    expect(back).toMatchObject([{ alg: 'RS256', kid: waiting.signing_key.kid }]);
    expect(await admin('GET', '/audit?act=signing_key.rotated')).toMatchObject({ total_count: 2 });
  });

  it('goes before a key of the other kind that waits: the newest key is of the algorithm that is set', async () => {
    await setAlgorithm('ES256');
    const { signing_key } = await admin<{ signing_key: { kid: string } }>('POST', '/oauth2/keys/rotate');

    const newest = (await published()).at(-1);

    expect(newest).toMatchObject({ alg: 'ES256', kid: signing_key.kid });
    await setAlgorithm(null);
  });

  it('is seen by the cron when the variable was changed, once', async () => {
    await withoutKeys();
    await published();
    const deployed = { ...env, OAUTH2_SERVER_CONFIG_SIGNING_ALG: 'ES256' };
    const cron = () =>
      worker.scheduled(
        createScheduledController({ scheduledTime: new Date(), cron: '17 * * * *' }),
        deployed,
      );

    await cron();
    await cron();

    expect((await stored()).map(({ public_jwk }) => JSON.parse(public_jwk).alg)).toEqual(['RS256', 'ES256']);
  });

  it('is refused for anything else', async () => {
    const answer = await admin<{ error: { field: string } }>('PUT', '/config', {
      oauth2_server_config: { signing_alg: 'HS256' },
    });

    expect(answer).toMatchObject({ status: 400, error: { field: 'oauth2_server_config.signing_alg' } });
  });
});

describe('a first key of ES256, and one in place of a key that does not open', () => {
  it('signs at once, sealed as any', async () => {
    await withoutKeys();
    await setAlgorithm('ES256');
    const made = await stored();
    const client = await McpClient.register();

    const first = await client.obtainGrant();
    const [row] = await stored();
    const lost = await seal(randomSecret(), `signing_key/${row?.kid}/sealed`, 'lost');
    await env.DB.prepare('UPDATE signing_key SET sealed = ?1').bind(lost).run();
    wait(5 * MINUTE + 1);
    const second = (await client.refresh(first.refresh_token)).body;

    expect(made).toEqual([]);
    expect([first, second].map(({ access_token }) => algorithmOf(access_token))).toEqual(['ES256', 'ES256']);
    expect(decodeProtectedHeader(second.access_token).kid).not.toBe(row?.kid);
    expect([await statusOf(first.access_token), await statusOf(second.access_token)]).toEqual([200, 200]);
    expect(row?.sealed).toMatch(/^[\w-]{8}\.[\w-]{16}\.[\w-]+$/);
    expect(Object.keys((await published())[0] ?? {})).not.toContain('d');
  });
});

describe('the algorithm is that of the key which kid names (SECURITY 10, RFC 8725 §3.1)', () => {
  /** A token of each kind, valid now, and the keys that signed them. */
  async function both() {
    const client = await McpClient.register();
    await withoutKeys();
    await setAlgorithm('RS256');
    const rsa = await client.obtainGrant();
    await setAlgorithm('ES256');
    wait(10 * MINUTE);
    const ec = (await client.refresh(rsa.refresh_token)).body;
    const keys = await published();
    const find = (alg: string) => keys.find((key) => key.alg === alg) as PublicKey;
    const again = await forged(ec.access_token, find('RS256'), 'RS256'); // its own has expired
    return { ec: ec.access_token, rsa: again, ecKey: find('ES256'), rsaKey: find('RS256') };
  }

  /** The claims of `good`, signed with the private half of a key of ours. */
  async function forged(good: string, key: PublicKey, alg: string, kid = key.kid): Promise<string> {
    const row = (await stored()).find((one) => one.kid === key.kid);
    const jwk = await open(env.ENCRYPTION_KEY, `signing_key/${key.kid}/sealed`, row?.sealed ?? '');
    return new SignJWT(decodeJwt(good))
      .setProtectedHeader({ alg, typ: 'at+jwt', kid })
      .sign(await importJWK(JSON.parse(jwk ?? ''), alg));
  }

  const encode = (value: unknown) =>
    btoa(JSON.stringify(value)).replaceAll('=', '').replaceAll('+', '-').replaceAll('/', '_');

  it('so nothing else in the header is believed', async () => {
    const { ec, rsa, ecKey, rsaKey } = await both();
    const claims = decodeJwt(ec);
    const reheaded = (token: string, header: object) =>
      [encode({ ...decodeProtectedHeader(token), ...header }), ...token.split('.').slice(1)].join('.');
    const [ownEc, ownRsa] = await Promise.all([generateKeyPair('ES256'), generateKeyPair('RS256')]);
    const header = (alg: string, { kid }: PublicKey, more = {}) => ({ alg, typ: 'at+jwt', kid, ...more });
    const signed = (given: { alg: string }, key: Parameters<SignJWT['sign']>[0]) =>
      new SignJWT(claims).setProtectedHeader(given).sign(key);
    const bytes = (key: PublicKey) => new TextEncoder().encode(JSON.stringify(key));

    const tokens = {
      'RS256 re-headed as ES256': reheaded(rsa, { alg: 'ES256' }),
      'ES256 re-headed as RS256': reheaded(ec, { alg: 'RS256' }),
      'ES256 by another key of ours under the kid of an RSA one': await forged(
        ec,
        ecKey,
        'ES256',
        rsaKey.kid,
      ),
      'RS256 by another key of ours under the kid of an EC one': await forged(ec, rsaKey, 'RS256', ecKey.kid),
      'ES256 by a stranger': await signed(header('ES256', ecKey), ownEc.privateKey),
      'ES256 by a stranger under the kid of an RSA key': await signed(
        header('ES256', rsaKey),
        ownEc.privateKey,
      ),
      'RS256 by a stranger under the kid of an EC key': await signed(
        header('RS256', ecKey),
        ownRsa.privateKey,
      ),
      'no algorithm, RSA kid': `${encode(header('none', rsaKey))}.${encode(claims)}.`,
      'no algorithm, EC kid': `${encode(header('none', ecKey))}.${encode(claims)}.`,
      'HS256 with the RSA public key': await signed(header('HS256', rsaKey), bytes(rsaKey)),
      'HS256 with the EC public key': await signed(header('HS256', ecKey), bytes(ecKey)),
      'an embedded jwk': await signed(
        header('ES256', ecKey, { jwk: await exportJWK(ownEc.publicKey) }),
        ownEc.privateKey,
      ),
      'an address of keys': await signed(header('ES256', ecKey, { jku: `${ISSUER}/keys` }), ownEc.privateKey),
    };

    expect([await statusOf(ec), await statusOf(rsa)]).toEqual([200, 200]);
    for (const [name, token] of Object.entries(tokens))
      expect([name, await statusOf(token)]).toEqual([name, 401]);
  });
});

describe('a signature is verified once a token (CONTRACT §1)', () => {
  it('while the key, the time and the issuer are as they were', async () => {
    const { access_token: token } = await (await McpClient.register()).obtainGrant();
    const verify = vi.spyOn(crypto.subtle, 'verify');
    const imports = vi.spyOn(crypto.subtle, 'importKey');

    const statuses = [await statusOf(token), await statusOf(token), await statusOf(token)];
    const [verified, imported] = [verify.mock.calls.length, imports.mock.calls.length];
    wait(5 * MINUTE + 1); // the ring is read again
    const later = await statusOf(token);
    const still = verify.mock.calls.length;
    vi.restoreAllMocks();
    wait(6 * MINUTE);
    const expired = await statusOf(token);

    expect(statuses).toEqual([200, 200, 200]);
    expect([verified, imported, still]).toEqual([1, 0, 1]);
    expect([later, expired]).toEqual([200, 401]);
  });

  it('and is none of another issuer', async () => {
    const client = await McpClient.register();
    const { access_token: token } = await client.obtainGrant();
    await statusOf(token);
    const body = new URLSearchParams({ client_id: client.clientId, token });
    const moved = { OAUTH2_SERVER_CONFIG_ISSUER_URL: 'https://moved.example' };

    const revoked = await deployedWith(moved, `${ISSUER}/oauth2/revoke`, { method: 'POST', body });

    expect([revoked.status, await statusOf(token)]).toEqual([200, 200]);
  });

  it('and refused once its key is gone', async () => {
    const { access_token: token } = await (await McpClient.register()).obtainGrant();
    const before = await statusOf(token);

    await withoutKeys();
    await published();

    expect([before, await statusOf(token)]).toEqual([200, 401]);
  });
});
