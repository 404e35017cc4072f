import type { DatabaseSync } from 'node:sqlite';
import { columnsOf, tablesOf } from './dump.ts';

/**
 * Tables that stay as they are now. What objects hold is not restored with the database, so neither is its index; who is
 * signed in, and which keys sign, is a matter of today.
 */
const OF_TODAY = [
  'credential',
  'signing_key',
  'deployment',
  'browser_session',
  'form_once',
  'connect_link',
  'upstream_flow',
  'removal',
];
/** Of these, the ones whose rows come back when there are none today. */
const BACK_IF_NONE = ['credential', 'signing_key', 'deployment'];
/** Tables whose rows are those of now, and those of the backup that are not there now. */
const OF_BOTH = ['oauth_grant', 'client', 'audit', 'tool_count', 'revision'];

/** What an administrator can switch off: its flag, and what the audit calls it. */
const SWITCHED = [
  { table: 'virtual_key', noun: 'virtual_key', name: 'name', flag: 'is_active', what: 'access key' },
  { table: 'person', noun: 'user', name: 'email', flag: 'is_active', what: 'person' },
  { table: 'server', noun: 'server', name: 'name', flag: 'enabled', what: 'server' },
  { table: 'virtual_mcp', noun: 'virtual_mcp', name: 'name', flag: 'enabled', what: 'toolset' },
] as const;
type Switched = (typeof SWITCHED)[number];

/** What an administrator has to know of a restore: names of things, each with what it is. */
export type Findings = {
  /** Deleted since the backup. They come back switched off. */
  deleted: string[];
  /** Switched off, blocked or rotated as leaked since. They stay so. */
  withdrawn: string[];
  /** Made since. They are gone. */
  added: string[];
  /** Changed since. They are as they were. */
  changed: string[];
};

/**
 * Makes of the backup in `main` what is to be restored, given the database of today, attached as `now`, of the same schema: what
 * was withdrawn since stays withdrawn (decision 0102).
 */
export function carryOver(db: DatabaseSync): Findings {
  const since = String(db.prepare("SELECT coalesce(max(id), '') AS id FROM main.audit").get()?.id);
  const tables = tablesOf(db);
  const isForgotten = tables.includes('deployment') && forgets(db, since);
  const each = SWITCHED.map((one) => findingsOf(db, one, since, isForgotten));
  const changedSettings = db
    .prepare(
      "SELECT DISTINCT detail ->> 'settings' AS name FROM now.audit WHERE act = 'setting.changed' AND id > ?",
    )
    .all(since);

  for (const one of SWITCHED) switchOff(db, one, since, isForgotten);
  db.prepare(
    `UPDATE main.virtual_key SET value_hash = lower(hex(randomblob(32))), previous_hash = NULL, previous_until = NULL
     WHERE id NOT IN (SELECT id FROM now.virtual_key) AND ${LEAKED}`,
  ).run({ since });
  keepGenerations(db);
  for (const table of OF_TODAY.filter((table) => tables.includes(table))) {
    const hasNone = db.prepare(`SELECT 1 FROM now.${table} LIMIT 1`).get() === undefined;
    if (hasNone && BACK_IF_NONE.includes(table)) continue;
    db.exec(`DELETE FROM main.${table}`);
    copy(db, table);
  }
  for (const table of OF_BOTH) copy(db, table);
  db.exec(`DELETE FROM main.client WHERE client_id NOT IN (SELECT client_id FROM now.client)
    AND (${isForgotten} OR client_id IN (SELECT client_id FROM now.audit WHERE act = 'client.deleted'))`);

  return {
    deleted: each.flatMap(({ deleted }) => deleted),
    withdrawn: each.flatMap(({ withdrawn }) => withdrawn),
    added: each.flatMap(({ added }) => added),
    changed: [
      ...each.flatMap(({ changed }) => changed),
      ...changedSettings.map(({ name }) => `settings ${name}`),
    ],
  };
}

/** Has every isolate read its catalogue again, and the cron ask the objects of grants about what the index says. */
export function toCompare(db: DatabaseSync): void {
  db.exec(`INSERT INTO revision (name, n) VALUES ('catalog', unixepoch() * 1000)
    ON CONFLICT (name) DO UPDATE SET n = max(n + 1, excluded.n)`);
  if (!tablesOf(db).includes('grant_sweep')) return;
  db.exec(`DELETE FROM grant_sweep;
    INSERT INTO grant_sweep (name, created_at, grant_id) VALUES ('restored', 0, '')`);
}

