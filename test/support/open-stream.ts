import { eventsOf, type McpCaller } from './caller';
import { gate, unexpected } from './gate';

type Told = { id?: unknown; method?: string; params?: Record<string, unknown>; result?: unknown };

/** An event stream that stays open, as its client reads it. */
export class OpenStream {
  private static readonly all = new Set<OpenStream>();
  private text = '';
  private isOver = false;
  private waiting: (() => void)[] = [];

  private constructor(private readonly reader: ReadableStreamDefaultReader<string>) {
    this.read();
    OpenStream.all.add(this);
  }

  /** All of them go away. */
  static async leaveAll(): Promise<void> {
    await Promise.all([...OpenStream.all].map((stream) => stream.leave()));
  }

  /** The notification stream of a client of the 2025 era. */
  static async get(client: McpCaller, headers: Record<string, string> = {}): Promise<OpenStream> {
    const all = { accept: 'text/event-stream', ...client.headers, ...headers };
    return OpenStream.of(await gate(client.path, { headers: all }));
  }

  /** What a client of 2026-07-28 asks for. */
  static async listen(
    client: McpCaller,
    notifications: Record<string, unknown>,
    id: unknown = 'listen',
  ): Promise<OpenStream> {
    return OpenStream.of(await client.send('subscriptions/listen', { notifications }, { id }));
  }

  static async of(response: Response): Promise<OpenStream> {
    const { status, headers, body } = response;
    if (status !== 200 || headers.get('content-type') !== 'text/event-stream' || !body)
      throw unexpected('the stream', status, await response.text());
    return new OpenStream(body.pipeThrough(new TextDecoderStream()).getReader());
  }

  /** The messages so far. */
  get messages(): Told[] {
    return eventsOf(this.text.slice(0, this.text.lastIndexOf('\n\n') + 2)) as Told[];
  }

  get methods(): (string | undefined)[] {
    return this.messages.map(({ method }) => method);
  }

  /** The id of the last event that has one. */
  get lastEventId(): string {
    return [...this.text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? '';
  }

  /** Waits until `count` messages have come. @throws when the stream ends before */
  async until(count: number): Promise<Told[]> {
    while (this.messages.length < count && !this.isOver) await this.next();
    if (this.messages.length < count) throw new Error(`the stream ended after ${this.text}`);
    return this.messages;
  }

  /** Waits for `count` more comments: as often has the gateway looked, but for the last. */
  async looks(count: number): Promise<void> {
    const comments = () => this.text.split('\n').filter((line) => line.startsWith(':')).length;
    const before = comments();
    while (comments() < before + count && !this.isOver) await this.next();
    if (this.isOver) throw new Error(`the stream ended after ${this.text}`);
  }

  /** Waits for its end. */
  async ended(): Promise<void> {
    while (!this.isOver) await this.next();
  }

  /** Goes away. */
  async leave(): Promise<void> {
    OpenStream.all.delete(this);
    await this.reader.cancel();
  }

  private next(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private async read(): Promise<void> {
    for (;;) {
      const { done, value } = await this.reader.read().catch(() => ({ done: true, value: undefined }));
      this.text += value ?? '';
      this.isOver = done;
      for (const wake of this.waiting.splice(0)) wake();
      if (done) return;
    }
  }
}
