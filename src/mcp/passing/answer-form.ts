import { MessageScanner, NOTHING } from '../../protocol/json/insert';
import { DATA, END_OF_EVENT, onOneLine } from '../../protocol/sse';

/** An answer as the one event of a stream, for a client that reads nothing else (PROTOCOL §3). What is no JSON answer stays. */
export function asEvents(response: Response): Response {
  const { status, body } = response;
  if (status !== 200 || !body || response.headers.get('content-type') !== 'application/json') return response;
  const events = new TransformStream<Uint8Array, Uint8Array>({
    start: (controller) => controller.enqueue(DATA),
    transform: (chunk, controller) => controller.enqueue(onOneLine(chunk)),
    flush: (controller) => controller.enqueue(END_OF_EVENT),
  });
  return new Response(body.pipeThrough(events), withType(response, 'text/event-stream'));
}

/**
 * The response in an event stream of this gateway as JSON, for a client that reads nothing else: the messages before it are
 * left out (PROTOCOL §3). What is no event stream stays.
 */
export function asJson(response: Response): Response {
  const { body } = response;
  if (!body || response.headers.get('content-type') !== 'text/event-stream') return response;
  const answer = new AnswerInEvents();
  const json = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      for (const part of answer.push(chunk)) controller.enqueue(part);
    },
  });
  return new Response(body.pipeThrough(json), withType(response, 'application/json'));
}

function withType({ headers }: Response, type: string): ResponseInit {
  const init = new Headers(headers);
  init.set('content-type', type);
  return { headers: init };
}

const LF = 0x0a;
const SPACE = Uint8Array.of(0x20);
const FIELD = 'data: ';
/** The most that is held of a message until it shows what it is, bytes. */
const MOST_HELD = 262_144;

/** Picks the response out of an event stream as this gateway writes one, while its bytes flow. */
class AnswerInEvents {
  private scanner = new MessageScanner(NOTHING);
  /** The beginning of a line, until its field is known. */
  private head = '';
  private field: 'data' | 'other' | null = null;
  /** The data of an event that has not shown what it is. */
  private held: Uint8Array[] = [];
  private size = 0;

  /** The bytes of the response in `chunk`. A comment becomes white space, so that a client that has gone is noticed. */
  push(chunk: Uint8Array): Uint8Array[] {
    const out: Uint8Array[] = [];
    for (let at = 0; at < chunk.length; ) {
      if (this.field === null && chunk[at] !== LF) {
        this.head += String.fromCharCode(chunk[at++] as number);
        if (this.head.length === FIELD.length) this.field = this.head === FIELD ? 'data' : 'other';
        continue;
      }
      const end = chunk.indexOf(LF, at);
      const stop = end < 0 ? chunk.length : end;
      if (this.field === 'data') this.read(chunk.subarray(at, stop), out);
      if (end >= 0) this.endLine(out);
      at = stop + 1;
    }
    return out;
  }

  private read(part: Uint8Array, out: Uint8Array[]): void {
    const wasResponse = this.scanner.isResponse;
    this.scanner.push(part);
    this.size += part.byteLength;
    if (wasResponse) out.push(part);
    else if (this.size <= MOST_HELD) this.held.push(part);
    else this.held = [];
    if (wasResponse || !this.scanner.isResponse) return;
    out.push(...this.held);
    this.held = [];
  }

  private endLine(out: Uint8Array[]): void {
    if (this.field === 'data') this.read(Uint8Array.of(LF), out);
    else if (this.head.startsWith(':') && !this.size) out.push(SPACE);
    else if (this.field === null && !this.head) this.endEvent();
    this.field = null;
    this.head = '';
  }

  private endEvent(): void {
    this.scanner = new MessageScanner(NOTHING);
    this.held = [];
    this.size = 0;
  }
}
