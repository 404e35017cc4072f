import { HeldBytes, joined } from './held-bytes';
import { unescaped } from './unescaped';
import { isSpace, stringEnd, ValueEnd } from './value-end';

const [QUOTE, COLON] = [0x22, 0x3a];
const CLOSE_OBJECT = 0x7d;

/** A name or a type that is longer is none of those we know. Bytes. */
const MOST_SHORT = 256;
/** Members that only a complete result has (MCP 2026-07-28, Multi Round-Trip Requests): the type may stand behind them. */
const OF_COMPLETE = ['content', 'structuredContent', 'isError', 'contents', 'messages'];

/**
 * The beginning of a result while it is not known whether it is complete or `input_required`. What is complete flows as soon
 * as that shows, at the latest when 256 KiB are held; the other is held whole.
 */
export class HeldResult {
  private place: 'member' | 'name' | 'colon' | 'before' | 'value' = 'member';
  private name: number[] = [];
  private value: number[] = [];
  private escaped = false;
  private end = new ValueEnd();
  private isComplete = false;
  private readonly held = new HeldBytes();

  /** True when it asks for input. */
  asks = false;
  /** True when it is longer than it may be. */
  isTooLong = false;

  /** What is to flow, and all that follows it; null: nothing yet. */
  push(part: Uint8Array): Uint8Array | null {
    if (!this.asks) this.read(part);
    if (this.held.add(part)) return this.isComplete ? this.held.take() : null;
    if (!this.asks) return joined([this.held.take(), part]);
    this.isTooLong = true;
    return null;
  }

  /** All that is held. */
  take(): Uint8Array {
    return this.held.take();
  }

  private get isKnown(): boolean {
    return this.asks || this.isComplete;
  }

  private read(part: Uint8Array): void {
    for (let at = 0; at < part.length && !this.isKnown; ) {
      if (this.place === 'name') at = this.readName(part, at);
      else if (this.place === 'value') at = this.readValue(part, at);
      else if (this.place === 'before' && !isSpace(part[at] as number)) {
        this.place = 'value';
        this.end = new ValueEnd();
        this.value = [];
      } else this.readBetween(part[at++] as number);
    }
  }

  private readBetween(byte: number): void {
    if (this.place === 'colon' && byte === COLON) this.place = 'before';
    else if (this.place !== 'member') return;
    else if (byte === QUOTE) {
      this.place = 'name';
      this.name = [];
    } else if (byte === CLOSE_OBJECT) this.isComplete = true;
  }

  private readName(part: Uint8Array, from: number): number {
    const end = stringEnd(part, this.escaped ? from + 1 : from);
    this.escaped = end > part.length;
    note(this.name, part.subarray(from, end));
    if (end < part.length) {
      this.place = 'colon';
      this.isComplete = OF_COMPLETE.includes(unescaped(this.name));
    }
    return end + 1;
  }

  private readValue(part: Uint8Array, at: number): number {
    const end = this.end.find(part, at);
    const stop = end ?? part.length;
    note(this.value, part.subarray(at, stop));
    if (end === null) return stop;
    this.place = 'member';
    if (unescaped(this.name) === 'resultType') {
      this.asks = unescaped(this.value.slice(1, -1)) === 'input_required';
      this.isComplete = !this.asks;
    }
    return stop;
  }
}

/** Adds to a name or a type, as far as it may be one that is known. */
function note(bytes: number[], part: Uint8Array): void {
  if (bytes.length < MOST_SHORT) bytes.push(...part.subarray(0, MOST_SHORT));
}
