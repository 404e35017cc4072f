import type { ServerAnswer } from '../../mcp-client/exchange';
import { UpstreamFailure } from '../../servers/failure';

/** What one read of a body brought. */
export type Read = ReadableStreamReadResult<Uint8Array> | null;

/** Reads a body that comes whole as one that flows is read. */
export function readerOfOne(
  whole: () => Promise<Uint8Array>,
): Pick<ReadableStreamDefaultReader<Uint8Array>, 'read' | 'cancel'> {
  let isRead = false;
  return {
    async read() {
      if (isRead) return { done: true, value: undefined };
      isRead = true;
      return { done: false, value: await whole() };
    },
    async cancel() {
      isRead = true;
    },
  };
}

/** Parts one behind the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  if (first && parts.length === 1) return first;
  const all = new Uint8Array(parts.reduce((size, part) => size + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.byteLength;
  }
  return all;
}

/** Frees an answer that came too late. @param why the request ended; null: its client left */
export function discard(answer: ServerAnswer, why: Error | null): void {
  if (answer.kind === 'error') return;
  answer.settle(why instanceof UpstreamFailure ? why : undefined);
  answer.release();
  answer.body.cancel().catch(() => undefined);
}
