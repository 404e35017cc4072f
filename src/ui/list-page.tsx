import type { Child } from 'hono/jsx';
import { type Column, Empty, Pager, Search, Table } from './parts';

type ListHeadProps = {
  title: string;
  /** What is looked for, and what of it is typed already; absent: there is nothing to look through. */
  search?: { label: string; value: string } | undefined;
  /** What can be done beside looking. */
  children?: Child;
};

/** The head of a page with a list. */
export function ListHead({ title, search, children }: ListHeadProps) {
  const field = search && <Search {...search} />;
  return (
    <div class="row spread">
      <h1>{title}</h1>
      {children ? (
        <div class="row">
          {field}
          {children}
        </div>
      ) : (
        field
      )}
    </div>
  );
}

type RowsProps<Row> = {
  label: string;
  columns: Column[];
  rows: readonly Row[];
  row: (row: Row) => Child;
  total: number;
  offset: number;
  limit: number;
  href: (offset: number) => string;
  /** What is said where there is no row. */
  children?: Child;
};

/** A page of a list as a table, with the ways on. */
export function Rows<Row>({ label, columns, rows, row, children, ...page }: RowsProps<Row>) {
  return (
    <>
      {rows.length ? (
        <Table label={label} columns={columns}>
          {rows.map(row)}
        </Table>
      ) : (
        children
      )}
      {(rows.length > 0 || page.offset > 0) && <Pager {...page} count={rows.length} />}
    </>
  );
}

type ListPageProps<Row> = Omit<RowsProps<Row>, 'label' | 'href'> & {
  title: string;
  /** The path of the page. */
  at: string;
  /** What was looked for: how what is found begins. */
  search: string;
  words: {
    /** What the field finds, such as `Find a key by name`. */
    find: string;
    /** `No key begins with`, `There are no more keys`, `Show all keys`. */
    none: string;
    noMore: string;
    all: string;
  };
  /** False: there is nothing to look through yet. */
  isSearched?: boolean;
  action?: Child;
  intro?: Child;
};

/** A list that is searched by how things begin. `children`: what is said before there is anything at all. */
export function ListPage<Row>(props: ListPageProps<Row>) {
  const { title, at, search, words, isSearched = true, action, intro, children, ...rows } = props;
  const isPart = search !== '' || rows.offset > 0;
  return (
    <>
      <ListHead title={title} search={isSearched ? { label: words.find, value: search } : undefined}>
        {action}
      </ListHead>
      {intro}
      <Rows
        {...rows}
        label={title}
        href={(offset) => `${at}?${new URLSearchParams({ search, offset: String(offset) })}`}
      >
        {isPart ? (
          <Empty title={search ? `${words.none} “${search}”` : words.noMore}>
            <p>
              <a href={at}>{words.all}</a>
            </p>
          </Empty>
        ) : (
          children
        )}
      </Rows>
    </>
  );
}
