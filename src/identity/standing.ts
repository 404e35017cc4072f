/** Whether an identity may be acted for now, and if not, why. Told from what was loaded already: it reads nothing. */
export type Standing = Valid | Suspended | Gone;

/** What people know it by, and what a proof of it must say to be one of today's. */
type Valid = { is: 'valid'; name: string; generation: number };

/**
 * Refused for now; its grants are kept. `setting`: this deployment does not take such identities. `provider`: a person whose
 * address or provider may not sign in here. `sign_in`: a person whose last sign-in is too long ago to refresh a grant.
 */
type Suspended = { is: 'suspended'; reason: 'setting' | 'provider' | 'sign_in'; generation: number };

/**
 * Over; its grants end. `unknown`: no mode has such subjects. `owned`: a key that stands for its owner now. `superseded`: what
 * was proved, was proved before a leak or a block.
 */
type Gone = {
  is: 'gone';
  reason: 'deleted' | 'inactive' | 'expired' | 'blocked' | 'owned' | 'superseded' | 'unknown';
};

/** True when a credential of the identity works on /mcp. A person who has to sign in again is refused at refresh only (CONTRACT §5). */
export function mayCall(standing: Standing): boolean {
  return standing.is === 'valid' || (standing.is === 'suspended' && standing.reason === 'sign_in');
}

/** The standing of what was proved with one generation: another one since ends it. */
export function standingWith(standing: Standing, generation: number): Standing {
  if (standing.is === 'gone' || standing.generation === generation) return standing;
  return { is: 'gone', reason: 'superseded' };
}
