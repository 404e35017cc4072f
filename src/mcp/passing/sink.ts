import { eventOf, type Relay } from '../../protocol/sse';

/** Where the bytes of an answer go that flows. */
export type Sink = ReadableStreamDefaultController<Uint8Array>;

const utf8 = new TextEncoder();

/** Ends an answer, with `last` at its end. */
export function close(sink: Sink, last?: Uint8Array): void {
  if (last) sink.enqueue(last);
  sink.close();
}

/** The text of a whole response, as bytes of an event stream or of JSON. */
export function bytesOf(text: string, inEvents: boolean): Uint8Array {
  return inEvents ? eventOf(text) : utf8.encode(text);
}

/** Says in place of the answer why there is none, where there is still room for it; else cuts the answer visibly. */
export function breakOff(sink: Sink, relay: Relay | null, failure: Error, bytes: Uint8Array): void {
  if (!relay || relay.between) close(sink, bytes);
  else sink.error(failure);
}
