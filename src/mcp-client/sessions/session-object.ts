import { DurableObject } from 'cloudflare:workers';
import { connect } from '../../accounts/connect';
import { currentSettings, type Env } from '../../config';
import { open, seal } from '../../crypto/secrets';
import { log } from '../../log';
import { faultFacts } from '../../protocol/faults/storage';
import type { LogLevel } from '../../protocol/log-level';
import { inPool, within } from '../../protocol/patience';
import { ObjectState } from '../../schema/object-state';
import { findServer } from '../../servers/find';
import { type GivenAnswer, GivenAnswers } from '../held/given-answers';
import type { HeldRequest, HeldRetry } from '../held/held-acts';
import { HeldCalls } from '../held/held-calls';
import { begun, Listeners, type SessionEvent } from '../listen/session-events';
import { Watched } from '../listen/watched';
import { MOST_ASKED } from '../questions/relayed-id';
import { type SseReply, type SseRequest, SseStreams } from '../sse/streams';
import type { Flight, Following, KeptSession, Meeting, SessionActs, Taken } from './session-acts';
import { cancelIn, endSession, type Session } from './session-life';

/** A session as it is stored: its id is sealed. Times are epoch milliseconds. */
type Kept = Meeting & Omit<Session, 'id'> & { sealed: string; askedAt: number };
/** A session that waits for its end, and the requests that end with it. */
type Over = Kept & { flights?: Flight[] };
/** A request that has been on its way for a while. */
type Followed = Flight & { since: number };
/** The level a client set, and until when it is kept. */
type KeptLevel = { level: LogLevel; until: number };

/** Milliseconds after which a session no one asked for is ended. */
const IDLE = 600_000;
/** How long a level is kept that was set. Milliseconds. */
const LEVEL_KEPT = 86_400_000;
/** Servers that a client session has sessions at. */
const MOST_SERVERS = 64;
/** How long one asker has to begin a session while others wait. Milliseconds. */
const LEAVE = 15_000;
/** No request takes longer. Milliseconds. */
const MOST_FLIGHT = 330_000;
/** How long a cancellation waits for a request that is not followed yet, and how many do. Milliseconds. */
const EARLY = 10_000;
const MOST_EARLY = 64;
/** Requests a server is told of one by one when their session ends. */
const MOST_CANCELLED = 64;
/** When the alarm takes up what {@link SessionObject.end} was kept from. Milliseconds. */
const SETTLE_AGAIN = 30_000;
/**
 * How often the alarm comes while calls are held. Milliseconds: an object without requests leaves memory after 70 to 140
 * seconds, also when it waits for a server (Durable Objects, Lifecycle).
 */
const AWAKE = 30_000;
/** Outgoing requests of one invocation that await headers. */
const POOL = 5;

/**
 * One client session of one subject, and its session at each server (PROTOCOL §1): every isolate meets the same one, it is
 * begun by one asker at a time, and ended when no one has asked for it for ten minutes, or the client session is over.
 * Stores nothing until a server gave a session id, or the client set a level.
 */
export class SessionObject extends DurableObject<Env> implements SessionActs {
  private readonly kv = new ObjectState(this.ctx.storage);
  private readonly name = this.ctx.id.toString();
  /** Who is beginning a session, by server. */
  private readonly leaves = new Map<
    string,
    { id: string; until: number; over: Promise<void>; end(): void }
  >();
  /** Sessions that are streams, in memory only: an object that was evicted has none of them. */
  private readonly streams = new SseStreams('held.');
  /** Cancellations that found nothing, by the client's id. */
  private readonly early = new Map<string, { reason: string; at: number }>();
  private readonly given = new GivenAnswers();
  private readonly held = new HeldCalls(() => this.ctx.waitUntil(this.setAlarm()));
  /** When the client session was last ended, epoch milliseconds. */
  private endedAt = 0;
  private readonly listeners = new Listeners(this.ctx);
  private readonly watched = new Watched(this.kv, this.listeners);

  /** Takes one who listens to what this object knows, from here on. */
  override async fetch(request: Request): Promise<Response> {
    return this.listeners.take(request, this.flights(), this.watched, this.begunOnes());
  }

  override webSocketMessage(from: WebSocket, event: string | ArrayBuffer): void {
    this.listeners.pass(from, event);
  }

  /**
   * The session at a server, or leave to begin one, for which others wait.
   * @param unknown our name for the session that the server does not know
   */
  async take(meeting: Meeting, unknown: string | null): Promise<Taken> {
    for (;;) {
      const kept = this.serving(meeting, unknown);
      const session = kept && (await this.opened(kept));
      if (kept?.ref !== this.serving(meeting, unknown)?.ref) continue; // it was replaced meanwhile
      if (kept && session) {
        this.note({ ...kept, askedAt: Date.now() });
        return { session };
      }
      const other = this.leaves.get(meeting.serverId);
      const left = (other?.until ?? 0) - Date.now();
      if (!other || left <= 0) return { leave: this.giveLeave(meeting.serverId) };
      await within(left, other.over);
    }
  }

