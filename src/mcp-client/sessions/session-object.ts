import { DurableObject } from 'cloudflare:workers';
import type { Env } from '../../config';
import type { LogLevel } from '../../protocol/log-level';
import { inPool } from '../../protocol/patience';
import { ObjectState } from '../../schema/object-state';
import { type GivenAnswer, GivenAnswers } from '../held/given-answers';
import type { HeldRequest, HeldRetry } from '../held/held-acts';
import { HeldCalls } from '../held/held-calls';
import { begun, Listeners, type SessionEvent } from '../listen/session-events';
import { Watched } from '../listen/watched';
import { type SseReply, type SseRequest, SseStreams } from '../sse/streams';
import { AnsweredQuestions } from './answered';
import { FollowedFlights } from './followed';
import { type Kept, KeptSessions } from './kept';
import { Leaves } from './leaves';
import { KeptLevel } from './log-level';
import { IDLE, nextAlarm, SETTLE_AGAIN } from './next-alarm';
import { endOver, type Over } from './over';
import type { Session } from './session';
import type { Flight, Following, KeptSession, Meeting, SessionActs, Taken } from './session-acts';

/** Servers that a client session has sessions at. */
const MOST_SERVERS = 64;
/** Requests a server is told of one by one when their session ends. */
const MOST_CANCELLED = 64;
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
  private readonly kept = new KeptSessions(this.kv, this.env.ENCRYPTION_KEY, this.name);
  private readonly leaves = new Leaves();
  private readonly answered = new AnsweredQuestions(this.kv);
  private readonly logLevel = new KeptLevel(this.kv);
  private readonly flights = new FollowedFlights(this.kv);
  /** Sessions that are streams, in memory only: an object that was evicted has none of them. */
  private readonly streams = new SseStreams('held.');
  private readonly given = new GivenAnswers();
  private readonly held = new HeldCalls(
    () => this.ctx.waitUntil(this.setAlarm()),
    ({ isAlone, server }) => isAlone && this.ctx.waitUntil(this.end(server.id)),
  );
  /** When the client session was last ended, epoch milliseconds. */
  private endedAt = 0;
  private readonly listeners = new Listeners(this.ctx);
  private readonly watched = new Watched(this.kv, this.listeners);

  /** Takes one who listens to what this object knows, from here on. */
  override async fetch(request: Request): Promise<Response> {
    return this.listeners.take(request, this.flights.all, this.watched, this.begunOnes());
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
      const kept = this.kept.serving(meeting, unknown);
      const session = kept && (await this.kept.opened(kept));
      if (kept?.ref !== this.kept.serving(meeting, unknown)?.ref) continue; // it was replaced meanwhile
      if (kept && session) {
        this.kept.note({ ...kept, askedAt: Date.now() });
        return { session };
      }
      const leave = await this.leaves.ask(meeting.serverId);
      if (leave !== null) return { leave };
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
    const { subject, via, isForOneCall } = meeting;
    const isAdmitted = !this.isIdle() || (await this.subjectOf(subject).admit(this.name, via, isForOneCall));
    const sealed = await this.kept.sealed(session.ref, id);
    for (let quicker = this.kept.serving(meeting, unknown); quicker; ) {
      const other = await this.kept.opened(quicker);
      const now = this.kept.serving(meeting, unknown);
      this.leaves.end(meeting.serverId, leave);
      if (now?.ref === quicker.ref && other) return other;
      if (now?.ref === quicker.ref) break;
      quicker = now;
    }

    this.leaves.end(meeting.serverId, leave);
    if (!isAdmitted) return null;
    const before = this.kept.at(meeting.serverId);
    if (before && before.ref !== unknown && before.ref !== session.ref) this.finish(before);
    this.kv.put('subject', subject);
    this.kept.note({ ...facts, ...meeting, sealed, askedAt: Date.now() });
    this.listeners.tell(begun(meeting, session));
    this.makeRoom();
    await this.setAlarm();
    return session;
  }

  /** Says that nothing came of leave. */
  async giveUp(serverId: string, leave: string): Promise<void> {
    this.leaves.end(serverId, leave);
  }

  /** Ends the session at one server, or at all, and what is on its way there. Repeatable; what a fault leaves, the alarm takes up. */
  async end(serverId?: string): Promise<void> {
    const isMeant = (one: { serverId: string }) => serverId === undefined || one.serverId === serverId;
    if (serverId === undefined) this.endedAt = Date.now();
    const flights = this.flights.all.filter(isMeant);
    for (const { id } of flights) this.flights.drop(id);
    const over = this.kept.all.filter(isMeant);
    const hadLevel = serverId === undefined && this.logLevel.drop();
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
    const cancelled = this.flights.cancelledEarly(flight.clientId);
    const isOver = flight.sentAt < this.endedAt;
    const isFollowed =
      cancelled === null && !isOver && session !== null && this.kept.at(flight.serverId) !== null;
    if (isFollowed) this.flights.follow({ ...flight, session });
    if (isFollowed && flight.listens && this.listeners.any) {
      this.listeners.tellFlights(flight.serverId, this.flights.all);
      await this.setAlarm(); // its end may never be told
    }
    return { isFollowed, isOver, cancelled };
  }

  /** False when the session was ended that a request went in. */
  async isFollowed(id: number): Promise<boolean> {
    return this.flights.has(id);
  }

  async arrived(id: number): Promise<void> {
    const flight = this.flights.drop(id);
    if (flight?.listens) this.listeners.tellFlights(flight.serverId, this.flights.all);
  }

  /** Notes that the client subscribed to a resource. Null when it has too many. */
  async watch(serverId: string, uri: string): Promise<{ isNew: boolean; isHeard: boolean } | null> {
    const isNew = this.watched.add(serverId, uri);
    await this.setAlarm();
    return isNew === null ? null : { isNew, isHeard: this.listeners.any };
  }

  async unwatch(serverId: string, uri: string): Promise<{ isHeard: boolean }> {
    this.watched.drop(serverId, uri);
    return { isHeard: this.listeners.any };
  }

  private async *begunOnes(): AsyncGenerator<SessionEvent> {
    for (const kept of this.kept.all) {
      const session = await this.kept.opened(kept);
      if (session && this.kept.at(kept.serverId)?.ref === kept.ref) yield begun(kept, session);
    }
  }

  /** The request that its client cancels; null when none is followed, which it may be in a moment. */
  async cancel(clientId: string, reason: string): Promise<Flight | null> {
    return this.flights.cancel(clientId, reason);
  }

  /** Every session that is kept. */
  async sessions(): Promise<KeptSession[]> {
    const opened = this.kept.all.map(async (kept): Promise<KeptSession | null> => {
      const session = await this.kept.opened(kept);
      return session && { serverId: kept.serverId, hasRoots: kept.hasRoots ?? false, session };
    });
    return (await Promise.all(opened)).filter((one) => one !== null);
  }

  /** Keeps the level from which on the client wants log lines (MCP 2025-11-25, Setting Log Level), for sessions begun later. */
  async setLevel(level: LogLevel, { subject, via }: Pick<Meeting, 'subject' | 'via'>): Promise<void> {
    const isAdmitted = !this.isIdle() || (await this.subjectOf(subject).admit(this.name, via));
    if (!isAdmitted) return;
    const until = this.logLevel.set(level);
    this.kv.put('subject', subject);
    if (this.isIdle()) await this.ctx.storage.setAlarm(until);
  }

  async level(): Promise<LogLevel | null> {
    return this.logLevel.now?.level ?? null;
  }

  /**
   * The session in which a client's answer to a question goes to its server, once: `again` for an answer that was taken
   * before. Null: the session is over.
   * @param ref our name for the session @param question names the question in it; null for what may come more than once
   */
  async answering(ref: string, question: string | null): Promise<Session | 'again' | null> {
    const kept = this.kept.all.find((one) => one.ref === ref);
    if (!kept) return null;
    if (question !== null && !this.answered.take(question)) return 'again';
    this.kept.note({ ...kept, askedAt: Date.now() });
    return this.kept.opened(kept);
  }

  /** An answer that did not reach its server may be given again. */
  async giveBack(question: string): Promise<void> {
    this.answered.giveBack(question);
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

  /** Brings the answer to a question of ours to the call that asked it: see {@link GivenAnswers}. */
  async give(ref: string, at: number, answer: string): Promise<void> {
    this.given.give(ref, at, answer);
  }

  /** Sends a request whose server may ask something in the middle of it, and goes on with it: see {@link HeldCalls}. */
  async hold(request: HeldRequest): Promise<Response | 'full' | null> {
    return this.held.begin(request);
  }

  async goOnHeld(retry: HeldRetry): Promise<Response | null> {
    const kept = this.kept.at(retry.serverId);
    if (kept) this.kept.note({ ...kept, askedAt: Date.now() });
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
    for (const serverId of this.flights.forgetOld(now))
      this.listeners.tellFlights(serverId, this.flights.all);
    this.answered.forgetOld(now);
    const isHeard = this.listeners.any;
    if (!isHeard) this.watched.forget(now - IDLE);
    const flights = this.flights.all;
    for (const kept of this.kept.all) {
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
      await this.subjectOf(subject).left(this.name, this.endedAt > 0);
      if (isWanted()) return this.setAlarm();
    }
    const level = this.logLevel.now;
    if (level) return this.ctx.storage.setAlarm(level.until);
    this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  private isIdle(): boolean {
    return !this.kept.all.length && !this.kv.list('over:').length;
  }

  private subjectOf(subject: string) {
    const { SUBJECTS } = this.env;
    return SUBJECTS.get(SUBJECTS.idFromName(subject));
  }

  private async endUpstream(over: Over): Promise<void> {
    const session = await this.kept.opened(over);
    if (session?.id && this.streams.close(session.id)) return;
    if (session) await endOver(this.env, over, session);
  }

  /** Keeps a session no longer, and leaves it for the alarm to end, with requests that end with it. */
  private finish(kept: Kept, flights: Flight[] = []): void {
    this.kv.put<Over>(`over:${kept.ref}`, { ...kept, flights });
    this.kept.drop(kept);
    this.listeners.tell({ kind: 'over', serverId: kept.serverId, ref: kept.ref });
  }

  private makeRoom(): void {
    const byUse = this.kept.all.sort((one, other) => other.askedAt - one.askedAt);
    for (const kept of byUse.slice(MOST_SERVERS)) this.finish(kept);
  }

  private async setAlarm(): Promise<void> {
    const at = nextAlarm({
      isOver: this.kv.list('over:').length > 0,
      usedAt: [...this.kept.all.map(({ askedAt }) => askedAt), ...this.watched.all.map(([, , at]) => at)],
      isHeard: this.listeners.any,
      flownUntil: this.flights.until,
      heldUntil: this.held.until,
    });
    if (at !== null) await this.ctx.storage.setAlarm(at);
  }
}
