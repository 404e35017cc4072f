import type { Env } from '../config';
import type { Question } from '../database';
import type { Params } from '../protocol/params';
import type { parseSubject, Subject } from '../protocol/subject';
import type { Settings } from '../settings';

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
