import { columnsOf, integer, type RowIn, text } from '../columns';
import type { Env } from '../config';
import { open, randomSecret, seal } from '../crypto/secrets';
import { ask, equals, type Question, question } from '../database';
import { log } from '../log';
import type { Destination } from '../protocol/destination';
import { faultFacts, isPassing } from '../protocol/faults/storage';
import { authorizationUrl, redeemCode, revokeToken } from '../providers/client';
import { knownProvider, type Provider, prepareProvider } from '../providers/provider';
import { redirectUriOf } from '../providers/registration';
import { refusesResource, TokenRefused } from '../providers/token-refusal';
import type { Tokens } from '../providers/tokens';
import { whoseAccount } from '../providers/whose';
import { noteResourceRefused } from '../servers/oauth-config-store';
import type { Server } from '../servers/server';
import type { Settings } from '../settings';
import { askConnection, termsAt } from './connections';
import type { CredentialOwner } from './credential';
import { findCredentialOf } from './credentials';

/** What the `state` of an authorization begins with (oauth/callback.ts). */
export const CONNECT = 'connect';
/** How long someone may take at the provider. Seconds. */
export const AUTHORIZATION_LIFE = 900;

/** An authorization under way at a server's provider. Times are epoch seconds. */
export type Authorization = {
  /** 22 characters of base64url; its `state` is `connect.<id>`. */
  id: string;
  /** Whose the tokens will be. */
  owner: CredentialOwner;
  /** Of that identity; 0 for the gateway. */
  generation: number;
  serverId: string;
  /** SHA-256 of the secret in the browser's cookie; null: an administrator began it through the API. */
  browserHash: string | null;
  /** A path of this gateway, with its query. */
  returnTo: string;
  /** The grant whose app it is for; null: none. */
  grantId: string | null;
  usedAt: number | null;
  expiresAt: number;
  sealed: string;
};

export const authorizationColumns = columnsOf<Authorization, { createdAt: number }>()(
  {
    id: text('id'),
    owner: text('owner'),
    generation: integer('generation'),
    serverId: text('server_id'),
    browserHash: text('browser_hash'),
    returnTo: text('return_to'),
    grantId: text('grant_id'),
    usedAt: integer('used_at'),
    expiresAt: integer('expires_at'),
    sealed: text('sealed'),
  },
  { createdAt: integer('created_at') },
);

/** What an answer is judged by. */
type Pending = { verifier: string; redirectUri: string; issuer: string | null; without: Without };

/** What an authorization leaves out as the answer to one before it refused that. */
type Without = {
  /** The parameter `resource` (RFC 8707). */
  resource?: true;
  /** Scopes that the server once named as missing: its provider may not know them. */
  wantedScopes?: true;
};

const sealContextOf = (id: string) => `upstream_flow/${id}/sealed`;

/**
 * Begins an authorization: where to send the browser, and until when it may come back (epoch seconds).
 * @param browserHash of a secret in a cookie of the browser that is sent there, which alone can end it
 * @throws ProviderProblem
 */
export async function beginAuthorization(
  env: Env,
  settings: Settings,
  issuer: string,
  wanted: Pick<Authorization, 'owner' | 'generation' | 'browserHash' | 'returnTo' | 'grantId'> & {
    server: Server;
    without?: Without;
  },
): Promise<{ destination: Destination; id: string; expiresAt: number }> {
  const { server, owner, generation, browserHash, returnTo, grantId, without = {} } = wanted;
  const provider = await prepareProvider(env, settings, issuer, server);
  const now = Math.floor(Date.now() / 1000);
  const id = randomSecret(16);
  const expiresAt = now + AUTHORIZATION_LIFE;
  const redirectUri = redirectUriOf(settings, issuer);
  const pending: Pending = { verifier: randomSecret(), redirectUri, issuer: provider.issuer, without };
  const sealed = await seal(env.ENCRYPTION_KEY, sealContextOf(id), JSON.stringify(pending));
  const row = authorizationColumns.insert({
    ...{ id, owner, generation, browserHash, sealed, returnTo, grantId, expiresAt },
    serverId: server.id,
    usedAt: null,
    createdAt: now,
  });
  await env.DB.prepare(`INSERT INTO upstream_flow (${row.columns}) VALUES (${row.placeholders})`)
    .bind(...row.values)
    .run();
  const { verifier } = pending;
  const wantedScopes = without.wantedScopes ? [] : await wantedScopesOf(env.DB, owner, server);
  const scopes = [...new Set([...provider.scopes, ...wantedScopes])];
  const destination = await authorizationUrl(without.resource ? { ...provider, resource: null } : provider, {
    state: `${CONNECT}.${id}`,
    verifier,
    redirectUri,
    scopes,
  });
  return { destination, id, expiresAt };
}

