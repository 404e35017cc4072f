import type { Peer } from '../../accounts/connect';
import { mediaTypeOf } from '../../protocol/headers';
import { InPlace, type Part } from '../../protocol/json/answer';
import { parseExact } from '../../protocol/json/exact';
import { NOTHING } from '../../protocol/json/insert';
import {
  CODE,
  isObject,
  type JsonObject,
  RequestId,
  type RpcErrorObject,
  readObject,
} from '../../protocol/mcp';
import { EventRelay, eventOf, JsonAsEventRelay, type Relay } from '../../protocol/sse';
import { continueStream, drain, post } from '../exchange';
import { listenIn } from '../questions/listening';
import { refusalOf } from '../questions/may-ask';
import { cancelIn, respondIn, sessionHeaders } from '../sessions/session-life';
import type { HeldCredential, HeldPlace, HeldRequest } from './held-acts';
import { Turn } from './turn';

/** How long questions wait for others to go out with. Milliseconds. */
const GATHER = 100;
/** How long a call is held for its client. Milliseconds: PROTOCOL §4. */
const MOST_HELD = 300_000;
/** How long one waits whose client has gone from its stream. Milliseconds. */
const MOST_LEFT = 20_000;
/** The most of one question, characters; how many wait at once, and how often a call may ask. */
const MOST_QUESTION = 65_536;
const MOST_OPEN = 32;
const MOST_TURNS = 64;
/** Until a stream is continued whose server does not say, and how often one is. Milliseconds. */
const PAUSE = 1_000;
const MOST_RESUMED = 300;

type Question = { id: RequestId; method: string; params: JsonObject | undefined };

/** What a call is told of the others of its object. */
type Neighbours = {
  /** The call that hears what a server says on the stream of a session, besides what names another. */
  hearing(call: HeldCall, message: JsonObject): HeldCall;
  /** True when one more may be held. */
  hasRoom(): boolean;
  /** Told when a call begins to be held, and when it is over. */
  changed(): void;
};

/**
 * A request to a server of the 2025 era that is kept open while its client, of 2026-07-28, answers what the server asks in the
 * middle of it (PROTOCOL §4). Each question ends what its client reads with `input_required`; the retry brings the answer
 * and reads on.
 */
export class HeldCall {
  readonly sent: number;
  readonly serverId: string;
  isOver = false;
  /** Since when it waits for its client, epoch milliseconds; null: it does not. */
  private heldSince: number | null = null;

  private readonly peer: Peer;
  private readonly capabilities: JsonObject;
  private readonly upstream = new AbortController();
  private readonly listening = new AbortController();
  private readonly inPlace = new InPlace();
  private relay: Relay | null = null;
  private readonly turns: Turn[] = [];
  /** Questions that have not gone out, and those that have and wait for an answer, by our names for them. */
  private readonly waiting = new Map<string, Question>();
  private asked = new Map<string, Question>();
  private count = 0;
  private resumes = 0;
  private isDue = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private leaving: ReturnType<typeof setTimeout> | undefined;
  /** Events that came by another way, until they may stand between two others. */
  private readonly said: Uint8Array[] = [];

  constructor(
    private readonly request: HeldRequest,
    private readonly neighbours: Neighbours,
  ) {
    const { server, credential, capabilities, sent } = request;
    this.sent = sent;
    this.serverId = server.id;
    this.capabilities = parseExact(capabilities) as JsonObject;
    this.peer = { server, credentials: credentialsOf(credential), owner: null, sharer: null };
    this.beginTurn();
  }

  /** True while it waits for its client. */
  get isHeld(): boolean {
    return this.heldSince !== null;
  }

  /** When it has waited long enough, epoch milliseconds. */
  get until(): number {
    return (this.heldSince ?? Number.POSITIVE_INFINITY) + MOST_HELD;
  }

  get session(): string {
    return this.request.session.ref;
  }

  get version(): string {
    return this.request.credential.version;
  }

  /** Sends it. The server's answer, or an event stream of what it says until it asks; null: there is none. */
  async begin(): Promise<Response | null> {
    const { peer, request, upstream, listening } = this;
    const { session, message } = request;
    const hear = async (said: JsonObject) => this.neighbours.hearing(this, said).hear(said, true);
    listenIn(peer, session, listening.signal, hear);
    const body = parseExact(message) as JsonObject;
    const posted = post(peer, body, sessionHeaders(session), upstream.signal).catch(() => null);
    const { over } = this.turn;
    const first = await Promise.race([posted, over]);
    if (first === 'over') posted.then((late) => this.arrived(late));
    else if (!first || !flows(first)) {
      this.finish();
      return first;
    } else this.arrived(first);
    return this.read(0);
  }

