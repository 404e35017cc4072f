import {
  calculateJwkThumbprint,
  errors,
  importJWK,
  type JWK,
  type JWTPayload,
  jwtVerify,
  SignJWT,
} from 'jose';
import { Unavailable } from '../protocol/error';
import type { SealedValue } from './reseal';
import { open, seal } from './secrets';

const ALGORITHM = 'RS256';
/** How long a ring read from D1 is used before it is read again: well under {@link AHEAD}. Milliseconds. */
const RING_LIFE = 300_000;
/** How often at most an unknown `kid`, or a D1 that does not answer, makes an isolate read the ring again. Milliseconds. */
const PAUSE = 10_000;
/** A key signs for this long before another takes its place. Seconds: 90 days. */
const ROTATED_EVERY = 90 * 86_400;
/** How long a new key is published before it signs: isolates read it, and clients their `max-age=300` copy, before. Seconds. */
const AHEAD = 600;
/** How long a replaced key is kept: the longest life an access token can be given, and {@link AHEAD} for late signers. Seconds. */
const KEPT = 86_400 + AHEAD;
/** Skew forgiven between two of our own isolates, seconds. */
const SKEW = 5;

/** The claims of an access token (RFC 9068 §2.2), besides the times. */
export type AccessTokenClaims = {
  iss: string;
  sub: string;
  aud: string;
  client_id: string;
  scope: string;
  jti: string;
  grant_id: string;
};

type SigningKey = {
  kid: string;
  publicJwk: JWK;
  verifyKey: CryptoKey;
  sealed: string;
  /** Signs from here on, until a later key does. */
  activeAt: number;
  /** Nothing it signed is valid any more; null while no later key is known. */
  retiredAt: number | null;
};
/** The keys by `kid`, the one that signs last at the end. */
type Ring = ReadonlyMap<string, SigningKey>;

/** What this isolate knows of the ring, and when it last set out to read it (epoch milliseconds). */
let known: { ring: Ring; askedAt: number } | null = null;
/** Private keys opened by this isolate, by `kid`. */
const privateKeys = new Map<string, CryptoKey>();

/** The public keys (RFC 7517 §5): the active one, the next, and those whose tokens still live. Makes the first on first need. */
export async function publicKeys(db: D1Database, encryptionKey: string): Promise<JWK[]> {
  await activeKey(db, encryptionKey);
  const now = Date.now() / 1000;
  return [...(await currentRing(db)).values()]
    .filter((key) => !isRetired(key, now))
    .map(({ publicJwk }) => publicJwk);
}

/** How many keys are kept, and which one signs now; null: none was needed yet. */
export async function keyRing(db: D1Database): Promise<{ count: number; activeKid: string | null }> {
  const ring = await readRing(db);
  return { count: ring.size, activeKid: active(ring)?.kid ?? null };
}

/** A key that is to sign next, or does already when it is the first. Times are epoch seconds. */
export type NextKey = { kid: string; activeAt: number; createdAt: number };

/**
 * Makes the key that takes over in ten minutes, at `now` (epoch seconds), unless one is already waiting to: whoever asks
 * at the same moment is told of the same key.
 */
export async function rotateSigningKey(db: D1Database, encryptionKey: string, now: number): Promise<NextKey> {
  const newest = await newestKey(db);
  if (newest && newest.activeAt > now) return newest;
  await makeKey(db, encryptionKey, now, newest ? now + AHEAD : now);
  known = null;
  const made = await newestKey(db);
  if (!made) throw new Error('no signing key after making one');
  return made;
}

/** The same when the newest key has signed for 90 days. Null when none is due, or none was ever needed. */
export async function rotateSigningKeyWhenDue(
  db: D1Database,
  encryptionKey: string,
  now: number,
): Promise<NextKey | null> {
  const newest = await newestKey(db);
  return newest && newest.activeAt <= now - ROTATED_EVERY ? rotateSigningKey(db, encryptionKey, now) : null;
}