  /**
   * Keeps a session that was begun with leave. Returns the one to go on with: another, when it was quicker; null when none
   * may be kept.
   */
  async keep(
    meeting: Meeting,
    leave: string,
    session: Session,
    unknown: string | null,
  ): Promise<Session | null> {
    const { id, ...facts } = session;
    if (id === null) throw new Error('a session without an id is not kept');
    const isAdmitted =
      !this.isIdle() || (await this.subjectOf(meeting.subject).admit(this.name, meeting.via));
    const sealed = await seal(this.env.ENCRYPTION_KEY, this.placeOf(session.ref), id);
    for (let quicker = this.serving(meeting, unknown); quicker; ) {
      const other = await this.opened(quicker);
      const now = this.serving(meeting, unknown);
      this.endLeave(meeting.serverId, leave);
      if (now?.ref === quicker.ref && other) return other;
      if (now?.ref === quicker.ref) break;
      quicker = now;
    }

    this.endLeave(meeting.serverId, leave);
    if (!isAdmitted) return null;
    const before = this.at(meeting.serverId);
    if (before && before.ref !== unknown && before.ref !== session.ref) this.finish(before);
    this.kv.put('subject', meeting.subject);
    this.note({ ...facts, ...meeting, sealed, askedAt: Date.now() });
    this.listeners.tell(begun(meeting, session));
    this.makeRoom();
    await this.setAlarm();
    return session;
  }

  /** Says that nothing came of leave. */
  async giveUp(serverId: string, leave: string): Promise<void> {
    this.endLeave(serverId, leave);
  }

  /** Ends the session at one server, or at all, and what is on its way there. Repeatable; what a fault leaves, the alarm takes up. */
  async end(serverId?: string): Promise<void> {
    const isMeant = (one: { serverId: string }) => serverId === undefined || one.serverId === serverId;
    if (serverId === undefined) this.endedAt = Date.now();
    const flights = this.flights().filter(isMeant);
    for (const { id } of flights) this.kv.delete(keyOf(id));
    const over = this.all().filter(isMeant);
    const hadLevel = serverId === undefined && this.kv.get('level') !== undefined;
    if (hadLevel) this.kv.delete('level');
    for (const kept of over) {
      const there = flights.filter((flight) => flight.serverId === kept.serverId);
      this.finish(kept, there.slice(-MOST_CANCELLED));
    }
    if (serverId === undefined) {
      this.watched.forget();
      this.listeners.tell({ kind: 'ended' });
    }
    if (!over.length && !hadLevel) return;
    await this.setAlarm();
    await this.held.end(serverId);
    await this.settle();
  }

  /**
   * Follows a request on its way, so that its cancellation and its end are found. Says what of it came before. One that goes in
   * no session is not followed: nothing is stored for it.
   */
  async follow({ session, ...flight }: Parameters<SessionActs['follow']>[0]): Promise<Following> {
    const early = this.early.get(flight.clientId);
    const cancelled = early && early.at > Date.now() - EARLY ? early.reason : null;
    const isOver = flight.sentAt < this.endedAt;
    const isFollowed = cancelled === null && !isOver && session !== null && this.at(flight.serverId) !== null;
    if (isFollowed) this.kv.put<Followed>(keyOf(flight.id), { ...flight, session, since: Date.now() });
    if (isFollowed && flight.listens) this.listeners.tellFlights(flight.serverId, this.flights());
    return { isFollowed, isOver, cancelled };
  }

  /** False when the session was ended that a request went in. */
  async isFollowed(id: number): Promise<boolean> {
    return this.kv.get(keyOf(id)) !== undefined;
  }

  async arrived(id: number): Promise<void> {
    const flight = this.kv.get<Followed>(keyOf(id));
    this.kv.delete(keyOf(id));
    if (flight?.listens) this.listeners.tellFlights(flight.serverId, this.flights());
  }

  /** Notes that the client subscribed to a resource. False when it has too many. */
  async watch(serverId: string, uri: string): Promise<boolean> {
    const isKept = this.watched.add(serverId, uri);
    await this.setAlarm();
    return isKept;
  }

  async unwatch(serverId: string, uri: string): Promise<void> {
    this.watched.drop(serverId, uri);
  }

  private async *begunOnes(): AsyncGenerator<SessionEvent> {
    for (const kept of this.all()) {
      const session = await this.opened(kept);
      if (session && this.at(kept.serverId)?.ref === kept.ref) yield begun(kept, session);
    }
  }

