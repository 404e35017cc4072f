import type { McpConfig } from '../protocol/mcp-config';
import { parseSubject, type Subject } from '../protocol/subject';
import type { Settings } from '../settings';
import { findUser, type User } from './users';
import { findVirtualKey, type HeldKey, refusalOf, virtualKeysOf } from './virtual-keys';

/** What an identity was given beyond what everyone may use (CONTRACT §6). */
export type Access = {
  /** A list for each giver. Each decides for itself whether a server is open to it as it is to everyone; then they add up. */
  mcpConfigs: readonly (readonly McpConfig[])[];
  virtualMcpIds: readonly string[];
};

/** What nobody in particular has. */
export const NOTHING: Access = { mcpConfigs: [[]], virtualMcpIds: [] };

/** The key or the person behind a subject, each with what they may use; null for kinds that have neither. */
export type Holder = { key: HeldKey } | { user: User; keys: HeldKey[] };

/** Who a subject is; null when they are not there any more, or never stood anywhere. */
export async function findHolder(db: D1Database, subject: Subject): Promise<Holder | null> {
  const { kind, id } = parseSubject(subject);
  if (kind === 'vk') {
    const key = await findVirtualKey(db, id);
    return key && { key };
  }
  if (kind !== 'user') return null;
  const [user, keys] = await Promise.all([findUser(db, id), virtualKeysOf(db, id)]);
  return user && { user, keys };
}

/** What a key's holder may use, or a person: what they were given, what everyone who signs in is, and what their keys may. */
export function accessOf(holder: Holder | null, settings: Settings, now: number): Access {
  if (!holder) return NOTHING;
  if ('key' in holder) {
    const { mcpConfigs, virtualMcpIds } = holder.key;
    return { mcpConfigs: [mcpConfigs], virtualMcpIds };
  }
  const { user, keys } = holder;
  const usable = keys.filter((key) => !refusalOf(key, now));
  return {
    mcpConfigs: [
      [...user.mcpConfigs, ...settings.default_user_access],
      ...usable.map(({ mcpConfigs }) => mcpConfigs),
    ],
    virtualMcpIds: usable.flatMap(({ virtualMcpIds }) => virtualMcpIds),
  };
}
