import type * as z from 'zod/mini';
import { treeOf } from './protocol/dotted';
import { fault, faultWords, type ValueFault } from './protocol/faults/fault';
import { faultOf } from './protocol/params';
import { itemsIn } from './protocol/variable-values';
import { type Setting, variableOf } from './setting';
import { hasProvider, SETTINGS, type Settings } from './settings';

/** A variable of wrangler.toml that does not read as its setting. */
export class BadVariable extends Error {
  override readonly name = 'BadVariable';
}

/**
 * The settings in effect: saved, else from the variables, else the default. Where a saved value cannot be read, what its
 * setting says of that holds, and the setting is named in `refused` (CONTRACT §1).
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
    const read = readValue(setting, value, isSaved);
    const result = !read.success && isSaved ? unread(env, setting) : read;
    if (!result.success)
      throw new BadVariable(`The variable ${variable} can’t be used: ${faultOf(result.error)}.`);
    if (!schema.safeParse(value).success) refused.add(name);
    values.set(name, result.data);
  }
  return coherent(treeOf(values) as Settings, saved.size > 0, refused);
}

/**
 * The settings where they agree. Those that do not are an error of the variables while nothing is saved. Else what lacks its
 * other half is left out: administrators have to get in to correct what is saved.
 * @throws BadVariable
 */
function coherent(settings: Settings, isSaved: boolean, refused: Set<string>): Settings {
  const wrong = incoherence(settings);
  if (!wrong) return settings;
  const { name, fault } = wrong;
  if (!isSaved)
    throw new BadVariable(`The variable ${variableOf(name)} can’t be used: ${faultWords(fault)}.`);
  if (!refused.size) refused.add(name);
  const { oidc, access } = settings;
  return {
    ...settings,
    oidc: oidc.client_id ? oidc : { ...oidc, issuer: undefined },
    access: access.aud ? access : { ...access, team_domain: undefined },
  };
}

/** A setting that the others do not let stand, and why; null when they agree. */
export function incoherence(settings: Settings): { name: string; fault: ValueFault } | null {
  const { oidc, access, oauth2_server_config: server, mcp_server_auth_mode: mode } = settings;
  if (oidc.issuer && !oidc.client_id)
    return { name: 'oidc.client_id', fault: fault('needed_beside', { other: 'oidc.issuer' }) };
  if (access.team_domain && !access.aud)
    return { name: 'access.aud', fault: fault('needed_beside', { other: 'access.team_domain' }) };
  if (server.disable_vk_identity && (mode !== 'oauth' || !hasProvider(settings))) {
    return { name: 'oauth2_server_config.disable_vk_identity', fault: fault('needs_sign_in') };
  }
  return null;
}

/** The setting that cannot be read and leaves apps no way in (`closes`); null: none. */
export function closing(refused: ReadonlySet<string>): Setting | null {
  if (!refused.size) return null;
  return SETTINGS.find(({ name, meta }) => meta.closes && refused.has(name)) ?? null;
}

/** What the setting is when nothing is saved: its variable's value, or the default. */
export function readVariable(env: object, setting: Setting): z.core.util.SafeParseResult<unknown> {
  return readValue(setting, variableIn(env, setting.variable));
}

/** What the setting is while what is saved of it cannot be read. */
function unread(env: object, setting: Setting): z.core.util.SafeParseResult<unknown> {
  const rule = setting.meta.unread;
  if (rule === 'default') return readVariable(env, setting);
  return { success: true, data: rule === 'none' ? undefined : rule };
}

function variableIn(env: object, variable: string): unknown {
  const value = (env as unknown as Record<string, unknown>)[variable];
  return value === '' ? undefined : value;
}

/**
 * A value as its setting reads it. Of a list that was saved, or took more in the version before, the items it still takes:
 * each allows something (one that may also close something `closes`).
 */
function readValue(
  { schema, meta }: Setting,
  value: unknown,
  isSaved = false,
): z.core.util.SafeParseResult<unknown> {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success || !(meta.wasWider || (isSaved && !meta.closes))) return result;
  const items = typeof value === 'string' ? itemsIn(value, meta.ofUrls === true) : value;
  if (!Array.isArray(items)) return result;
  const left = items.filter((item) => schema.safeParse([item]).success).slice(0, 100);
  return left.length || meta.wasWider ? schema.safeParse(left) : result;
}
