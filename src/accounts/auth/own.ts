import { Unavailable } from '../../protocol/error';
import { isPassing } from '../../protocol/faults/storage';
import { Memory } from '../../protocol/memory';
import { followProvider } from '../../providers/moved';
import { failures, type UpstreamFailure } from '../../servers/failure';
import { askConnection, termsAt } from '../connections';
import type { CredentialOwner, CredentialTerms, Held, Lack } from '../credential';
import { CredentialNeeded } from '../credential-needed';
import type { AccountKind, Connection, ServerCredentials } from './auth';

type Good = Held & { ok: true };

/** What objects answered, for `revocation_lag` at most: the hot path asks none of them. "None" is never remembered. */
const known = new Memory<Good>(5000);

/**
 * What the connection's object holds for its owner: at most `revocation_lag` old, and sent only while it is good.
 * @throws CredentialNeeded when the owner has to do something about it; UpstreamFailure when an administrator has, or it passes.
 */
export async function ownCredentials(connection: Connection, kind: AccountKind): Promise<ServerCredentials> {
  const { owner } = connection;
  if (owner === null) throw new CredentialNeeded(connection.server, 'own_identity');
  return credentialsOf(connection, kind, owner);
}

/**
 * The gateway's own, for every caller.
 * @throws UpstreamFailure when an administrator has to do something about it, or it passes.
 */
export function sharedCredentials(connection: Connection): Promise<ServerCredentials> {
  return credentialsOf(connection, 'oauth', 'gateway');
}

async function credentialsOf(
  connection: Connection,
  kind: AccountKind,
  owner: CredentialOwner,
): Promise<ServerCredentials> {
  const { settings, issuer, server } = connection;
  const terms = termsAt(server, owner, issuer);
  const held = await recall(connection, terms, settings.revocation_lag * 1000);
  return credentialsFrom(held, { connection, terms, kind }, 'renew');
}

/** True when the provider is another now: nothing that the one before issued is sent any more. */
async function hasMoved(
  { env, settings, issuer, server }: Connection,
  resourceMetadata: string | null,
): Promise<boolean> {
  if (resourceMetadata === null || issuer === null || server.oauthConfigId === null) return false;
  return followProvider(env, settings, issuer, server, resourceMetadata);
}

type Asked = { connection: Connection; terms: CredentialTerms; kind: AccountKind };

/** @param next what the object does when the server refuses them: first it renews, then it gives up. */
function credentialsFrom(held: Held, asked: Asked, next: 'renew' | 'refuse'): ServerCredentials {
  const { connection, terms, kind } = asked;
  const isOwners = connection.owner === terms.owner;
  if (!held.ok) throw lacking(connection, terms.owner, held, kind);
  const { headers, version } = held;
  return {
    headers: new Headers(headers),
    version,
    async refused(resourceMetadata) {
      known.forget(keyOf(terms));
      if (await hasMoved(connection, resourceMetadata))
        throw lacking(connection, terms.owner, { ok: false, reason: 'needs_reauth' }, kind);
      const instead = await askConnection(connection.env, terms, (object) =>
        object[next](terms, version, isOwners),
      ).catch(unansweredIfPassing);
      if (instead.ok) known.remember(keyOf(terms), instead);
      return credentialsFrom(instead, asked, 'refuse');
    },
    async lacksScopes(scopes) {
      const { env, server } = connection;
      if (kind !== 'oauth') return null;
      const now = await askConnection(env, terms, (object) => object.held(terms));
      if (now.ok && now.version !== version) {
        known.remember(keyOf(terms), now);
        return credentialsFrom(now, asked, 'renew');
      }
      const note = () => askConnection(env, terms, (object) => object.lackScopes(terms, version, scopes));
      if (!(await note())) return null;
      if (terms.owner !== 'gateway') throw new CredentialNeeded(server, kind);
      throw failures.scopesWanted(server.name, scopes.join(' '));
    },
  };
}

async function recall({ env }: Connection, terms: CredentialTerms, lag: number): Promise<Held> {
  const key = keyOf(terms);
  let answer: Held | null = null;
  const ask = async () => {
    answer = await askConnection(env, terms, (object) => object.held(terms));
    if (answer.ok) return answer;
    if (answer.reason === 'unavailable') throw new Unavailable('the provider does not answer');
    return null;
  };
  try {
    const remembered = await known.recall(key, lag, ask);
    if (remembered && isGood(remembered)) return remembered;
    if (answer) return answer;
    known.forget(key);
    await known.recall(key, lag, ask);
  } catch (error) {
    return answer ?? unansweredIfPassing(error);
  }
  return answer ?? UNANSWERED;
}

/** The object itself did not answer. */
const UNANSWERED: Held = { ok: false, reason: 'unavailable', retryAfter: 5 };

/** What a fault of the object comes to. @throws the fault itself when it will come again (CONTRACT §8). */
function unansweredIfPassing(fault: unknown): Held {
  if (isPassing(fault)) return UNANSWERED;
  throw fault;
}

const isGood = ({ goodUntil }: Good) => goodUntil === null || Date.now() / 1000 < goodUntil;

/** All that must agree: after a change of the server nothing known before is found. */
function keyOf({ serverId, owner, origin, generation, headerKeys }: CredentialTerms): string {
  return JSON.stringify([serverId, owner, origin, generation, headerKeys]);
}

/** The one who has to act hears of it: the caller, or, of the gateway's own account, an administrator. */
function lacking(
  { server }: Connection,
  owner: CredentialOwner,
  held: Held & { ok: false },
  kind: AccountKind,
): UpstreamFailure | CredentialNeeded {
  if (held.reason === 'unavailable') return failures.signInDown(server.name, held.retryAfter);
  if (held.reason === 'refused_anew') return failures.refusedAnew(server.name, held.retryAfter);
  if (owner !== 'gateway') return new CredentialNeeded(server, kind);
  return failures.refused(server.name, LACKS[kind][held.reason], {});
}

/** What the gateway's own lacks. */
const LACKS: Record<AccountKind, Record<Lack, LackReason>> = {
  oauth: {
    none: 'no_account',
    needs_reauth: 'account_ended',
    needs_update: 'account_ended',
  },
  headers: {
    none: 'no_values',
    needs_reauth: 'values_ended',
    needs_update: 'other_headers',
  },
};
type LackReason = 'no_account' | 'account_ended' | 'no_values' | 'values_ended' | 'other_headers';
