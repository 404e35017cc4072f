import { waitUntil } from 'cloudflare:workers';
import { isClientQuestion } from '../clients/store';
import type { Env } from '../config';
import { verifyAccessToken } from '../crypto/access-tokens';
import { hashSecret } from '../crypto/secrets';
import { askAsOne } from '../database';
import { type Access, NOTHING } from '../governance/access';
import { userSubject } from '../governance/users';
import { keySubject, type VirtualKey } from '../governance/virtual-keys';
import { endInIndex } from '../grants/restored';
import { askGrant, clientOfGrant, type Grant, grantQuestion, subjectOfGrant } from '../grants/store';
import { endOf } from '../grants/today';
import { accessOf, identitiesQuestion, type LoadedIdentity, standingIn } from '../identity';
import { credentialsIn } from '../identity/credentials';
import { session, subjectOfSessionValue } from '../identity/session';
import { mayCall, standingWith } from '../identity/standing';
import { user } from '../identity/user';
import { findPresentedKey, type PresentedKey, refusalOfPresented, virtualKey } from '../identity/virtual-key';
import { scopeWithin } from '../protocol/authorization';
import { RpcError } from '../protocol/mcp';
import { Memory, Recent } from '../protocol/memory';
import type { Subject } from '../protocol/subject';
import type { Settings } from '../settings';
import { noteUse } from './note-use';

/** Who is calling, and what narrows them from the start. */
export type Caller = {
  /** Null: no one said who they are, and no one has to here. */
  subject: Subject | null;
  /** Of that identity: what was proved with an earlier one proves nothing. 0 where nothing is counted. */
  generation: number;
  key: VirtualKey | null;
  /** What the identity was given. */
  access: Access;
  /** The grant of a token; null for a key, a session or no one. */
  grant: Grant | null;
  scope: string;
  /** When what they are judged by was read, epoch milliseconds. */
  readAt: number;
};

/** Where a request was sent, and the rules it is judged by. */
export type Gate = { env: Env; settings: Settings; issuer: string; slug: string | null };

/** A refusal that says in `WWW-Authenticate` what is wanted instead (RFC 6750 §3, RFC 9728 §5.1). */
export class AuthChallenge extends RpcError {
  /** Of its answer, once there was one. They are not to be changed: what is refused often is made once. */
  headers?: Headers;

  constructor(
    status: 401 | 403,
    type: string,
    message: string,
    readonly challenge: string,
    /** The grant of a token that is over: what the refusal's short code is made of. */
    readonly grantId?: string,
  ) {
    super(status, status, message, { type });
  }
}

/** A request that shows nothing of who sends it, where something is needed. */
export class NoCredential extends AuthChallenge {}

const lagOf = (settings: Settings) => settings.revocation_lag * 1000;

/** Keys by the hash of their value, grants by id: what this isolate knows of callers, for `revocation_lag` at most. */
const keys = new Memory<PresentedKey>(5000);
const grants = new Memory<{ grant: Grant; identity: LoadedIdentity }>(5000);

/** Who is calling. @throws Challenge, RpcError as CONTRACT §6's table says. */
export async function authenticate(gate: Gate, headers: Headers): Promise<Caller> {
  const judged = await judgeCaller(gate, headers);
  if (judged instanceof RpcError) throw judged;
  return judged;
}

/** Who is calling, or what refuses them: strangers make many refusals, and throwing one costs as much as the rest of it. */
export async function judgeCaller(gate: Gate, headers: Headers): Promise<Caller | RpcError> {
  const { token, keys: presented } = credentialsIn(headers);
  const [first] = presented;

  if (token !== null && first) {
    return refuse(
      gate,
      'conflicting_credentials',
      `Conflicting credentials: Authorization holds a token and ${first.header} a key. Send one of them.`,
    );
  }
  if (first && presented.some(({ value }) => value !== first.value)) {
    const names = presented.map(({ header }) => header).join(' and ');
    return refuse(
      gate,
      'conflicting_credentials',
      `Conflicting credentials: ${names} hold different keys. Send one of them.`,
    );
  }
  if (token !== null) return callerOfToken(gate, token);
  if (first) return callerOfKey(gate, first.header, first.value);
  return callerWithout(gate, headers);
}

const NO_LONGER = 'The access token is not valid here, or no longer. Connect again.';