  /** The rest of it for a retry, whose responses are taken once; null: nothing of it is there any more. */
  async goOn(
    { turn }: HeldPlace,
    credential: HeldCredential,
    responses: JsonObject,
  ): Promise<Response | null> {
    if (this.upstream.signal.aborted) return null; // nothing of it will come
    if (turn === this.turns.length - 1 && this.isHeld) {
      this.peer.credentials = credentialsOf(credential);
      this.heldSince = null;
      const answers = this.answersIn(responses);
      if (this.waiting.size && this.turns.length >= MOST_TURNS)
        await this.cancel('Its client does not answer.');
      else if (this.waiting.size) this.gather();
      const { session } = this.request;
      await Promise.all(
        answers.map(([id, result]) => respondIn(this.peer, session, id, { result }).catch(() => undefined)),
      );
    }
    return this.read(turn);
  }

  /** Ends it where no one else reads it. */
  async leave(reason: string): Promise<void> {
    if (this.turn.readers <= 1 && !this.isHeld) await this.cancel(reason);
  }

  /** Ends it: its server is told, and gets an answer to what it asked. */
  async cancel(reason: string): Promise<void> {
    if (this.isOver) return;
    const { peer, request, sent } = this;
    const open = [...this.asked.values(), ...this.waiting.values()];
    this.finish();
    this.upstream.abort();
    const error = { code: CODE.internalError, message: reason };
    const answered = open.map(({ id }) => respondIn(peer, request.session, id, { error }).catch(() => null));
    await Promise.all([cancelIn(peer, request.session, sent, reason), ...answered]);
  }

  /** What its server says besides its answer. */
  async hear(message: JsonObject, isElsewhere: boolean): Promise<void> {
    const { method, params } = message;
    if (typeof method !== 'string') return;
    const id = RequestId.safeParse(message.id);
    if (id.success) return this.ask(id.data, method, isObject(params) ? params : undefined);
    if (method === 'notifications/cancelled') this.withdraw(isObject(params) ? params.requestId : null);
    else if (isElsewhere && (method === 'notifications/progress' || method === 'notifications/message')) {
      this.said.push(eventOf(JSON.stringify(message)));
      this.sayOn();
    }
  }

  /** True when its client was asked something. */
  get wasHeld(): boolean {
    return this.turns.length > 1;
  }

  private get turn(): Turn {
    return this.turns.at(-1) as Turn;
  }

  private beginTurn(): void {
    const left = () => {
      clearTimeout(this.leaving);
      this.leaving = setTimeout(() => this.turn.readers || this.leave('The client has gone.'), MOST_LEFT);
    };
    this.turns.push(new Turn(left));
  }

  private read(turn: number): Response | null {
    const body = this.turns[turn]?.read();
    return body ? new Response(body, { headers: { 'content-type': 'text/event-stream' } }) : null;
  }

  /** The headers of the answer are there; null: they will not come. */
  private async arrived(response: Response | null): Promise<void> {
    if (response && flows(response) && response.body)
      await this.pump(response, response.body).catch(() => null);
    else if (response) await drain(response);
    this.finish();
  }

  private async pump(response: Response, first: ReadableStream<Uint8Array>): Promise<void> {
    const isBeside = (method: string, isRequest: boolean) =>
      isRequest || method === 'notifications/cancelled';
    const wanted = { sent: this.sent, additions: NOTHING, isBeside };
    const isJson = mediaTypeOf(response.headers) === 'application/json';
    const relay = isJson ? new JsonAsEventRelay(wanted, this.inPlace) : new EventRelay(wanted, this.inPlace);
    this.relay = relay;
    for (let body: ReadableStream<Uint8Array> | null = first; body; body = await this.resumed(relay)) {
      const reader = body.getReader();
      for (;;) {
        await this.turn.room();
        const read = await reader.read().catch(() => null);
        if (this.isOver) return;
        if (!read?.value) break;
        for (const part of relay.push(read.value)) await this.pass(part);
        this.sayOn();
        if (relay.answered || relay.broken) return;
        if (this.isDue) this.endTurn();
      }
    }
  }

  private async pass(part: Part): Promise<void> {
    if (part instanceof Uint8Array) this.turn.write(part);
    else if ('beside' in part) {
      const message = readObject(part.beside);
      if (message) await this.hear(message, false);
    }
  }

