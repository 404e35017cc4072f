import { map } from '../database';
import { type User, userQuestion } from '../governance/users';
import { hasProvider, type Settings } from '../settings';
import { issuerOfTeam } from './access';
import type { IdentityMode, Standing } from './mode';
import { mayEnter } from './oidc';
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
  if (!maySignIn(settings, found) || mustSignInAgain(settings, found, Date.now() / 1000)) return 'suspended';
  return { name: found.name, generation: found.generation };
}

/**
 * True while a person could sign in as they did the last time: their provider is still the one here, and it or we still let
 * their address in. Until then they are suspended (CONTRACT §5).
 */
export function maySignIn(settings: Settings, { issuer, email }: Pick<User, 'issuer' | 'email'>): boolean {
  const { oidc, access } = settings;
  if (access.team_domain && issuer === issuerOfTeam(access.team_domain)) return true; // its policy says who may come in
  return oidc.issuer !== undefined && isSameUrl(issuer, oidc.issuer) && mayEnter(settings, email);
}

/** Discovery forgives the slash after a host, so a provider's own issuer may have one that the setting lacks. */
function isSameUrl(one: string, other: string): boolean {
  return URL.canParse(one) && new URL(one).href === new URL(other).href;
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
