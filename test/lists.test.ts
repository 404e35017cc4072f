import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { type AuditFilter, auditQuestion } from '../src/audit/trail';
import { clientsQuestion } from '../src/clients/store';
import { ask } from '../src/database';
import { keyCountsQuestion, keyPageQuestion } from '../src/governance/key-list';
import { listUsers } from '../src/governance/users';
import { listVirtualMcps } from '../src/governance/virtual-mcps';
import { EVERY_GRANT, type GrantFilter, grantsQuestion } from '../src/grants/list';
import { subjectsNamed } from '../src/identity';
import { shortCode } from '../src/log';
import { listServers } from '../src/servers/find';
import { admin, ISSUER } from './support/gate';

const MANY = 100_000;
/** Enough to tell a range of an index from a scan, for lists that are one statement with another table's name. */
const SOME = 5_000;
const NOW = 2_000_000_000;
const GRANT = 'a'.repeat(64);

/** D1 that notes how many rows each statement of a batch read, and how it found them. */
function watched() {
  const reads: number[] = [];
  const plans: string[] = [];
  const statements = new Map<D1PreparedStatement, { sql: string; values: unknown[] }>();
  const db = {
    prepare: (sql: string) => ({
      bind: (...values: unknown[]) => {
        const statement = env.DB.prepare(sql).bind(...values);
        statements.set(statement, { sql, values });
        return statement;
      },
    }),
    async batch(batch: D1PreparedStatement[]) {
      for (const statement of batch) {
        const { sql, values } = statements.get(statement) ?? { sql: '', values: [] };
        const { results } = await env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
          .bind(...values)
          .all<{ detail: string }>();
        plans.push(results.map(({ detail }) => detail).join('; '));
      }
      const answers = await env.DB.batch(batch);
      reads.push(...answers.map(({ meta }) => meta.rows_read));
      return answers;
    },
  } as unknown as D1Database;
  return { db, reads, plans };
}

/** Fills a table in one statement: `columns` says each column in terms of `i`, which counts from 0. */
async function fill(table: string, rows: number, columns: Record<string, string>): Promise<void> {
  const numbers = `WITH RECURSIVE number(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM number WHERE i < ${rows - 1})`;
  const [names, values] = [Object.keys(columns).join(', '), Object.values(columns).join(', ')];
  await env.DB.prepare(`INSERT INTO ${table} (${names}) ${numbers} SELECT ${values} FROM number`).run();
}

const NAME = "printf('%s %06d', CASE WHEN i % 1000 < 20 AND i < 5000 THEN 'Rare' ELSE 'common' END, i)";
const ALWAYS = { created_at: 'i', updated_at: 'i' };

