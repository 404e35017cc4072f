import { mediaTypeOf } from '../../protocol/headers';
import { parseExact } from '../../protocol/json/exact';
import { CODE, errorText, isObject, type JsonObject, RequestId, resultText } from '../../protocol/mcp';
import { followWithin, OF_MESSAGES } from '../../protocol/redirects';
import { ledTo, sendWithin } from '../redirects';
import { ourIdIn } from '../request-ids';
import { SseFlight } from './flight';
import { LongEventReader } from './long-events';

/** A message to a server, as text. `id`: of a request; null: it is none. `headers`: our credentials, and who we are. */
export type SseMessage = { headers: [string, string][]; body: string; id: number | null };

/**
 * Why there is no answer of the server: it cannot be reached, names no endpoint or one of another origin (`elsewhere`), or the
 * object that holds the stream is gone (`lost`).
 */
export type SseFault =
  | { fault: 'unreachable' | 'no_endpoint' | 'lost' }
  | { fault: 'elsewhere'; said: string };

/** How long a server may take to name its endpoint. Milliseconds. */
const PATIENCE = 10_000;
/** Milliseconds without a request after which a stream is closed (PROTOCOL §7), and the most that a request takes. */
const IDLE = 60_000;
const MOST_FLIGHT = 330_000;
const MOST_FLIGHTS = 100;
const MOST_DROPPED = 1_000;
/** Characters of an endpoint's address. */
const MOST_ADDRESS = 4_096;
/** How some end an answer, whose id they say last, and characters that hold that. */
const ID_LAST = /"id"\s*:\s*"?(\d+)"?\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$/;
const TAIL = 200;
/** Questions of a server that are being refused at one time. */
const MOST_QUESTIONS = 10;

/**
 * A session of the transport of 2024-11-05: one event stream, on which the server says where messages are posted, and then all
 * that it answers.
 */
export class SseStream {
  private readonly flights = new Map<number, SseFlight>();
  private readonly stop = new AbortController();
  private readonly endpoint: Promise<string | null>;
  private named: (endpoint: string | null) => void = () => {};
  /** Gets the parts of an event that is too long to be held. */
  private long: SseFlight | null = null;
  /** The id its beginning says, and the end of what has come of it. */
  private longId: number | null = null;
  private tail = '';
  /** Requests that were forgotten before their answer came, which may come yet. */
  private readonly dropped = new Set<number>();
  private questions = 0;
  private usedAt = Date.now();
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Of the last message, for what is answered to the server. */
  private headers: [string, string][] = [];
  private url = '';
  isOpen = true;

  private constructor() {
    this.endpoint = new Promise((resolve) => {
      this.named = resolve;
    });
  }

  /** Begins the stream at `address`: open, or what the server answered, or why not. */
  static async open(address: string, headers: [string, string][]): Promise<SseStream | Response | SseFault> {
    const stream = new SseStream();
    const options = {
      headers: new Headers(headers),
      redirect: 'manual',
      signal: stream.stop.signal,
    } as const;
    options.headers.set('accept', 'text/event-stream');
    const late = setTimeout(() => stream.close(), PATIENCE);
    try {
      const response = await sendWithin(address, (url) => fetch(url, options));
      const base = ledTo(address) ?? address;
      const type = mediaTypeOf(response.headers);
      if (!response.ok) return response;
      if (!response.body || type !== 'text/event-stream') {
        stream.close();
        return { fault: 'no_endpoint' };
      }
      stream.read(response.body.getReader());
      const named = await stream.endpoint;
      if (named === null) return { fault: 'no_endpoint' };
      const endpoint = endpointAt(base, named);
      if (endpoint === null) {
        stream.close();
        return { fault: 'elsewhere', said: named.slice(0, 200) };
      }
      stream.url = endpoint;
      stream.watch();
      return stream;
    } catch {
      return { fault: 'unreachable' };
    } finally {
      clearTimeout(late);
    }
  }

  /**
   * Posts a message. To a request the answer is a stream of what belongs to it; to all else, and to what the server refuses, it
   * is the server's own. @throws when the server cannot be reached
   */
  async post({ headers, body, id }: SseMessage): Promise<Response> {
    this.headers = headers;
    this.usedAt = Date.now();
    if (id === null) return withoutWords(await this.send(body, []));
    if (this.flights.size >= MOST_FLIGHTS || this.flights.has(id)) return new Response(null, { status: 429 });
    const flight = new SseFlight(() => this.drop(id));
    this.flights.set(id, flight);
    try {
      const sent = this.send(body, [this.stop.signal]);
      const answer = await Promise.race([sent, flight.begun.then(() => null)]);
      if (answer && !answer.ok) {
        this.arrived({ id });
        return answer;
      }
      sent.then(drained, () => undefined); // what is posted is answered on the stream
      return new Response(flight.body, { headers: { 'content-type': 'text/event-stream' } });
    } catch (error) {
      this.drop(id);
      throw error;
    }
  }

  /** Forgets a request: what is still answered is dropped. */
  drop(id: number): void {
    this.flights.get(id)?.end();
    if (this.flights.delete(id) && this.dropped.size < MOST_DROPPED) this.dropped.add(id);
  }

  /** Closes the stream. Requests on their way are cut. */
  close(): void {
    this.isOpen = false;
    this.named(null);
    clearTimeout(this.timer);
    for (const id of [...this.flights.keys()]) this.drop(id);
    this.stop.abort();
  }

