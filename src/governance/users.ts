import { columnsOf, flag, integer, json, type RowIn, text } from '../columns';
import {
  ask,
  holds,
  type Ids,
  map,
  namesQuestion,
  orderOf,
  pageQuestion,
  type Question,
  question,
  type Sort,
  searched,
  selection,
} from '../database';
import type { McpConfig } from '../protocol/mcp-config';
import type { Subject } from '../protocol/subject';

/** Someone who signed in: one account of one provider. Times are epoch seconds. */
export type User = {
  id: string;
  /** The provider's issuer. */
  issuer: string;
  /** Verified by the provider, as of the last sign-in. */
  email: string;
  name: string;
  /** Counts blocks: what was proved with an earlier generation proves nothing any more. The first is 1. */
  generation: number;
  /** False while blocked, however often they sign in. */
  isActive: boolean;
  mcpConfigs: McpConfig[];
  lastSignedInAt: number;
  createdAt: number;
  updatedAt: number;
};

export const userColumns = columnsOf<User, { providerSubject: string }>()(
  {
    id: text('id'),
    issuer: text('issuer'),
    email: text('email'),
    name: text('name'),
    generation: integer('generation'),
    isActive: flag('is_active'),
    mcpConfigs: json('mcp_configs'),
    lastSignedInAt: integer('last_signed_in_at'),
    createdAt: integer('created_at'),
    updatedAt: integer('updated_at'),
  },
  { providerSubject: text('provider_subject') },
);

/** A row of `person`. */
export type UserRow = RowIn<typeof userColumns>;

/** The person a row of `person` is. */
export const userOf = userColumns.fromRow;

/** The identity that a person is. */
export function userSubject(id: string): Subject {
  return `user:${id}`;
}

/** What a provider vouches for: its issuer, who this is there (`sub`), their verified e-mail address. */
export type ProviderAccount = { issuer: string; subject: string; email: string; name: string };

/** Notes that the holder of an account signed in at `now`; the first time makes the person. A block outlasts it. */
export async function recordSignIn(
  db: D1Database,
  { issuer, subject, email, name }: ProviderAccount,
  now: number,
): Promise<User> {
  const first = userColumns.insert({
    ...{ id: crypto.randomUUID(), issuer, providerSubject: subject, email, name },
    generation: 1,
    isActive: true,
    mcpConfigs: [],
    lastSignedInAt: now,
    createdAt: now,
    updatedAt: now,
  });
  const row = await db
    .prepare(
      `INSERT INTO person (${first.columns}) VALUES (${first.placeholders})
       ON CONFLICT (issuer, provider_subject) DO UPDATE SET email = excluded.email, name = excluded.name,
         last_signed_in_at = iif(is_active, excluded.last_signed_in_at, last_signed_in_at) RETURNING *`,
    )
    .bind(...first.values)
    .first<UserRow>();
  if (!row) throw new Error('the person was not recorded');
  return userOf(row);
}

/** The person `id`, or null when there is none. */
export async function findUser(db: D1Database, id: string): Promise<User | null> {
  const [user] = await ask(db, userQuestion(db, id));
  return user;
}

/** How many people there are, and how many have signed in since `since` (epoch seconds). */
export function peopleFactsQuestion(
  db: D1Database,
  since: number,
): Question<{ count: number; signedIn: number }> {
  type Facts = { count: number; signedIn: number };
  const statement = db
    .prepare('SELECT count(*) AS count, total(last_signed_in_at >= ?1) AS signedIn FROM person')
    .bind(since);
  return question<Facts, Facts>(statement, ([row]) => row ?? { count: 0, signedIn: 0 });
}

/** The people with these ids that there are. */
export function usersQuestion(db: D1Database, ids: Ids): Question<User[]> {
  const select = {
    sql: `SELECT * FROM person WHERE id IN (${ids.sql})`,
    values: ids.values,
    columns: userColumns.names,
  };
  return selection<UserRow, User[]>(db, select, (rows) => rows.map(userOf));
}