/**
 * Whether the database of now is of the same gateway, and its audit no longer goes back to the backup: then nothing tells what was
 * deleted since, and all that is missing counts as that.
 */
function forgets(db: DatabaseSync, since: string): boolean {
  const isSame = 'SELECT 1 FROM now.deployment JOIN main.deployment USING (id)';
  const reaches = 'SELECT 1 FROM now.audit WHERE id <= ? LIMIT 1';
  return db.prepare(isSame).get() !== undefined && db.prepare(reaches).get(since) === undefined;
}

/** Rows of the backup that an act of the audit since then is about: `?1` the noun, `?2` the act, `?3` the last act of the backup. */
const ACTED = 'IN (SELECT detail ->> ?1 FROM now.audit WHERE act = ?2 AND id > ?3)';
const goneFrom = (table: string, isForgotten: boolean) =>
  `id NOT IN (SELECT id FROM now.${table}) AND (${isForgotten} OR id ${ACTED})`;
/** Keys whose value leaked since. */
const LEAKED = `id IN (SELECT detail ->> 'virtual_key' FROM now.audit
  WHERE act = 'virtual_key.rotated' AND detail ->> 'reason' = 'leaked' AND id > $since)`;

function findingsOf(
  db: DatabaseSync,
  { table, noun, name, flag, what }: Switched,
  since: string,
  isForgotten: boolean,
): Findings {
  const named = (sql: string, ...values: string[]) =>
    db
      .prepare(`${sql} ORDER BY 1`)
      .all(...values)
      .map((row) => `${what} ${row[name]}`);
  const hadLeaked =
    table === 'virtual_key'
      ? db
          .prepare(`SELECT name FROM main.virtual_key WHERE ${LEAKED}`)
          .all({ since })
          .map((row) => `${what} ${row.name}`)
      : [];
  const leaked = flag === 'is_active' ? 'n.generation > m.generation' : 'false';
  return {
    deleted: named(
      `SELECT ${name} FROM main.${table} WHERE ${goneFrom(table, isForgotten)}`,
      noun,
      `${noun}.deleted`,
      since,
    ).map((one) => (hadLeaked.includes(one) ? `${one} (its value leaked: rotate it)` : one)),
    withdrawn: named(
      `SELECT m.${name} FROM main.${table} m JOIN now.${table} n ON n.id = m.id
       WHERE n.${flag} < m.${flag} OR ${leaked}`,
    ),
    added: named(`SELECT ${name} FROM now.${table} WHERE id NOT IN (SELECT id FROM main.${table})`),
    changed: named(`SELECT ${name} FROM main.${table} WHERE id ${ACTED}`, noun, `${noun}.changed`, since),
  };
}

/** Switches off what was deleted since, and what is off now. */
function switchOff(
  db: DatabaseSync,
  { table, noun, flag }: Switched,
  since: string,
  isForgotten: boolean,
): void {
  const off = db.prepare(`UPDATE main.${table} SET ${flag} = 0 WHERE ${goneFrom(table, isForgotten)}`);
  off.run(noun, `${noun}.deleted`, since);
  db.exec(`UPDATE main.${table} SET ${flag} = 0 WHERE id IN (SELECT id FROM now.${table} WHERE ${flag} = 0)`);
}

/** What counts up never counts down: neither a leaked value nor an earlier credential is good again. */
function keepGenerations(db: DatabaseSync): void {
  const leaked =
    'FROM now.virtual_key n WHERE n.id = virtual_key.id AND n.generation > virtual_key.generation';
  const value = 'value_hash, value_mask, previous_hash, previous_until, generation';
  db.exec(
    `UPDATE main.virtual_key SET (${value}) = (SELECT ${value} ${leaked}) WHERE EXISTS (SELECT 1 ${leaked})`,
  );
  db.exec(`UPDATE main.person SET generation =
    max(generation, coalesce((SELECT n.generation FROM now.person n WHERE n.id = person.id), 0))`);
  const isMoved = 'n.connection_string <> server.connection_string OR n.auth_type <> server.auth_type';
  db.exec(`UPDATE main.server SET (session_generation, credential_generation) = (
      SELECT max(n.session_generation, server.session_generation) + 1,
        max(n.credential_generation, server.credential_generation) + (${isMoved})
      FROM now.server n WHERE n.id = server.id)
    WHERE id IN (SELECT id FROM now.server)`);
}

function copy(db: DatabaseSync, table: string): void {
  const columns = columnsOf(db, table)
    .map((name) => `"${name}"`)
    .join(',');
  db.exec(`INSERT OR REPLACE INTO main.${table} (${columns}) SELECT ${columns} FROM now.${table}`);
}