beforeAll(async () => {
  await admin('GET', '/config'); // applies the schema
  await fill('oauth_grant', MANY, {
    grant_id: "printf('%064x', i)",
    client_id: "'client ' || (i % 500)",
    client_name: NAME,
    subject: "CASE i % 3 WHEN 0 THEN 'vk:' WHEN 1 THEN 'user:' ELSE 'session:' END || (i % 700)",
    generation: '0',
    scope: "'mcp'",
    resource: "'https://gate.example/mcp'",
    read_only: '0',
    redirect_host: "'app.example'",
    created_at: 'i',
    ended_at: 'iif(i % 10 < 9, i + 5, NULL)', // nine of ten have ended
  });
  await fill('audit', MANY, {
    id: `'0mw' || printf('%09d', i)`,
    at: 'i',
    act: "'act ' || (i % 20)",
    outcome: "iif(i % 50 = 0, 'refused', 'done')",
    actor: "'vk:' || (i % 300)",
    client_id: "iif(i % 2, 'client ' || (i % 400), NULL)",
    grant_id: `iif(i % 1000 = 7, '${GRANT}', NULL)`,
    actor_name: "'key ' || (i % 300)",
    subject: "iif(i % 3, 'vk:' || (i % 300), 'user:00000000-0000-4000-8000-000000000' || (100 + i % 10))",
    subject_name: "iif(i % 3, 'key ' || (i % 300), 'Person ' || (i % 10))",
    about: "iif(i % 4, NULL, '00000000-0000-4000-8000-000000000' || (200 + i % 100))",
    about_name: "iif(i % 4, NULL, 'Server ' || (i % 100))",
    client_name: "iif(i % 2, 'App ' || (i % 400), NULL)",
    detail: "'{}'",
    code: `iif(i % 1000 = 7, '${shortCode(GRANT)}', 'F-' || (i % 5000))`,
  });
  await fill('client', SOME, {
    client_id: "'client ' || i",
    metadata: "'{}'",
    name: NAME,
    created_at: 'i',
  });
  await fill('virtual_key', SOME, {
    id: "'key ' || i",
    name: NAME,
    description: "''",
    value_hash: 'i',
    value_mask: "''",
    generation: '0',
    is_active: '1',
    shared: '0',
    mcp_configs: "'[]'",
    limits: "'[]'",
    ...ALWAYS,
  });
  await fill('server', SOME, {
    id: "'server ' || i",
    name: NAME,
    endpoint_slug: 'i',
    connection_type: "'http'",
    connection_string: "'https://server.example'",
    auth_type: "'none'",
    tools_to_execute: "'[]'",
    allow_on_all_virtual_keys: '0',
    enabled: '1',
    state: "'healthy'",
    ...ALWAYS,
  });
  await fill('virtual_mcp', SOME, {
    id: "'toolset ' || i",
    name: NAME,
    endpoint_slug: 'i',
    description: "''",
    enabled: '1',
    tools: "'[]'",
    ...ALWAYS,
  });
  await fill('person', SOME, {
    id: "'person ' || i",
    issuer: "'https://provider.example'",
    provider_subject: 'i',
    email: NAME,
    name: NAME,
    generation: '0',
    is_active: '1',
    mcp_configs: "'[]'",
    last_signed_in_at: 'i',
    ...ALWAYS,
  });
}, 120_000);

type Page = { search: string; limit: number; offset: number };
const grants =
  (filter: Partial<GrantFilter>) =>
  async (db: D1Database, { search, ...page }: Page) => {
    const [found] = await ask(
      db,
      grantsQuestion(db, { ...EVERY_GRANT, clientName: search, ...filter }, page, {
        now: NOW,
        issuer: ISSUER,
      }),
    );
    return found;
  };
const audit = (filter: AuditFilter) => async (db: D1Database, page: Omit<Page, 'search'>) => {
  const [found] = await ask(db, auditQuestion(db, filter, page));
  return found;
};

const clients = async (db: D1Database, page: Page) => {
  const [found] = await ask(db, clientsQuestion(db, page));
  return found;
};

const keys = async (db: D1Database, { search, ...page }: Page) => {
  const [found] = await ask(db, keyPageQuestion(db, { search }, page, NOW));
  return found;
};

/** Every list and every filter of one, with how many rows it finds, and how many its count looks at when that is more. */
const LISTS: [string, (db: D1Database, page: Page) => Promise<{ total: number }>, number, number?][] = [
  ['grants', grants({}), MANY],
  ['grants that are active', grants({ status: 'active' }), MANY / 10],
  ['grants that have ended', grants({ status: 'ended' }), (MANY / 10) * 9, MANY], // looks for those of another issuer, too
  ['grants of a kind', grants({ kinds: ['user'] }), 33_333],
  ['grants of a subject', grants({ subjects: ['vk:3'] }), 48],
  ['grants of a client', grants({ clientIds: ['client 7'] }), 200],
  ['audit', audit({}), MANY],
  ['acts of a kind', audit({ act: 'act 3' }), 5000],
  ['acts that were refused', audit({ outcome: 'refused' }), 2000],
  ['acts of somebody', audit({ actor: 'vk:3' }), 334],
  ['acts of a client', audit({ client_id: 'client 7' }), 250],
  ['acts of a grant', audit({ grant_id: GRANT }), 100],
  ['acts under a code', audit({ code: shortCode(GRANT) }), 100],
  ['acts at a server', audit({ server: '00000000-0000-4000-8000-000000000204' }), 1000],
  ['clients', clients, SOME],
  ['keys', keys, SOME],
  ['servers', listServers, SOME],
  ['users', listUsers, SOME],
  ['Virtual MCPs', listVirtualMcps, SOME],
];

