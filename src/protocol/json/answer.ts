import { HeldBytes } from './held-bytes';
import { HeldResult } from './held-result';
import { type Additions, isWritten, MessageScanner, NOTHING } from './insert';
import { shortText, unescaped, unescapedText } from './unescaped';
import { isSpace, stringEnd, ValueEnd } from './value-end';

const [QUOTE, COLON, COMMA] = [0x22, 0x3a, 0x2c];
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = [0x7b, 0x7d, 0x5b, 0x5d];
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/** A name or an id that is longer is none of those we know. Bytes. */
const MOST_SHORT = 1024;

const utf8 = new TextEncoder();
const text = new TextDecoder();
const END_OF_OBJECT = Uint8Array.of(CLOSE_OBJECT);

/** The answer that is looked for. */
export type Wanted = {
  /** The id of the request as it was sent. */
  sent: number;
  additions: Additions;
  /**
   * Which of the server's own messages do not pass with the bytes: they are given whole, as a {@link Beside}.
   * @param isRequest true for one that wants an answer
   */
  isBeside?: (method: string, isRequest: boolean) => boolean;
  /** True when a result may be `input_required`: such a one is given whole, as an {@link Input}. */
  mayAsk?: boolean;
};

/** A message of the server itself that is the gateway's to bring on. */
type Beside = { beside: string };

/** The result, as JSON, of a server that wants input before it goes on (MCP 2026-07-28, Multi Round-Trip Requests). */
export type Input = { input: string };

/** What is sent on. */
export type Part = Uint8Array | Beside | Input;

/** The most of a message of the server itself that is held to be given whole, bytes: a question may hold a picture. */
const MOST_BESIDE = 1_048_576;

/** What came in place of the answer. */
export class InPlace {
  /** The response to another request. */
  other = false;
  /** No JSON-RPC, or a response to this request that holds neither a result nor an error. */
  odd = false;
  /** An error without an id, as JSON: its server could not read the request's (JSON-RPC 2.0 §5). */
  error: string | null = null;
  /** Wants more input than is held. */
  tooLong = false;
}

/** What is known of a message. */
class Message {
  /** `own`: of the server itself. Of a response: which of both it holds. `dropped`: nothing of it passes. */
  kind: 'unknown' | 'own' | 'result' | 'error' | 'dropped' = 'unknown';
  id: 'missing' | 'null' | 'right' | 'wrong' = 'missing';
  method = '';

  get isResponse(): boolean {
    return this.kind === 'result' || this.kind === 'error';
  }
}

/**
 * Reads one JSON text of a server, a message or an array of them, while its bytes flow in chunks cut anywhere. What passes
 * are messages of the server itself, each once it is whole, and the one response with the id that was sent, once that is
 * seen: in an envelope of ours, with the client's id. Other responses do not pass. Of a message 256 KiB are held; a longer
 * one flows, and is broken when its id turns out to be another.
 */
export class AnswerScanner {
  /** True once the whole response has passed: nothing follows it. */
  answered = false;
  /** True when a message passed in part that must not be completed. */
  broken = false;

  private place: 'start' | 'text' | 'member' | 'name' | 'colon' | 'before' | 'value' | 'done' = 'start';
  private seen = 0;
  private inArray = false;
  private hasPassed = false;
  private message = new Message();
  private escaped = false;
  /** The name being read, and then the id. */
  private short: number[] = [];
  private use: 'id' | 'method' | 'answer' | 'skip' = 'skip';
  private end = new ValueEnd();
  private readonly held = new HeldBytes();
  /** What the message under way is written through, once it passes. */
  private scanner: MessageScanner | null = null;
  /** The result under way, until it is known that it may flow. */
  private result: HeldResult | null = null;
  private out: Part[] = [];

  constructor(
    private readonly wanted: Wanted,
    private readonly inPlace: InPlace,
    /** What stands between two messages of one array where the server's own pass; null: they do not. */
    private readonly separator: Uint8Array | null,
  ) {}

  /** True while a part of a message has passed. */
  get isOpen(): boolean {
    return this.scanner !== null;
  }

  /** True when nothing that follows is read. */
  get isDone(): boolean {
    return this.place === 'done';
  }

