import type { EndReason } from './grant';

/** Why access ended, after "ended: ". */
const REASONS: Readonly<Record<EndReason, string>> = {
  revoked_by_client: 'the app gave it back',
  revoked_by_administrator: 'by an administrator',
  revoked_by_person: 'by whoever it acted for',
  code_replayed: 'its code was used twice',
  refresh_token_reused: 'a spent token came back',
  code_never_redeemed: 'the app never came for it',
  idle: 'unused for too long',
  expired: 'its time was over',
  key_refused: 'its key did not work any more',
  identity_refused: 'whom it acted for is not accepted any more',
  key_leaked: 'its key had leaked',
  key_deleted: 'its key was deleted',
  user_blocked: 'the person was blocked',
  user_deleted: 'the person was deleted',
  client_deleted: 'the app was deleted',
  issuer_changed: 'the address of this gateway changed',
  ended_before_restore: 'it was over before the database was restored',
};

/** What the reasons mean that someone should act on. */
const ADVICE: Partial<Record<EndReason, string>> = {
  refresh_token_reused:
    'The app renewed its access with a token that had been replaced already. Either the app lost an answer, or somebody copied the token. If it happens again, find out who else can read the app’s files.',
  code_replayed:
    'The code that gives an app its access came back after it had been used. Somebody else may have seen it on its way. Allow the app again, on a computer you trust.',
  issuer_changed:
    'Nothing is wrong: allow the app again, at the new address. If the address is changed back within a day, it goes on as before.',
  idle: 'Nothing is wrong: allow the app again when it is needed.',
  code_never_redeemed: 'Somebody allowed it, and the app did not finish connecting. Connect it again.',
};

/** Why, in the words above; the reason as it is kept. */
export function whyEnded(reason: string | null): string {
  return REASONS[reason as EndReason] ?? 'over';
}

/** What its reader should know or do; undefined: nothing. */
export function adviceOnEnd(reason: string | null): string | undefined {
  return ADVICE[reason as EndReason];
}

/** True when someone else may have had what only the app should have. */
export function isAlarming(reason: string | null): boolean {
  return reason === 'refresh_token_reused' || reason === 'code_replayed';
}