  /** The request that its client cancels; null when none is followed, which it may be in a moment. */
  async cancel(clientId: string, reason: string): Promise<Flight | null> {
    const [flight] = this.flights()
      .filter((one) => one.clientId === clientId)
      .sort((one, other) => other.since - one.since);
    if (flight) return flight;
    this.early.set(clientId, { reason, at: Date.now() });
    if (this.early.size > MOST_EARLY) this.early.delete(this.early.keys().next().value as string);
    return null;
  }

  /** Every session that is kept. */
  async sessions(): Promise<KeptSession[]> {
    const opened = this.all().map(async (kept): Promise<KeptSession | null> => {
      const session = await this.opened(kept);
      return session && { serverId: kept.serverId, hasRoots: kept.hasRoots ?? false, session };
    });
    return (await Promise.all(opened)).filter((one) => one !== null);
  }

  /** Keeps the level from which on the client wants log lines (MCP 2025-11-25, Setting Log Level), for sessions begun later. */
  async setLevel(level: LogLevel, { subject, via }: Pick<Meeting, 'subject' | 'via'>): Promise<void> {
    const isAdmitted = !this.isIdle() || (await this.subjectOf(subject).admit(this.name, via));
    if (!isAdmitted) return;
    const until = Date.now() + LEVEL_KEPT;
    this.kv.put('subject', subject);
    this.kv.put<KeptLevel>('level', { level, until });
    if (this.isIdle()) await this.ctx.storage.setAlarm(until);
  }

  async level(): Promise<LogLevel | null> {
    return this.keptLevel()?.level ?? null;
  }

  private keptLevel(): KeptLevel | null {
    const kept = this.kv.get<KeptLevel>('level');
    return kept && kept.until > Date.now() ? kept : null;
  }

  /**
   * The session in which a client's answer to a question goes to its server, once: `again` for an answer that was taken
   * before. Null: the session is over.
   * @param ref our name for the session @param question names the question in it; null for what may come more than once
   */
  async answering(ref: string, question: string | null): Promise<Session | 'again' | null> {
    const kept = this.all().find((one) => one.ref === ref);
    if (!kept) return null;
    if (question !== null) {
      const key = `answered:${question}`;
      if (this.kv.get(key) !== undefined) return 'again';
      this.kv.put(key, Date.now());
    }
    this.note({ ...kept, askedAt: Date.now() });
    return this.opened(kept);
  }

  /** Sends a message over a stream that is held here, or begins one. */
  sendSse(request: SseRequest): Promise<SseReply> {
    return this.streams.send(request);
  }

  async dropSse(session: string, id: number): Promise<void> {
    this.streams.drop(session, id);
  }

  async closeSse(session: string): Promise<void> {
    this.streams.close(session);
  }

  /** Brings the answer to a question of ours to whoever asked it: see {@link GivenAnswers}. */
  async give(ref: string, at: number, answer: string): Promise<void> {
    this.given.give(ref, at, answer);
  }

  /** Sends a request whose server may ask something in the middle of it, and goes on with it: see {@link HeldCalls}. */
  async hold(request: HeldRequest): Promise<Response | 'full' | null> {
    return this.held.begin(request);
  }

  async goOnHeld(retry: HeldRetry): Promise<Response | null> {
    return this.held.goOn(retry);
  }

  async leaveHeld(ref: string): Promise<void> {
    await this.held.leave(ref, 'The client has gone.');
  }

  async answersTo(ref: string, patience: number): Promise<GivenAnswer[]> {
    return this.given.taken(ref, patience);
  }

  /** Ends at their servers the sessions that are over, and those no one has asked for. */
  override async alarm(): Promise<void> {
    if (await this.kv.isBeyondAlarm()) return;
    await this.held.expire();
    const now = Date.now();
    for (const [key, { since }] of this.kv.list<Followed>(FLIGHT))
      if (since + MOST_FLIGHT <= now) this.kv.delete(key);
    for (const [key, at] of this.kv.list<number>('answered:'))
      if (at + MOST_ASKED <= now) this.kv.delete(key);
    const isHeard = this.listeners.any;
    if (!isHeard) this.watched.forget(now - IDLE);
    const flights = this.flights();
    for (const kept of this.all()) {
      const { serverId } = kept;
      const isFlown = flights.some((one) => one.serverId === serverId) || this.held.isUnderWay(serverId);
      if (!isHeard && !isFlown && kept.askedAt + IDLE <= now) this.finish(kept);
    }
    await this.settle();
  }

