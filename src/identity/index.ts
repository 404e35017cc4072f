import type { Env, Settings } from '../config';
import type { Params } from '../protocol/params';
import { parseSubject, type Subject } from '../protocol/subject';
import { session } from './session';
import { virtualKey } from './virtual-key';

/** Someone who proved who they are: the subject, and the name people know it by. */
export type Identity = { subject: Subject; name: string };

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
  /** Why this deployment does not offer it, in words for the person; null when it does. */
  unavailable(settings: Settings): string | null;
  /** Who the fields of the consent form prove; null when they prove no one. */
  identify(env: Env, form: Params): Promise<Identity | null>;
  /**
   * Whether the identity still stands: `gone` ends its grants, `suspended` (by a setting) only refuses them.
   * @param id the part of the subject after its kind.
   */
  standing(env: Env, settings: Settings, id: string): Promise<{ name: string } | 'suspended' | 'gone'>;
};

/** Every mode, by its name in the consent form's `identity` field. */
export const identityModes: ReadonlyMap<string, IdentityMode> = new Map([
  ['virtual_key', virtualKey],
  ['session', session],
]);

/** Whether a subject still stands, whatever its mode. */
export async function standingOf(
  env: Env,
  settings: Settings,
  subject: Subject,
): ReturnType<IdentityMode['standing']> {
  const { kind, id } = parseSubject(subject);
  for (const mode of identityModes.values()) if (mode.kind === kind) return mode.standing(env, settings, id);
  return 'gone';
}
