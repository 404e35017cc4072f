import type { ServerResponse } from 'node:http';

/** An answer as its bytes are: nothing of it is made right. */
export type RawAnswer = {
  status?: number;
  /** Empty: none. */
  type?: string;
  headers?: Record<string, string>;
  /** `$id` is the id of the request, `$fill` 300,000 characters, `$hold` alone waits for `release`. */
  chunks?: string[];
  /** What comes after them: the end, a closed connection, nothing for ever, or comments for ever. */
  finish?: 'end' | 'cut' | 'open' | 'comments';
};

/** Writes it in place of what the server would have answered. */
export async function writeRaw(
  response: ServerResponse,
  { status = 200, type = 'application/json', headers = {}, chunks = [], finish = 'end' }: RawAnswer,
  id: unknown,
  hold: () => Promise<void>,
): Promise<void> {
  response.writeHead(status, { ...(type && { 'content-type': type }), ...headers });
  response.flushHeaders();
  for (const chunk of chunks) {
    if (chunk === '$hold') await hold();
    else {
      const text = chunk.replaceAll('$id', JSON.stringify(id)).replaceAll('$fill', 'x'.repeat(300_000));
      await new Promise((resolve) => response.write(text, resolve));
    }
  }
  if (finish === 'end') response.end();
  if (finish === 'cut') response.socket?.end();
  if (finish !== 'comments') return;
  const comments = setInterval(() => response.write(': still here\n\n'), 50);
  response.on('close', () => clearInterval(comments));
}
