/** Part of a WHERE clause: SQL with a `?` for each of its values. */
export type Condition = { sql: string; values: (string | number)[] };

/** That `column` is `value`, where one is given. */
export function equals(column: string, value: string | undefined): Condition[] {
  return value === undefined ? [] : [{ sql: `${column} = ?`, values: [value] }];
}

/** That `column` is one of `values`; null: any. A single one is asked for by `=`, which leaves the index its order. */
export function oneOf(column: string, values: readonly string[] | null): Condition[] {
  if (values?.length === 1) return equals(column, values[0]);
  if (!values) return [];
  return [{ sql: `${column} IN (SELECT value FROM json_each(?))`, values: [JSON.stringify(values)] }];
}

/** That `sql` holds `text` anywhere, without regard to the case of A to Z. Not LIKE: D1 takes patterns of 50 bytes at most. */
export function contains(sql: string, text: string): Condition {
  return { sql: `instr(lower(${sql}), lower(?))`, values: [text] };
}

/** That one of several holds `text`. */
export function holds(columns: readonly string[], text: string): Condition {
  const any = columns.map((sql) => contains(sql, text));
  return { sql: any.map(({ sql }) => sql).join(' OR '), values: any.flatMap(({ values }) => values) };
}

/** The same of a text that is searched for, where there is one. */
export function searched(columns: readonly string[], text: string): Condition[] {
  return text ? [holds(columns, text)] : [];
}

/** By what a list is sorted; with `-` the other way round. */
export type Sort<By extends string> = By | `-${By}`;

/** ORDER BY of that, by the SQL of each. `last` decides between equals. */
export function orderOf<By extends string>(
  columns: Readonly<Record<By, string>>,
  sort: Sort<By>,
  last: string,
): string {
  const by = columns[sort.replace('-', '') as By];
  const order = sort.startsWith('-') ? `${by} DESC` : by;
  return by === last ? order : `${order}, ${last}`;
}

/** A question to the database that may share its round trip with others: its statements, and what their rows come to. */
export type Question<Answer> = {
  readonly statements: D1PreparedStatement[];
  /** The same as SELECTs, which one statement can hold ({@link askAsOne}); missing: it cannot. */
  selects?: readonly Select[] | undefined;
  answer: (rows: unknown[][]) => Answer;
};

/**
 * Rows: a SELECT with a `?` for each of its values, and the columns that are read of them: 32 at most, as D1 limits arguments. One that
 * a JSON function makes has to be made text, or it would be JSON in JSON.
 */
export type Select = Condition & { columns: readonly string[] };

/** A question of one SELECT. */
export function selection<Row, Answer>(
  db: D1Database,
  select: Select,
  answer: (rows: Row[]) => Answer,
): Question<Answer> {
  let made: D1PreparedStatement[] | undefined;
  return {
    get statements() {
      made ??= [db.prepare(select.sql).bind(...select.values)];
      return made;
    },
    selects: [select],
    answer: ([rows]) => answer((rows ?? []) as Row[]),
  };
}

/** A question of one statement. */
export function question<Row, Answer>(
  statement: D1PreparedStatement,
  answer: (rows: Row[]) => Answer,
): Question<Answer> {
  return { statements: [statement], answer: ([rows]) => answer((rows ?? []) as Row[]) };
}

/** A question whose answer is made of another's. */
export function map<A, B>(asked: Question<A>, of: (answer: A) => B): Question<B> {
  return {
    get statements() {
      return asked.statements;
    },
    selects: asked.selects,
    answer: (rows) => of(asked.answer(rows)),
  };
}

/** What needs no asking, where a question is wanted. */
export function known<Answer>(answer: Answer): Question<Answer> {
  return { statements: [], selects: [], answer: () => answer };
}

type Answers<Questions> = { [At in keyof Questions]: Questions[At] extends Question<infer A> ? A : never };

/** Several questions as one. */
export function together<const Questions extends readonly Question<unknown>[]>(
  ...questions: Questions
): Question<Answers<Questions>> {
  const selects = questions.map(({ selects }) => selects);
  const sizes = questions.map((one) => (one.selects ?? one.statements).length);
  return {
    get statements() {
      return questions.flatMap(({ statements }) => statements);
    },
    selects: selects.includes(undefined) ? undefined : selects.flatMap((some) => some ?? []),
    answer: (rows) => {
      let at = 0;
      const answers = questions.map(({ answer }, index) => {
        const mine = rows.slice(at, at + (sizes[index] ?? 0));
        at += mine.length;
        return answer(mine);
      });
      return answers as Answers<Questions>;
    },
  };
}

