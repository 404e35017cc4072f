import { CompactSign, errors, type JWTPayload, jwtVerify } from 'jose';
import { SIGNING_ALGORITHMS } from './signing-algorithms';
import { type SigningSetup, signingKey, verificationKey } from './signing-keys';

const utf8 = new TextEncoder();

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

/** What a verified token says. */
type VerifiedClaims = AccessTokenClaims & Required<Pick<JWTPayload, 'nbf' | 'exp'>>;

/** A signed token, as it is written (RFC 7515 §7.1). */
const FORM = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** Tokens whose signature this isolate has verified, and the key it was verified with: it is verified once a token. */
const verified = new Map<string, { kid: string; key: unknown; claims: VerifiedClaims }>();
const MOST_VERIFIED = 2_000;

/** Signs an access token (RFC 9068) that lives from `now` to `expiresAt`, both epoch seconds. */
export async function signAccessToken(
  setup: SigningSetup,
  claims: AccessTokenClaims,
  now: number,
  expiresAt: number,
): Promise<string> {
  const { kid, alg, privateKey } = await signingKey(setup);
  const payload = JSON.stringify({ ...claims, iat: now, nbf: now, exp: expiresAt });
  return new CompactSign(utf8.encode(payload)) // SignJWT would copy and check claims that are ours
    .setProtectedHeader({ alg, typ: 'at+jwt', kid })
    .sign(privateKey);
}

/**
 * The claims of an access token of this gateway, or null for anything else: another algorithm than its key's, another type,
 * issuer or key, out of time, or incomplete (RFC 8725 §3). The audience is the caller's to judge. Reads memory only in the
 * common case.
 */
export async function verifyAccessToken(
  db: D1Database,
  token: string,
  issuer: string,
): Promise<VerifiedClaims | null> {
  const known = await recalled(db, token, issuer);
  if (known) return known;
  if (!FORM.test(token)) return null; // which costs a stranger's nonsense no more
  try {
    const { payload, protectedHeader, key } = await jwtVerify(token, ({ kid, alg }) => keyOf(db, kid, alg), {
      algorithms: [...SIGNING_ALGORITHMS],
      typ: 'at+jwt',
      issuer,
      clockTolerance: SKEW,
      requiredClaims: ['sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'client_id', 'scope', 'grant_id'],
    });
    if (!areClaims(payload)) return null;
    if (verified.size >= MOST_VERIFIED) verified.delete(verified.keys().next().value as string);
    verified.set(token, { kid: String(protectedHeader.kid), key, claims: payload });
    return payload;
  } catch (error) {
    if (error instanceof errors.JOSEError) return null;
    throw error;
  }
}

/** The key that `kid` names, with the algorithm it was made for and no other (RFC 8725 §3.1). @throws errors.JOSEError */
async function keyOf(db: D1Database, kid: string | undefined, alg: string | undefined): Promise<CryptoKey> {
  const key = await verificationKey(db, kid);
  if (!key) throw new errors.JWKSNoMatchingKey();
  if (key.alg !== alg) throw new errors.JOSEAlgNotAllowed();
  return key.verifyKey;
}

function areClaims(payload: JWTPayload): payload is VerifiedClaims {
  const { aud, client_id, scope, grant_id } = payload;
  return [aud, client_id, scope, grant_id].every((claim) => typeof claim === 'string');
}

/** What this isolate verified of a token before, while key, time and issuer allow it; null: it is to be verified. */
async function recalled(db: D1Database, token: string, issuer: string): Promise<VerifiedClaims | null> {
  const known = verified.get(token);
  const now = Math.floor(Date.now() / 1000);
  if (!known || known.claims.iss !== issuer) return null;
  if (now < known.claims.nbf - SKEW || now >= known.claims.exp + SKEW) return null;
  return (await verificationKey(db, known.kid))?.verifyKey === known.key ? known.claims : null;
}
