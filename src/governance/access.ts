import { type Ids, map, type Question, together } from '../database';
import type { McpConfig } from '../protocol/mcp-config';
import type { Settings } from '../settings';
import { type User, usersQuestion } from './users';
import { type HeldKey, heldKeysQuestion, refusalOf } from './virtual-keys';

/** What an identity was given beyond what everyone may use (CONTRACT §6). */
export type Access = {
  /** A list for each giver. Each decides for itself whether a server is open to it as it is to everyone; then they add up. */
  mcpConfigs: readonly (readonly McpConfig[])[];
  virtualMcpIds: readonly string[];
};

/** What an identity without grants of its own has. */
export const NOTHING: Access = { mcpConfigs: [[]], virtualMcpIds: [] };

/** A person with the keys they own. */
export type UserWithKeys = { user: User; keys: HeldKey[] };

/** The keys with these ids that there are, by id. */
export function keysQuestion(db: D1Database, ids: Ids): Question<Map<string, HeldKey>> {
  return map(heldKeysQuestion(db, 'id', ids), (keys) => new Map(keys.map((key) => [key.id, key])));
}

/** The people with these ids that there are, by id. */
export function usersWithKeysQuestion(db: D1Database, ids: Ids): Question<Map<string, UserWithKeys>> {
  const asked = together(heldKeysQuestion(db, 'owner_user_id', ids), usersQuestion(db, ids));
  return map(asked, ([keys, users]) => {
    const keysOf = (id: string) => keys.filter(({ ownerUserId }) => ownerUserId === id);
    return new Map(users.map((user) => [user.id, { user, keys: keysOf(user.id) }]));
  });
}

/** What a key was given. */
export function accessOfKey({ mcpConfigs, virtualMcpIds }: HeldKey): Access {
  return { mcpConfigs: [mcpConfigs], virtualMcpIds };
}

/** What a person may use: what they were given, what everyone who signs in is, and what their keys may use at `now`. */
export function accessOfUser({ user, keys }: UserWithKeys, settings: Settings, now: number): Access {
  const usable = keys.filter((key) => !refusalOf(key, now));
  return {
    mcpConfigs: [
      [...user.mcpConfigs, ...settings.default_user_access],
      ...usable.map(({ mcpConfigs }) => mcpConfigs),
    ],
    virtualMcpIds: usable.flatMap(({ virtualMcpIds }) => virtualMcpIds),
  };
}
