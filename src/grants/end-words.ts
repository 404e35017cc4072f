import type { EndReason } from './grant';

/** Why access ended, as a badge says it. */
const REASONS: Readonly<Record<EndReason, string>> = {
  revoked_by_client: 'Disconnected by the app',
  revoked_by_administrator: 'Revoked by an administrator',
  revoked_by_person: 'Revoked by the person',
  code_replayed: 'Ended for safety',
  refresh_token_reused: 'Ended for safety',
  code_never_redeemed: 'Never connected',
  idle: 'Unused for too long',
  expired: 'Expired',
  key_refused: 'Key no longer works',
  identity_refused: 'Owner no longer has access',
  key_leaked: 'Key leaked',
  key_deleted: 'Key deleted',
  user_blocked: 'Person blocked',
  user_deleted: 'Person deleted',
  client_deleted: 'App deleted',
  issuer_changed: 'Gateway address changed',
  ended_before_restore: 'Ended before a restore',
};

/** What the reasons mean that someone should act on. */
const ADVICE: Partial<Record<EndReason, string>> = {
  refresh_token_reused:
    'A replaced token was used again. Either the app lost an answer, or someone copied the token. If it happens again, find out who else can read the app’s files.',
  code_replayed:
    'The code that gives the app its access was used twice, so someone else may have seen it. Allow the app again, on a computer you trust.',
  issuer_changed:
    'Allow the app again at the new address. If the address is changed back within a day, access continues as before.',
  idle: 'Allow the app again when you need it.',
  code_never_redeemed: 'The app was allowed but didn’t finish connecting. Connect it again.',
};

/** Why, in these words. @param reason as it is stored */
export function whyEnded(reason: string | null): string {
  return REASONS[reason as EndReason] ?? 'Ended';
}

/** What its reader should know or do; undefined: nothing. */
export function adviceOnEnd(reason: string | null): string | undefined {
  return ADVICE[reason as EndReason];
}

/** True when someone else may have had what only the app should have. */
export function isAlarming(reason: string | null): boolean {
  return reason === 'refresh_token_reused' || reason === 'code_replayed';
}