async function wantedScopesOf(db: D1Database, owner: CredentialOwner, { id }: Server): Promise<string[]> {
  return (await findCredentialOf(db, owner, id))?.wantedScopes ?? [];
}

/** The authorization `id` as it is, used and expired ones too; null when there is none. */
export function authorizationQuestion(db: D1Database, id: string): Question<Authorization | null> {
  const statement = db.prepare('SELECT * FROM upstream_flow WHERE id = ?1').bind(id);
  return question<RowIn<typeof authorizationColumns>, Authorization | null>(statement, ([row]) =>
    row ? authorizationColumns.fromRow(row) : null,
  );
}

/** {@link authorizationQuestion}, asked alone. */
export async function findAuthorization(db: D1Database, id: string): Promise<Authorization | null> {
  const [found] = await ask(db, authorizationQuestion(db, id));
  return found;
}

/** Takes up what a provider answered, at `now`: true for the first answer, whatever the isolate (SECURITY 8). */
export async function takeUpAuthorization(db: D1Database, id: string, now: number): Promise<boolean> {
  const { meta } = await db
    .prepare('UPDATE upstream_flow SET used_at = ?2 WHERE id = ?1 AND used_at IS NULL AND expires_at > ?2')
    .bind(id, now)
    .run();
  return meta.changes === 1;
}

/** Deletes what `owner` began, at one server or at all, or what anyone began at a server. */
export function deleteAuthorizations(
  db: D1Database,
  which: { owner: CredentialOwner; serverId?: string } | { owner?: undefined; serverId: string },
): D1PreparedStatement {
  const conditions = [...equals('owner', which.owner), ...equals('server_id', which.serverId)];
  return db
    .prepare(`DELETE FROM upstream_flow WHERE ${conditions.map(({ sql }) => sql).join(' AND ')}`)
    .bind(...conditions.flatMap(({ values }) => values));
}

/** Deletes up to `most` authorizations that were over at `now` (epoch seconds). */
export function deleteExpiredAuthorizations(db: D1Database, now: number, most: number): D1PreparedStatement {
  return db
    .prepare(
      'DELETE FROM upstream_flow WHERE id IN (SELECT id FROM upstream_flow WHERE expires_at <= ?1 LIMIT ?2)',
    )
    .bind(now, most);
}

/** Deletes the gateway's own authorization at a server that was taken up. True when there was one: the first time after it. */
export async function deleteTakenUp(db: D1Database, serverId: string): Promise<boolean> {
  const { meta } = await db
    .prepare("DELETE FROM upstream_flow WHERE owner = 'gateway' AND server_id = ?1 AND used_at IS NOT NULL")
    .bind(serverId)
    .run();
  return meta.changes > 0;
}

/**
 * The provider refuses part of what it was asked, as a browser says: the person is sent there again without it. Anyone can write
 * such an answer to an authorization of their own, so that nothing is remembered of it but of an administrator's, once tokens have come.
 */
export class AskAgain extends Error {
  constructor(readonly without: Without) {
    super('The provider refuses part of what it was asked');
  }
}

/** What an authorization was for has ended while its answer was redeemed. Nothing was kept. */
export class AuthorizationEnded extends Error {}

type Answered = { authorization: Authorization; server: Server; answer: URLSearchParams };

/** What a provider's answer is redeemed for. @throws TokenRefused, Unavailable, AskAgain */
async function redeemed(
  env: Env,
  { authorization, server, answer }: Answered,
): Promise<{ provider: Provider; tokens: Tokens }> {
  const { id, sealed } = authorization;
  const text = await open(env.ENCRYPTION_KEY, sealContextOf(id), sealed);
  const provider = await knownProvider(env, server);
  if (!text || !provider) {
    throw new TokenRefused(
      'invalid_response',
      'what was kept of the authorization does not open, or its provider changed',
    );
  }
  const { without = {}, ...pending } = JSON.parse(text) as Pending;
  const asked = without.resource ? { ...provider, resource: null } : provider;
  const binding = { ...pending, state: `${CONNECT}.${id}` };
  const tokens = await redeemCode(env, asked, answer, binding).catch(async (error: unknown) => {
    if (!answer.has('error') || !(error instanceof TokenRefused)) throw error;
    if (refusesResource(error) && asked.resource !== null) throw new AskAgain({ ...without, resource: true });
    if (error.code !== 'invalid_scope' || without.wantedScopes) throw error;
    const isMore = (await wantedScopesOf(env.DB, authorization.owner, server)).length > 0;
    throw isMore ? new AskAgain({ ...without, wantedScopes: true }) : error;
  });
  const isAdministrators = authorization.owner === 'gateway' && authorization.browserHash !== null;
  if (without.resource && isAdministrators)
    await noteResourceRefused(env.DB, provider.oauthConfigId).catch(() => undefined); // the next time then
  return { provider, tokens };
}

