import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, it } from 'vitest';
import { carryOver, toCompare } from '../../scripts/operations/carry-over.ts';
import {
  CHANGED,
  emptyLike,
  lackOf,
  load,
  schemaOf,
  statements,
  tablesOf,
  unlessChanged,
  upgrade,
} from '../../scripts/operations/dump.ts';
import { keysIn, saveKeys } from '../../scripts/operations/keys-file.ts';

const ROOT = join(import.meta.dirname, '../..');
const sqlOf = (file: string) => readFileSync(join(ROOT, file), 'utf8').replace(/--.*$/gm, '');
const folder = mkdtempSync(join(tmpdir(), 'toolgate-carry-over-'));
afterAll(() => rmSync(folder, { recursive: true }));

type Row = Record<string, string | number | null>;
const NUL = `it's ${'\0'.repeat(2000)}`;

/** An empty database of today's schema. */
const empty = (path?: string) =>
  load(`${sqlOf('schema.sql')}; INSERT INTO schema_step (n, name, applied_at) VALUES (17, 'today', 1)`, path);

/** Adds a row, whose columns that must have a value and are not given have one of no meaning. */
function add(db: DatabaseSync, table: string, row: Row): void {
  const columns = db.prepare(
    'SELECT name, type FROM pragma_table_info(?) WHERE "notnull" AND dflt_value IS NULL',
  );
  const whole: Row = { ...row };
  for (const { name, type } of columns.all(table))
    whole[String(name)] ??=
      type === 'INTEGER' ? 1 : `${table} ${row.id ?? row.client_id ?? row.name} ${name}`;
  const names = Object.keys(whole);
  db.prepare(`INSERT INTO ${table} (${names.join()}) VALUES (${names.map(() => '?').join()})`).run(
    ...Object.values(whole),
  );
}

/** What is restored of a backup, given the database of now. */
function restored(then: DatabaseSync, now: (db: DatabaseSync) => void) {
  const path = join(folder, `${crypto.randomUUID()}.sqlite`);
  const today = empty(path);
  now(today);
  today.close();
  then.prepare('ATTACH ? AS now').run(path);
  const findings = carryOver(then);
  then.exec('DETACH now');
  const all = (sql: string) =>
    then
      .prepare(sql)
      .all()
      .map((row) => Object.values(row).join(' '));
  return { findings, all };
}

/** An act of the audit that came after `then`. */
const act = (db: DatabaseSync, n: number, name: string, detail: Row, client_id: string | null = null) =>
  add(db, 'audit', { id: `b${n}`, act: name, detail: JSON.stringify(detail), client_id });

