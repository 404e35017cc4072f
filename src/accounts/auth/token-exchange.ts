import { waitUntil } from 'cloudflare:workers';
import { modeOf } from '../../identity';
import { log, wordOf } from '../../log';
import { Unavailable } from '../../protocol/error';
import { isPassing } from '../../protocol/faults/storage';
import { SharedWork } from '../../protocol/patience';
import { parseSubject } from '../../protocol/subject';
import { exchangeToken } from '../../providers/exchange';
import { TokenRefused } from '../../providers/token-refusal';
import { only, tokenExchangeTerms } from '../../servers/auth-settings';
import { failures } from '../../servers/failure';
import { type Server, type TokenExchange, whereIs } from '../../servers/server';
import { CredentialNeeded } from '../credential-needed';
import { signInOf } from '../sign-in-tokens';
import type { Connection, ServerCredentials, UpstreamAuth } from './auth';

/**
 * Everyone's own, made from the tokens of their sign-in: nothing of it is kept but in memory. No one else has any, the gateway
 * neither.
 */
export const tokenExchange: UpstreamAuth = {
  settings: (basis) => only({ token_exchange: tokenExchangeTerms(basis) }),
  own: { kind: 'sign_in' },
  authorization: null,
  isListedForAsker: true,
  words: {
    label: 'Single sign-on',
    says: 'people’s sign-in here works there',
    api: 'everyone, with their own sign-in',
  },
  suits: null,

  async credentials(connection) {
    const { server, owner } = connection;
    if (!owner || owner === 'gateway' || !modeOf(owner)?.isSignedIn) {
      throw new CredentialNeeded(server, 'sign_in');
    }
    const person = parseSubject(owner).id;
    return (await known(connection, person)) ?? exchanged(connection, person);
  },
};

type Exchanged = {
  authorization: string;
  version: string;
  until: number;
  /** Of the person, and when their sign-in last stood, epoch seconds. */
  generation: number;
  stoodAt: number;
};

/** What was exchanged, by server, person and how it was asked for; the longest known first. */
const memory = new Map<string, Exchanged>();
const MOST = 5_000;
/** How long a token serves whose end the provider did not say. Seconds. */
const UNSAID = 300;

function nameOf({ server, settings: { oidc } }: Connection, person: string): string {
  const { credentialGeneration, tokenExchange } = server;
  const signsIn = [oidc.issuer, oidc.client_id];
  return JSON.stringify([person, signsIn, whereIs(server), credentialGeneration, tokenExchange]);
}

async function known(connection: Connection, person: string): Promise<ServerCredentials | null> {
  const token = memory.get(nameOf(connection, person));
  if (!token || Date.now() / 1000 >= token.until) return null;
  return (await stands(connection, person, token)) ? credentialsWith(connection, person, token) : null;
}

/** Whether the sign-in a token was made from still stands: asked for again after `revocation_lag`. */
async function stands({ env, settings }: Connection, person: string, token: Exchanged): Promise<boolean> {
  const now = Date.now() / 1000;
  if (now < token.stoodAt + settings.revocation_lag) return true;
  const { generation } = await signInOf(env, settings, person).catch(unansweredIfPassing);
  if (generation !== token.generation) return false;
  token.stoodAt = now;
  return true;
}

function credentialsWith(connection: Connection, person: string, token: Exchanged): ServerCredentials {
  const { server } = connection;
  const { authorization, version } = token;
  const name = nameOf(connection, person);
  return {
    headers: new Headers({ authorization }),
    version,
    async refused() {
      const isOurs = memory.get(name)?.version === version;
      if (isOurs) memory.delete(name);
      const again = (await known(connection, person)) ?? (await exchanged(connection, person));
      const refused = async () => {
        memory.delete(name);
        throw failures.refusedToOne(server.name);
      };
      return { ...again, refused };
    },
  };
}

/** How long a request waits for an exchange that another one began, before it makes its own. Milliseconds. */
const PATIENCE = 5_000;
/** Exchanges in this isolate, by the name of what they bring: calls side by side share one. */
const exchanges = new SharedWork<Exchanged>(PATIENCE, waitUntil);

/** @throws CredentialNeeded when the person has to sign in (again), UpstreamFailure when it is not theirs to fix. */
async function exchanged(connection: Connection, person: string): Promise<ServerCredentials> {
  const name = nameOf(connection, person);
  const token = await exchanges.join(name, () => tokenFor(connection, person));
  return credentialsWith(connection, person, token);
}

async function tokenFor(connection: Connection, person: string): Promise<Exchanged> {
  const { env, settings, server } = connection;
  if (!hasExchange(server)) throw failures.refused(server.name, 'no_exchange', {});
  const signIn = await signInOf(env, settings, person).catch(unansweredIfPassing);
  if (!signIn.ok) {
    if (signIn.retryAfter !== null) throw failures.signInDown(server.name, signIn.retryAfter);
    throw new CredentialNeeded(server, 'sign_in');
  }
  try {
    const { accessToken, expiresAt } = await exchangeToken(env, settings, server, signIn.accessToken);
    const now = Date.now() / 1000;
    const life = expiresAt === null ? UNSAID : expiresAt - now;
    const token = {
      authorization: `Bearer ${accessToken}`,
      version: crypto.randomUUID(),
      until: now + life - Math.min(30, life / 10),
      generation: signIn.generation,
      stoodAt: now,
    };
    remember(nameOf(connection, person), token);
    return token;
  } catch (error) {
    if (error instanceof Unavailable) throw failures.signInDown(server.name, 5);
    if (!(error instanceof TokenRefused)) throw error;
    log('token_exchange.refused', { server: server.id, error: wordOf(error.code) });
    if (SIGN_IN_AGAIN.has(error.code)) throw new CredentialNeeded(server, 'sign_in');
    throw failures.refused(server.name, 'exchange_refused', {});
  }
}

/** Storage did not answer. */
const UNANSWERED = { ok: false, retryAfter: 5, generation: null } as const;

/** What a fault of storage comes to. @throws the fault itself when it will come again (CONTRACT §8). */
function unansweredIfPassing(fault: unknown): typeof UNANSWERED {
  if (isPassing(fault)) return UNANSWERED;
  throw fault;
}

/** What says that the token of the sign-in does not do (RFC 8693 §2.2.2; Entra asks for the person with the last). */
const SIGN_IN_AGAIN = new Set(['invalid_grant', 'invalid_request', 'interaction_required']);

function hasExchange(server: Server): server is Server & { tokenExchange: TokenExchange } {
  return server.tokenExchange !== null;
}

function remember(name: string, token: Exchanged): void {
  memory.delete(name);
  memory.set(name, token);
  if (memory.size > MOST) memory.delete(memory.keys().next().value as string);
}
