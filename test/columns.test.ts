import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { authorizationColumns } from '../src/accounts/authorization';
import { credentialColumns } from '../src/accounts/credentials';
import { linkColumns } from '../src/accounts/links';
import { clientColumns } from '../src/clients/store';
import { columnsOf, flag, integer, json, type RowIn, text } from '../src/columns';
import { userColumns } from '../src/governance/users';
import { virtualKeyColumns } from '../src/governance/virtual-keys';
import { virtualMcpColumns } from '../src/governance/virtual-mcps';
import { grantColumns } from '../src/grants/store';
import { sessionColumns } from '../src/identity/signed-in';
import { removalColumns } from '../src/removal/store';
import { upgrade } from '../src/schema/upgrade';
import { oauthConfigColumns } from '../src/servers/oauth-config-store';
import { serverColumns } from '../src/servers/row';

type Boat = {
  id: string;
  kind: 'sail' | 'motor';
  afloat: boolean;
  insured: boolean | null;
  builtAt: number | null;
  crew: string[];
  berth: { pier: number } | null;
};

const boats = columnsOf<Boat, { keyHash: string }>()(
  {
    id: text('id'),
    kind: text('boat_kind'),
    afloat: flag('is_afloat'),
    insured: flag('insured'),
    builtAt: integer('built_at'),
    crew: json('crew'),
    berth: json('berth'),
  },
  { keyHash: text('key_hash') },
);

const BOAT: Boat = {
  id: 'b1',
  kind: 'sail',
  afloat: true,
  insured: null,
  builtAt: 1_700_000_000,
  crew: ['Ada'],
  berth: null,
};
const ROW: RowIn<typeof boats> = {
  id: 'b1',
  boat_kind: 'sail',
  is_afloat: 1,
  insured: null,
  built_at: 1_700_000_000,
  crew: '["Ada"]',
  berth: null,
};

describe('a list of columns', () => {
  it('inserts every member, those too that are never read', () => {
    expect(boats.insert({ ...BOAT, keyHash: 'h' })).toEqual({
      columns: 'id, boat_kind, is_afloat, insured, built_at, crew, berth, key_hash',
      placeholders: '?, ?, ?, ?, ?, ?, ?, ?',
      values: ['b1', 'sail', 1, null, 1_700_000_000, '["Ada"]', null, 'h'],
    });
  });

  it('makes the noun of a row again, and leaves out what else was selected', () => {
    const selected = { ...ROW, key_hash: 'h', total: 3 };

    expect(boats.fromRow(selected)).toEqual(BOAT);
    expect(boats.fromRow({ ...ROW, is_afloat: 0, insured: 0, berth: '{"pier":2}' })).toEqual({
      ...BOAT,
      afloat: false,
      insured: false,
      berth: { pier: 2 },
    });
  });

  it('sets what changes: null is a value, undefined and what is left out are none', () => {
    const change = { afloat: false, insured: null, kind: undefined, crew: [], keyHash: 'new' };

    expect(boats.set(change)).toEqual({
      sql: 'is_afloat = ?, insured = ?, crew = ?, key_hash = ?',
      values: [0, null, '[]', 'new'],
    });
  });

  it('refuses what is missing, misspelt or of another type, as a type error', () => {
    const { list } = boats;
    const { crew: _, ...fewer } = list;

    // @ts-expect-error crew has no column
    columnsOf<Boat>()(fewer);
    // @ts-expect-error a boat has no sails
    columnsOf<Boat>()({ ...list, sails: integer('sails') });
    // @ts-expect-error afloat is a boolean
    columnsOf<Boat>()({ ...list, afloat: text<string, 'is_afloat'>('is_afloat') });
    // @ts-expect-error the hash of its key is written too
    boats.insert(BOAT);
    // @ts-expect-error a boat is not renamed by a misspelt member
    boats.set({ knid: 'motor' });
  });
});

describe('the nouns', () => {
  beforeAll(() => upgrade(env.DB));

  const nouns = {
    browser_session: sessionColumns.insert({} as never),
    client: clientColumns.insert({} as never),
    connect_link: linkColumns.insert({} as never),
    credential: credentialColumns.insert({} as never),
    oauth_config: oauthConfigColumns.insert({} as never),
    oauth_grant: grantColumns.insert({} as never),
    removal: removalColumns.insert({} as never),
    person: userColumns.insert({} as never),
    server: serverColumns.insert({} as never),
    upstream_flow: authorizationColumns.insert({} as never),
    virtual_key: virtualKeyColumns.insert({} as never),
    virtual_mcp: virtualMcpColumns.insert({} as never),
  };

  it.each(Object.entries(nouns))('of %s list every column of their table', async (table, { columns }) => {
    const { results } = await env.DB.prepare('SELECT name FROM pragma_table_info(?1)')
      .bind(table)
      .all<{ name: string }>();

    expect(columns.split(', ').sort()).toEqual(results.map(({ name }) => name).sort());
  });
});