describe('what is restored of a backup (decision 0102)', () => {
  it('keeps off what is off now, and switches off what was deleted since; nothing counts down', () => {
    const then = empty();
    for (const id of ['same', 'off', 'deleted', 'gone'])
      add(then, 'virtual_key', { id, name: id, is_active: 1 });
    for (const id of ['in', 'blocked'])
      add(then, 'person', { id, email: `${id}@x`, issuer: id, is_active: 1 });
    for (const id of ['stays', 'moved']) add(then, 'server', { id, name: id, connection_string: 'then' });
    add(then, 'virtual_mcp', { id: 'set', name: 'set', enabled: 1 });
    add(then, 'audit', { id: 'a1', act: 'virtual_key.deleted', detail: '{"virtual_key": "gone"}' });

    const { findings, all } = restored(then, (now) => {
      add(now, 'virtual_key', {
        id: 'same',
        name: 'renamed',
        is_active: 1,
        generation: 2,
        value_hash: 'of now',
      });
      add(now, 'virtual_key', { id: 'off', name: 'off', is_active: 0 });
      add(now, 'virtual_key', { id: 'later', name: 'later' });
      add(now, 'person', { id: 'in', email: 'in@x', issuer: 'in', generation: 1 });
      add(now, 'person', { id: 'blocked', email: 'blocked@x', issuer: 'b', is_active: 0, generation: 3 });
      add(now, 'server', { id: 'stays', name: 'stays', connection_string: 'then', credential_generation: 4 });
      add(now, 'server', { id: 'moved', name: 'moved', connection_string: 'now', auth_type: 'x' });
      act(now, 1, 'virtual_key.deleted', { virtual_key: 'deleted' });
      act(now, 2, 'virtual_mcp.deleted', { virtual_mcp: 'set' });
      act(now, 3, 'virtual_key.changed', { virtual_key: 'same' });
      act(now, 4, 'setting.changed', { settings: 'display_name' });
    });

    expect(all('SELECT id, name, is_active, generation, value_hash FROM virtual_key ORDER BY id')).toEqual([
      'deleted deleted 0 1 virtual_key deleted value_hash',
      'gone gone 1 1 virtual_key gone value_hash',
      'off off 0 1 virtual_key off value_hash',
      'same same 1 2 of now',
    ]);
    expect(all('SELECT id, is_active, generation FROM person ORDER BY id')).toEqual([
      'blocked 0 3',
      'in 1 1',
    ]);
    expect(all('SELECT id, credential_generation, session_generation FROM server ORDER BY id')).toEqual([
      'moved 2 1',
      'stays 4 1',
    ]);
    expect(all('SELECT id, enabled FROM virtual_mcp')).toEqual(['set 0']);
    expect(findings).toEqual({
      deleted: ['access key deleted', 'toolset set'],
      withdrawn: ['access key off', 'access key same', 'person blocked@x'],
      added: ['access key later'],
      changed: ['access key same', 'settings display_name'],
    });
  });

  it('leaves what objects hold, who is signed in and what happened as it is now', () => {
    const then = empty();
    for (const id of ['ended', 'swept']) add(then, 'oauth_grant', { grant_id: id, created_at: 1 });
    for (const id of ['deleted', 'kept', 'unused']) add(then, 'client', { client_id: id });
    add(then, 'credential', { id: 'disconnected', owner: 'a' });
    add(then, 'signing_key', { kid: 'leaked' });
    add(then, 'browser_session', { secret_hash: 'signed out' });

    const { all } = restored(then, (now) => {
      add(now, 'oauth_grant', { grant_id: 'ended', ended_at: 5, created_at: 1 });
      add(now, 'oauth_grant', { grant_id: 'later', created_at: 2 });
      for (const id of ['kept', 'later']) add(now, 'client', { client_id: id });
      add(now, 'credential', { id: 'connected', owner: 'b' });
      add(now, 'signing_key', { kid: 'new' });
      act(now, 1, 'client.deleted', {}, 'deleted');
    });

    expect(all('SELECT grant_id, ended_at FROM oauth_grant ORDER BY grant_id')).toEqual([
      'ended 5',
      'later ',
      'swept ',
    ]);
    expect(all('SELECT client_id FROM client ORDER BY client_id')).toEqual(['kept', 'later', 'unused']);
    expect(all('SELECT id FROM credential')).toEqual(['connected']);
    expect(all('SELECT kid FROM signing_key')).toEqual(['new']);
    expect(all('SELECT count(*) FROM browser_session')).toEqual(['0']);
    expect(all('SELECT act FROM audit')).toEqual(['client.deleted']);
  });

  it('is the whole backup where the database of now is empty but for its tables', () => {
    const then = empty();
    add(then, 'oauth_grant', { grant_id: 'of then' });
    add(then, 'signing_key', { kid: 'of then' });
    add(then, 'virtual_key', { id: 'key', is_active: 1 });

    const { all } = restored(then, () => undefined);

    expect(all('SELECT grant_id FROM oauth_grant UNION ALL SELECT kid FROM signing_key')).toEqual([
      'of then',
      'of then',
    ]);
    expect(all('SELECT is_active FROM virtual_key')).toEqual(['1']);
  });
});

describe('a key that is missing now, in what is restored', () => {
  const keys = (all: (sql: string) => string[]) => all('SELECT id, is_active FROM virtual_key');

  it('is off where the audit of the same gateway no longer goes back to the backup', () => {
    const then = empty();
    add(then, 'virtual_key', { id: 'gone', name: 'gone', is_active: 1 });
    add(then, 'client', { client_id: 'gone' });
    add(then, 'audit', { id: 'a1', act: 'setting.changed', detail: '{}' });
    const id = String(then.prepare('SELECT id FROM deployment').get()?.id);
    const of = (gateway: string, oldest: string) => {
      const copy = load([...statements(then, [])].join('\n'));
      return restored(copy, (now) => {
        now.exec(`UPDATE deployment SET id = '${gateway}'`);
        add(now, 'audit', { id: oldest, act: 'setting.changed', detail: '{}' });
      });
    };

    const swept = of(id, 'b1');
    expect(keys(swept.all)).toEqual(['gone 0']);
    expect(swept.findings.deleted).toEqual(['access key gone']);
    expect(swept.all('SELECT client_id FROM client')).toEqual([]);
    for (const { all } of [of(id, 'a1'), of('another', 'b1')]) {
      expect(keys(all)).toEqual(['gone 1']);
      expect(all('SELECT client_id FROM client')).toEqual(['gone']);
    }
  });

  it('has another value where its own had leaked before it was deleted', () => {
    const then = empty();
    add(then, 'virtual_key', {
      id: 'k',
      name: 'k',
      value_hash: 'leaked',
      previous_hash: 'older',
      is_active: 1,
    });

    const { findings, all } = restored(then, (now) => {
      act(now, 1, 'virtual_key.rotated', { virtual_key: 'k', reason: 'leaked' });
      act(now, 2, 'virtual_key.deleted', { virtual_key: 'k' });
    });

    expect(all('SELECT value_hash, previous_hash FROM virtual_key')).toEqual([
      expect.stringMatching(/^[0-9a-f]{64} $/),
    ]);
    expect(findings.deleted).toEqual(['access key k (its value leaked: rotate it)']);
  });
});