async function callerOfToken(gate: Gate, token: string): Promise<Caller | RpcError> {
  const { env, settings, issuer, slug } = gate;
  const refused = (grantId?: string) => refuse(gate, 'invalid_token', NO_LONGER, grantId);
  if (settings.mcp_server_auth_mode === 'headers') {
    return refuse(gate, 'invalid_token', 'Access tokens are not accepted here: send a virtual key.');
  }
  const claims = await verifyAccessToken(env.DB, token, issuer);
  if (!claims) return refused();
  const audiences = [`${issuer}/mcp`, ...(slug === null ? [] : [`${issuer}/mcp/${slug}`])];
  if (!audiences.includes(claims.aud)) return refused(claims.grant_id);
  const caller = await callerOfGrant(gate, claims);
  if (!caller) return refused(claims.grant_id);
  if (caller.grant) tellGrant(env, caller.grant, claims.jti);
  return caller;
}

/** What a token says of who calls. */
type Claimed = { grant_id: string; sub: string; scope: string };

/** Who calls by a grant; null when it is over, or who allowed it may not be acted for now. */
async function callerOfGrant(
  { env, settings, issuer }: Gate,
  { grant_id: id, sub, scope }: Claimed,
): Promise<Caller | null> {
  if (endedGrants.has(id)) {
    endedGrants.add(id); // the longer its tokens come, the longer it is remembered
    return null;
  }
  const known = await grants.recall(id, lagOf(settings), () => readGrant(env.DB, id));
  const now = Date.now() / 1000;
  if (!known || endOf(known.grant, { now, issuer }) !== null || known.grant.subject !== sub) return null;
  const { grant, identity } = known;
  const { subject, generation } = grant;
  if (!mayCall(standingWith(standingIn(identity, settings, now), generation))) return null;
  const key = identity.mode?.key(identity.row) ?? null;
  const access = accessOf(identity, settings, now);
  const narrowed = scopeWithin(scope, grant.scope); // since it was issued
  noteUse(env.DB, { grant, key }, now);
  return { subject, generation, key, access, grant, scope: narrowed, readAt: grants.readAt(id) };
}

/**
 * Judges again who sent a request that is still on its way, by the headers it came with. That its access token has expired
 * meanwhile ends nothing: it was valid when the request came. @throws as {@link authenticate}
 */
export async function authenticateAgain(gate: Gate, headers: Headers, before: Caller): Promise<Caller> {
  const { grant, scope } = before;
  if (!grant) return authenticate(gate, headers);
  const { grantId: grant_id, subject: sub } = grant;
  const isTaken = gate.settings.mcp_server_auth_mode !== 'headers';
  const caller = isTaken ? await callerOfGrant(gate, { grant_id, sub, scope }) : null;
  if (!caller) throw refuse(gate, 'invalid_token', NO_LONGER, grant_id);
  return caller;
}

/** A grant whose client still exists, with whom it acts for; null when either grant or client is gone. */
async function readGrant(
  db: D1Database,
  grantId: string,
): Promise<{ grant: Grant; identity: LoadedIdentity } | null> {
  const [grant, hasClient, identityOf] = await askAsOne(
    db,
    grantQuestion(db, grantId),
    isClientQuestion(db, clientOfGrant(grantId)),
    identitiesQuestion(db, subjectOfGrant(grantId)),
  );
  return grant && hasClient ? { grant, identity: identityOf(grant.subject) } : null;
}

/** Tokens this isolate has told their grants of, and grants that answered that they are over. */
const toldTokens = new Recent(10_000);
const endedGrants = new Recent(10_000);

/** Tells the grant, once per token and isolate, that a token of its refresh token `n` was seen (ARCHITECTURE, refresh tokens). */
function tellGrant(env: Env, { grantId, termsVersion }: Grant, jti: string): void {
  if (toldTokens.has(jti)) return;
  toldTokens.add(jti);
  const tell = async () => {
    const standing = await askGrant(env.GRANTS, grantId, (grant) =>
      grant.seen(Number.parseInt(jti, 10), termsVersion),
    );
    if (standing !== false) return;
    endedGrants.add(grantId);
    await endInIndex(env.DB, env.GRANTS, grantId, Math.floor(Date.now() / 1000)); // an older one was restored
  };
  waitUntil(tell().catch(() => toldTokens.delete(jti)));
}

/** What a known key that is refused is. */
const REFUSED = {
  inactive: 'inactive',
  expired: 'expired',
  suspended: 'suspended: its owner may not sign in here now',
} as const;

