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
/** How often at most unknown `kid`s, or a D1 that does not answer, make an isolate read the ring again. Milliseconds. */
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
  /** The private JWK, sealed. */
  sealed: string;
  /** Signs from here on, until a later key does. */
  activeAt: number;
  createdAt: number;
  /** Nothing it signed is valid any more; null while no later key is known. */
  retiredAt: number | null;
};
/** The keys by `kid`, the one that signs last at the end. */
type Ring = ReadonlyMap<string, SigningKey>;

/** What this isolate knows of the ring, and when it last set out to read it (epoch milliseconds). */
let known: { ring: Ring; askedAt: number } | null = null;
/** When an unknown `kid` last made this isolate read the ring (epoch milliseconds). */
let searchedAt = 0;
/** Private keys opened by this isolate, by what was sealed. */
const privateKeys = new Map<string, CryptoKey>();

/** The public keys (RFC 7517 §5): the active one, the next, and those whose tokens still live. Makes the first on first need. */
export async function publicKeys(db: D1Database, encryptionKey: string): Promise<JWK[]> {
  await activeKey(db, encryptionKey);
  const now = Date.now() / 1000;
  return [...(await currentRing(db)).values()]
    .filter((key) => !isRetired(key, now))
    .map(({ publicJwk }) => publicJwk);
}

/** How many keys are stored, and which one signs now; null: the next request that needs one makes it. */
export async function keyRing(
  db: D1Database,
  encryptionKey: string,
): Promise<{ count: number; activeKid: string | null }> {
  const ring = await readRing(db);
  const signer = await signerIn(ring, encryptionKey);
  return { count: ring.size, activeKid: signer?.kid ?? null };
}

/** A key that is to sign next, or already does when no other one opens. Times are epoch seconds. */
export type NextKey = { kid: string; activeAt: number; createdAt: number };

/**
 * Makes the key that takes over in ten minutes, at `now` (epoch seconds), unless one that opens is already waiting. It takes
 * over at once when no other key can sign. Requests at the same moment get the same key.
 */
export async function rotateSigningKey(db: D1Database, encryptionKey: string, now: number): Promise<NextKey> {
  const ring = await readRing(db);
  const newest = newestIn(ring);
  if (newest && newest.activeAt > now && (await openKey(newest, encryptionKey))) return newest;
  const signer = await signerIn(ring, encryptionKey);
  await makeKey(db, encryptionKey, ring, now, signer ? now + AHEAD : now);
  const made = newestIn(await readRing(db));
  if (!made) throw new Error('no signing key after making one');
  return made;
}

/** {@link rotateSigningKey} when the newest key has signed for 90 days or does not open; null when neither, or no key was ever needed. */
export async function rotateSigningKeyWhenDue(
  db: D1Database,
  encryptionKey: string,
  now: number,
): Promise<NextKey | null> {
  const newest = newestIn(await readRing(db));
  if (!newest) return null;
  const isDue = newest.activeAt <= now - ROTATED_EVERY || !(await openKey(newest, encryptionKey));
  return isDue ? rotateSigningKey(db, encryptionKey, now) : null;
}

/** Deletes the keys whose tokens have all expired at `now` (epoch seconds). @returns their ids. */
export async function deleteRetiredKeys(db: D1Database, now: number): Promise<string[]> {
  const { results } = await db
    .prepare(
      `DELETE FROM signing_key WHERE EXISTS (
         SELECT 1 FROM signing_key later WHERE later.active_at > signing_key.active_at AND later.active_at <= ?1
       ) RETURNING kid, sealed`,
    )
    .bind(now - KEPT)
    .all<{ kid: string; sealed: string }>();
  for (const { sealed } of results) privateKeys.delete(sealed);
  return results.map(({ kid }) => kid);
}

/** Reads the private keys as they are stored, for `reseal` of reseal.ts: a `Question` of database.ts. */
export function sealedSigningKeys(db: D1Database) {
  return {
    statements: [db.prepare('SELECT kid, sealed FROM signing_key')],
    answer: ([rows]: unknown[][]): SealedValue[] =>
      ((rows ?? []) as { kid: string; sealed: string }[]).map(({ kid, sealed }) => ({
        place: sealContextOf(kid),
        sealed,
        replace: (by) =>
          db
            .prepare('UPDATE signing_key SET sealed = ?3 WHERE kid = ?1 AND sealed = ?2')
            .bind(kid, sealed, by)
            .run(),
      })),
  };
}

/** Has the key that signs now at hand, so that what follows a spent code cannot fail for want of storage. */
export async function readySigningKey(db: D1Database, encryptionKey: string): Promise<void> {
  await activeKey(db, encryptionKey);
}

/** Signs an access token (RFC 9068) that lives from `now` to `expiresAt`, both epoch seconds. */
export async function signAccessToken(
  db: D1Database,
  encryptionKey: string,
  claims: AccessTokenClaims,
  now: number,
  expiresAt: number,
): Promise<string> {
  const { kid, privateKey } = await activeKey(db, encryptionKey);
  return new SignJWT(claims)
    .setProtectedHeader({ alg: ALGORITHM, typ: 'at+jwt', kid })
    .setIssuedAt(now)
    .setNotBefore(now)
    .setExpirationTime(expiresAt)
    .sign(privateKey);
}

