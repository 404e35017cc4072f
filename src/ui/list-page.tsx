import type { Child } from 'hono/jsx';
import type { Way } from './layout';
import { Empty, Head, Search } from './parts';
import { type Column, Pager, Table } from './table';

type RowsProps<Row> = {
  label: string;
  columns: Column[];
  rows: readonly Row[];
  row: (row: Row) => Child;
  total: number;
  offset: number;
  limit: number;
  href: (offset: number) => string;
  /** What is counted: `key`. */
  one?: string;
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
  /** What was looked for: what is found holds it. */
  search: string;
  words: {
    /** What the field finds, such as `Find by name`. */
    find: string;
    /** `No keys match`, `There are no more keys`. */
    none: string;
    noMore: string;
    /** What is searched: `Names and owners are searched.` */
    searched?: string;
  };
  /** False: there is nothing to look through yet. */
  isSearched?: boolean;
  action?: Child;
  lead?: Child;
  tabs?: { label: string; ways: readonly Way[] };
  intro?: Child;
  /** Filters beside the search, and what they add to the address of a page. */
  filters?: Child;
  query?: Record<string, string>;
};

/** A list that is searched and filtered. `children`: what is said before there is anything at all. */
export function ListPage<Row>(props: ListPageProps<Row>) {
  const {
    title,
    at,
    search,
    words,
    isSearched = true,
    action,
    lead,
    tabs,
    intro,
    filters,
    ...others
  } = props;
  const { query = {}, children, ...rows } = others;
  const isPart = search !== '' || rows.offset > 0 || Object.keys(query).length > 0;
  return (
    <>
      <Head title={title} actions={action} lead={lead} {...(tabs && { tabs })} />
      {intro}
      {(isSearched || isPart) && (
        <Search label={words.find} value={search}>
          {filters}
        </Search>
      )}
      <Rows
        {...rows}
        label={title}
        href={(offset) => `${at}?${new URLSearchParams({ search, ...query, offset: String(offset) })}`}
      >
        {isPart ? (
          <Empty title={search ? `${words.none} “${search}”` : words.noMore} glyph="search">
            {words.searched && <p>{words.searched}</p>}
            <div class="row">
              <a class="button" href={at}>
                Clear search
              </a>
            </div>
          </Empty>
        ) : (
          children
        )}
      </Rows>
    </>
  );
}
