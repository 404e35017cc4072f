import { calculateJwkThumbprint, importJWK, type JWK } from 'jose';
import { Unavailable } from '../protocol/error';
import type { SealedValue } from './reseal';
import { open, seal } from './secrets';
import { KEY_KINDS, type SigningAlgorithm } from './signing-algorithms';

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

/** Where signing keys are stored, what seals them, and what new ones are made for. */
export type SigningSetup = { db: D1Database; encryptionKey: string; alg: SigningAlgorithm };

type SigningKey = {
  kid: string;
  /** It serves for no other, whatever a token says. */
  alg: SigningAlgorithm;
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
/** Private keys opened by this isolate, by `kid`: what was sealed opens in its own row alone (SECURITY 19), here too. */
const privateKeys = new Map<string, { sealed: string; key: CryptoKey }>();

/** The public keys (RFC 7517 §5): the active one, the next, and those whose tokens still live. Makes the first on first need. */
export async function publicKeys(setup: SigningSetup): Promise<JWK[]> {
  await signingKey(setup);
  const now = Date.now() / 1000;
  return [...(await currentRing(setup.db)).values()]
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
 * Makes the key that takes over in ten minutes, at `now` (epoch seconds), unless one of its kind that opens is already
 * waiting. It takes over at once when no other key can sign. Requests at the same moment get the same key.
 */
export async function rotateSigningKey(setup: SigningSetup, now: number): Promise<NextKey> {
  const { db, encryptionKey, alg } = setup;
  const ring = await readRing(db);
  const newest = newestIn(ring);
  const isWaiting = newest && newest.activeAt > now && newest.alg === alg;
  if (isWaiting && (await openKey(newest, encryptionKey))) return newest;
  const signer = await signerIn(ring, encryptionKey);
  await makeKey(setup, ring, now, signer ? now + AHEAD : now);
  const made = newestIn(await readRing(db));
  if (!made) throw new Error('no signing key after making one');
  return made;
}

/**
 * {@link rotateSigningKey} when the newest key has signed for 90 days, does not open, or is not of the algorithm that is set;
 * null when none of this, or no key was ever needed.
 */
export async function rotateSigningKeyWhenDue(setup: SigningSetup, now: number): Promise<NextKey | null> {
  const newest = newestIn(await readRing(setup.db));
  if (!newest) return null;
  const isDue =
    newest.activeAt <= now - ROTATED_EVERY ||
    newest.alg !== setup.alg ||
    !(await openKey(newest, setup.encryptionKey));
  return isDue ? rotateSigningKey(setup, now) : null;
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

/** The key that `kid` names and its algorithm, while tokens that it signed may be valid; null: there is none. */
export async function verificationKey(
  db: D1Database,
  kid: string | undefined,
): Promise<Pick<SigningKey, 'alg' | 'verifyKey'> | null> {
  if (!kid) return null;
  let key = (await currentRing(db)).get(kid);
  if (!key && searchedAt + PAUSE <= Date.now()) {
    searchedAt = Date.now(); // counted apart from other reads: a key that replaced a lost one works everywhere at once
    key = (await readRing(db)).get(kid);
  }
  return key && !isRetired(key, Date.now() / 1000) ? key : null;
}

/** A key that opens. */
type Signer = { kid: string; alg: SigningAlgorithm; privateKey: CryptoKey };

/**
 * The key that signs now. A key that does not open counts as absent (CONTRACT §5): where no other is there, a new one signs at
 * once. What asks for it before it spends a code cannot fail for want of storage afterwards.
 */
export async function signingKey(setup: SigningSetup): Promise<Signer> {
  const { db, encryptionKey } = setup;
  const signer = await signerIn(await currentRing(db), encryptionKey);
  if (signer) return signer;
  const ring = await readRing(db); // another isolate may have replaced it
  const other = await signerIn(ring, encryptionKey);
  if (other) return other;
  const now = Math.floor(Date.now() / 1000);
  await makeKey(setup, ring, now, now);
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
    if (privateKey) return { kid: key.kid, alg: key.alg, privateKey };
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
  { db, encryptionKey, alg }: SigningSetup,
  ring: Ring,
  now: number,
  activeAt: number,
): Promise<void> {
  const { generate, members } = KEY_KINDS[alg];
  const pair = (await crypto.subtle.generateKey(generate, true, ['sign', 'verify'])) as CryptoKeyPair;
  const [publicJwk, privateJwk] = (await Promise.all([
    crypto.subtle.exportKey('jwk', pair.publicKey),
    crypto.subtle.exportKey('jwk', pair.privateKey),
  ])) as [JWK, JWK];
  const kid = (await calculateJwkThumbprint(publicJwk)).slice(0, 16);
  const numbers = Object.fromEntries(members.map((member) => [member, publicJwk[member]]));
  const newest = newestIn(ring);
  await db
    .prepare(
      `INSERT INTO signing_key (kid, public_jwk, sealed, active_at, created_at) SELECT ?1, ?2, ?3, ?4, ?5
       WHERE NOT EXISTS (SELECT 1 FROM signing_key WHERE kid NOT IN (SELECT value FROM json_each(?6)))`,
    )
    .bind(
      kid,
      JSON.stringify({ kty: publicJwk.kty, use: 'sig', alg, kid, ...numbers }),
      await seal(encryptionKey, sealContextOf(kid), JSON.stringify(privateJwk)),
      newest ? Math.max(activeAt, newest.activeAt + 1) : activeAt,
      now,
      JSON.stringify([...ring.keys()]),
    )
    .run();
}

const sealContextOf = (kid: string) => `signing_key/${kid}/sealed`;

/** The private key; null when no entry of `ENCRYPTION_KEY` opens it. */
async function openKey({ kid, alg, sealed }: SigningKey, encryptionKey: string): Promise<CryptoKey | null> {
  const opened = privateKeys.get(kid);
  if (opened?.sealed === sealed) return opened.key;
  const jwk = await open(encryptionKey, sealContextOf(kid), sealed);
  if (!jwk) return null;
  const key = (await importJWK(JSON.parse(jwk), alg)) as CryptoKey;
  privateKeys.set(kid, { sealed, key });
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
        const publicJwk = JSON.parse(public_jwk) as JWK & { alg: SigningAlgorithm };
        const { alg } = publicJwk;
        const before = known?.ring.get(kid);
        const isKnown = before && JSON.stringify(before.publicJwk) === public_jwk;
        const verifyKey = isKnown ? before.verifyKey : ((await importJWK(publicJwk, alg)) as CryptoKey);
        const later = results[place + 1];
        const retiredAt = later ? later.active_at + KEPT : null;
        const times = { activeAt: active_at, createdAt: created_at, retiredAt };
        return [kid, { kid, alg, publicJwk, verifyKey, sealed, ...times }];
      },
    ),
  );
  known = { ring: new Map(keys), askedAt: Date.now() };
  return known.ring;
}
