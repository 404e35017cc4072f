import * as z from 'zod';
import { Settings } from '../../settings';

/** The tree of settings with every leaf as `leaf` makes it, and each keeping its words. */
function treeWith(tree: z.ZodObject, leaf: (setting: z.ZodType) => z.ZodType): z.ZodObject {
  const members = Object.entries(tree.shape).map(([name, inner]): [string, z.ZodType] => {
    if (inner instanceof z.ZodObject) return [name, treeWith(inner, leaf)];
    const setting = inner as z.ZodType;
    return [name, leaf(setting).meta(setting.meta() ?? {})];
  });
  return z.object(Object.fromEntries(members));
}

/** A setting without its default. */
function bare(setting: z.ZodType): z.ZodType {
  return setting instanceof z.ZodDefault || setting instanceof z.ZodOptional
    ? (setting.unwrap() as z.ZodType)
    : setting;
}

/** Every setting in effect; one that is nothing is null, a secret is its mask. */
export const ShownSettings = treeWith(Settings, (setting) =>
  setting instanceof z.ZodOptional ? bare(setting).nullable() : setting,
);

/** Any of the settings; null returns one to its variable. */
const changes = treeWith(Settings, (setting) => bare(setting).nullable().optional());

/** A change of settings, on its own or inside `client_config`. */
export const SettingsChange = z.object({
  ...Object.fromEntries(
    Object.entries(changes.shape).map(([name, member]): [string, z.ZodType] => [
      name,
      (member as z.ZodType).optional(),
    ]),
  ),
  client_config: z.looseObject({}).describe('The same members, as Bifrost wraps them').optional(),
  confirm: z.boolean().describe('Needed to change the issuer, which ends every token').optional(),
});
