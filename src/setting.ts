import * as z from 'zod/mini';

/** One setting: its dotted name, the variable that sets it, the schema that reads it, and what is said of it. */
export type Setting = {
  name: string;
  variable: string;
  schema: z.ZodMiniType;
  meta: Record<string, unknown>;
};

/** The settings of a table. */
export function settingsIn(schema: z.ZodMiniObject, path: readonly string[] = []): Setting[] {
  return Object.entries(schema.shape).flatMap(([member, inner]) => {
    const name = [...path, member];
    if (inner instanceof z.ZodMiniObject) return settingsIn(inner, name);
    const dotted = name.join('.');
    const schema = inner as z.ZodMiniType;
    return [{ name: dotted, variable: variableOf(dotted), schema, meta: z.globalRegistry.get(schema) ?? {} }];
  });
}

/** The variable of wrangler.toml that sets a setting. */
export function variableOf(name: string): string {
  return name.toUpperCase().replaceAll('.', '_');
}

/** True for a setting that is sealed where it is saved, and shown as a mask. */
export function isSecret({ meta }: Setting): boolean {
  return meta.isSecret === true;
}
