/** The part of D1 that is used here, as Miniflare and the runtime both have it. */
type Database = {
  prepare(sql: string): {
    bind(...values: unknown[]): { run(): Promise<unknown> };
    first<Row>(): Promise<Row | null>;
  };
};

/** Rows that one statement adds. */
const AT_ONCE = 5_000;
/** Apps and people that the added grants are spread over. */
const APPS = 2_000;
const PEOPLE = 5_000;

/**
 * Fills the index of grants up to `upTo` rows, by copies of the last row with an id, an app and a person of their own. They have no object: none is
 * asked before its grant is used. @returns how many rows there are
 */
export async function addGrants(db: Database, upTo: number): Promise<number> {
  const row = await db.prepare('SELECT * FROM oauth_grant ORDER BY created_at DESC LIMIT 1').first<object>();
  if (!row) throw new Error('there is no grant to copy');
  const values = Object.keys(row).map((column) => CHANGED[column] ?? `one.${column}`);
  const columns = Object.keys(row).join(', ');
  for (let count = await rows(db); count < upTo; count = await rows(db)) {
    const add = `WITH RECURSIVE series (n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM series WHERE n < ?2)
      INSERT INTO oauth_grant (${columns}) SELECT ${values.join(', ')} FROM series,
      (SELECT * FROM oauth_grant ORDER BY created_at DESC LIMIT 1) AS one`;
    await db
      .prepare(add)
      .bind(count + 1, Math.min(upTo, count + AT_ONCE))
      .run();
  }
  return rows(db);
}

const CHANGED: Record<string, string> = {
  grant_id: 'lower(hex(randomblob(32)))',
  client_id: `'app-' || (n % ${APPS})`,
  client_name: `'App ' || (n % ${APPS})`,
  subject: `'vk:person-' || (n % ${PEOPLE})`,
  created_at: 'one.created_at - n',
};

async function rows(db: Database): Promise<number> {
  return (await db.prepare('SELECT count(*) AS n FROM oauth_grant').first<{ n: number }>())?.n ?? 0;
}
