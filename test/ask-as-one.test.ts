import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { clientQuestion } from '../src/clients/store';
import { askAsOne, question, selection, theseIds, together } from '../src/database';
import { keysQuestion, usersWithKeysQuestion } from '../src/governance/access';
import { grantQuestion } from '../src/grants/store';
import { roundTripsOf } from './support/round-trips';

type Row = Record<string, unknown>;
const { DB } = env;

/** The rows of a SELECT as they come. */
const rows = (sql: string, columns: string[], ...values: (string | number)[]) =>
  selection<Row, Row[]>(DB, { sql, values, columns }, (found) => found);

const THREE = rows(
  'SELECT value AS n, value || ? AS words, NULL AS none FROM json_each(?)',
  ['n', 'words', 'none'],
  '"\n',
  '[1,2.5,3]',
);
const NONE = rows('SELECT 1 AS n WHERE 0', ['n']);

afterEach(() => {
  vi.restoreAllMocks();
});

describe('several SELECTs as one statement', () => {
  it('answer as they do by themselves, in one round trip', async () => {
    let answers: unknown;
    const trips = await roundTripsOf(async () => {
      answers = await askAsOne(DB, together(THREE, NONE), THREE);
    });
    const three = [
      { n: 1, words: '1"\n', none: null },
      { n: 2.5, words: '2.5"\n', none: null },
      { n: 3, words: '3"\n', none: null },
    ];

    expect(answers).toEqual([[three, []], three]);
    expect(trips).toBe(1);
  });

  /** The statement that asks for all of them fails once, as D1 itself says it. */
  const failOnce = (words: string) => {
    const statement = Object.getPrototypeOf(DB.prepare('SELECT 1')) as D1PreparedStatement;
    vi.spyOn(statement, 'first').mockRejectedValueOnce(new Error(words));
  };

  it('answer by a batch where their rows are more than one row may hold (local D1 has no such limit)', async () => {
    failOnce('D1_ERROR: string or blob too big: SQLITE_TOOBIG');

    expect(await askAsOne(DB, NONE, THREE)).toMatchObject([[], [{ n: 1 }, { n: 2.5 }, { n: 3 }]]);
  });

  it('are not asked again while D1 does not answer', async () => {
    failOnce('D1_ERROR: Network connection lost.');

    await expect(askAsOne(DB, NONE, THREE)).rejects.toThrow('Network connection lost');
  });

  it('name no more columns than D1 lets a function have arguments', () => {
    const questions = [
      clientQuestion(DB, ''),
      grantQuestion(DB, ''),
      usersWithKeysQuestion(DB, theseIds([])),
      keysQuestion(DB, theseIds([])),
    ];
    const counts = questions.flatMap(({ selects = [] }) => selects.map(({ columns }) => columns.length));

    expect(counts).toHaveLength(5);
    expect(Math.max(...counts)).toBeLessThanOrEqual(32);
  });

  it('answer beside what is no SELECT', async () => {
    const counted = question<{ n: number }, number>(DB.prepare('SELECT 4 AS n'), ([row]) => row?.n ?? 0);

    expect((await askAsOne(DB, THREE, counted))[1]).toBe(4);
  });
});
