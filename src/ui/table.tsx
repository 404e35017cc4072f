import type { Child } from 'hono/jsx';
import { countOf, numberOf } from './english';

export type Column = {
  name: string;
  isNumber?: boolean;
  /** Says to screen readers alone what it holds. */
  isHidden?: boolean;
  /** Goes first where there is little room: its cells have the class `extra`, too. */
  isExtra?: boolean;
  /** Where it leads to sort by it, and how the rows are sorted by it now. */
  sort?: { href: string; order?: 'ascending' | 'descending' | undefined };
};

/** A table whose rows become cards where it is narrow: each cell of a row but the first says its column (`data-label`). */
export function Table({ label, columns, children }: { label: string; columns: Column[]; children?: Child }) {
  return (
    <div class="table">
      <table aria-label={label}>
        <thead>
          <tr>
            {columns.map(({ name, isNumber, isHidden, isExtra, sort }) => (
              <th
                scope="col"
                class={[isNumber && 'num', isExtra && 'extra'].filter(Boolean).join(' ') || undefined}
                aria-sort={sort?.order}
              >
                {isHidden ? <span class="unseen">{name}</span> : sort ? <a href={sort.href}>{name}</a> : name}
                {sort?.order && <span aria-hidden="true">{sort.order === 'ascending' ? ' ↑' : ' ↓'}</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

type PagerProps = {
  total: number;
  offset: number;
  limit: number;
  count: number;
  href: (offset: number) => string;
  /** What is counted: `key`. Missing: rows have no name. */
  one?: string;
};

/** Where in a list this page stands, and the ways on. */
export function Pager({ total, offset, limit, count, href, one }: PagerProps) {
  const of = one ? countOf(total, one) : numberOf(total);
  const pages = Math.max(1, Math.ceil(total / limit));
  return (
    <nav class="pager" aria-label="Pages">
      <span>{count ? `${numberOf(offset + 1)}–${numberOf(offset + count)} of ${of}` : `0 of ${of}`}</span>
      {pages > 1 && (
        <span class="row">
          <span>
            Page {numberOf(Math.floor(offset / limit) + 1)} of {numberOf(pages)}
          </span>
          <PagerWay text="Previous" href={offset > 0 ? href(Math.max(0, offset - limit)) : null} />
          <PagerWay text="Next" href={offset + count < total ? href(offset + limit) : null} />
        </span>
      )}
    </nav>
  );
}

function PagerWay({ text, href }: { text: string; href: string | null }) {
  return href === null ? (
    <span class="button small" aria-disabled="true">
      {text}
    </span>
  ) : (
    <a class="button small" href={href}>
      {text}
    </a>
  );
}
