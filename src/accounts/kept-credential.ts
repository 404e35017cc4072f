import { sealerOf } from '../crypto/secrets';
import { wantedHeaders } from '../protocol/headers';
import type { verdictOf } from '../providers/token-refusal';
import type { Tokens } from '../providers/tokens';
import type { Credential, CredentialOwner, CredentialTerms, Held, Lack } from './credential';

/** A credential as its object keeps it: what may be told of it, and its secret, sealed. Times are epoch seconds. */
export type StoredCredential = Omit<Credential, 'status' | 'wantedScopes' | 'sealedBy'> & {
  /** Older state has none. */
  wantedScopes?: string[] | null;
  /** True since the server named scopes that were not asked for at the last authorization. What it allows goes on serving. */
  lacksScopes?: boolean;
  /** What is `unreadable` now is tried again whenever it is asked for. */
  status: Credential['status'];
  origin: string;
  issuer: string | null;
  /** The token endpoint that issued the tokens; null for headers. No other is sent the refresh token. */
  issuedBy: string | null;
  /** Another after every change of what is sealed. */
  version: string;
  /** JSON: `Tokens`, or header values by name. */
  sealed: string;
  /** When the provider issued the tokens. */
  issuedAt: number;
  /** True when there is a refresh token. */
  isRenewable: boolean;
  /** True once it has been asked for since it was issued: only what is used is refreshed ahead of time. */
  used: boolean;
  /** Refreshes in a row that met a passing fault, and when the alarm tries again. */
  faults: number;
  retryAt: number;
  /** Answers to its refresh that refuse when they are repeated: how many in a row, and since when. Older state has none. */
  refusals?: { count: number; since: number } | null;
  /** When the server refused it with nothing newer to be had; null: it did not, or that is long ago. */
  refusedAt: number | null;
  /** When the server first refused the gateway's own right after it was renewed; absent: never. */
  doubtedAt?: number;
};

/** What is kept of a credential beside its secret and whose it is. */
export type CredentialFacts = Pick<
  StoredCredential,
  'kind' | 'issuedBy' | 'headerKeys' | 'tokenType' | 'scopes' | 'expiresAt' | 'isRenewable'
>;

/** A credential that is over, until the index knows. */
export type Gone = { status: 'gone'; owner: CredentialOwner; serverId: string };

/** Refreshes in a row that fail before only being asked for it makes the object try again. */
const MOST_FAULTS = 8;

/** How long after a refusal by the server another one says the same, and how long a refusal is remembered. Seconds. */
const SAME_REFUSAL = 60;
const REFUSAL_KEPT = 600;
/** Seconds until a call may try again that met a refusal of what was renewed just now. */
const DOUBT_AGAIN = 5;

/** How often, and over how long, a provider answers a refresh alike before that is a refusal (PROTOCOL §7). Seconds. */
const REPEATED = { times: 3, over: 120 };

export function describeTokens(tokens: Tokens, issuedBy: string): CredentialFacts {
  const { tokenType, scopes, expiresAt } = tokens;
  const isRenewable = tokens.refreshToken !== null;
  return { kind: 'token', issuedBy, headerKeys: null, tokenType, scopes, expiresAt, isRenewable };
}

export function describeHeaders(headerKeys: string[]): CredentialFacts {
  const nothing = { issuedBy: null, tokenType: null, scopes: null, expiresAt: null };
  return { kind: 'header', headerKeys, isRenewable: false, ...nothing };
}

/** What a value is sealed for: moved to another server, owner or origin it does not open. */
export function credentialSealContext({
  serverId,
  owner,
  origin,
}: Pick<CredentialTerms, 'serverId' | 'owner' | 'origin'>): string {
  return `connection/${serverId}/${owner}@${origin}`;
}

/** What the index is told: also of a refusal that may have been the server's own fault, for then its owner can try another. */
export function credentialOf(kept: StoredCredential): Credential {
  const isDoubted = kept.refusedAt !== null || kept.lacksScopes;
  const status = kept.status === 'active' && isDoubted ? 'needs_reauth' : kept.status;
  const sealedBy = sealerOf(kept.sealed);
  const wantedScopes = kept.wantedScopes ?? null;
  return { ...kept, wantedScopes, sealedBy, status };
}

/** What is kept, when it serves under these terms; else why not. */
export function serving(kept: StoredCredential | null, terms: CredentialTerms): StoredCredential | Lack {
  if (!kept) return 'none';
  if (kept.kind !== (terms.headerKeys ? 'header' : 'token')) return 'needs_reauth';
  if (kept.origin !== terms.origin || kept.generation !== terms.generation) return 'needs_reauth';
  if (kept.status === 'needs_reauth') return 'needs_reauth';
  return missingNames(terms.headerKeys ?? [], kept.headerKeys ?? []).length ? 'needs_update' : kept;
}

/** The wanted names that are not among those held, compared as header names are. */
export function missingNames(wanted: readonly string[], held: readonly string[]): string[] {
  const known = new Set(held.map((name) => name.toLowerCase()));
  return wanted.filter((name) => !known.has(name.toLowerCase()));
}

/** What is sent of a credential that has been opened: for tokens RFC 6750 §2.1, for headers those still wanted. */
export function headersOf(opened: unknown, terms: CredentialTerms): Record<string, string> {
  if (!terms.headerKeys) return { authorization: `Bearer ${(opened as Tokens).accessToken}` };
  return wantedHeaders(terms.headerKeys, opened as Record<string, string>);
}

/** Until when the access token is sent: to its end, or, where there is a next one to be had, a little before. */
export function goodUntil({ expiresAt, issuedAt, isRenewable }: StoredCredential): number | null {
  if (expiresAt === null || !isRenewable) return expiresAt;
  return expiresAt - Math.min(30, (expiresAt - issuedAt) / 10);
}

