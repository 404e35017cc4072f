/** What a column of D1 holds. */
type Stored = string | number | null;

/** How one member of a noun is stored: the column's name, and the value's way in and out. */
type Column<Value, Name extends string = string, Kind extends string = string> = {
  readonly name: Name;
  readonly kind: Kind;
  readonly write: (value: Value) => Stored;
  readonly read: (stored: Stored) => Value;
};

/** Text, or one of a few words, stored as it is. */
export function text<Value extends string | null, const Name extends string>(
  name: Name,
): Column<Value, Name, 'plain'> {
  return { name, kind: 'plain', write: (value) => value, read: (stored) => stored as Value };
}

/** A whole number, stored as it is. Times are epoch seconds. */
export function integer<Value extends number | null, const Name extends string>(
  name: Name,
): Column<Value, Name, 'plain'> {
  return { name, kind: 'plain', write: (value) => value, read: (stored) => stored as Value };
}

/** A boolean, stored as 1 or 0. */
export function flag<Value extends boolean | null, const Name extends string>(
  name: Name,
): Column<Value, Name, 'flag'> {
  return {
    name,
    kind: 'flag',
    write: (value) => (value === null ? null : Number(value)),
    read: (stored) => (stored === null ? null : stored === 1) as Value,
  };
}

/** A value stored as JSON; null is NULL. */
export function json<Value, const Name extends string>(name: Name): Column<Value, Name, 'json'> {
  return {
    name,
    kind: 'json',
    write: (value) => (value === null ? null : JSON.stringify(value)),
    read: (stored) => (stored === null ? null : JSON.parse(stored as string)),
  };
}

/** A column for each member of a noun. */
type ListOf<Noun> = { readonly [Member in keyof Noun]-?: Column<Noun[Member]> };

/** What a row holds in a column. */
type Held<Value, Kind> = Kind extends 'plain'
  ? Value
  : Extract<Value, null> | (Kind extends 'flag' ? number : string);

type RowOf<List> = {
  [Member in keyof List as List[Member] extends { name: infer Name extends string }
    ? Name
    : never]: List[Member] extends {
    read: (stored: Stored) => infer Value;
    kind: infer Kind;
  }
    ? Held<Value, Kind>
    : never;
};

/** Members of `List` that the noun does not have, none of which may be there. */
type Others<List, Noun> = { readonly [Member in Exclude<keyof List, keyof Noun>]: never };

type Columns<Noun, Unread, List> = {
  /** The list itself. Everything below is made from it when it is called. */
  readonly list: List;
  /** The columns that {@link fromRow} reads. */
  readonly names: readonly string[];
  /** The noun a row holds. Other columns that were selected with it are left out. */
  fromRow(row: RowOf<List>): Noun;
  /** For `INSERT INTO … (columns) VALUES (placeholders)`, or `SELECT placeholders WHERE …`. Every member must be there. */
  insert(noun: Noun & Unread): { columns: string; placeholders: string; values: Stored[] };
  /** For `UPDATE … SET sql`. A member that is left out, or undefined, stays as it is; null is a value. */
  set(change: Change<Noun & Unread>): { sql: string; values: Stored[] };
};

/** The row of a noun: `SELECT *` and `RETURNING *` give it, {@link Columns.fromRow} takes it. */
export type RowIn<C extends { fromRow(row: never): unknown }> = Parameters<C['fromRow']>[0];

/** Members that change. */
type Change<Noun> = { readonly [Member in keyof Noun]?: Noun[Member] | undefined };

/**
 * The list of a noun's columns, from which its inserts, updates and reads are made: `columnsOf<Server>()({ id: text('id'), … })`.
 * A member that is missing, misspelt, or of another type than its column is a type error. Placeholders are bare `?`, so the SQL
 * around them has bare ones too.
 * @param unread columns that are written with the noun and never read into it, such as the hash of a secret
 */
export function columnsOf<Noun extends object, Unread extends object = Record<never, never>>() {
  return <const List extends ListOf<Noun>>(
    list: List & Others<List, Noun>,
    ...[unread]: keyof Unread extends never ? [] : [unread: ListOf<Unread>]
  ): Columns<Noun, Unread, List> => {
    const all = (): [string, Column<unknown>][] => Object.entries({ ...list, ...unread });
    const members = (noun: object) => noun as Record<string, unknown>;
    return {
      list,
      names: Object.values<Column<never>>(list).map(({ name }) => name),
      fromRow: (row) => {
        const columns: [string, Column<unknown>][] = Object.entries(list);
        const stored = members(row) as Record<string, Stored>;
        return Object.fromEntries(
          columns.map(([member, { name, read }]) => [member, read(stored[name] ?? null)]),
        ) as Noun;
      },
      insert: (noun) => ({
        columns: all()
          .map(([, { name }]) => name)
          .join(', '),
        placeholders: all()
          .map(() => '?')
          .join(', '),
        values: all().map(([member, { write }]) => write(members(noun)[member])),
      }),
      set: (change) => {
        const changed = all().filter(([member]) => members(change)[member] !== undefined);
        return {
          sql: changed.map(([, { name }]) => `${name} = ?`).join(', '),
          values: changed.map(([member, { write }]) => write(members(change)[member])),
        };
      },
    };
  };
}
