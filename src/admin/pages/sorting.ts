import type { Sort } from '../../database';
import type { Column } from '../../ui/table';

/** How the address of a list says it is sorted; what makes no sense in it says nothing. */
export function sortAsked<By extends string>(
  sort: string | undefined,
  by: readonly By[],
): Sort<By> | undefined {
  return by.flatMap((one): Sort<By>[] => [one, `-${one}`]).find((one) => one === sort);
}

/** The head of a column that sorts: a second press turns the order round. `first`: what the first press asks for. */
export function sortBy<By extends string>(
  by: By,
  sort: Sort<By> | undefined,
  query: Record<string, string>,
  first: Sort<By> = by,
): NonNullable<Column['sort']> {
  const turned: Sort<By> = first === by ? `-${by}` : by;
  const next = sort === first ? turned : first;
  const order = sort === by ? 'ascending' : sort === `-${by}` ? 'descending' : undefined;
  return { href: `?${new URLSearchParams({ ...query, sort: next })}`, order };
}