/** @throws AuthorizationEnded: every ending deletes it, and first */
async function requireUnended(db: D1Database, id: string): Promise<void> {
  if (!(await findAuthorization(db, id))) throw new AuthorizationEnded();
}

/**
 * Redeems the provider's answer and has its tokens kept, as its owner's at the server, unless they were disconnected, deleted
 * or blocked meanwhile: then the provider is told.
 * @param requireAccess throws when the owner may not use the server any more
 * @throws TokenRefused, Unavailable, AuthorizationEnded, AskAgain, whatever `requireAccess` throws
 */
export async function keepAuthorized(
  env: Env,
  issuer: string,
  { requireAccess, ...answered }: Answered & { requireAccess: () => Promise<void> },
): Promise<void> {
  const { id, owner } = answered.authorization;
  const { provider, tokens } = await redeemed(env, answered);
  try {
    await requireUnended(env.DB, id);
    await requireAccess();
  } catch (error) {
    // A fault that passes says nothing of it. Some providers would end with these tokens those that came before.
    if (!isPassing(error))
      await revokeToken(env, provider, tokens.refreshToken ?? tokens.accessToken).catch(() => undefined);
    throw error;
  }
  const terms = termsAt(answered.server, owner, issuer);
  await askConnection(env, terms, (connection) =>
    connection.saveTokens(terms, tokens, provider.tokenEndpoint),
  );
  await requireUnended(env.DB, id).catch(async (error: unknown) => {
    if (isPassing(error)) return; // it is kept, and most likely wanted
    await askConnection(env, terms, (connection) => connection.disconnect(terms));
    throw error;
  });
}

/** What an administrator is shown of the account they are asked to confirm. */
export type HeldAccount = {
  /** Whose it is, as the provider says; null: it does not say. */
  account: string | null;
  /** Null: an administrator named the endpoints, and no issuer. */
  issuer: string | null;
  tokenHost: string;
  scopes: string[];
};

const heldContextOf = (id: string) => `upstream_flow/${id}/held`;

/**
 * Redeems the provider's answer to an authorization that was begun through the API, and holds its tokens until an
 * administrator confirms whose account it is: {@link AUTHORIZATION_LIFE} from now, then they are revoked.
 * @returns until when, epoch seconds. @throws TokenRefused, Unavailable, AskAgain
 */
export async function holdAuthorized(env: Env, issuer: string, answered: Answered): Promise<number> {
  const { id, owner } = answered.authorization;
  const { provider, tokens } = await redeemed(env, answered);
  const held: HeldAccount = {
    account: await whoseAccount(env, provider, tokens),
    issuer: provider.issuer,
    tokenHost: new URL(provider.tokenEndpoint).host,
    scopes: tokens.scopes ?? provider.scopes,
  };
  const endsAt = Math.floor(Date.now() / 1000) + AUTHORIZATION_LIFE;
  const sealed = await seal(env.ENCRYPTION_KEY, heldContextOf(id), JSON.stringify(held));
  const terms = termsAt(answered.server, owner, issuer);
  const heldFor = { authorizationId: id, endsAt };
  await askConnection(env, terms, (object) => object.hold(terms, tokens, provider.tokenEndpoint, heldFor));
  const set = authorizationColumns.set({ sealed, expiresAt: endsAt });
  await env.DB.prepare(`UPDATE upstream_flow SET ${set.sql} WHERE id = ?`)
    .bind(...set.values, id)
    .run();
  return endsAt;
}

/** The account at a server that waits for an administrator; null: none does by this authorization, or its time is over. */
export async function heldBy(
  keys: string,
  authorization: Authorization | null,
  server: Server,
): Promise<HeldAccount | null> {
  if (authorization?.serverId !== server.id || authorization.usedAt === null) return null;
  const { id, owner, expiresAt, sealed } = authorization;
  if (owner !== 'gateway' || expiresAt <= Date.now() / 1000) return null;
  const text = await open(keys, heldContextOf(id), sealed);
  return text === null ? null : (JSON.parse(text) as HeldAccount);
}

/** What an administrator decided: what is held is kept, or revoked. Repeatable; false: there was nothing any more. */
export function decideWait(
  env: Env,
  issuer: string,
  server: Server,
  { id, isConfirmed }: { id: string; isConfirmed: boolean },
): Promise<boolean> {
  const terms = termsAt(server, 'gateway', issuer);
  return askConnection(env, terms, (object) => (isConfirmed ? object.confirm(terms, id) : object.reject(id)));
}

/** Ends the wait for an administrator, once what follows from their decision is done. What fails here ends by itself. */
export async function endWait(db: D1Database, id: string): Promise<void> {
  const now = Math.floor(Date.now() / 1000);
  const ending = db.prepare('UPDATE upstream_flow SET expires_at = ?2 WHERE id = ?1').bind(id, now).run();
  await ending.catch((error: unknown) => log('authorization.not_ended', faultFacts(error)));
}
