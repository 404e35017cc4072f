import type { Env } from '../config';
import type { Ids, Question } from '../database';
import type { Access } from '../governance/access';
import type { HeldKey } from '../governance/virtual-keys';
import type { EndReason } from '../grants/grant';
import type { Params } from '../protocol/params';
import type { Subject } from '../protocol/subject';
import type { Settings } from '../settings';
import type { Standing } from './standing';

/**
 * Who was proved. A virtual key's generation counts its leaks, a person's their blocks, and a proof of an earlier one proves
 * nothing any more; that of other identities is 0.
 */
export type Proof = { subject: Subject; generation: number };

/** Someone who proved who they are, and the name people know them by. */
export type Identity = Proof & { name: string };

/** What the fields prove holds only for someone who is signed in: this person, or, null, the person it turns out to be. */
export type MustSignIn = { mustSignIn: string | null };

/** One way to prove an identity at consent, and everything that differs by it later. `Row`: what storage has of one. */
export type IdentityMode<Row = unknown> = {
  /** What begins its subjects: 1 to 16 small letters. */
  kind: string;
  /** How the way to prove one reads, and what it means. */
  label(settings: Settings): string;
  hint: string;
  /** What its button says; null: its label. */
  button: string | null;
  /** The secret a person types, by the name of its form field; attempts are counted. Null: nothing is typed. */
  typed: { field: string; label: string } | null;
  /** What a person reads whose fields prove no one: the same for unknown and wrong. */
  refusal: string;
  /** Why this deployment does not offer it, in words for the person; empty: no one misses it. Null when it does. */
  unavailable(settings: Settings): string | null;
  /** Who the fields of the consent form prove; null when they prove no one. */
  identify(env: Env, settings: Settings, form: Params): Promise<Identity | MustSignIn | null>;

  /** What storage has of the identities with these ids, by id; those that are not there are not in it. */
  rows(db: D1Database, ids: Ids): Question<Map<string, Row>>;
  /** Whether the identity may be acted for at `now` (epoch seconds). Pure. @param row null when storage has none */
  standing(row: Row | null, settings: Settings, now: number): Standing;
  /** What it was given beyond what everyone may use. Pure. */
  access(row: Row | null, settings: Settings, now: number): Access;
  /** The key whose limits its calls count against; null: none. */
  key(row: Row | null): HeldKey | null;
  /** What those with these ids are called, by id. */
  names(db: D1Database, ids: Ids): Question<Map<string, string>>;
  /** The subjects whose name holds `text`; null: they have no names to be searched by. */
  named(text: string): Ids | null;

  /** True when the sign-in provider vouches for them: what they miss, signing in again brings back. */
  isSignedIn: boolean;
  /** True when several people may use one, so that an account connected for it serves them all. */
  mayBeShared: boolean;
  /** Why a refresh that found the identity gone ended its grant. */
  endReason: EndReason;
  /** What a client reads whose identity is suspended. */
  suspended: string;
  /** What the API's answers call an object with id and name of it; null: none. */
  apiMember: 'virtual_key' | 'user' | null;
  words: IdentityWords;
};

/** How pages speak of the identities of a mode. */
type IdentityWords = {
  /** What one is, in a word: lists say it, and the address of `/me`. */
  kind: string;
  /** Who one is, in a sentence: "the access key of Ada". */
  who(name: string): string;
  /** For whom an account is connected: words before the name, and those where there is no name. `before` null: it is never said. */
  connectedFor: { before: string | null; nameless: string };
  /** How lists of an administrator call one. @param name null: it is deleted */
  listed(id: string, name: string | null): string;
  /** How the audit calls one who acted. @param name null: it is deleted */
  actor(name: string | null): string;
  /** What an app may use to which everything was allowed: "all its key may", and in a sentence, "the key it is bound to". */
  everything: string;
  whose: string;
  /** What a person reads at consent whose proof has lapsed. */
  lapsed: string;
  /** Where administrators see one, before its id, and what the list of grants calls the filter; null: nowhere. */
  admin: { path: string; filter: 'key' | 'person' } | null;
};

/** What a person reads whose sign-in no longer holds, or who chose no way to sign in. */
export const EXPIRED = 'Your sign-in expired. Sign in again to continue.';
export const CHOOSE = 'Choose how to continue.';
