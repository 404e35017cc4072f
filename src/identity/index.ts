import type { Env } from '../config';
import { ask, known, map, type Question } from '../database';
import type { Params } from '../protocol/params';
import { parseSubject, type Subject } from '../protocol/subject';
import type { Settings } from '../settings';
import { session } from './session';
import { user } from './user';
import { virtualKey } from './virtual-key';

/**
 * Who was proved. A virtual key's generation counts its leaks, a person's their blocks, and a proof of an earlier one proves
 * nothing any more; that of other identities is 0.
 */
export type Proof = { subject: Subject; generation: number };

/** Someone who proved who they are, and the name people know them by. */
export type Identity = Proof & { name: string };

/** What the fields prove holds only for somebody who is signed in: this person, or, null, whoever it turns out to be. */
export type MustSignIn = { mustSignIn: string | null };

/** One way to prove an identity at consent, and to tell later whether it still stands. */
export type IdentityMode = {
  /** What begins its subjects. */
  kind: ReturnType<typeof parseSubject>['kind'];
  /** How the choice reads: what it is called, and what it means. */
  label: string;
  hint: string;
  /** True when the fields hold a secret someone could guess at: attempts are counted. */
  isGuessable: boolean;
  /** What a person reads whose fields prove no one: the same for unknown and wrong. */
  refusal: string;
  /** Why this deployment does not offer it, in words for the person; empty: nobody misses it. Null when it does. */
  unavailable(settings: Settings): string | null;
  /** Who the fields of the consent form prove; null when they prove no one. */
  identify(env: Env, form: Params): Promise<Identity | MustSignIn | null>;
  /**
   * Whether the identity still stands: `gone` ends its grants, `suspended` (by a setting) only refuses them.
   * @param id the part of the subject after its kind.
   */
  standing(db: D1Database, settings: Settings, id: string): Question<Standing>;
};

/** Whether and as whom somebody stands who was proved before. */
export type Standing = { name: string; generation: number } | 'suspended' | 'gone';

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