  /** The bytes to send on for `chunk`. */
  push(chunk: Uint8Array): Part[] {
    this.out = [];
    for (let at = 0; at < chunk.length && this.place !== 'done'; ) {
      if (this.place === 'value') at = this.readValue(chunk, at);
      else if (this.place === 'name') at = this.readName(chunk, at);
      else if (this.place === 'before' && !isSpace(chunk[at] as number)) this.beginValue(chunk[at] as number);
      else this.readBetween(chunk, at++);
    }
    return this.out;
  }

  private readBetween(chunk: Uint8Array, at: number): void {
    const byte = chunk[at] as number;
    const { place } = this;
    if (place === 'start' || place === 'text') this.readOutside(byte);
    else if (place === 'member' && byte === QUOTE) {
      this.place = 'name';
      this.short = [];
    } else if (place === 'member' && byte === CLOSE_OBJECT) this.endMessage();
    else if (place === 'colon' && byte === COLON) this.place = 'before';
    else if (!isSpace(byte) && !(place === 'member' && byte === COMMA)) this.giveUp();
    if (this.place !== 'start' && this.place !== 'text' && this.place !== 'done')
      this.keep(chunk.subarray(at, at + 1));
  }

  /** A byte outside of messages. */
  private readOutside(byte: number): void {
    const isMark = this.place === 'start' && byte === BYTE_ORDER_MARK[this.seen++];
    if (isMark || isSpace(byte) || (this.inArray && byte === COMMA)) return;
    if (byte === OPEN_OBJECT) {
      this.message = new Message();
      this.place = 'member';
    } else if (byte === OPEN_ARRAY && !this.inArray) {
      this.inArray = true;
      this.place = 'text';
    } else if (byte === CLOSE_ARRAY && this.inArray) this.place = 'done';
    else this.giveUp();
  }

  private readName(chunk: Uint8Array, from: number): number {
    const end = stringEnd(chunk, this.escaped ? from + 1 : from);
    this.escaped = end > chunk.length;
    if (end < chunk.length) this.place = 'colon';
    this.note(chunk.subarray(from, end));
    this.keep(chunk.subarray(from, end + 1));
    return end + 1;
  }

  /** Adds to a name or an id, as far as it may be one that is known. */
  private note(part: Uint8Array): void {
    if (this.short.length < MOST_SHORT) this.short.push(...part.subarray(0, MOST_SHORT));
  }

  private beginValue(first: number): void {
    const { message } = this;
    const name = unescaped(this.short);
    this.short = [];
    this.end = new ValueEnd();
    this.place = 'value';
    this.use = 'skip';
    if (name === 'id') this.use = 'id';
    else if (name === 'method') this.use = 'method';
    if (message.kind !== 'unknown') return;
    if (name === 'method' || name === 'params') {
      message.kind = 'own';
      if (this.wanted.isBeside && this.separator) this.held.most = MOST_BESIDE;
    } else if ((name === 'result' || name === 'error') && first === OPEN_OBJECT) {
      this.held.drop();
      this.use = 'answer';
      message.kind = name;
      this.decide();
    }
  }

  private readValue(chunk: Uint8Array, at: number): number {
    const end = this.end.find(chunk, at);
    const stop = end ?? chunk.length;
    const part = chunk.subarray(at, stop);
    if (this.use === 'id' || this.use === 'method') this.note(part);
    this.keep(part);
    if (end !== null) {
      this.place = 'member';
      if (this.use === 'id') this.endId();
      if (this.use === 'method') this.message.method = unescaped(this.short.slice(1, -1));
    }
    return stop;
  }

  /** A part of the message, as far as it is to pass: of a response its result or error. */
  private keep(part: Uint8Array): void {
    const { kind, id, isResponse } = this.message;
    const isOfAnswer = this.place === 'value' && this.use === 'answer';
    if (kind === 'dropped' || (isResponse && !isOfAnswer)) return;
    if (!this.scanner && this.held.add(part)) return;
    const mayFlow = isResponse
      ? id === 'missing'
      : kind === 'own' && this.separator !== null && this.isNotification && !this.isBeside;
    if (!this.scanner && !mayFlow) {
      this.inPlace.other ||= isResponse;
      this.drop();
    } else {
      if (!this.scanner) this.open();
      this.write(part);
    }
  }

