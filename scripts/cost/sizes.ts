import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ROOT } from '../dev/state.ts';

const ROWS = 20_000;
const id = (n: number, length: number) => n.toString(16).padStart(8, '0').repeat(8).slice(0, length);

/** A row of a table as a sign-in leaves it, with values as long as real ones. */
const TABLES: Record<string, (n: number) => Record<string, string | number | null>> = {
  oauth_grant: (n) => ({
    grant_id: id(n, 64),
    client_id: id(n, 36),
    client_name: 'An app of this name',
    subject: `user:${id(n, 36)}`,
    generation: 1,
    scope: 'mcp offline_access',
    resource: 'https://tools.example.com/mcp',
    read_only: 0,
    redirect_host: '127.0.0.1',
    user_agent:
      'Mozilla/5.0 (X11; Linux x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/153.0.0.0 Safari/537.36',
    country: 'NO',
    created_at: 1_790_000_000 + n,
    last_used_at: 1_790_000_600 + n,
    sealed_by: id(7, 16),
  }),
  client: (n) => ({
    client_id: id(n, 36),
    metadata: JSON.stringify({
      client_name: 'An app of this name',
      redirect_uris: [`http://127.0.0.1:${10_000 + (n % 50_000)}/callback`],
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
    }),
    name: 'An app of this name',
    twin_hash: id(n, 43),
    created_at: 1_790_000_000 + n,
    address_hash: id(n, 43),
    allowed_at: 1_790_000_060 + n,
  }),
  audit: (n) => ({
    id: id(n, 19),
    at: 1_790_000_000 + n,
    act: 'code.redeemed',
    outcome: 'done',
    actor: `user:${id(n, 36)}`,
    actor_name: 'Somebody of this name',
    client_id: id(n, 36),
    client_name: 'An app of this name',
    subject: `user:${id(n, 36)}`,
    subject_name: 'Somebody of this name',
    grant_id: id(n, 64),
    detail: '{}',
    address: '203.0.113.200',
    code: 'F-7K2Q',
    request_id: id(n, 20),
  }),
};

/** Bytes that a row of these tables takes in the database, with its entries in each index. */
export function rowSizes(): Record<string, number> {
  const schema = readFileSync(join(ROOT, 'schema.sql'), 'utf8');
  return Object.fromEntries(
    Object.entries(TABLES).map(([table, row]) => [table, sizeOf(schema, table, row)]),
  );
}

function sizeOf(
  schema: string,
  table: string,
  row: (n: number) => Record<string, string | number | null>,
): number {
  const db = new DatabaseSync(':memory:');
  db.exec(schema);
  const pages = () => Number(db.prepare('PRAGMA page_count').get()?.page_count) * 4096;
  const empty = pages();
  const names = Object.keys(row(0));
  const insert = db.prepare(`INSERT INTO ${table} (${names}) VALUES (${names.map((name) => `:${name}`)})`);
  db.exec('BEGIN');
  for (let n = 0; n < ROWS; n++) insert.run(row((n * 7919) % ROWS)); // in no order, as ids come
  db.exec('COMMIT');
  const size = (pages() - empty) / ROWS;
  db.close();
  return Math.round(size / 10) * 10;
}