  /** Ends at their servers the sessions that are over. Once there is no other, nothing is left here. */
  private async settle(): Promise<void> {
    await inPool(POOL, this.kv.list<Over>('over:'), async ([key, kept]) => {
      await this.endUpstream(kept);
      this.kv.delete(key);
    });
    const isWanted = () => !this.isIdle() || this.watched.all.length > 0;
    const subject = this.kv.get<string>('subject');
    if (isWanted()) return this.setAlarm();
    if (subject !== undefined) {
      await this.ctx.storage.setAlarm(Date.now() + SETTLE_AGAIN); // for a fault now
      await this.subjectOf(subject).left(this.name);
      if (isWanted()) return this.setAlarm();
    }
    const level = this.keptLevel();
    if (level) return this.ctx.storage.setAlarm(level.until);
    this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  private isIdle(): boolean {
    return !this.all().length && !this.kv.list('over:').length;
  }

  private subjectOf(subject: string) {
    const { SUBJECTS } = this.env;
    return SUBJECTS.get(SUBJECTS.idFromName(subject));
  }

  private async endUpstream({ flights = [], ...kept }: Over): Promise<void> {
    try {
      const session = await this.opened(kept);
      if (session?.id && this.streams.close(session.id)) return;
      const server = await findServer(this.env.DB, kept.serverId);
      if (!session || server?.connectionString !== kept.url) return;
      const asker = { owner: kept.owner, sharer: null };
      const peer = await connect(this.env, await currentSettings(this.env), kept.issuer, server, asker);
      await inPool(POOL, flights, ({ session: its, id }) => cancelIn(peer, its, id, 'The session is over.'));
      await endSession(peer, session);
    } catch (error) {
      log('session.not_ended', { server: kept.serverId, ...faultFacts(error) });
    }
  }

  private serving({ serverId, url, credential, generation }: Meeting, unknown: string | null): Kept | null {
    const kept = this.at(serverId);
    if ((kept?.generation ?? 0) !== generation) return null; // an older version of this code stored none
    const serves = kept?.url === url && kept.credential === credential && kept.ref !== unknown;
    return kept && serves ? kept : null;
  }

  private giveLeave(serverId: string): string {
    const id = crypto.randomUUID();
    let end = () => {};
    const over = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.leaves.set(serverId, { id, until: Date.now() + LEAVE, over, end });
    return id;
  }

  private endLeave(serverId: string, leave: string): void {
    const one = this.leaves.get(serverId);
    if (one?.id !== leave) return;
    this.leaves.delete(serverId);
    one.end();
  }

  private at(serverId: string): Kept | null {
    return this.kv.get<Kept>(`at:${serverId}`) ?? null;
  }

  private all(): Kept[] {
    return this.kv.list<Kept>('at:').map(([, kept]) => kept);
  }

  private note(kept: Kept): void {
    this.kv.put(`at:${kept.serverId}`, kept);
  }

  private flights(): Followed[] {
    return this.kv.list<Followed>(FLIGHT).map(([, flight]) => flight);
  }

  /** Keeps a session no longer, and leaves it for the alarm to end, with requests that end with it. */
  private finish(kept: Kept, flights: Flight[] = []): void {
    this.kv.put<Over>(`over:${kept.ref}`, { ...kept, flights });
    if (this.at(kept.serverId)?.ref === kept.ref) this.kv.delete(`at:${kept.serverId}`);
    this.listeners.tell({ kind: 'over', serverId: kept.serverId, ref: kept.ref });
  }

  private makeRoom(): void {
    const byUse = this.all().sort((one, other) => other.askedAt - one.askedAt);
    for (const kept of byUse.slice(MOST_SERVERS)) this.finish(kept);
  }

  private async setAlarm(): Promise<void> {
    const isOver = this.kv.list('over:').length > 0;
    const used = [...this.all().map(({ askedAt }) => askedAt), ...this.watched.all.map(([, , at]) => at)];
    const now = Date.now();
    const heard = this.listeners.any ? now : 0;
    const idle = Math.max(heard, Math.min(...used)) + IDLE;
    const { until } = this.held;
    if (Number.isFinite(until)) await this.ctx.storage.setAlarm(Math.min(until, now + AWAKE));
    else if (isOver) await this.ctx.storage.setAlarm(now + SETTLE_AGAIN);
    else if (Number.isFinite(idle)) await this.ctx.storage.setAlarm(idle);
  }

  private async opened(kept: Kept): Promise<Session | null> {
    const { ref, version, capabilities, credential, sealed } = kept;
    const id = await open(this.env.ENCRYPTION_KEY, this.placeOf(ref), sealed);
    return id === null ? null : { ref, id, version, capabilities, credential };
  }

  private readonly placeOf = (ref: string) => `session/${this.name}/${ref}`;
}

const FLIGHT = 'flight:';
const keyOf = (id: number) => `${FLIGHT}${id}`;
