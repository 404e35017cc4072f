import type { Env } from '../config';
import {
  type Condition,
  equals,
  map,
  oneOf,
  type Question,
  question,
  searched,
  selectPage,
  together,
} from '../database';
import { endSessionsOf } from '../grants/end-sessions';
import { modeOf, namesOfIdentities } from '../identity';
import type { Subject } from '../protocol/subject';
import { deleteAuthorizations } from './authorization';
import { askConnection } from './connections';
import type { Credential } from './credential';
import { type CredentialRow, credentialFrom } from './credentials';

/**
 * An account someone connected, or is about to: a credential of theirs, or an authorization they began where they have none
 * yet. The gateway's own are not among them. Times are epoch seconds.
 */
export type ConnectedAccount = {
  id: string;
  owner: Subject;
  serverId: string;
  /** Null: it was only begun. */
  credential: Credential | null;
  expiresAt: number | null;
  createdAt: number;
  updatedAt: number;
};

/** What a list of them is narrowed to. Several values of one member are alternatives; null: all. */
export type AccountFilter = {
  owners: readonly Subject[] | null;
  /** What owners begin with: `vk`, `session`, `user`. */
  kinds: readonly string[] | null;
  accountKind: 'token' | 'header' | 'flow' | undefined;
  serverId: string | undefined;
  /** What the server's name holds, without regard to case; empty: all. */
  serverName: string;
};

/** Credentials, and of each owner and server without one what was begun last. */
const ACCOUNTS = `(
  SELECT a.*, s.name AS server_name FROM (
    SELECT id, owner, server_id, kind, generation, status, header_keys, token_type, scopes, expires_at, last_refreshed_at,
      created_at, updated_at FROM credential
    UNION ALL
    SELECT f.id, f.owner, f.server_id, 'flow', f.generation, 'pending', NULL, NULL, NULL, f.expires_at, NULL,
      max(f.created_at), f.created_at FROM upstream_flow f
    WHERE f.used_at IS NULL
      AND NOT EXISTS (SELECT 1 FROM credential c WHERE c.owner = f.owner AND c.server_id = f.server_id)
    GROUP BY f.owner, f.server_id
  ) a JOIN server s ON s.id = a.server_id WHERE a.owner <> 'gateway'
)`;

type Row = CredentialRow & { owner: Subject };
type FlowRow = Omit<Row, 'kind'> & { kind: 'flow' };

/**
 * A page of them, newest first, and how many there are.
 * @param now epoch seconds: what has expired was not begun
 */
export async function listAccounts(
  db: D1Database,
  { owners, kinds, accountKind, serverId, serverName }: AccountFilter,
  page: { limit: number; offset: number },
  now: number,
): Promise<{ accounts: ConnectedAccount[]; total: number }> {
  const conditions: Condition[] = [
    isNow(now),
    ...oneOf('owner', owners),
    ...oneOf("substr(owner, 1, instr(owner, ':') - 1)", kinds),
    ...equals('kind', accountKind),
    ...equals('server_id', serverId),
    ...searched(['server_name'], serverName),
  ];
  const order = 'created_at DESC, id';
  const { rows, total } = await selectPage<Row | FlowRow>(db, ACCOUNTS, conditions, order, page);
  return { accounts: rows.map(fromRow), total };
}

/** An account at one server, and whose it is; '' for someone without a name. */
export type AccountAt = { credential: Credential; name: string; isPerson: boolean };

/** A page of the accounts that people and keys have at a server, newest first. @param id of one of them; missing: all */
export function accountsAtQuestion(
  db: D1Database,
  serverId: string,
  { limit, offset, id = '' }: { limit: number; offset: number; id?: string },
): Question<AccountAt[]> {
  const page = (what: string) =>
    `SELECT ${what} FROM credential WHERE server_id = ? AND owner <> 'gateway' AND ? IN ('', id)
     ORDER BY created_at DESC, id LIMIT ? OFFSET ?`;
  const values = [serverId, id, limit, offset];
  const asked = together(
    question<Row, Row[]>(db.prepare(page('*')).bind(...values), (rows) => rows),
    namesOfIdentities(db, { sql: page("substr(owner, instr(owner, ':') + 1)"), values }),
  );
  return map(asked, ([rows, names]) =>
    rows.map((row) => ({
      credential: credentialFrom(row),
      name: names.get(row.owner) ?? '',
      isPerson: modeOf(row.owner)?.isSignedIn ?? false,
    })),
  );
}

/** The one with this id, or null. */
export async function findAccount(db: D1Database, id: string, now: number): Promise<ConnectedAccount | null> {
  const conditions = [isNow(now), ...equals('id', id)];
  const { rows } = await selectPage<Row | FlowRow>(db, ACCOUNTS, conditions, 'id', { limit: 1, offset: 0 });
  return rows[0] ? fromRow(rows[0]) : null;
}

const isNow = (now: number): Condition => ({ sql: "kind <> 'flow' OR expires_at > ?", values: [now] });

function fromRow(row: Row | FlowRow): ConnectedAccount {
  return {
    id: row.id,
    owner: row.owner,
    serverId: row.server_id,
    credential: row.kind === 'flow' ? null : credentialFrom({ ...row, kind: row.kind }),
    expiresAt: row.expires_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

/** Ends an account, and what was begun to connect it: one that comes back later would connect it again. */
export async function disconnectAccount(
  env: Env,
  { owner, serverId, credential }: Pick<ConnectedAccount, 'owner' | 'serverId' | 'credential'>,
): Promise<void> {
  await deleteAuthorizations(env.DB, { owner, serverId }).run();
  if (!credential) return;
  await endSessionsOf(env.SUBJECTS, owner, { serverId }); // first: the account still opens them
  await askConnection(env, { owner, serverId }, (connection) => connection.disconnect({ owner, serverId }));
}
