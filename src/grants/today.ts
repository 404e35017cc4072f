import { isUnder } from '../protocol/authorization';
import type { EndReason } from './grant';
import type { Grant } from './store';

/** What decides, besides its row, whether a grant is valid: the time (epoch seconds) and our issuer; null while none is set. */
export type Today = { now: number; issuer: string | null };

/**
 * Why a grant is over, and since when (epoch seconds); null while it is valid. One of another issuer counts as ended while
 * that lasts (CONTRACT §5): no row says since when.
 */
export function endOf(
  { endedAt, endedReason, expiresAt, resource }: Grant,
  { now, issuer }: Today,
): { reason: EndReason; at: number | null } | null {
  if (endedAt !== null) return { reason: endedReason ?? 'expired', at: endedAt };
  if (expiresAt !== null && expiresAt <= now) return { reason: 'expired', at: expiresAt };
  return issuer === null || isUnder(resource, issuer) ? null : { reason: 'issuer_changed', at: null };
}