describe('a file of variables', () => {
  it('has the new keys once, whatever stood there how often', () => {
    const file = join(folder, 'keys');
    writeFileSync(file, 'A=1\nENCRYPTION_KEY=a\r\n# kept\n ENCRYPTION_KEY = b\nB=2');
    saveKeys(file, ['new', 'old']);

    expect(readFileSync(file, 'utf8')).toBe('A=1\nENCRYPTION_KEY="new,old"\n# kept\nB=2\n');
    expect(keysIn(file)).toBe('new,old');
    rmSync(file);
    saveKeys(file, ['new']);
    expect(readFileSync(file, 'utf8')).toBe('ENCRYPTION_KEY="new"\n');
  });
});

describe('a backup as statements for D1', () => {
  it('ends before anything is replaced where an administrator did something meanwhile', () => {
    const [then, now] = [empty(), empty()];
    act(now, 1, 'server.changed', {});
    const all = [...unlessChanged(now), ...statements(then, tablesOf(now))].join('\n');
    const run = (changes: (db: DatabaseSync) => void) => {
      const db = load([...statements(now, [])].join('\n'));
      changes(db);
      db.exec(all);
    };

    act(now, 2, 'grant.changed', {});
    act(now, 3, 'consent.allowed', {});
    expect(() => run(() => undefined)).not.toThrow();
    expect(() => run((db) => act(db, 4, 'virtual_key.rotated', {}))).toThrow(CHANGED);
  });

  it('keeps a text with a NUL, and says what a database lacks of another', () => {
    const db = empty();
    add(db, 'virtual_key', { id: 'k', name: "it's", description: NUL });
    const all = [...statements(db, [])].join('\n');
    const raw = all.replace(/CAST\(X'(\w+)' AS TEXT\)/, (_, hex) =>
      `'${Buffer.from(hex, 'hex')}'`.replace("it's", "it''s"),
    );

    for (const sql of [all, raw]) {
      const again = load(sql).prepare('SELECT name, description FROM virtual_key').get();
      expect(again).toEqual({ name: "it's", description: NUL });
    }
    const half = load(all.slice(0, all.lastIndexOf('CREATE')));
    expect(lackOf(half, db)).toMatch(/^index \w+$/);
    expect(lackOf(load(all), db)).toBeNull();
    expect(emptyLike(db)).toBeNull(); // of another schema than today's
    const newest = Math.max(
      ...readdirSync(join(ROOT, 'src/schema')).map((name) => Number(name.slice(0, 4)) || 0),
    );
    add(db, 'schema_step', { n: newest, name: 'newest' });
    expect(lackOf(db, emptyLike(db) ?? db)).toBeNull();
    expect(lackOf(half, emptyLike(db) ?? half)).toMatch(/^index \w+$/);
  });

  it('is brought from the first version’s schema to that of now, and is the same database once they ran', () => {
    const old = load(sqlOf('test/schema/first-version.sql'));
    const before = schemaOf(old);
    const long = `it's; ${'é'.repeat(120_000)}\n${'😀'.repeat(30_000)}`;
    old
      .prepare("INSERT INTO listing (server_id, kind, position, definition) VALUES ('s', 'tool', 1, ?)")
      .run(long);

    upgrade(old, 17);
    toCompare(old);
    const all = [...statements(old, ['of_another_time'])];
    const again = load(all.join('\n'));

    expect([before, schemaOf(old), schemaOf(again)]).toEqual([1, 17, 17]);
    expect(tablesOf(again)).toEqual(tablesOf(empty()));
    expect(again.prepare('SELECT definition FROM listing').get()).toEqual({ definition: long });
    expect(Math.max(...all.map((one) => Buffer.byteLength(one)))).toBeLessThan(100_000);
    expect(all[0]).toBe('DROP TABLE IF EXISTS "of_another_time";');
    expect(again.prepare('SELECT name, created_at FROM grant_sweep').all()).toEqual([
      { name: 'restored', created_at: 0 },
    ]);
  });

  it('is refused when it is not whole, or not of a gateway', () => {
    expect(() => load("CREATE TABLE setting (name TEXT); INSERT INTO setting VALUES ('half")).toThrow(
      'no whole backup',
    );
    expect(() => schemaOf(load('CREATE TABLE another (id TEXT)'))).toThrow('not the database of a gateway');
    expect(() => upgrade(load(sqlOf('test/schema/first-version.sql')), 9999)).toThrow('does not know step');
  });
});
