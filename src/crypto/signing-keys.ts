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
import { open, randomSecret, seal } from './secrets';

const ALGORITHM = 'RS256';
/** How long a ring read from D1 is used before it is read again: well under the 10 minutes a new key is published ahead. */
const RING_LIFE = 300_000;
/** How often at most an unknown `kid` makes an isolate read the ring again. */
const UNKNOWN_KID_PAUSE = 10_000;
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

type SigningKey = { kid: string; publicJwk: JWK; verifyKey: CryptoKey; sealed: string; activeAt: number };
type Ring = { keys: Map<string, SigningKey>; readAt: number };

let ring: Ring | null = null;
/** Private keys opened by this isolate, by `kid`. */
const privateKeys = new Map<string, CryptoKey>();

/** The public keys (RFC 7517 §5): the active one, the next, and those whose tokens still live. Makes the first on first need. */
export async function publicKeys(db: D1Database, encryptionKey: string): Promise<JWK[]> {
  await activeKey(db, encryptionKey);
  return [...(await currentRing(db)).keys.values()].map(({ publicJwk }) => publicJwk);
}

/** How many keys are kept, and which one signs now; null: none was needed yet. */
export async function keyRing(db: D1Database): Promise<{ count: number; activeKid: string | null }> {
  const ring = await readRing(db);
  return { count: ring.keys.size, activeKid: active(ring)?.kid ?? null };
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
  let key = (await currentRing(db)).keys.get(kid);
  if (!key && ring && ring.readAt + UNKNOWN_KID_PAUSE < Date.now()) key = (await readRing(db)).keys.get(kid);
  if (!key) throw new errors.JWKSNoMatchingKey();
  return key.verifyKey;
}

/** The key that signs now: the latest whose time has come. */
async function activeKey(db: D1Database, encryptionKey: string): Promise<SigningKey> {
  const known = active(await currentRing(db));
  if (known) return known;
  await makeFirstKey(db, encryptionKey);
  const made = active(await readRing(db));
  if (!made) throw new Error('no signing key after making one');
  return made;
}

function active({ keys }: Ring): SigningKey | undefined {
  const now = Date.now() / 1000;
  return [...keys.values()]
    .filter(({ activeAt }) => activeAt <= now)
    .sort((a, b) => b.activeAt - a.activeAt)[0];
}

/** Makes the first key. When two isolates do so at once, one row stands. */
async function makeFirstKey(db: D1Database, encryptionKey: string): Promise<void> {
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
  const kid = (await calculateJwkThumbprint(publicJwk).catch(() => randomSecret())).slice(0, 16);
  const { kty, n, e } = publicJwk;
  const now = Math.floor(Date.now() / 1000);
  await db
    .prepare('INSERT INTO signing_key SELECT ?1, ?2, ?3, ?4, ?4 WHERE NOT EXISTS (SELECT 1 FROM signing_key)')
    .bind(
      kid,
      JSON.stringify({ kty, use: 'sig', alg: ALGORITHM, kid, n, e }),
      await seal(encryptionKey, `signing_key/${kid}/sealed`, JSON.stringify(privateJwk)),
      now,
    )
    .run();
}

async function privateKey(encryptionKey: string, { kid, sealed }: SigningKey): Promise<CryptoKey> {
  const known = privateKeys.get(kid);
  if (known) return known;
  const jwk = await open(encryptionKey, `signing_key/${kid}/sealed`, sealed);
  if (!jwk) throw new Unavailable('the signing key does not open with this ENCRYPTION_KEY');
  const key = (await importJWK(JSON.parse(jwk), ALGORITHM)) as CryptoKey;
  privateKeys.set(kid, key);
  return key;
}

async function currentRing(db: D1Database): Promise<Ring> {
  if (ring && Date.now() < ring.readAt + RING_LIFE) return ring;
  try {
    return await readRing(db);
  } catch (cause) {
    if (ring?.keys.size) return ring; // keys do not go bad while D1 does not answer
    throw new Unavailable('storage did not answer', { cause });
  }
}

async function readRing(db: D1Database): Promise<Ring> {
  const { results } = await db
    .prepare('SELECT kid, public_jwk, sealed, active_at FROM signing_key')
    .all<{ kid: string; public_jwk: string; sealed: string; active_at: number }>();
  const keys = await Promise.all(
    results.map(async ({ kid, public_jwk, sealed, active_at }): Promise<[string, SigningKey]> => {
      const publicJwk = JSON.parse(public_jwk) as JWK;
      const verifyKey = (await importJWK(publicJwk, ALGORITHM)) as CryptoKey;
      return [kid, { kid, publicJwk, verifyKey, sealed, activeAt: active_at }];
    }),
  );
  ring = { keys: new Map(keys), readAt: Date.now() };
  return ring;
}