async function callerOfKey(gate: Gate, header: string, value: string): Promise<Caller | RpcError> {
  const { env, settings } = gate;
  if (settings.mcp_server_auth_mode === 'oauth') {
    return refuse(
      gate,
      'token_required',
      `Only access tokens are accepted here, and ${header} holds a key. Machines that use keys need the mode "both".`,
    );
  }
  const hash = await hashSecret(value);
  const known = await keys.recall(hash, lagOf(settings), () => findPresentedKey(env.DB, value));
  const now = Date.now() / 1000;
  const refusal = known && refusalOfPresented(known, settings, now);
  if (!known || refusal === 'unknown') {
    return new AuthChallenge(
      401,
      'invalid_token',
      `The key in ${header} is not known here.`,
      `Bearer error="invalid_token", error_description="the key in ${header} is not known"`,
    );
  }
  if (refusal) {
    const message = `The key in ${header} is ${REFUSED[refusal]}.`;
    return new RpcError(403, 403, message, { type: 'access_blocked' });
  }
  const { key, owner } = known;
  const identity = owner ? { mode: user, row: owner } : { mode: virtualKey, row: key };
  const access = accessOf(identity, settings, now);
  const { generation } = owner ? owner.user : key;
  const subject = owner ? userSubject(owner.user.id) : keySubject(key.id);
  noteUse(env.DB, { grant: null, key }, now);
  return { subject, generation, key, access, grant: null, scope: 'mcp', readAt: keys.readAt(hash) };
}

/** No one, or an anonymous session, where enforcement is off. */
async function callerWithout(gate: Gate, headers: Headers): Promise<Caller | RpcError> {
  const { env, settings } = gate;
  if (session.unavailable(settings) !== null || settings.mcp_server_auth_mode === 'oauth') {
    const message = 'A credential is needed: an access token or a virtual key.';
    return known(
      gate,
      message,
      () => new NoCredential(401, 'virtual_key_required', message, challengeOf(gate, '')),
    );
  }
  const value = headers.get('x-bf-mcp-session-id');
  const facts = { generation: 0, key: null, access: NOTHING, grant: null, scope: 'mcp', readAt: Date.now() };
  if (!value) return { subject: null, ...facts };
  const subject = await subjectOfSessionValue(env.ENCRYPTION_KEY, value);
  if (!subject) return refuse(gate, 'invalid_token', 'The value in x-bf-mcp-session-id was not issued here.');
  return { subject, ...facts };
}

/** Refusals of strangers by what they are made of, the oldest first: they are made once. */
const refusals = new Map<string, AuthChallenge>();
const MOST_REFUSALS = 200;

function known(gate: Gate, message: string, make: () => AuthChallenge): AuthChallenge {
  const { settings, issuer, slug } = gate;
  const key = `${settings.mcp_server_auth_mode}\n${issuer}\n${slug ?? ''}\n${message}`; // none of them has a line break
  const before = refusals.get(key);
  if (before) return before;
  const made = make();
  refusals.set(key, made);
  if (refusals.size > MOST_REFUSALS) refusals.delete(refusals.keys().next().value as string);
  return made;
}

/** A 401 that sends the client where tokens are had. */
function refuse(gate: Gate, type: string, message: string, grantId?: string): AuthChallenge {
  const make = () =>
    new AuthChallenge(401, type, message, challengeOf(gate, 'error="invalid_token"'), grantId);
  return grantId === undefined ? known(gate, message, make) : make();
}

/** The challenge of a 401. @param error of the credential that was sent; empty: none was, so nothing was wrong with it */
function challengeOf(gate: Gate, error: string): string {
  const parameters =
    gate.settings.mcp_server_auth_mode === 'headers'
      ? ['realm="mcp"', error]
      : [error, `resource_metadata="${metadataOf(gate)}"`, 'scope="mcp"'];
  return `Bearer ${parameters.filter(Boolean).join(', ')}`;
}

/** The client asked for a scope too narrow for what it now wants; asking again can fix it (RFC 6750 §3.1). */
export function insufficientScope(gate: Gate, message: string): AuthChallenge {
  const challenge = `Bearer error="insufficient_scope", scope="mcp", resource_metadata="${metadataOf(gate)}"`;
  return new AuthChallenge(403, 'insufficient_scope', message, challenge);
}

function metadataOf({ issuer, slug }: Gate): string {
  return `${issuer}/.well-known/oauth-protected-resource/mcp${slug === null ? '' : `/${slug}`}`;
}
