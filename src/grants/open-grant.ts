import type { By } from '../audit';
import type { EndReason, GrantTerms } from './grant';

/** A grant that stands, as its object stores it. */
export type OpenGrant = {
  status: 'open';
  terms: GrantTerms;
  /** When the code was redeemed, epoch milliseconds; null before. */
  redeemedAt: number | null;
  /** SHA-256 of the address that redeemed it; absent: not redeemed, or by an older version. */
  redeemedFrom?: string;
  /** Which refresh token is current: the first is 1. */
  n: number;
  /** When the current refresh token was issued, epoch milliseconds. */
  rotatedAt: number;
  /** True once an access token issued with the current refresh token has been seen on /mcp. */
  used: boolean;
  /** Seconds without a refresh after which the grant ends; 0: never. */
  idleTtl: number;
  /** How often its terms were changed; absent: never, and the index says what consent left in. */
  version?: number;
};

/** When an open grant is over by itself, epoch milliseconds, and why; null: never. */
export function dueAt({
  terms,
  redeemedAt,
  rotatedAt,
  idleTtl,
}: OpenGrant): { at: number; reason: EndReason } | null {
  if (redeemedAt === null) return { at: terms.codeExpiresAt * 1000, reason: 'code_never_redeemed' };
  const idle = idleTtl ? rotatedAt + idleTtl * 1000 : Number.POSITIVE_INFINITY;
  const expiry = terms.expiresAt === null ? Number.POSITIVE_INFINITY : terms.expiresAt * 1000;
  if (Math.min(idle, expiry) === Number.POSITIVE_INFINITY) return null;
  return idle < expiry ? { at: idle, reason: 'idle' } : { at: expiry, reason: 'expired' };
}

/** A grant that is over, as its object stores it. */
export type Closed = {
  status: 'refused' | 'ended';
  reason: EndReason | null;
  by: By;
  /** Epoch milliseconds until when this marker stands. */
  until: number;
  /** True once D1 knows. */
  recorded: boolean;
  /** How often D1 was told and did not answer; absent: never. */
  tries?: number;
  /** Whose grant it was, until D1 knows of the end. */
  clientId?: string;
};

/** The earlier of two ends; null: never. */
export function earlierOf(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.min(one, other);
}