/** Deletes the keys whose tokens have all expired at `now` (epoch seconds). @returns their ids. */
export async function deleteRetiredKeys(db: D1Database, now: number): Promise<string[]> {
  const { results } = await db
    .prepare(
      `DELETE FROM signing_key WHERE EXISTS (
         SELECT 1 FROM signing_key later WHERE later.active_at > signing_key.active_at AND later.active_at <= ?1
       ) RETURNING kid`,
    )
    .bind(now - KEPT)
    .all<{ kid: string }>();
  for (const { kid } of results) privateKeys.delete(kid);
  return results.map(({ kid }) => kid);
}

/** The private keys as they are kept, for `reseal` of reseal.ts. */
export async function sealedSigningKeys(db: D1Database): Promise<SealedValue[]> {
  const { results } = await db
    .prepare('SELECT kid, sealed FROM signing_key')
    .all<{ kid: string; sealed: string }>();
  return results.map(({ kid, sealed }) => ({
    place: placeOf(kid),
    sealed,
    replace: (by) =>
      db
        .prepare('UPDATE signing_key SET sealed = ?3 WHERE kid = ?1 AND sealed = ?2')
        .bind(kid, sealed, by)
        .run(),
  }));
}

/** Has the key that signs now at hand, so that what follows a spent code cannot fail for want of storage. */
export async function readySigningKey(db: D1Database, encryptionKey: string): Promise<void> {
  await privateKey(encryptionKey, await activeKey(db, encryptionKey));
}

/** Signs an access token (RFC 9068) that lives from `now` to `expiresAt`, both epoch seconds. */
export async function signAccessToken(
  db: D1Database,
  encryptionKey: string,
  claims: AccessTokenClaims,
  now: number,
  expiresAt: number,
): Promise<string> {
  const key = await activeKey(db, encryptionKey);
  return new SignJWT(claims)
    .setProtectedHeader({ alg: ALGORITHM, typ: 'at+jwt', kid: key.kid })
    .setIssuedAt(now)
    .setNotBefore(now)
    .setExpirationTime(expiresAt)
    .sign(await privateKey(encryptionKey, key));
}

/**
 * The claims of an access token of ours, or null for anything else: another algorithm, type, issuer or key, out of
 * time, or incomplete (RFC 8725 §3). The audience is the caller's to judge. Reads memory only in the common case.
 */