  /** @param ends what else ends it: a cancellation is told even where the stream is closed with it */
  private async send(body: string, ends: AbortSignal[]): Promise<Response> {
    const headers = new Headers(this.headers);
    headers.set('content-type', 'application/json');
    headers.set('accept', 'application/json, text/event-stream');
    const limit = new AbortController();
    const late = setTimeout(() => limit.abort(), ends.length ? MOST_FLIGHT : PATIENCE);
    const signal = AbortSignal.any([...ends, limit.signal]);
    const options = { method: 'POST', headers, body, redirect: 'manual', signal } as const;
    try {
      const { response } = await followWithin(this.url, OF_MESSAGES, (url) => fetch(url, options));
      return response;
    } finally {
      clearTimeout(late); // a timer that goes on would keep the object awake
    }
  }

  /** Closes the stream once it was idle for long enough. */
  private watch(): void {
    const now = Date.now();
    for (const [id, { begunAt }] of this.flights) if (begunAt + MOST_FLIGHT <= now) this.drop(id);
    if (this.flights.size) this.usedAt = now;
    const left = this.usedAt + IDLE - now;
    if (left <= 0) this.close();
    else this.timer = setTimeout(() => this.watch(), left);
  }

  private async read(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    const events = new LongEventReader((id) => this.mayOpen(id));
    try {
      while (this.isOpen) {
        const { done, value } = await reader.read();
        if (done) break;
        for (const part of events.push(decoder.decode(value, { stream: true }))) {
          if (part.kind === 'event') await this.take(part.type, part.data);
          else if (part.kind === 'end') await this.endLong();
          else await this.passPart(part);
        }
      }
    } catch {
      // Cut, or an event that no one may be given and that is too long to be held.
    } finally {
      this.close();
      reader.cancel().catch(() => undefined);
    }
  }

  private async passPart(
    part: { kind: 'open'; data: string; id: number | null } | { kind: 'more'; data: string },
  ) {
    if (part.kind === 'open') {
      this.long = part.id === null ? this.only : (this.flights.get(part.id) ?? null);
      this.longId = part.id;
      this.tail = '';
    }
    this.tail = (this.tail + part.data).slice(-TAIL);
    await this.long?.writePart(part.data, part.kind === 'open');
  }

  /** What was too long to be held has come whole. Where it is an answer, by its beginning or its end, its request is over. */
  private async endLong(): Promise<void> {
    const { long, longId, tail } = this;
    this.long = null;
    await long?.endParts();
    const id = longId ?? ID_LAST.exec(tail)?.[1];
    if (id !== undefined) this.arrived({ id });
  }

  private async take(type: string, data: string): Promise<void> {
    if (type === 'endpoint') return this.named(data.trim());
    if (type !== '' && type !== 'message') return;
    let message: unknown;
    try {
      message = parseExact(data);
    } catch {
      return;
    }
    if (isObject(message) && 'method' in message && 'id' in message) return this.refuse(message);
    await this.ownerOf(message)?.write(data.replaceAll('\n', ' ')); // only ever whitespace in JSON
    if (isObject(message) && !('method' in message)) this.arrived(message);
  }

  /** A long event that does not say whose it is goes to the only request there is, unless it may be the answer to one dropped. */
  private mayOpen(id: number | null): boolean {
    return this.flights.size === 1 && (id !== null || !this.dropped.size);
  }

  /** The one request on its way; null: none, or several. */
  private get only(): SseFlight | null {
    const [first = null, ...others] = this.flights.values();
    return others.length ? null : first;
  }

  /** Whose a message is: a response by its id, progress by its token, and all else of the only one there is. */
  private ownerOf(message: unknown): SseFlight | null {
    if (!isObject(message)) return this.only; // an array of messages
    if (!('method' in message)) return this.flights.get(ourIdIn(message.id)) ?? null;
    if (message.method !== 'notifications/progress') return this.only;
    const params = isObject(message.params) ? message.params : null;
    return this.flights.get(ourIdIn(params?.progressToken)) ?? null;
  }

  private arrived({ id }: JsonObject): void {
    const key = ourIdIn(id);
    this.flights.get(key)?.end();
    this.flights.delete(key);
    this.dropped.delete(key);
  }

  /** Answers `ping`, and refuses at once every other question: no one is asked them over this transport. */
  private refuse({ id, method }: JsonObject): void {
    const named = RequestId.safeParse(id);
    if (!named.success || this.questions >= MOST_QUESTIONS) return;
    const refusal = { code: CODE.methodNotFound, message: 'The client takes no questions.' };
    const text = method === 'ping' ? resultText(named.data, {}) : errorText(named.data, refusal);
    this.questions++;
    this.send(text, [])
      .then(drained)
      .catch(() => undefined)
      .finally(() => this.questions--);
  }
}

/** The address of an endpoint as a server names it; null: of another origin than its own, or none. `http:` of the same host is `https:`. */
function endpointAt(base: string, named: string): string | null {
  if (named.length > MOST_ADDRESS || !URL.canParse(named, base)) return null;
  const from = new URL(base);
  const to = new URL(named, base);
  if (from.protocol === 'https:' && to.protocol === 'http:' && to.hostname === from.hostname)
    to.protocol = 'https:';
  return to.origin === from.origin && !to.username && !to.password ? to.href : null;
}

/** What a server says of a message that it takes is not read. */
async function withoutWords(response: Response): Promise<Response> {
  if (!response.ok) return response;
  await drained(response);
  return new Response(null, { status: response.status });
}

async function drained({ body }: Response): Promise<void> {
  await body?.cancel().catch(() => undefined);
}
