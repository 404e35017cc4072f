import { ask, type Question, question } from '../database';

/** A person, as far as saying whose something is needs it. */
export type KeyOwner = { id: string; name: string; email: string };

/** How many people are suggested; the others are found by their address. */
const MOST_SUGGESTED = 100;

/** People to suggest as owners, by e-mail address. */
export function ownersQuestion(db: D1Database): Question<KeyOwner[]> {
  const statement = db
    .prepare('SELECT id, name, email FROM person ORDER BY email COLLATE NOCASE, id LIMIT ?1')
    .bind(MOST_SUGGESTED);
  return question<KeyOwner, KeyOwner[]>(statement, (owners) => owners);
}

/** Everyone who signs in with this address: several when several providers vouch for it. */
export async function ownersByEmail(db: D1Database, email: string): Promise<KeyOwner[]> {
  const statement = db
    .prepare('SELECT id, name, email FROM person WHERE email = ?1 COLLATE NOCASE ORDER BY id')
    .bind(email);
  const [owners] = await ask(
    db,
    question<KeyOwner, KeyOwner[]>(statement, (rows) => rows),
  );
  return owners;
}