/**
 * The claims of an access token of this gateway, or null for anything else: another algorithm, type, issuer or key, out of
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
  if (!key && searchedAt + PAUSE <= Date.now()) {
    searchedAt = Date.now(); // counted apart from other reads: a key that replaced a lost one works everywhere at once
    key = (await readRing(db)).get(kid);
  }
  if (!key || isRetired(key, Date.now() / 1000)) throw new errors.JWKSNoMatchingKey();
  return key.verifyKey;
}

/** A key that opens. */
type Signer = { kid: string; privateKey: CryptoKey };

/** The key that signs now. A key that does not open counts as absent (CONTRACT §5): where no other is there, a new one signs at once. */
async function activeKey(db: D1Database, encryptionKey: string): Promise<Signer> {
  const signer = await signerIn(await currentRing(db), encryptionKey);
  if (signer) return signer;
  const ring = await readRing(db); // another isolate may have replaced it
  const other = await signerIn(ring, encryptionKey);
  if (other) return other;
  const now = Math.floor(Date.now() / 1000);
  await makeKey(db, encryptionKey, ring, now, now);
  const made = await signerIn(await readRing(db), encryptionKey);
  if (!made) throw new Unavailable('another deployment replaced the signing key at the same moment');
  return made;
}

/**
 * The latest key whose time has come (or the first, for an isolate whose clock is behind its maker's) if it opens, else the
 * next one that does: it has been published already, so it may sign early. Null when none of them opens.
 */
async function signerIn(ring: Ring, encryptionKey: string): Promise<Signer | null> {
  const keys = [...ring.values()];
  const now = Date.now() / 1000;
  const latest = keys.findLastIndex(({ activeAt }) => activeAt <= now);
  for (const key of keys.slice(Math.max(latest, 0))) {
    const privateKey = await openKey(key, encryptionKey);
    if (privateKey) return { kid: key.kid, privateKey };
  }
  return null;
}

/** The key that signs last; undefined when none was needed yet. */
function newestIn(ring: Ring): SigningKey | undefined {
  return [...ring.values()].at(-1);
}

function isRetired({ retiredAt }: SigningKey, now: number): boolean {
  return retiredAt !== null && retiredAt <= now;
}

/**
 * Makes the key that signs from `activeAt` on, after every key of `ring`, unless another key was stored since that was read:
 * when two isolates make one at once, one row is stored.
 */
async function makeKey(
  db: D1Database,
  encryptionKey: string,
  ring: Ring,
  now: number,
  activeAt: number,
): Promise<void> {
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
  const newest = newestIn(ring);
  await db
    .prepare(
      `INSERT INTO signing_key (kid, public_jwk, sealed, active_at, created_at) SELECT ?1, ?2, ?3, ?4, ?5
       WHERE NOT EXISTS (SELECT 1 FROM signing_key WHERE kid NOT IN (SELECT value FROM json_each(?6)))`,
    )
    .bind(
      kid,
      JSON.stringify({ kty, use: 'sig', alg: ALGORITHM, kid, n, e }),
      await seal(encryptionKey, sealContextOf(kid), JSON.stringify(privateJwk)),
      newest ? Math.max(activeAt, newest.activeAt + 1) : activeAt,
      now,
      JSON.stringify([...ring.keys()]),
    )
    .run();
}

const sealContextOf = (kid: string) => `signing_key/${kid}/sealed`;

/** The private key; null when no entry of `ENCRYPTION_KEY` opens it. */
async function openKey({ kid, sealed }: SigningKey, encryptionKey: string): Promise<CryptoKey | null> {
  const opened = privateKeys.get(sealed);
  if (opened) return opened;
  const jwk = await open(encryptionKey, sealContextOf(kid), sealed);
  if (!jwk) return null;
  const key = (await importJWK(JSON.parse(jwk), ALGORITHM)) as CryptoKey;
  privateKeys.set(sealed, key);
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
    .prepare('SELECT kid, public_jwk, sealed, active_at, created_at FROM signing_key ORDER BY active_at')
    .all<{ kid: string; public_jwk: string; sealed: string; active_at: number; created_at: number }>();
  const keys = await Promise.all(
    results.map(
      async ({ kid, public_jwk, sealed, active_at, created_at }, place): Promise<[string, SigningKey]> => {
        const publicJwk = JSON.parse(public_jwk) as JWK;
        const verifyKey = (await importJWK(publicJwk, ALGORITHM)) as CryptoKey;
        const later = results[place + 1];
        const retiredAt = later ? later.active_at + KEPT : null;
        const times = { activeAt: active_at, createdAt: created_at, retiredAt };
        return [kid, { kid, publicJwk, verifyKey, sealed, ...times }];
      },
    ),
  );
  known = { ring: new Map(keys), askedAt: Date.now() };
  return known.ring;
}
