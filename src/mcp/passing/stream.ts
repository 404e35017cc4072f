import { CredentialNeeded } from '../../accounts/credential-needed';
import type { TurnEnd } from '../../mcp-client/breaker';
import type { ServerAnswer } from '../../mcp-client/exchange';
import { InPlace, type Input, type Part } from '../../protocol/json/answer';
import { joined } from '../../protocol/json/held-bytes';
import { textOf } from '../../protocol/json/short-answer';
import { within } from '../../protocol/patience';
import { COMMENT, eventOf, type Relay } from '../../protocol/sse';
import { UpstreamFailure } from '../../servers/failure';
import { EVENT_HEADERS, JSON_HEADERS, json } from '../answer';
import { Continuation } from '../flow/continuation';
import { relayFor, unansweredIn } from '../flow/relays';
import { Clocks } from './clocks';
import type { Besides, CallOutcome, Instead, Passage } from './passage';
import { Said } from './said';
import { breakOff, bytesOf, close, type Sink } from './sink';
import { Stop, sessionOver } from './standing';
import { type BodyReader, discard, FlowReader, type Read, together, WholeReader } from './whole';

/** How long we wait for a server's headers before beginning a stream that tells whether the client is still there. */
const PATIENCE = 2_000;
/**
 * Lets a server's answer flow to the client as it comes: nothing is held whole. When the server's headers take long, the answer
 * begins as an event stream, so that a client that has gone is noticed.
 */
export async function pass(passage: Passage): Promise<Response> {
  const flow = new AnswerFlow(passage);
  return flow.begin().catch((fault) => {
    flow.fail(fault);
    throw fault;
  });
}

type Flowing = ServerAnswer & { kind: 'json' | 'events' };

class AnswerFlow implements Besides {
  private readonly upstream = new AbortController();
  private readonly said = new Said();
  /** Settles when the first of them has come. */
  private readonly saying = Promise.withResolvers<null>();
  /** Settles when something goes out: with what does so under a status of its own, or null. */
  private readonly first = Promise.withResolvers<Instead | null>();
  private reader: BodyReader | null = null;
  /** What was read before anything went out. */
  private reading: Promise<Read> | null = null;
  private scanned: readonly Part[] | null = null;
  private settle: (end: TurnEnd) => void = () => {};
  private release = () => {};
  private readonly continuation: Continuation;
  private relay: Relay | null = null;
  private readonly inPlace = new InPlace();
  private inEvents = false;
  private over = false;
  private isGone = false;
  private sink: Sink | null = null;
  private readonly stop: Stop;
  private readonly clocks: Clocks;

  constructor(private readonly passage: Passage) {
    this.continuation = new Continuation(passage);
    this.stop = new Stop(passage.judging, () => this.reader?.cancel().catch(() => undefined));
    this.clocks = new Clocks(passage, this.stop, { comment: this.comment, gone: this.sessionOver });
  }

  async begin(): Promise<Response> {
    const sending = this.send();
    const early = this.passage.acceptsEvents
      ? await Promise.race([sending, this.saying.promise, this.clocks.late])
      : await sending;
    if (early && 'text' in early) return json(early.text, null, early.status);
    const mayBeAsked = early?.asks !== undefined && this.passage.asksClient;
    this.inEvents = early === null || early.kind === 'events' || mayBeAsked;
    if (early) {
      this.attach(early);
      const whole = await this.takeWhole();
      if (whole) return whole;
    }
    const isJudged = early?.asks !== undefined && !this.passage.asksClient; // its first bytes tell the status
    const body = new ReadableStream<Uint8Array>(
      {
        start: (sink) => {
          this.sink = sink;
          if (this.over) return close(sink);
          if (early === null) sink.enqueue(COMMENT);
          this.saySaid();
        },
        pull: (sink) =>
          this.pull(sink, sending)
            .catch((fault) => this.fail(fault, sink))
            .finally(() => this.first.resolve(null)),
        cancel: () => this.leave(),
      },
      { highWaterMark: isJudged ? 1 : 0 },
    );
    const refused = isJudged && (await within(PATIENCE, this.first.promise));
    if (refused) return json(refused.text, null, refused.status);
    return new Response(body, { headers: this.inEvents ? EVENT_HEADERS : JSON_HEADERS });
  }

