import { accessOfUser, NOTHING, type UserWithKeys, usersWithKeysQuestion } from '../governance/access';
import { type User, userNamesQuestion, userSubjectsNamed } from '../governance/users';
import { hasProvider, type Settings } from '../settings';
import { cut } from '../ui/name';
import { issuerOfTeam } from './access';
import { EXPIRED, type IdentityMode } from './mode';
import { mayEnter } from './oidc';
import { isAdminEmail, providerHost } from './provider';
import { subjectOf } from './signed-in';
import type { Standing } from './standing';

/** A person, proved by a provider: OpenID Connect or Cloudflare Access. Never by what someone says of themselves. */
export const user: IdentityMode<UserWithKeys> = {
  kind: 'user',
  label: (settings) => `Sign in with ${providerHost(settings)}`,
  hint: '',
  button: null,
  typed: null,
  refusal: 'You aren’t signed in. Try again, or choose another way.',
  unavailable: (settings) => (hasProvider(settings) ? null : ''),
  identify: async () => ({ mustSignIn: null }),

  rows: usersWithKeysQuestion,
  standing: (row, settings, now) => standingOfUser(row?.user ?? null, settings, now),
  access: (row, settings, now) => (row ? accessOfUser(row, settings, now) : NOTHING),
  key: () => null,
  names: userNamesQuestion,
  named: userSubjectsNamed,

  isSignedIn: true,
  mayBeShared: false,
  endReason: 'user_blocked',
  suspended: 'the person has to sign in here again',
  apiMember: 'user',
  words: {
    kind: 'person',
    who: cut,
    connectedFor: { before: '', nameless: 'a person who signs in here' },
    listed: (_id, name) => name ?? 'A deleted person',
    actor: (name) => (name === null ? 'A person' : cut(name)),
    everything: 'all they may',
    whose: 'the person',
    lapsed: EXPIRED,
    admin: { path: '/admin/people', filter: 'person' },
  },
};

/** Whether a person may be acted for at `now` (epoch seconds). @param person null when there is none */
export function standingOfUser(person: User | null, settings: Settings, now: number): Standing {
  if (!person) return { is: 'gone', reason: 'deleted' };
  if (!person.isActive) return { is: 'gone', reason: 'blocked' };
  const { name, generation } = person;
  if (!maySignIn(settings, person)) return { is: 'suspended', reason: 'provider', generation };
  if (mustSignInAgain(settings, person, now)) return { is: 'suspended', reason: 'sign_in', generation };
  return { is: 'valid', name, generation };
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

/** True for a person who is an administrator now: by an address in `oidc.admin_emails`, while they may sign in. */
export function isAdministrator(settings: Settings, person: Pick<User, 'issuer' | 'email'>): boolean {
  return isAdminEmail(settings, person.email) && maySignIn(settings, person);
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
