import { type Act, auditIfChanged, type Named } from '../audit';
import type { Env } from '../config';
import { finishEarlier, finishRemoval } from './ends';
import { type Removal, storeRemoval } from './store';

/** What became of a request to remove something. `isOver`: nothing is left; else the cron goes on. Null: there was nothing. */
export type Removed = { isOver: boolean } | null;

/** How a removal begins. `gone` changes a row when there is something to remove; `also` runs before it, whatever there is. */
type Beginning = {
  also: readonly D1PreparedStatement[];
  gone: D1PreparedStatement;
  act: (Act & Named) | null;
};

/**
 * Begins a removal in one transaction: from then on it is refused everywhere, the audit has the act, and what is left is
 * known. Then ends what is left. The same request once more, and the cron, go on where a fault has cut this off.
 */
export async function remove(env: Env, removal: Removal, { also, gone, act }: Beginning): Promise<Removed> {
  const { DB } = env;
  const results = await DB.batch([
    ...also,
    gone,
    storeRemoval(DB, removal),
    ...(act ? [auditIfChanged(DB, act, removal.begunBy)] : []),
  ]);
  if (results[also.length]?.meta.changes) return { isOver: (await finishRemoval(env, removal)) === true };
  const { kind, id } = removal;
  return removalOfEarlier(env, kind, id);
}

/** The same of what an earlier request began. */
export async function removalOfEarlier(env: Env, kind: Removal['kind'], id: string): Promise<Removed> {
  const isOver = await finishEarlier(env, kind, id);
  return isOver === null ? null : { isOver };
}
