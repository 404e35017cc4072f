import { ask, map, type Question, together } from '../database';
import type { McpConfig } from '../protocol/mcp-config';
import { parseSubject, type Subject } from '../protocol/subject';
import type { Settings } from '../settings';
import { type User, usersQuestion } from './users';
import { type HeldKey, heldKeysQuestion, refusalOf } from './virtual-keys';

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
  const [holders] = await ask(db, holdersQuestion(db, [subject]));
  return holders.get(subject) ?? null;
}

/** The same for several; who is not there is not in it. */
export function holdersQuestion(
  db: D1Database,
  subjects: readonly Subject[],
): Question<Map<Subject, Holder>> {
  const parsed = subjects.map(parseSubject);
  const idsOf = (wanted: string) => parsed.filter(({ kind }) => kind === wanted).map(({ id }) => id);
  const [keyIds, people] = [idsOf('vk'), idsOf('user')];
  const asked = together(heldKeysQuestion(db, keyIds, people), usersQuestion(db, people));
  return map(asked, ([keys, users]) => {
    const own = keys.filter(({ id }) => keyIds.includes(id));
    return new Map<Subject, Holder>([
      ...own.map((key) => [`vk:${key.id}`, { key }] as const),
      ...users.map((user) => {
        const owned = keys.filter(({ ownerUserId }) => ownerUserId === user.id);
        return [`user:${user.id}`, { user, keys: owned }] as const;
      }),
    ]);
  });
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
