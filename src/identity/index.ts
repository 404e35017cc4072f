import type { Env } from '../config';
import { ask, known, map, type Question } from '../database';
import { parseSubject } from '../protocol/subject';
import type { Settings } from '../settings';
import type { IdentityMode, Proof, Standing } from './mode';
import { session } from './session';
import { user } from './user';
import { virtualKey } from './virtual-key';

/** Every mode, by its name in the consent form's `identity` field. */
export const identityModes: ReadonlyMap<string, IdentityMode> = new Map([
  ['virtual_key', virtualKey],
  ['user', user],
  ['session', session],
]);

/** Whether someone who was proved still stands, whatever the mode. */
export async function standingOf(env: Env, settings: Settings, proof: Proof): Promise<Standing> {
  const [standing] = await ask(env.DB, standingQuestion(env.DB, settings, proof));
  return standing;
}

/** {@link standingOf}, to be asked along with others. */
export function standingQuestion(
  db: D1Database,
  settings: Settings,
  { subject, generation }: Proof,
): Question<Standing> {
  const { kind, id } = parseSubject(subject);
  const mode = [...identityModes.values()].find((mode) => mode.kind === kind);
  const asked = mode ? mode.standing(db, settings, id) : known<Standing>('gone');
  return map(asked, (standing) =>
    typeof standing === 'object' && standing.generation !== generation ? 'gone' : standing,
  );
}
