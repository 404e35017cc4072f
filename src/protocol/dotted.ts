/** The value at a dotted name (`oidc.issuer`) in nested objects; undefined: there is none. */
export function valueIn(tree: Readonly<Record<string, unknown>>, name: string): unknown {
  return name
    .split('.')
    .reduce<unknown>((value, member) => (value as Record<string, unknown> | undefined)?.[member], tree);
}

/** Values by dotted name as nested objects. */
export function treeOf(values: ReadonlyMap<string, unknown>): Record<string, unknown> {
  const tree = {};
  for (const [name, value] of values) put(tree, name.split('.'), value);
  return tree;
}

function put(tree: Record<string, unknown>, [head = '', ...rest]: string[], value: unknown): void {
  if (!rest.length) {
    tree[head] = value;
    return;
  }
  tree[head] ??= {};
  put(tree[head] as Record<string, unknown>, rest, value);
}