  /** The server's answer, or the text of the response that stands in for it. Rejects with faults of this gateway. */
  private async send(sending = this.passage.send): Promise<Flowing | Instead> {
    const { passage } = this;
    try {
      const sent = sending(this.upstream.signal, this);
      sent.then((answer) => this.over && discard(answer, this.stop.why)).catch(() => undefined);
      const answer = await Promise.race([sent, this.stop.promise]);
      if (answer instanceof UpstreamFailure) return { text: this.giveUp(answer) };
      if (answer instanceof Error) throw answer;
      if (answer.kind !== 'error') return answer;
      this.finish('refused', answer.failure);
      return { text: passage.refused(answer.error), status: passage.statusOf?.(answer.error) };
    } catch (error) {
      if (error instanceof CredentialNeeded) {
        this.finish('unconnected', null);
        return { text: await passage.needed(error) };
      }
      if (!(error instanceof UpstreamFailure)) {
        this.finish(error === this.stop.why ? 'withdrawn' : 'broken', null);
        throw error;
      }
      if (this.isGone) throw await sessionOver(passage.judging); // whose client may still be there
      this.finish('failed', error);
      return { text: passage.failed(error) };
    }
  }

  /** The whole response, when what comes first of the answer ends it. Null: it flows, from there on. @throws as {@link send} */
  private async takeWhole(): Promise<Response | null> {
    const { relay, reader, passage } = this;
    if (this.isGone) throw await sessionOver(passage.judging);
    if (!relay || !reader || this.over || passage.from) return null;
    this.clocks.limits.wait();
    const reading = reader.read().catch(() => null);
    this.reading = reading;
    const others = passage.acceptsEvents ? [this.clocks.late, this.saying.promise] : [];
    const read = await Promise.race([reading, this.stop.promise, ...others]);
    if (this.isGone) throw await sessionOver(passage.judging);
    if (read instanceof Error) {
      const text = this.giveUp(read);
      if (read instanceof UpstreamFailure) return json(text);
      throw read;
    }
    if (!read || read.done || this.over) return null;
    this.clocks.limits.read();
    const body = reader instanceof WholeReader ? reader.text : textOf(read.value);
    const text = this.said.isEmpty && body !== null ? (relay.whole?.(body) ?? null) : null;
    if (text !== null) return this.answerWhole(text);
    const parts = relay.push(read.value);
    this.scanned = parts;
    const bytes = parts.filter((part) => part instanceof Uint8Array);
    if (!relay.answered || relay.broken || bytes.length < parts.length || !this.said.isEmpty) return null;
    return this.answerWhole(joined(bytes));
  }

  private answerWhole(body: string | Uint8Array): Response {
    this.finish('answered', null);
    return new Response(body, { headers: this.inEvents ? EVENT_HEADERS : JSON_HEADERS });
  }

  private attach(answer: Flowing): void {
    if (this.over) return void discard(answer, this.stop.why);
    this.reader = answer.whole ? new WholeReader(answer.whole) : new FlowReader(answer.body);
    this.settle = answer.settle;
    this.release = answer.release;
    this.continuation.attach(answer);
    this.relay = relayFor(this.passage, answer, this.inPlace, this.inEvents);
  }

  /** Sends on what the server sends next. */
  private async pull(sink: Sink, sending: ReturnType<AnswerFlow['send']>): Promise<void> {
    if (!this.reader) {
      const answer = await sending.catch((error: unknown) => ({ text: this.passage.broken(error) }));
      if ('text' in answer) return close(sink, eventOf(answer.text));
      this.attach(answer);
    }
    while (this.relay && this.reader && !this.over) {
      const { relay } = this;
      if (!this.scanned && (await this.mark(sink, relay))) return;
      this.clocks.limits.wait();
      const read = await (this.reading ?? this.reader.read().catch(() => null));
      this.reading = null;
      this.clocks.limits.read();
      if (this.over) return;
      const isEnd = !read?.value;
      if (isEnd && !this.stop.why && this.inPlace.error === null) {
        if (read && this.continuation.isMarked(relay)) {
          this.finish('left', null);
          return close(sink);
        }
        if (await this.goOn(relay, read === null)) continue;
      }
      if (this.over) return;
      if (this.stop.why)
        return breakOff(sink, relay, this.stop.why, bytesOf(this.giveUp(this.stop.why), this.inEvents));
      if (isEnd) return this.endOf(sink, relay, read !== null);

      const parts = this.scanned ?? relay.push(read.value);
      this.scanned = null;
      if (relay.progressed) this.clocks.limits.wentOn();
      let hasSent = false;
      for (const part of together(parts)) if (await this.sendOn(sink, part)) hasSent = true;
      if (this.over) return;
      const last = parts.at(-1);
      if (last && 'input' in last) {
        if (await this.bringInput(sink, relay, last)) return;
        continue;
      }
      this.saySaid();
      if (relay.broken) return this.endOf(sink, relay, true);
      if (relay.answered) {
        this.finish('answered', null);
        return close(sink);
      }
      if (hasSent) return; // which the client reads before more is asked for
    }
  }

  /** Tells the client by which event it finds this place again, when that is news. */
  private async mark(sink: Sink, relay: Relay): Promise<boolean> {
    const event = await this.continuation.mark(relay, this.clocks.limits);
    if (event === null || this.over) return false;
    sink.enqueue(event);
    return true;
  }

