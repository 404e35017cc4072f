import * as z from 'zod/mini';
import { treeOf } from '../../protocol/dotted';
import { SETTINGS } from '../../settings';

/** An object of every setting, nested as the dotted names are, with each as `leaf` makes it and keeping its words. */
function treeWith(leaf: (setting: z.ZodMiniType) => z.ZodMiniType): z.ZodMiniObject {
  const leaves = SETTINGS.map(({ name, schema }): [string, z.ZodMiniType] => [
    name,
    leaf(schema).check(z.meta(z.globalRegistry.get(schema) ?? {})),
  ]);
  return objectOf(treeOf(new Map(leaves)));
}

function objectOf(tree: Readonly<Record<string, unknown>>): z.ZodMiniObject {
  const members = Object.entries(tree).map(([name, inner]): [string, z.ZodMiniType] => [
    name,
    inner instanceof z.ZodMiniType ? inner : objectOf(inner as Readonly<Record<string, unknown>>),
  ]);
  return z.object(Object.fromEntries(members));
}

/** A setting without its default. */
function bare(setting: z.ZodMiniType): z.ZodMiniType {
  return setting instanceof z.ZodMiniDefault || setting instanceof z.ZodMiniOptional
    ? (setting.def.innerType as z.ZodMiniType)
    : setting;
}

/** Every setting in effect; one that is nothing is null, a secret is its mask. */
export const ShownSettings = treeWith((setting) =>
  setting instanceof z.ZodMiniOptional ? z.nullable(bare(setting)) : setting,
);

/** Any of the settings; null returns one to its variable. */
const changes = treeWith((setting) => z.optional(z.nullable(bare(setting))));

/** A change of settings, on its own or inside `client_config`. */
export const SettingsChange = z.object({
  ...Object.fromEntries(
    Object.entries(changes.shape).map(([name, member]): [string, z.ZodMiniType] => [
      name,
      z.optional(name === 'oidc' ? z.nullable(member as z.ZodMiniType) : (member as z.ZodMiniType)),
    ]),
  ),
  client_config: z.optional(z.looseObject({}).check(z.describe('The same members, as Bifrost wraps them'))),
  confirm: z.optional(
    z
      .union([z.boolean(), z.literal('unreachable')])
      .check(
        z.describe(
          'Needed to change the issuer, which ends every token; `unreachable`: although its `/health` does not answer as this deployment, or no provider answers at `oidc.issuer`',
        ),
      ),
  ),
});
