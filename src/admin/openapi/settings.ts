import * as z from 'zod';
import { treeOf } from '../../protocol/dotted';
import { SETTINGS } from '../../settings';

/** An object of every setting, nested as the dotted names are, with each as `leaf` makes it and keeping its words. */
function treeWith(leaf: (setting: z.ZodType) => z.ZodType): z.ZodObject {
  const leaves = SETTINGS.map(({ name, schema }): [string, z.ZodType] => [
    name,
    leaf(schema).meta(schema.meta() ?? {}),
  ]);
  return objectOf(treeOf(new Map(leaves)));
}

function objectOf(tree: Readonly<Record<string, unknown>>): z.ZodObject {
  const members = Object.entries(tree).map(([name, inner]): [string, z.ZodType] => [
    name,
    inner instanceof z.ZodType ? inner : objectOf(inner as Readonly<Record<string, unknown>>),
  ]);
  return z.object(Object.fromEntries(members));
}

/** A setting without its default. */
function bare(setting: z.ZodType): z.ZodType {
  return setting instanceof z.ZodDefault || setting instanceof z.ZodOptional
    ? (setting.unwrap() as z.ZodType)
    : setting;
}

/** Every setting in effect; one that is nothing is null, a secret is its mask. */
export const ShownSettings = treeWith((setting) =>
  setting instanceof z.ZodOptional ? bare(setting).nullable() : setting,
);

/** Any of the settings; null returns one to its variable. */
const changes = treeWith((setting) => bare(setting).nullable().optional());

/** A change of settings, on its own or inside `client_config`. */
export const SettingsChange = z.object({
  ...Object.fromEntries(
    Object.entries(changes.shape).map(([name, member]): [string, z.ZodType] => [
      name,
      (member as z.ZodType).optional(),
    ]),
  ),
  client_config: z.looseObject({}).describe('The same members, as Bifrost wraps them').optional(),
  confirm: z
    .union([z.boolean(), z.literal('unreachable')])
    .describe(
      'Needed to change the issuer, which ends every token; `unreachable`: although its `/health` does not answer as this deployment',
    )
    .optional(),
});
