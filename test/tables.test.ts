import { describe, expect, it } from 'vitest';
import schema from '../schema.sql?raw';

const sources = import.meta.glob<string>('../src/**/*.{ts,tsx}', {
  query: '?raw',
  import: 'default',
  eager: true,
});
const files = Object.entries(sources).map(([file, text]) => ({ path: file.replace('../src/', ''), text }));

/** The room, or the one file of it, that writes a table. */
const HOMES: Record<string, string[]> = {
  schema_step: ['schema/'],
  deployment: ['schema/'], // its one row is made with it
  setting: ['config.ts'],
  revision: ['governance/revision.ts', 'grants/end.ts', 'sweeps.ts'], // the catalogue's, since when another issuer is configured, whose turn it is
  signing_key: ['crypto/'],
  client: ['clients/'],
  virtual_key: ['governance/'],
  virtual_mcp: ['governance/'],
  virtual_mcp_key: ['governance/'],
  person: ['governance/'],
  tool_count: ['governance/'],
  oauth_grant: ['grants/'],
  grant_sweep: ['grants/'],
  server: ['servers/'],
  listing: ['servers/'],
  server_words: ['servers/'],
  oauth_config: ['servers/'],
  credential: ['accounts/credentials.ts'],
  connect_link: ['accounts/links.ts'],
  upstream_flow: ['accounts/authorization.ts'],
  browser_session: ['identity/'],
  form_once: ['once.ts', 'kept-pages.ts'],
  removal: ['removal/'],
  audit: ['audit.ts', 'audit/'],
};

/** Tables that a room reads from others, each for what one statement answers and two could not. */
const READ: Record<string, string[]> = {
  'config.ts': ['revision', 'schema_step', 'deployment'], // one round trip for all that a request is judged by
  'audit.ts': ['oauth_grant', 'client', 'virtual_key', 'person', 'server', 'virtual_mcp'], // of a grant's act its client and whom it acts for; names
  clients: ['oauth_grant'], // unused: without a grant
  governance: ['server', 'oauth_grant', 'listing'], // access names servers; an address is a server's or a toolset's; who uses a server, and its tools
  identity: ['person'], // a browser's session with its person
  servers: ['virtual_mcp', 'removal'], // an address is a server's or a toolset's; what a server being removed was
  'mcp-client': ['listing'], // the definition of a tool
  accounts: ['server', 'oauth_config', 'listing', 'virtual_key', 'person', 'virtual_mcp', 'oauth_grant'], // lists, and what has no owner left
};

/** Writes one statement to several tables that give access to servers by name, each named by its room. */
const TEMPLATED = ['governance/server-names.ts'];

const tables = [...schema.matchAll(/CREATE TABLE IF NOT EXISTS (\w+)/g)].map(([, name = '']) => name);
const WRITES = /\b(?:INSERT(?: OR [A-Z]+)? INTO|UPDATE(?: OR [A-Z]+)?|DELETE FROM)\s+(\$\{\w+\}|[a-z_]+)/g;
const READS = /(?:\b(?:FROM|JOIN)\s+|\btable: '|\bdb,\s+')([a-z_]+)/g;

/** The tables that `pattern` finds in SQL, as [file, table]. */
const named = (pattern: RegExp) =>
  files.flatMap(({ path, text }) =>
    [...text.matchAll(pattern)].map(([, table = '']): [path: string, table: string] => [path, table]),
  );
const roomOf = (path: string) => path.split('/')[0] ?? '';

describe('tables', () => {
  it('have a home each', () => {
    expect(Object.keys(HOMES).sort()).toEqual(tables.sort());
  });

  it('are written by the room of their noun, and by no other', () => {
    const madeFilled = [...schema.matchAll(WRITES)].map(([, table = '']) => table);
    const writes = named(WRITES);
    const strays = writes.filter(
      ([path, table]) =>
        !TEMPLATED.includes(path) && !HOMES[table]?.some((home) => path === home || path.startsWith(home)),
    );

    expect(strays).toEqual([]);
    expect(writes.length).toBeGreaterThan(50);
    const written = new Set([...writes.map(([, table]) => table), ...madeFilled]);
    expect(tables.filter((table) => !written.has(table))).toEqual([]);
  });

  it('are read elsewhere only where it is said why', () => {
    const strays = named(READS).filter(([path, table]) => {
      const isAtHome = HOMES[table]?.some((home) => roomOf(home) === roomOf(path));
      return tables.includes(table) && !isAtHome && !READ[roomOf(path)]?.includes(table);
    });

    expect(strays).toEqual([]);
  });

  it('are filled by statements that name their columns: a new one must not shift the others', () => {
    const unnamed = files.flatMap(({ path, text }) =>
      [...text.matchAll(/\bINTO\s+[a-z_]+\s+(?!\()\w+/g)].map(([found]) => `${path}: ${found}`),
    );

    expect(unnamed).toEqual([]);
  });
});