/** True while the access token may be sent without a refresh. @param now epoch seconds */
export function isFresh(kept: StoredCredential, now: number): boolean {
  const until = goodUntil(kept);
  return until === null || now < until;
}

/** True while the access token still lives and the provider has just failed: it is sent, and the alarm tries again. */
export function isWaiting({ expiresAt, retryAt }: StoredCredential, now: number): boolean {
  return expiresAt !== null && now < expiresAt && now < retryAt;
}

/** When the object has something to do by itself, epoch seconds: a refresh ahead of time, or noticing an end. Null: never. */
export function wakesAt({
  kind,
  status,
  expiresAt,
  issuedAt,
  isRenewable,
  used,
  retryAt,
}: StoredCredential): number | null {
  if (kind !== 'token' || status !== 'active' || expiresAt === null) return null;
  if (!isRenewable) return expiresAt;
  return used ? Math.max(retryAt, expiresAt - Math.min(300, (expiresAt - issuedAt) / 4)) : null;
}

/** True when a refusal by the server may be answered with a refresh: not when the last one has just been. */
export function mayRenew({ isRenewable, lastRefreshedAt }: StoredCredential, now: number): boolean {
  return isRenewable && (lastRefreshedAt === null || now - lastRefreshedAt >= SAME_REFUSAL);
}

/**
 * What a refusal by the server leaves behind. One may be its own fault, so that it is asked again; after another one a while
 * later a person's credential is over. The gateway's never is: no one would be asked for another.
 */
function refused(kept: StoredCredential, now: number): StoredCredential {
  const { refusedAt, owner } = kept;
  if (refusedAt === null || owner === 'gateway') return { ...kept, refusedAt: now, updatedAt: now };
  return now - refusedAt < SAME_REFUSAL ? kept : { ...kept, status: 'needs_reauth', updatedAt: now };
}

/** How many scopes servers may add to what is asked for, and how many characters in all (PROTOCOL §7). */
const MOST_SCOPES = 20;
const MOST_SCOPE_TEXT = 1000;

/** `scopes` and those of `more`, as far as there is room. */
function union(scopes: readonly string[], more: readonly string[]): string[] {
  const all = [...scopes];
  for (const scope of more) {
    const isRoom = all.length < MOST_SCOPES && [...all, scope].join(' ').length <= MOST_SCOPE_TEXT;
    if (!all.includes(scope) && isRoom) all.push(scope);
  }
  return all;
}

/** What a 403 that names scopes leaves behind; null: all of them were asked for already, and not granted. */
export function afterLack(
  kept: StoredCredential,
  scopes: readonly string[],
  now: number,
): StoredCredential | null {
  const wanted = kept.wantedScopes ?? [];
  const wantedScopes = union(wanted, scopes);
  if (wantedScopes.length > wanted.length)
    return { ...kept, wantedScopes, lacksScopes: true, updatedAt: now };
  return kept.lacksScopes && scopes.length ? kept : null;
}

/**
 * What is kept when the server refuses the gateway's own credential that was renewed just before: that may be the server's
 * own fault, which passes. Null when it is not so, or has been so for a minute.
 */
function doubted(kept: StoredCredential, now: number): StoredCredential | null {
  const { owner, lastRefreshedAt, doubtedAt } = kept;
  if (owner !== 'gateway' || lastRefreshedAt === null || now - lastRefreshedAt >= SAME_REFUSAL) return null;
  const isKnown = doubtedAt !== undefined && now - doubtedAt < REFUSAL_KEPT;
  if (!isKnown) return { ...kept, doubtedAt: now };
  return now - doubtedAt < SAME_REFUSAL ? kept : null;
}

/** What is kept after the server has refused what it was sent, and what is said of that. @param isOwners whether to its owner */
export function afterRefusal(
  kept: StoredCredential,
  isOwners: boolean,
  now: number,
): { next: StoredCredential; held: Held } {
  const inDoubt = doubted(kept, now);
  if (inDoubt) return { next: inDoubt, held: { ok: false, reason: 'refused_anew', retryAfter: DOUBT_AGAIN } };
  return { next: isOwners ? refused(kept, now) : kept, held: { ok: false, reason: 'needs_reauth' } };
}

/** When a refusal that nothing came of is forgotten, epoch seconds; null: there is none to forget. */
export function forgetsAt({ status, refusedAt }: StoredCredential): number | null {
  return status === 'active' && refusedAt !== null ? refusedAt + REFUSAL_KEPT : null;
}

/** What a refresh that failed leaves of a credential: it is over, or is noted as refused once more, or as not refused. */
export function afterAnswer(
  kept: StoredCredential,
  verdict: ReturnType<typeof verdictOf>,
  now: number,
): { isOver: boolean; noted: StoredCredential } {
  if (verdict !== 'over_when_repeated')
    return { isOver: verdict === 'over', noted: { ...kept, refusals: null } };
  const { count, since } = kept.refusals ?? { count: 0, since: now };
  const isOver = count + 1 >= REPEATED.times && now - since >= REPEATED.over;
  return { isOver, noted: { ...kept, refusals: { count: count + 1, since } } };
}

/** What a passing fault at the provider leaves behind: when to try again, and in the end only when asked. */
export function afterFault(kept: StoredCredential, now: number): StoredCredential {
  const faults = kept.faults + 1;
  const pause = Math.min(300, 5 * 2 ** kept.faults) * (0.75 + Math.random() / 2);
  return { ...kept, faults, retryAt: now + pause, used: kept.used && faults < MOST_FAULTS };
}
