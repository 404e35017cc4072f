let registry: ReadonlyMap<string, unknown> = new Map();

/** Says which grant types clients may register for: the keys of `types`, also of those that come later. @returns `types` */
export function serveGrantTypes<Type>(types: Map<string, Type>): ReadonlyMap<string, Type> {
  registry = types;
  return types;
}

/** The grant types that clients may register for. */
export function grantTypesServed(): string[] {
  return [...registry.keys()];
}
