import { waitUntil } from 'cloudflare:workers';
import type { Peer, Sharer } from '../../accounts/connect';
import { log } from '../../log';
import { faultFacts } from '../../protocol/faults/storage';
import { isObject, type JsonObject } from '../../protocol/mcp';
import { retrying, SharedWork } from '../../protocol/patience';
import { type Address, whereIs } from '../../servers/server';
import type { Session } from './session';
import type { Meeting, SessionActs, Taken } from './session-acts';
import { beginSession, endSession, greetingOf, isSessionless, setLevelIn } from './session-life';
import { sessionObjectOf } from './session-stub';
import { isUnknown } from './unknown-session';

/** The session that requests of one peer go in. */
export type Holder = {
  take(signal: AbortSignal): Promise<Session>;
  /** Puts another in place of one that its server does not know, as `manner` says. False: it stands, or no other can be had. */
  replace(session: Session, manner: string): Promise<boolean>;
  /** A request in `session` is over. */
  free(session: Session): void;
  /** True when a session is kept after that. */
  isShared: boolean;
};

/** Milliseconds until an isolate asks the object again for a session it uses: PROTOCOL §1. */
const ASK_AGAIN = 120_000;
const MOST = 2000;
/** How long beginning a session may take that several requests wait for, and how long one waits for another's. Milliseconds. */
const BEGIN = 30_000;

/** What this isolate knows of a client session at a server. `session` null: it may begin none that is kept. */
type Known = { sharer: string; session: Session | null; credential: string; askedAt: number };

/** By client session and server, the one asked for longest ago first. */
const known = new Map<string, Known>();
const asking = new SharedWork<Session | null>(BEGIN, waitUntil);
const replacing = new SharedWork<Session | null>(BEGIN, waitUntil);

const keyOf = (server: Address, { name }: Sharer) =>
  `${name} ${whereIs(server)} ${server.sessionGeneration ?? 0}`;

/** Sessions that some work of the gateway keeps to itself, by the peer it is done with, and what is declared in them. */
const ownSessions = new WeakMap<Peer, Own>();
type Own = { session: Session | null; capabilities?: JsonObject };

/** Does `work` in one session at the server at most, which is ended after it. */
export async function inOwnSession<T>(
  peer: Peer,
  capabilities: JsonObject,
  work: () => Promise<T>,
): Promise<T> {
  const own: Own = { session: null, capabilities };
  ownSessions.set(peer, own);
  try {
    return await work();
  } finally {
    ownSessions.delete(peer);
    if (own.session) waitUntil(endSession(peer, own.session));
  }
}

/** Where a request of `peer` finds its session: with its client session, or in one of its own. */
export async function holderOf(peer: Peer): Promise<Holder> {
  const { sharer } = peer;
  const own = ownSessions.get(peer);
  if (own) return holderOfOne(peer, own, false);
  const greeting = greetingOf(peer);
  if (greeting) return holderOfOne(peer, { session: greeting }, true);
  const shared = sharer && (await sharedSession(peer, sharer));
  return shared && sharer ? holderOfShared(peer, sharer, shared) : holderOfOne(peer, { session: null }, true);
}

function holderOfOne(peer: Peer, own: Own, isForOne: boolean): Holder {
  return {
    isShared: false,
    async take(signal) {
      if (own.session?.credential !== peer.credentials.version)
        own.session = await beginSession(peer, signal, false, own.capabilities);
      return own.session;
    },
    async replace(session, manner) {
      if (!(await isUnknown(peer, session, manner))) return false;
      own.session = await beginSession(peer, AbortSignal.timeout(BEGIN), false, own.capabilities);
      return true;
    },
    free(session) {
      if (isForOne && session.id !== null) waitUntil(endSession(peer, session));
    },
  };
}

function holderOfShared(peer: Peer, sharer: Sharer, first: Session): Holder {
  let current = first;
  return {
    isShared: true,
    take: async () => current,
    async replace(session, manner) {
      const latest = knownOf(peer, sharer)?.session;
      const isOther = latest && latest.ref !== session.ref;
      const next = isOther
        ? latest
        : await replacing.join(session.ref, () => replaceShared(peer, sharer, session, manner));
      if (next) current = next;
      return next !== null;
    },
    free: () => undefined,
  };
}

