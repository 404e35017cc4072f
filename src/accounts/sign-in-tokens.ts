import type { Env } from '../config';
import { findUser, type User } from '../governance/users';
import type { ProviderTokens } from '../identity/oidc';
import { subjectOf } from '../identity/signed-in';
import { mayCall } from '../identity/standing';
import { standingOfUser } from '../identity/user';
import type { Settings } from '../settings';
import { askConnection, SIGN_IN } from './connections';
import type { CredentialTerms } from './credential';

/** Keeps what the provider issued when a person signed in, unless they were blocked or deleted meanwhile. */
export async function saveSignIn(
  env: Env,
  settings: Settings,
  person: User,
  tokens: ProviderTokens,
): Promise<void> {
  const terms = termsOf(settings, person);
  await askConnection(env, terms, (object) => object.saveTokens(terms, tokens, terms.origin));
  const now = await findUser(env.DB, person.id);
  if (now?.isActive && now.generation === person.generation) return;
  await askConnection(env, terms, (object) => object.disconnect(terms));
}

/**
 * The access token of a person's sign-in, refreshed when it has to be, or why there is none.
 * `generation`: theirs, which a block raises; null when the sign-in does not stand now.
 */
export async function signInOf(
  env: Env,
  settings: Settings,
  userId: string,
): Promise<
  | { ok: true; accessToken: string; generation: number }
  | { ok: false; retryAfter: number | null; generation: number | null }
> {
  const person = await findUser(env.DB, userId);
  const standing = standingOfUser(person, settings, Date.now() / 1000);
  if (!person || !mayCall(standing)) return { ok: false, retryAfter: null, generation: null };
  const { generation } = person;
  const terms = termsOf(settings, person);
  const held = await askConnection(env, terms, (object) => object.held(terms));
  if (!held.ok) {
    if (held.reason === 'unavailable') return { ok: false, retryAfter: held.retryAfter, generation };
    return { ok: false, retryAfter: null, generation: null };
  }
  const { authorization = '' } = held.headers;
  return { ok: true, accessToken: authorization.slice('Bearer '.length), generation };
}

/** A block, and another provider to sign in with, end them. */
function termsOf({ oidc }: Settings, person: User): CredentialTerms {
  return {
    serverId: SIGN_IN,
    owner: subjectOf(person),
    origin: oidc.issuer ?? '',
    generation: person.generation,
    headerKeys: null,
    issuer: null,
  };
}
