import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SYSTEM } from '../../src/audit';
import { text } from '../../src/columns';
import { ask } from '../../src/database';
import { keyPageQuestion } from '../../src/governance/key-list';
import {
  findVirtualKey,
  findVirtualKeyByValue,
  insertVirtualKey,
  newValue,
  updateVirtualKey,
  virtualKeyColumns,
} from '../../src/governance/virtual-keys';
import { rotateKey } from '../../src/removal/keys';
import { STEPS } from '../../src/schema/steps';
import { newest, upgrade } from '../../src/schema/upgrade';

const { DB } = env;

/** What the example adds: a step, the same in `schema.sql`, a member of the noun, and one line in its list of columns. */
const STEP = {
  n: newest() + 1,
  name: 'colour',
  sql: "ALTER TABLE virtual_key ADD COLUMN colour TEXT NOT NULL DEFAULT 'grey';",
};
type Coloured = { colour: string };

const columns = virtualKeyColumns.list as Record<string, object>;
const addLine = () => Object.assign(columns, { colour: text<string, 'colour'>('colour') });
const colourOf = (key: object | null) => (key as Coloured | null)?.colour;

const terms = (name: string) => ({
  ...{ name, description: '', isActive: true, expiresAt: null, deleteAfterExpire: null },
  ...{ ownerUserId: null, shared: false, mcpConfigs: [], limits: [] },
  colour: 'green',
});

async function insert(name: string) {
  const made = await insertVirtualKey(DB, terms(name), undefined, 1_700_000_000);
  if (typeof made === 'string') throw new Error(made);
  return made;
}

describe('adding a column (CONTRIBUTING, "Add a thing")', () => {
  beforeAll(async () => {
    await upgrade(DB);
    await insert('from before');
    await upgrade(DB, [...STEPS, STEP]);
  });

  afterEach(() => {
    delete columns.colour;
  });

  it('takes a step and one line: it is inserted, updated and read by the functions of its noun', async () => {
    addLine();

    const { key } = await insert('coloured');
    const found = await findVirtualKey(DB, key.id);
    const change = { description: 'recoloured', colour: 'red' };
    const changed = await updateVirtualKey(DB, key.id, change, 1_700_000_001);
    const renamed = await updateVirtualKey(DB, key.id, { name: 'renamed' }, 1_700_000_002);
    const next = newValue();
    const rotated = await rotateKey(
      env,
      key.id,
      { value: next, previousUntil: null, reason: 'routine' },
      SYSTEM,
    );
    const byValue = await findVirtualKeyByValue(DB, next);
    const [{ keys }] = await ask(DB, keyPageQuestion(DB, { search: '' }, { limit: 10, offset: 0 }, 0));

    expect([key, found].map(colourOf)).toEqual(['green', 'green']);
    expect([changed, renamed, rotated?.key ?? null, byValue].map(colourOf)).toEqual([
      'red',
      'red',
      'red',
      'red',
    ]);
    expect(keys.map((one) => [one.name, colourOf(one)])).toEqual([
      ['from before', 'grey'],
      ['renamed', 'red'],
    ]);
  });

  it('has no effect without the line', async () => {
    const { key } = await insert('uncoloured');

    expect(colourOf(await findVirtualKey(DB, key.id))).toBeUndefined();
    expect(
      await DB.prepare('SELECT colour FROM virtual_key WHERE id = ?1').bind(key.id).first('colour'),
    ).toBe('grey');
  });
});