/** The answers to several questions: from one moment, in one round trip. */
export async function ask<const Questions extends readonly Question<unknown>[]>(
  db: D1Database,
  ...questions: Questions
): Promise<Answers<Questions>> {
  const { statements, answer } = together(...questions);
  const results = statements.length ? await db.batch(statements) : [];
  return answer(results.map(({ results }) => results));
}

/**
 * The same by one statement, where each is a SELECT: every statement of a batch is planned, counted and answered by itself. The rows
 * come as JSON in one row, which may have 2 MB (D1's limits): where they have more, by a batch after all.
 */
export async function askAsOne<const Questions extends readonly Question<unknown>[]>(
  db: D1Database,
  ...questions: Questions
): Promise<Answers<Questions>> {
  const { selects, answer } = together(...questions);
  const rows = selects?.length ? await rowsOf(db, selects).catch(nullWhereTooLarge) : null;
  return rows ? answer(rows) : ask(db, ...questions);
}

function nullWhereTooLarge(error: unknown): null {
  if (/SQLITE_(TOOBIG|NOMEM)/.test(String(error))) return null;
  throw error;
}

/** The rows of each. */
async function rowsOf(db: D1Database, selects: readonly Select[]): Promise<unknown[][]> {
  const parts = selects.map(
    ({ sql, columns }, at) =>
      `(SELECT json_group_array(json_array(${columns.join(', ')})) FROM (${sql})) AS part${at}`,
  );
  const found = await db
    .prepare(`SELECT ${parts.join(', ')}`)
    .bind(...selects.flatMap(({ values }) => values))
    .first<Record<string, string>>();
  return selects.map(({ columns }, at) => {
    const rows = JSON.parse(found?.[`part${at}`] ?? '[]') as unknown[][];
    return rows.map((values) => Object.fromEntries(columns.map((name, of) => [name, values[of]])));
  });
}

/** A SELECT of ids to stand after IN, with a `?` for each of its values. */
export type Ids = Condition;

/** These ids. */
export function theseIds(ids: readonly string[]): Ids {
  return { sql: 'SELECT value FROM json_each(?)', values: [JSON.stringify(ids)] };
}

/** The names of the rows of `table` with these ids that there are, by id. */
export function namesQuestion(db: D1Database, table: string, ids: Ids): Question<Map<string, string>> {
  const statement = db.prepare(`SELECT id, name FROM ${table} WHERE id IN (${ids.sql})`).bind(...ids.values);
  return question<{ id: string; name: string }, Map<string, string>>(
    statement,
    (rows) => new Map(rows.map(({ id, name }) => [id, name])),
  );
}

/** Which rows of `table` stand on a page: those that meet every condition, in an order. */
export type PageOf = {
  table: string;
  conditions: readonly Condition[];
  order: string;
  page: { limit: number; offset: number };
};

/** The page of rows as SQL. */
export function pageSql({ table, conditions, order, page }: PageOf, columns = '*'): Condition {
  const { where, values } = whereOf(conditions);
  return {
    sql: `SELECT ${columns} FROM ${table} ${where} ORDER BY ${order} LIMIT ? OFFSET ?`,
    values: [...values, page.limit, page.offset],
  };
}

function whereOf(conditions: readonly Condition[]): { where: string; values: (string | number)[] } {
  const where = conditions.length ? `WHERE ${conditions.map(({ sql }) => `(${sql})`).join(' AND ')}` : '';
  return { where, values: conditions.flatMap((condition) => condition.values) };
}

/**
 * A page of rows, and how many meet the conditions in all. An index that begins with the conditions' columns and goes on as
 * `order` does makes it read `offset` + `limit` rows.
 */
export function pageQuestion<Row>(
  db: D1Database,
  of: PageOf,
  columns?: string,
): Question<{ rows: Row[]; total: number }> {
  const { sql, values } = pageSql(of, columns);
  const { where, values: conditioned } = whereOf(of.conditions);
  return {
    statements: [
      db.prepare(sql).bind(...values),
      db.prepare(`SELECT count(*) AS total FROM ${of.table} ${where}`).bind(...conditioned),
    ],
    answer: ([rows = [], count = []]) => {
      const [{ total } = { total: 0 }] = count as { total: number }[];
      return { rows: rows as Row[], total };
    },
  };
}

/** The answer to {@link pageQuestion} alone. */
export async function selectPage<Row>(
  db: D1Database,
  table: string,
  conditions: readonly Condition[],
  order: string,
  page: { limit: number; offset: number },
): Promise<{ rows: Row[]; total: number }> {
  const [answer] = await ask(db, pageQuestion<Row>(db, { table, conditions, order, page }));
  return answer;
}