describe('lists of 100,000 rows (issue 3, Done when)', () => {
  it.each(LISTS)(
    '%s: a page reads what it skips and shows, the count one covering index',
    async (_, list, found, looked = found) => {
      const { db, reads, plans } = watched();

      const { total } = await list(db, { search: '', limit: 20, offset: 25 });

      expect(total).toBe(found);
      expect(reads[0]).toBeLessThanOrEqual(25 + 20 + 10);
      expect(reads[1]).toBeLessThanOrEqual(looked + 1);
      expect(plans[1]).toContain('COVERING INDEX');
      expect(plans[0]).not.toContain('TEMP B-TREE');
    },
  );

  it('keys: a search by any part, and how many are how, look at each key once', async () => {
    const { db, reads } = watched();
    const page = { limit: 20, offset: 0 };

    const [found, counts] = await ask(
      db,
      keyPageQuestion(db, { search: 'are 0' }, page, NOW),
      keyCountsQuestion(db, 'are 0', NOW),
    );

    expect([found.total, counts.all, counts.active, counts.never]).toEqual([100, 100, 100, 100]);
    for (const read of reads) expect(read).toBeLessThanOrEqual(SOME + 10);
  });

  it.each([
    ['grants', grants({}), MANY],
    ['clients', clients, SOME],
    ['servers', listServers, SOME],
    ['users', listUsers, SOME],
    ['Virtual MCPs', listVirtualMcps, SOME],
  ] as const)('%s: a search by any part looks at each row once', async (_, list, rows) => {
    const { db, reads } = watched();

    const { total } = await list(db, { search: 'ARE 0', limit: 20, offset: 0 });

    expect(total).toBe(100);
    for (const read of reads) expect(read).toBeLessThanOrEqual(rows + 200);
  });

  it('grants: any part of what an app, a key or a person is called is found in one pass', async () => {
    const { db, reads } = watched();
    const named = { text: 'ARE 0', subjects: subjectsNamed('ARE 0') };
    const began = performance.now();

    const { total } = await grants({ named })(db, { search: '', limit: 20, offset: 0 });

    expect(total).toBe(100);
    expect(Math.max(...reads)).toBeLessThanOrEqual(MANY + 2 * SOME + 10);
    expect(performance.now() - began).toBeLessThan(500);
  });

  it('audit: what a person did and what was done to them reads what it finds', async () => {
    const { db, reads } = watched();

    const { total } = await audit({ person: '00000000-0000-4000-8000-000000000103' })(db, {
      limit: 20,
      offset: 0,
    });

    expect(total).toBe(3334);
    expect(Math.max(...reads)).toBeLessThanOrEqual(4 * 3334);
  });

  it.each([
    ['a part of a name', { q: 'ERSON 3' }, 3334],
    ['the name of a server', { server: 'server 4' }, 1000],
    ['the name of a key', { key: 'Key 7' }, 334],
    ['the name of an app', { app: 'app 7' }, 250],
  ])(
    'audit: %s is found in one pass over 100,000 acts, in less than half a second',
    async (_, filter, found) => {
      const { db, reads } = watched();
      const began = performance.now();

      const { total } = await audit(filter)(db, { limit: 20, offset: 0 });

      expect(total).toBe(found);
      expect(Math.max(...reads)).toBeLessThanOrEqual(MANY + 10);
      expect(performance.now() - began).toBeLessThan(500);
    },
  );

  it('audit: a span is a range of the same index', async () => {
    const { db, reads } = watched();
    const from = Math.floor(Number.parseInt('0mw000000', 36) / 1000);

    const span = { act: 'act 3', since: from, until: from + 100_000_000 };

    await audit(span)(db, { limit: 20, offset: 0 });

    expect(reads[0]).toBeLessThanOrEqual(20 + 10);
  });
});
