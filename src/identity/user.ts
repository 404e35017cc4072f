import { map } from '../database';
import { type User, userQuestion } from '../governance/users';
import { hasProvider, type Settings } from '../settings';
import type { IdentityMode, Standing } from './index';
import { subjectOf } from './signed-in';

/** A person, proved by a provider: OpenID Connect or Cloudflare Access. Never by what somebody says of themselves. */
export const user: IdentityMode = {
  kind: 'user',
  label: 'Sign in',
  hint: 'With your own account; you come back here afterwards.',
  isGuessable: false,
  refusal: 'You were not signed in. Try again, or choose another way.',
  unavailable: (settings) => (hasProvider(settings) ? null : ''),
  identify: async () => ({ mustSignIn: null }),

  standing: (db, settings, id) => map(userQuestion(db, id), (found) => standingOfUser(found, settings)),
};

function standingOfUser(found: User | null, settings: Settings): Standing {
  if (!found?.isActive) return 'gone';
  if (!hasProvider(settings) || mustSignInAgain(settings, found, Date.now() / 1000)) return 'suspended';
  return { name: found.name, generation: found.generation };
}

/** True once a person's last sign-in is older than `user_reauth_days`. */
function mustSignInAgain(
  { user_reauth_days: days }: Settings,
  { lastSignedInAt }: User,
  now: number,
): boolean {
  return days > 0 && now >= lastSignedInAt + days * 86_400;
}

/** A person as consent and grants know them. */
export function identityOf(person: User) {
  return { subject: subjectOf(person), generation: person.generation, name: person.name };
}
