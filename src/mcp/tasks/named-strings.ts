import type { ServerAnswer } from '../../mcp-client/exchange';
import { type FoundString, type StringPlace, StringsAt } from '../../protocol/json/strings-at';

const [CR, LF] = [0x0d, 0x0a];
const FIELD = 'data:';
const utf8 = new TextEncoder();

type Flowing = ServerAnswer & { kind: 'json' | 'events' };

/** An answer in whose messages strings at a place are replaced while they flow, also where it is continued. */
export function withNamed(
  answer: Flowing,
  place: StringPlace,
  name: (text: string) => Promise<string>,
): Flowing {
  const named = (body: ReadableStream<Uint8Array>) => {
    const strings = answer.kind === 'json' ? new StringsAt(place) : new StringsInEvents(place);
    const naming = new TransformStream<Uint8Array, Uint8Array>({
      async transform(chunk, controller) {
        for (const part of strings.push(chunk)) {
          const isBytes = part instanceof Uint8Array;
          controller.enqueue(isBytes ? part : utf8.encode(JSON.stringify(await name(part.text))));
        }
      },
    });
    return body.pipeThrough(naming);
  };
  const { resume } = answer;
  const resumed =
    resume && (async (...asked: Parameters<typeof resume>) => namedOrNull(await resume(...asked)));
  const namedOrNull = (body: ReadableStream<Uint8Array> | null) => body && named(body);
  const { whole: _, ...flowing } = answer; // which reads the body as the server wrote it
  return { ...flowing, body: named(answer.body), ...(resumed && { resume: resumed }) };
}

/** Finds strings in the messages of an event stream: the data of each event is a JSON text. */
class StringsInEvents {
  private strings: StringsAt;
  /** The beginning of a line, until its field is known. */
  private head = '';
  private field: 'data' | 'other' | null = null;
  private wasCr = false;

  constructor(private readonly place: StringPlace) {
    this.strings = new StringsAt(place);
  }

  push(chunk: Uint8Array): FoundString[] {
    const out: FoundString[] = [];
    for (let at = 0; at < chunk.length; ) {
      const byte = chunk[at] as number;
      if (byte === LF || byte === CR) {
        this.endLine(byte);
        out.push(chunk.subarray(at, ++at));
      } else if (this.field === null) {
        this.head += String.fromCharCode(byte);
        if (this.head.length === FIELD.length) this.field = this.head === FIELD ? 'data' : 'other';
        out.push(chunk.subarray(at, ++at));
      } else {
        const rest = chunk.subarray(at);
        const end = rest.findIndex((one) => one === LF || one === CR);
        const part = end < 0 ? rest : rest.subarray(0, end);
        if (this.field === 'data') out.push(...this.strings.push(part));
        else out.push(part);
        at += part.length;
      }
      this.wasCr = byte === CR;
    }
    return out;
  }

  private endLine(byte: number): void {
    if (byte === LF && this.wasCr) return;
    if (this.head === '') this.strings = new StringsAt(this.place);
    this.field = null;
    this.head = '';
  }
}
