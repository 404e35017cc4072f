import type * as z from 'zod/mini';
import { treeOf } from './protocol/dotted';
import { faultWords } from './protocol/faults/fault';
import { faultOf } from './protocol/params';
import { incoherence, SETTINGS, type Setting, type Settings, variableOf } from './settings';

/** A variable of wrangler.toml that does not read as its setting. */
export class BadVariable extends Error {
  override readonly name = 'BadVariable';
}

/**
 * The settings in effect: saved, else from the variables, else the default. A saved value that this version refuses is as if
 * it were not saved, and its setting is named in `refused` (CONTRACT §1).
 * @throws BadVariable naming the variable that cannot be read.
 */
export function effectiveSettings(
  env: object,
  saved: ReadonlyMap<string, unknown>,
  refused: Set<string>,
): Settings {
  const values = new Map<string, unknown>();
  for (const setting of SETTINGS) {
    const { name, variable, schema } = setting;
    const isSaved = saved.has(name);
    const value = isSaved ? saved.get(name) : variableIn(env, variable);
    let result = readValue(setting, value);
    if (!result.success && isSaved) result = readVariable(env, setting);
    if (!result.success)
      throw new BadVariable(`The variable ${variable} cannot be used: ${faultOf(result.error)}.`);
    if (!schema.safeParse(value).success) refused.add(name);
    values.set(name, result.data);
  }
  const settings = treeOf(values) as Settings;
  const wrong = incoherence(settings);
  if (wrong) {
    const { name, fault } = wrong;
    throw new BadVariable(`The variable ${variableOf(name)} cannot be used: ${faultWords(fault)}.`);
  }
  return settings;
}

/** What the setting is when nothing is saved: its variable's value, or the default. */
export function readVariable(env: object, setting: Setting): z.core.util.SafeParseResult<unknown> {
  return readValue(setting, variableIn(env, setting.variable));
}

function variableIn(env: object, variable: string): unknown {
  const value = (env as unknown as Record<string, unknown>)[variable];
  return value === '' ? undefined : value;
}

/** A value as its setting reads it. Of a list that took more in the version before, what it still takes. */
function readValue({ schema, meta }: Setting, value: unknown): z.core.util.SafeParseResult<unknown> {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success || !meta.wasWider) return result;
  const items = typeof value === 'string' ? value.split(',').map((item) => item.trim()) : value;
  if (!Array.isArray(items)) return result;
  return schema.safeParse(items.filter((item) => schema.safeParse([item]).success).slice(0, 100));
}
