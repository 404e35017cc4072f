import type { Env } from '../config';
import { findUser, type User } from '../governance/users';
import type { ProviderTokens } from '../identity/oidc';
import { subjectOf } from '../identity/signed-in';
import type { Settings } from '../settings';
import { askConnection, SIGN_IN } from './connections';
import type { Held, Terms } from './credential';

/** True when a server is there whose tokens are exchanged for those of sign-ins: only then these are kept. */
export async function keepsSignIns(db: D1Database): Promise<boolean> {
  const found = await db.prepare("SELECT 1 FROM server WHERE auth_type = 'token_exchange' LIMIT 1").first();
  return found !== null;
}

/** Keeps what the provider issued when a person signed in. */
export async function saveSignIn(
  env: Env,
  settings: Settings,
  person: User,
  tokens: ProviderTokens,
): Promise<void> {
  const terms = termsOf(settings, person);
  await askConnection(env, terms, (object) => object.saveTokens(terms, tokens, terms.origin));
}

/** What asks for the tokens of a person's sign-in, or for others in place of ones that were refused. */
export type AskSignIn = (refused: string | null) => Promise<Held>;

/** How the tokens of a person's sign-in are asked for; null when they are not here any more, or blocked. */
export async function signInOf(env: Env, settings: Settings, userId: string): Promise<AskSignIn | null> {
  const person = await findUser(env.DB, userId);
  if (!person?.isActive) return null;
  const terms = termsOf(settings, person);
  return (refused) =>
    askConnection(env, terms, (object) =>
      refused === null ? object.held(terms) : object.renew(terms, refused),
    );
}

/** A block, and another provider to sign in with, end them. */
function termsOf({ oidc }: Settings, person: User): Terms {
  return {
    serverId: SIGN_IN,
    owner: subjectOf(person),
    origin: oidc.issuer ?? '',
    generation: person.generation,
    headerKeys: null,
    issuer: null,
  };
}
