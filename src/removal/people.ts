import { endBegunBy } from '../accounts/removal';
import type { By } from '../audit';
import type { Env } from '../config';
import { blocking, deactivateKeysOf, findUser, userDeletion, userSubject } from '../governance/users';
import { signOutEverywhere } from '../identity/signed-in';
import { type Removed, removalOfEarlier, remove } from './begin';
import { finishEarlier } from './ends';
import { newRemoval } from './store';

/** Deletes a person, with their browsers' sessions, grants and accounts, and deactivates the keys they own. */
export async function removePerson(env: Env, id: string, by: By): Promise<Removed> {
  const { DB } = env;
  const person = await findUser(DB, id);
  if (!person) return removalOfEarlier(env, 'person', id);
  return remove(env, newRemoval('person', id, by), {
    also: accessOf(DB, id),
    gone: userDeletion(DB, id),
    act: { act: 'user.deleted', user: id, name: person.name },
  });
}

/** Blocks a person, which ends all that. Who is blocked already stays so, and what an earlier block left is ended. */
export async function blockPerson(env: Env, id: string, by: By): Promise<{ isOver: boolean }> {
  const { DB } = env;
  const blocked = await remove(env, newRemoval('person_block', id, by), {
    also: accessOf(DB, id),
    gone: blocking(DB, id, Math.floor(Date.now() / 1000)),
    act: { act: 'user.blocked', user: id },
  });
  return blocked ?? { isOver: true };
}

/** True when nothing is left that a block of this person has to end: before that, they may not come back. */
export async function isBlockFinished(env: Env, id: string): Promise<boolean> {
  return (await finishEarlier(env, 'person_block', id)) ?? true;
}

function accessOf(db: D1Database, id: string): D1PreparedStatement[] {
  const subject = userSubject(id);
  const now = Math.floor(Date.now() / 1000);
  return [signOutEverywhere(db, subject), ...endBegunBy(db, subject), deactivateKeysOf(db, id, now)];
}