async function replaceShared(
  peer: Peer,
  sharer: Sharer,
  session: Session,
  manner: string,
): Promise<Session | null> {
  return (await isUnknown(peer, session, manner)) ? shareSession(peer, sharer, session.ref) : null;
}

/**
 * Puts another session in the place of one whose own stream its server refused with `status`, where `ping` in it is refused alike:
 * its server does not know it any more, or wants other credentials. @throws UpstreamFailure, OtherEra, CredentialNeeded
 */
export async function replaceRefused(peer: Peer, session: Session, status: number): Promise<void> {
  const { sharer, credentials } = peer;
  if (!sharer) return;
  if (status !== 401)
    await replacing.join(session.ref, () => replaceShared(peer, sharer, session, `${status}`));
  else if (credentials.refused && (await isUnknown(peer, session, '401'))) {
    peer.credentials = await credentials.refused(null);
    await sharedSession(peer, sharer);
  }
}

/** What this isolate knows; null: nothing that was begun with these credentials. */
function knownOf(peer: Peer, sharer: Sharer): Known | null {
  const entry = known.get(keyOf(peer.server, sharer));
  return entry?.credential === peer.credentials.version ? entry : null;
}

/** The session of a client session at the server, begun when there is none; null when it may begin none that is kept. */
async function sharedSession(peer: Peer, sharer: Sharer): Promise<Session | null> {
  const entry = knownOf(peer, sharer);
  const now = Date.now();
  if (entry && entry.askedAt > now - ASK_AGAIN) return entry.session;
  const key = `${keyOf(peer.server, sharer)} ${peer.credentials.version}`;
  return asking.join(key, () => shareSession(peer, sharer, null));
}

/** @param unknown the session that the server does not know, by our name for it @throws UpstreamFailure, OtherEra */
async function shareSession(peer: Peer, sharer: Sharer, unknown: string | null): Promise<Session | null> {
  const { server, credentials } = peer;
  const { owner, issuer, subject, via } = sharer;
  const meeting: Meeting = {
    serverId: server.id,
    url: server.connectionString,
    generation: server.sessionGeneration ?? 0,
    credential: credentials.version,
    owner,
    issuer,
    subject,
    via,
    hasRoots: isObject(sharer.capabilities.roots),
    isForOneCall: sharer.oneCall !== null,
  };
  const limit = AbortSignal.timeout(BEGIN);
  const ask = <T>(act: (object: SessionActs) => Promise<T>): Promise<T | null> =>
    retrying(async () => act(await sessionObjectOf(sharer))).catch((error: unknown) => {
      log('session.not_kept', { server: server.id, ...faultFacts(error) });
      return null;
    });

  if (isSessionless(server)) {
    const session = await beginSession(peer, limit, true);
    if (session.id === null) return session;
    waitUntil(endSession(peer, session)); // it keeps sessions now
  }
  const taken: Taken | null = await ask((object) => object.take(meeting, unknown));
  if (!taken) return null;
  if ('session' in taken) return remember(peer, sharer, taken.session);
  const { leave } = taken;
  const giveUp = () => waitUntil(ask((object) => object.giveUp(server.id, leave)));
  let session: Session;
  try {
    session = await beginSession(peer, limit, true);
  } catch (error) {
    giveUp();
    throw error;
  }
  if (session.id === null) {
    giveUp();
    return session;
  }
  const kept = await ask((object) => object.keep(meeting, leave, session, unknown));
  if (kept?.ref !== session.ref) waitUntil(endSession(peer, session));
  else if (isObject(session.capabilities.logging)) {
    const level = await ask((object) => object.level());
    if (level) await setLevelIn(peer, session, level);
  }
  return remember(peer, sharer, kept);
}

function remember(peer: Peer, sharer: Sharer, session: Session | null): Session | null {
  if (sharer.oneCall !== null) return session; // no other request asks for it
  const key = keyOf(peer.server, sharer);
  const now = Date.now();
  const credential = peer.credentials.version;
  known.delete(key);
  known.set(key, { sharer: sharer.name, session, credential, askedAt: now });
  if (known.size > MOST) known.delete(known.keys().next().value as string);
  return session;
}

/** Ends every session that a client session has at servers. Repeatable. */
export async function endClientSession(sharer: Sharer): Promise<void> {
  for (const [key, entry] of known) if (entry.sharer === sharer.name) known.delete(key);
  await retrying(async () => (await sessionObjectOf(sharer)).end());
}