  /** Goes on with a stream that ended before the answer. False when it cannot be continued, or time is up. */
  private async goOn(relay: Relay, isCut: boolean): Promise<boolean> {
    this.clocks.limits.wait();
    const { signal } = this.upstream;
    const isOver = () => this.over || this.stop.why !== null;
    const body = await this.continuation.next(relay, isCut, { signal, limit: this.stop.promise, isOver });
    if (body) this.reader = new FlowReader(body);
    return body !== null;
  }

  /** The server wants input: the request ends with that, or is made again with what the client brought. True: it is over. */
  private async bringInput(sink: Sink, relay: Relay, { input }: Input): Promise<boolean> {
    this.reader?.cancel().catch(() => undefined);
    this.endTurn('answered');
    const broken = (error: unknown): Instead => ({ text: this.passage.broken(error) });
    const bringing = this.passage.input(input, this, this.upstream.signal).catch(broken);
    const brought = await Promise.race([bringing, this.stop.promise]);
    this.clocks.limits.wentOn();
    if (this.over) return true;
    if (brought instanceof Error) {
      breakOff(sink, relay, brought, bytesOf(this.giveUp(brought), this.inEvents));
      return true;
    }
    const next = 'text' in brought ? brought : await this.send(brought.again).catch(broken);
    if (this.isGone) return true;
    if (!('text' in next)) {
      this.attach(next);
      return this.over;
    }
    this.finish('answered', null);
    if (next.status !== undefined) this.first.resolve(next);
    close(sink, bytesOf(next.text, this.inEvents));
    return true;
  }

  say(message: string, isProgress: boolean): boolean {
    if (isProgress) this.clocks.limits.wentOn();
    if (!this.said.add(message)) return false;
    this.saying.resolve(null);
    this.saySaid();
    return true;
  }

  readonly asked = (): void => this.clocks.limits.asked();

  /** Sends on what came by another way, where it may stand. */
  private saySaid(): void {
    const { sink, relay, over } = this;
    if (!sink || over || !this.inEvents || !(relay?.between ?? true)) return;
    this.said.sendOn(sink);
  }

  /** False when there is nothing to send on. */
  private async sendOn(sink: Sink, part: Part): Promise<boolean> {
    if ('input' in part) return false;
    const text = part instanceof Uint8Array ? null : await this.passage.bring(part.beside);
    const bytes = part instanceof Uint8Array ? part : text !== null && eventOf(text);
    if (!bytes || this.over) return false;
    sink.enqueue(bytes);
    return true;
  }

  /** The server's body has ended, or must go on no more, without the answer; `whole` when it was not cut. */
  private endOf(sink: Sink, relay: Relay, whole: boolean): void {
    const { outcome, failure, text } = unansweredIn(this.inPlace, relay, whole, this.passage);
    this.finish(outcome, outcome === 'refused' ? null : failure);
    breakOff(sink, relay, failure, bytesOf(text, this.inEvents));
  }

  /** Ends the request, for want of time or of leave. The text of the response that says so. */
  private giveUp(why: Error): string {
    const failure = why instanceof UpstreamFailure ? why : null;
    this.finish(failure ? 'given_up' : 'withdrawn', failure);
    return failure ? this.passage.failed(failure) : this.passage.broken(why);
  }

  readonly sessionOver = (): void => {
    if (this.over) return;
    this.leave();
    this.sink?.close(); // where it has only ended its session, its stream ends, too
  };

  /** A fault of this gateway ends the request: nothing of it is left. @param sink where its answer has begun */
  fail(fault: Error, sink?: Sink): void {
    if (this.over) throw fault; // which breaks the answer off
    this.finish('broken', null);
    if (sink) breakOff(sink, this.relay, fault, bytesOf(this.passage.broken(fault), this.inEvents));
  }

  private leave(): void {
    this.isGone = true;
    this.finish('gone', null);
  }

  /** Sends a comment, where one may stand. */
  private readonly comment = (): boolean => {
    const { sink, relay } = this;
    if (!sink || !this.inEvents || !(relay?.between ?? true)) return false;
    sink.enqueue(COMMENT);
    return true;
  };

  /** The server's part in the request is over, for now. */
  private endTurn(end: TurnEnd): void {
    this.settle(end);
    this.release();
    this.settle = () => {};
    this.release = () => {};
  }

  /** Frees everything, once. */
  private finish(outcome: CallOutcome, failure: UpstreamFailure | null): void {
    if (this.over) return;
    this.over = true;
    this.clocks.over();
    this.stop.over();
    this.settle(outcome === 'answered' ? 'answered' : (failure ?? undefined)); // first: what follows asks the breaker
    this.settle = () => {};
    this.passage.ended(outcome, failure);
    this.endTurn(undefined);
    this.reader?.cancel().catch(() => undefined);
    if (outcome !== 'answered') this.upstream.abort(failure ?? undefined);
  }
}
