import { columnsOf, integer, type RowIn, text } from '../columns';
import type { Env } from '../config';
import { equalSecrets, hashSecret, mac, randomSecret, verifyMac } from '../crypto/secrets';
import { type User, type UserRow, userOf, userSubject } from '../governance/users';
import { endCookie, readCookie, writeCookie } from '../protocol/cookies';
import { isSubject, type Subject } from '../protocol/subject';

/** How long a browser stays signed in. Seconds. */
const LIFE = 43_200;
const NAME = 'toolgate-session';

/**
 * Whom a browser is signed in as: a person, or the holder of ADMIN_TOKEN (null). Times are epoch seconds; without
 * `expiresAt` it holds for this request only, as Cloudflare Access vouches for each.
 */
export type SignedIn = { secretHash: string; user: User | null; since: number; expiresAt: number | null };

/** A row of `browser_session`. `proof` must still be so when it is read ({@link proofOf}). */
type StoredSession = {
  secretHash: string;
  subject: Subject | 'administrator';
  proof: string;
  expiresAt: number;
};

export const sessionColumns = columnsOf<StoredSession>()({
  secretHash: text('secret_hash'),
  subject: text('subject'),
  proof: text('proof'),
  expiresAt: integer('expires_at'),
});

/** Signs this browser in from `now` on, as `user` or with ADMIN_TOKEN (null). Returns the `Set-Cookie` value. */
export async function signIn(env: Env, base: string, user: User | null, now: number): Promise<string> {
  const secret = randomSecret();
  const secretHash = await hashSecret(secret);
  const row = sessionColumns.insert({
    secretHash,
    subject: user ? subjectOf(user) : 'administrator',
    proof: await proofOf(env, secretHash, user),
    expiresAt: now + LIFE,
  });
  await env.DB.prepare(`INSERT INTO browser_session (${row.columns}) VALUES (${row.placeholders})`)
    .bind(...row.values)
    .run();
  return writeCookie(base, { name: NAME, value: secret, maxAge: LIFE });
}

/** Whom this browser is signed in as at `now`; null: no one, or no longer. A block and another ADMIN_TOKEN end it at once. */
export async function signedIn(
  env: Env,
  base: string,
  cookies: string | undefined,
  now: number,
): Promise<SignedIn | null> {
  const secret = readCookie(base, cookies, NAME);
  if (!secret || !/^[A-Za-z0-9_-]{43}$/.test(secret)) return null;
  const secretHash = await hashSecret(secret);
  const [sessions, people] = await env.DB.batch([
    env.DB.prepare('SELECT * FROM browser_session WHERE secret_hash = ?1').bind(secretHash),
    env.DB.prepare(
      `SELECT * FROM person WHERE id = (SELECT substr(subject, 6) FROM browser_session
       WHERE secret_hash = ?1 AND subject LIKE 'user:%')`,
    ).bind(secretHash),
  ]);
  const [row] = (sessions?.results ?? []) as RowIn<typeof sessionColumns>[];
  const session = row && sessionColumns.fromRow(row);
  if (!session || session.expiresAt <= now) return null;

  const [person] = (people?.results ?? []) as UserRow[];
  const user = person ? userOf(person) : null;
  if (isSubject(session.subject) && !user?.isActive) return null;
  if (!equalSecrets(session.proof, await proofOf(env, secretHash, user))) return null;
  return { secretHash, user, since: session.expiresAt - LIFE, expiresAt: session.expiresAt };
}

/** Signs this browser out. Returns the `Set-Cookie` value. */
export async function signOut(db: D1Database, base: string, { secretHash }: SignedIn): Promise<string> {
  await db.prepare('DELETE FROM browser_session WHERE secret_hash = ?1').bind(secretHash).run();
  return endCookie(base, NAME);
}

/** Signs someone out everywhere. */
export function signOutEverywhere(db: D1Database, subject: Subject): D1PreparedStatement {
  return db.prepare('DELETE FROM browser_session WHERE subject = ?1').bind(subject);
}

/** Browsers that one statement forgets. */
const PORTION = 5_000;

/** Forgets up to {@link PORTION} browsers whose time was over at `now` (epoch seconds). @returns how many. */
export async function sweepSessions(db: D1Database, now: number): Promise<number> {
  const { meta } = await db
    .prepare(
      `DELETE FROM browser_session WHERE secret_hash IN (
         SELECT secret_hash FROM browser_session WHERE expires_at <= ?1 LIMIT ?2)`,
    )
    .bind(now, PORTION)
    .run();
  return meta.changes;
}

/** What must still be so when the session is read: no one blocked the person since, no one changed ADMIN_TOKEN. */
async function proofOf(env: Env, secretHash: string, user: User | null): Promise<string> {
  return user ? String(user.generation) : hashSecret(`${secretHash} ${env.ADMIN_TOKEN}`);
}

export function subjectOf({ id }: Pick<User, 'id'>): Subject {
  return userSubject(id);
}

/** What writes of this browser carry, in `x-csrf-token` or the form's `csrf`: another site cannot know it (SECURITY 21). */
export async function csrfValue(encryptionKey: string, { secretHash }: SignedIn): Promise<string> {
  return mac(encryptionKey, `csrf ${secretHash}`);
}

export async function verifyCsrf(
  encryptionKey: string,
  { secretHash }: SignedIn,
  value: string,
): Promise<boolean> {
  return verifyMac(encryptionKey, `csrf ${secretHash}`, value);
}