  /** Whether a message of the server's own is seen to want no answer. */
  private get isNotification(): boolean {
    const { method, id } = this.message;
    return method.startsWith('notifications/') && id === 'missing';
  }

  private get isBeside(): boolean {
    const { method, id } = this.message;
    return this.wanted.isBeside?.(method, id !== 'missing') === true;
  }

  private drop(): void {
    this.message.kind = 'dropped';
    this.held.drop();
  }

  private endId(): void {
    const { message } = this;
    const written = shortText(this.short);
    if (message.id === 'wrong') return;
    if (written === 'null') message.id = message.id === 'right' ? 'wrong' : 'null';
    else message.id = isId(written, this.wanted.sent) ? 'right' : 'wrong';
    if (message.isResponse) this.decide();
  }

  /** A response begins to pass, or is dropped, once its id is seen. */
  private decide(): void {
    const { id } = this.message;
    if (id === 'right' && !this.scanner) this.open();
    if (id !== 'wrong') return;
    this.inPlace.other = true;
    if (this.scanner) this.breakOff();
    else this.drop();
  }

  /** Begins to write the message under way, with what is held of it. */
  private open(): void {
    const { kind, isResponse } = this.message;
    const { additions, mayAsk } = this.wanted;
    const held = this.held.take();
    if (kind === 'result' && mayAsk) this.result = new HeldResult();
    const ofOwn = { ...NOTHING, renamed: additions.renamed, uris: additions.uris };
    const given = isResponse ? { ...additions, renamed: null } : ofOwn;
    this.scanner = new MessageScanner(given, isWritten(given));
    if (!this.result) this.begin();
    this.write(held);
  }

  /** Writes what stands before the message under way, or before its result or error. */
  private begin(): void {
    const { kind, isResponse } = this.message;
    const { additions, sent } = this.wanted;
    if (this.hasPassed && this.separator) this.out.push(this.separator);
    this.hasPassed = true;
    const id = additions.renamed?.id ?? String(sent);
    if (isResponse) this.write(utf8.encode(`{"jsonrpc":"2.0","id":${id},"${kind}":`));
  }

  private write(part: Uint8Array): void {
    const { scanner, result } = this;
    if (!scanner) return;
    const flowing = result ? result.push(part) : part;
    if (result?.isTooLong) {
      this.inPlace.tooLong = true;
      this.breakOff();
    }
    if (!flowing) return;
    this.result = null;
    if (result) this.begin();
    for (const written of scanner.push(flowing)) if (written.byteLength) this.out.push(written);
  }

  private endMessage(): void {
    const { message } = this;
    this.place = this.inArray ? 'text' : 'done';
    if (message.kind === 'own' && this.separator && !this.scanner) {
      if (this.isBeside) this.out.push({ beside: `${text.decode(this.held.take())}}` });
      else this.open();
    }
    if (message.isResponse) this.endResponse();
    else if (message.kind === 'unknown') this.inPlace.odd = true;
    if (this.broken) return;
    if (!this.result) this.write(END_OF_OBJECT);
    this.result = null;
    this.scanner = null;
    this.held.drop();
    this.message = new Message();
  }

  private endResponse(): void {
    const { kind, id } = this.message;
    if (id === 'right') {
      this.answered = true;
      this.place = 'done';
      if (this.result) this.out.push({ input: text.decode(this.result.take()) });
    } else if (this.scanner) {
      this.inPlace.other = true;
      this.breakOff();
    } else if (kind === 'error') this.inPlace.error ??= text.decode(this.held.take());
    else this.inPlace.other = true;
  }

  /** What was read is no JSON. */
  private giveUp(): void {
    this.inPlace.odd = true;
    if (this.scanner) this.breakOff();
    this.place = 'done';
  }

  private breakOff(): void {
    this.broken = true;
    this.place = 'done';
  }
}

/** Whether an id, as JSON, is the one that was sent. Some servers write a number as text, or with a point: "7" and 7.0 are 7. */
function isId(written: string, sent: number): boolean {
  if (written.startsWith('"')) return unescapedText(written.slice(1, -1)) === String(sent);
  return /^-?\d/.test(written) && Number(written) === sent;
}