  /** The rest of a stream that ended before the answer (MCP 2025-11-25, Resumability and Redelivery); null: there is none. */
  private async resumed(relay: Relay): Promise<ReadableStream<Uint8Array> | null> {
    while (relay instanceof EventRelay && relay.between && relay.lastEventId !== null && !this.isOver) {
      if (++this.resumes > MOST_RESUMED) return null;
      const { signal } = this.upstream;
      await scheduler.wait(Math.max(relay.retry ?? PAUSE, GATHER), { signal }).catch(() => null);
      const headers = sessionHeaders(this.request.session);
      const body = await continueStream(this.peer, headers, relay.lastEventId, signal).catch(() => undefined);
      if (body === null) return null;
      if (body) {
        relay.restart();
        return body;
      }
    }
    return null;
  }

  private sayOn(): void {
    if (this.relay && !this.relay.between) return;
    for (const event of this.said.splice(0)) this.turn.write(event);
  }

  private async ask(id: RequestId, method: string, params: JsonObject | undefined): Promise<void> {
    const refusal = this.refusalOf(method, params ?? {});
    if (method === 'ping' || refusal) {
      const answer = method !== 'ping' && refusal ? { error: refusal } : { result: {} };
      await respondIn(this.peer, this.request.session, id, answer).catch(() => undefined);
      return;
    }
    this.waiting.set(`question_${++this.count}`, { id, method, params });
    if (!this.isHeld) this.gather();
  }

  private refusalOf(method: string, params: JsonObject): RpcErrorObject | null {
    const refusal = refusalOf(this.capabilities, method, params);
    if (refusal) return refusal;
    const isFull = this.asked.size + this.waiting.size >= MOST_OPEN || this.turns.length >= MOST_TURNS;
    if (!isFull && (this.isHeld || this.neighbours.hasRoom())) {
      const isLong = JSON.stringify(params).length > MOST_QUESTION;
      return isLong ? { code: CODE.internalError, message: 'The question is too long.' } : null;
    }
    return { code: CODE.internalError, message: 'Too many questions are open.' };
  }

  private withdraw(value: unknown): void {
    const id = RequestId.safeParse(value);
    if (!id.success) return;
    for (const questions of [this.waiting, this.asked])
      for (const [name, question] of questions)
        if (JSON.stringify(question.id) === JSON.stringify(id.data)) questions.delete(name);
  }

  private gather(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.isDue = true;
      this.endTurn();
    }, GATHER);
  }

  /** What the client reads ends with the questions that wait, where an event may stand. */
  private endTurn(): void {
    if (this.isOver || this.isHeld || !(this.relay?.between ?? true)) return;
    this.isDue = false;
    if (!this.waiting.size) return;
    this.asked = new Map([...this.asked, ...this.waiting]);
    this.waiting.clear();
    const { turn, sent } = this;
    this.heldSince = Date.now();
    const requestState = JSON.stringify([this.request.ref, this.turns.length, sent]);
    const inputRequests = Object.fromEntries(
      [...this.asked].map(([name, { method, params }]) => [name, { method, ...(params && { params }) }]),
    );
    const result = { resultType: 'input_required', inputRequests, requestState };
    turn.write(eventOf(JSON.stringify({ jsonrpc: '2.0', id: sent, result })));
    this.beginTurn();
    turn.end();
    this.turns.at(-3)?.forget(); // its retry is behind the client
    clearTimeout(this.timer);
    this.neighbours.changed();
  }

  /** The answers among the responses of a retry. What it leaves out is asked again. */
  private answersIn(responses: JsonObject): [RequestId, JsonObject][] {
    const answers: [RequestId, JsonObject][] = [];
    for (const [name, question] of this.asked) {
      const response = Object.hasOwn(responses, name) ? responses[name] : undefined;
      if (isObject(response)) answers.push([question.id, response]);
      else this.waiting.set(name, question);
    }
    this.asked.clear();
    return answers;
  }

  private finish(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.heldSince = null;
    clearTimeout(this.timer);
    clearTimeout(this.leaving);
    this.listening.abort();
    this.turn.end();
    this.neighbours.changed();
  }
}

function credentialsOf({ version, headers }: HeldCredential): Peer['credentials'] {
  return { version, headers: new Headers(headers), refused: null };
}

function flows(response: Response): boolean {
  return response.ok && ['application/json', 'text/event-stream'].includes(mediaTypeOf(response.headers));
}