export async function verifyAccessToken(
  db: D1Database,
  token: string,
  issuer: string,
): Promise<(AccessTokenClaims & { exp: number }) | null> {
  try {
    const { payload } = await jwtVerify(token, ({ kid }) => verifyKey(db, kid), {
      algorithms: [ALGORITHM],
      typ: 'at+jwt',
      issuer,
      clockTolerance: SKEW,
      requiredClaims: ['sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'client_id', 'scope', 'grant_id'],
    });
    return areClaims(payload) ? payload : null;
  } catch (error) {
    if (error instanceof errors.JOSEError) return null;
    throw error;
  }
}

function areClaims(payload: JWTPayload): payload is AccessTokenClaims & { exp: number } {
  const { aud, client_id, scope, grant_id } = payload;
  return [aud, client_id, scope, grant_id].every((claim) => typeof claim === 'string');
}

async function verifyKey(db: D1Database, kid: string | undefined): Promise<CryptoKey> {
  if (!kid) throw new errors.JWKSNoMatchingKey();
  let key = (await currentRing(db)).get(kid);
  if (!key && known && known.askedAt + PAUSE <= Date.now()) key = (await readRing(db)).get(kid);
  if (!key || isRetired(key, Date.now() / 1000)) throw new errors.JWKSNoMatchingKey();
  return key.verifyKey;
}

/** The key that signs now: the latest whose time has come. */
async function activeKey(db: D1Database, encryptionKey: string): Promise<SigningKey> {
  const signing = active(await currentRing(db));
  if (signing) return signing;
  const now = Math.floor(Date.now() / 1000);
  await makeKey(db, encryptionKey, now, now);
  const made = active(await readRing(db));
  if (!made) throw new Error('no signing key after making one');
  return made;
}

/** The latest key whose time has come; the first key also for an isolate whose clock is behind its maker's. */
function active(ring: Ring): SigningKey | undefined {
  const now = Date.now() / 1000;
  const keys = [...ring.values()];
  return keys.findLast(({ activeAt }) => activeAt <= now) ?? keys[0];
}

function isRetired({ retiredAt }: SigningKey, now: number): boolean {
  return retiredAt !== null && retiredAt <= now;
}

/** The key that signs last; null when none was needed yet. */
async function newestKey(db: D1Database): Promise<NextKey | null> {
  const row = await db
    .prepare('SELECT kid, active_at, created_at FROM signing_key ORDER BY active_at DESC LIMIT 1')
    .first<{ kid: string; active_at: number; created_at: number }>();
  return row && { kid: row.kid, activeAt: row.active_at, createdAt: row.created_at };
}

/** Makes the key that signs from `activeAt` on. When two isolates do so at once, one row stands. */
async function makeKey(db: D1Database, encryptionKey: string, now: number, activeAt: number): Promise<void> {
  const rsa = {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
  };
  const pair = (await crypto.subtle.generateKey(rsa, true, ['sign', 'verify'])) as CryptoKeyPair;
  const [publicJwk, privateJwk] = (await Promise.all([
    crypto.subtle.exportKey('jwk', pair.publicKey),
    crypto.subtle.exportKey('jwk', pair.privateKey),
  ])) as [JWK, JWK];
  const kid = (await calculateJwkThumbprint(publicJwk)).slice(0, 16);
  const { kty, n, e } = publicJwk;
  await db
    .prepare(
      `INSERT INTO signing_key (kid, public_jwk, sealed, active_at, created_at) SELECT ?1, ?2, ?3, ?4, ?5
       WHERE NOT EXISTS (SELECT 1 FROM signing_key WHERE active_at > ?5) AND (?4 > ?5 OR NOT EXISTS (SELECT 1 FROM signing_key))`,
    )
    .bind(
      kid,
      JSON.stringify({ kty, use: 'sig', alg: ALGORITHM, kid, n, e }),
      await seal(encryptionKey, placeOf(kid), JSON.stringify(privateJwk)),
      activeAt,
      now,
    )
    .run();
}

const placeOf = (kid: string) => `signing_key/${kid}/sealed`;

async function privateKey(encryptionKey: string, { kid, sealed }: SigningKey): Promise<CryptoKey> {
  const opened = privateKeys.get(kid);
  if (opened) return opened;
  const jwk = await open(encryptionKey, placeOf(kid), sealed);
  if (!jwk) throw new Unavailable('the signing key does not open with this ENCRYPTION_KEY');
  const key = (await importJWK(JSON.parse(jwk), ALGORITHM)) as CryptoKey;
  privateKeys.set(kid, key);
  return key;
}

/** The ring as this isolate knows it. An empty one is not remembered: a first key works everywhere at once. */
async function currentRing(db: D1Database): Promise<Ring> {
  if (known?.ring.size && Date.now() < known.askedAt + RING_LIFE) return known.ring;
  const before = known;
  try {
    return await readRing(db);
  } catch (cause) {
    if (!before?.ring.size) throw cause;
    known = { ring: before.ring, askedAt: Date.now() + PAUSE - RING_LIFE };
    return before.ring; // keys do not go bad while D1 does not answer
  }
}

async function readRing(db: D1Database): Promise<Ring> {
  if (known) known.askedAt = Date.now(); // those beside this request go on with what is known
  const { results } = await db
    .prepare('SELECT kid, public_jwk, sealed, active_at FROM signing_key ORDER BY active_at')
    .all<{ kid: string; public_jwk: string; sealed: string; active_at: number }>();
  const keys = await Promise.all(
    results.map(async ({ kid, public_jwk, sealed, active_at }, place): Promise<[string, SigningKey]> => {
      const publicJwk = JSON.parse(public_jwk) as JWK;
      const verifyKey = (await importJWK(publicJwk, ALGORITHM)) as CryptoKey;
      const later = results[place + 1];
      const retiredAt = later ? later.active_at + KEPT : null;
      return [kid, { kid, publicJwk, verifyKey, sealed, activeAt: active_at, retiredAt }];
    }),
  );
  known = { ring: new Map(keys), askedAt: Date.now() };
  return known.ring;
}