/** The person who holds an account, or null when they never signed in. */
export async function findUserByAccount(
  db: D1Database,
  { issuer, subject }: Pick<ProviderAccount, 'issuer' | 'subject'>,
): Promise<User | null> {
  const row = await db
    .prepare('SELECT * FROM person WHERE issuer = ?1 AND provider_subject = ?2')
    .bind(issuer, subject)
    .first<UserRow>();
  return row && userOf(row);
}

/** By what people are sorted, and its SQL. */
const ORDERS = {
  email: 'email COLLATE NOCASE',
  name: 'name COLLATE NOCASE',
  last_sign_in: 'last_signed_in_at',
};
export type UserOrder = keyof typeof ORDERS;

/** Which people are wanted. `search`: any part of the name or address. */
export type UserFilter = {
  search: string;
  isActive?: boolean | undefined;
  sort?: Sort<UserOrder> | undefined;
};

/** A page of people, and how many there are in all. */
export function userPageQuestion(
  db: D1Database,
  { search, isActive, sort = 'email', ...page }: UserFilter & { limit: number; offset: number },
): Question<{ users: User[]; total: number }> {
  const state = isActive === undefined ? [] : [{ sql: 'is_active = ?', values: [Number(isActive)] }];
  const conditions = [...searched(['email', 'name'], search), ...state];
  const of = { table: 'person', conditions, order: orderOf(ORDERS, sort, 'id'), page };
  return map(pageQuestion<UserRow>(db, of), ({ rows, total }) => ({ users: rows.map(userOf), total }));
}

/** The answer to that alone, by address. */
export async function listUsers(
  db: D1Database,
  page: { search: string; limit: number; offset: number },
): Promise<{ users: User[]; total: number }> {
  const [found] = await ask(db, userPageQuestion(db, page));
  return found;
}

/** The names of the people with these ids that there are, by id. */
export function userNamesQuestion(db: D1Database, ids: Ids): Question<Map<string, string>> {
  return namesQuestion(db, 'person', ids);
}

/** The subjects of the people whose name or e-mail address holds `text`. */
export function userSubjectsNamed(text: string): Ids {
  const { sql, values } = holds(['email', 'name'], text);
  return { sql: `SELECT 'user:' || id FROM person WHERE ${sql}`, values };
}

/** The person `id`, or null when there is none: to be asked along with others. */
export function userQuestion(db: D1Database, id: string): Question<User | null> {
  const statement = db.prepare('SELECT * FROM person WHERE id = ?1').bind(id);
  return question<UserRow, User | null>(statement, ([row]) => (row ? userOf(row) : null));
}

/** What an administrator may change of a person. */
export type UserChange = { isActive?: true | undefined; mcpConfigs?: McpConfig[] | undefined };

/** Changes what is given. Null when there is no such person. A block is more ({@link blocking}). */
export async function updateUser(
  db: D1Database,
  id: string,
  { isActive, mcpConfigs }: UserChange,
  now: number,
): Promise<User | null> {
  const set = userColumns.set({ isActive, mcpConfigs, updatedAt: now });
  const row = await db
    .prepare(`UPDATE person SET ${set.sql} WHERE id = ? RETURNING *`)
    .bind(...set.values, id)
    .first<UserRow>();
  return row && userOf(row);
}

/** Blocks a person who is not blocked. A new generation begins, so that nothing proved before comes back with the block's end. */
export function blocking(db: D1Database, id: string, now: number): D1PreparedStatement {
  return db
    .prepare(
      'UPDATE person SET is_active = 0, generation = generation + 1, updated_at = ?2 WHERE id = ?1 AND is_active = 1',
    )
    .bind(id, now);
}

/** Deletes a person. */
export function userDeletion(db: D1Database, id: string): D1PreparedStatement {
  return db.prepare('DELETE FROM person WHERE id = ?1').bind(id);
}

/** Deactivates the keys that a person owns. */
export function deactivateKeysOf(db: D1Database, id: string, now: number): D1PreparedStatement {
  return db
    .prepare(
      'UPDATE virtual_key SET is_active = 0, updated_at = ?2 WHERE owner_user_id = ?1 AND is_active = 1',
    )
    .bind(id, now);
}
