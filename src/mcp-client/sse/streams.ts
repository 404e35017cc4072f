import { randomSecret } from '../../crypto/secrets';
import { type SseFault, type SseMessage, SseStream } from './stream';

/** A message to a server of the transport of 2024-11-05. `session`: our name for the stream it goes with; null: it begins one. */
export type SseRequest = SseMessage & { address: string; session: string | null };

/** What became of it: what the server, or its stream, answered; or why there is no answer. */
export type SseReply = { response: Response } | SseFault;

/** What the object of a client session is asked from elsewhere of the streams it holds: see {@link SseStreams}. */
export interface SseActs {
  sendSse(request: SseRequest): Promise<SseReply>;
  dropSse(session: string, id: number): Promise<void>;
  closeSse(session: string): Promise<void>;
}

/** The streams of one client session, or of one piece of work: those of {@link SessionObject} are of the first. */
const MOST = 64;

/**
 * Event streams to servers, each a session, under names of ours. They are used as Streamable HTTP is: `initialize` begins one and
 * its response names it in `Mcp-Session-Id`, what belongs to a request flows as the body of its response, and a session that is
 * not there is 404.
 */
export class SseStreams {
  private readonly streams = new Map<string, SseStream>();

  /** @param prefix begins their names */
  constructor(private readonly prefix: string) {}

  async send({ address, session, ...message }: SseRequest): Promise<SseReply> {
    try {
      if (session === null) return await this.begin(address, message);
      const stream = this.streams.get(session);
      if (stream?.isOpen) return { response: await stream.post(message) };
      this.streams.delete(session);
      return { response: new Response(null, { status: 404 }) };
    } catch {
      return { fault: 'unreachable' };
    }
  }

  private async begin(address: string, message: SseMessage): Promise<SseReply> {
    const stream = await SseStream.open(address, message.headers);
    if (stream instanceof Response) return { response: stream };
    if (!(stream instanceof SseStream)) return stream;
    const answer = await stream.post(message).catch((error: unknown) => {
      stream.close();
      throw error;
    });
    if (!answer.ok) stream.close();
    else this.keep(stream, answer.headers);
    return { response: answer };
  }

  private keep(stream: SseStream, headers: Headers): void {
    for (const [name, { isOpen }] of this.streams) if (!isOpen) this.streams.delete(name);
    const [oldest] = this.streams.keys();
    if (this.streams.size >= MOST && oldest !== undefined) this.close(oldest);
    const session = this.prefix + randomSecret(16);
    this.streams.set(session, stream);
    headers.set('mcp-session-id', session);
  }

  /** Forgets a request on its way. */
  drop(session: string, id: number): void {
    this.streams.get(session)?.drop(id);
  }

  /** Closes a stream. False: there is none of that name. */
  close(session: string): boolean {
    this.streams.get(session)?.close();
    return this.streams.delete(session);
  }
}
