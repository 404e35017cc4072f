import { eventsOf } from './messages';

type Message = { id?: unknown; method?: string; params?: Record<string, unknown>; result?: unknown };

/** A call whose answer is still flowing: its messages as they come. */
export class CallUnderWay {
  private text = '';
  private readonly reader: ReadableStreamDefaultReader<string>;

  constructor(response: Response) {
    const body = response.body as ReadableStream<Uint8Array>;
    this.reader = body.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** The message number `at`, once it is there. */
  async message(at: number): Promise<Message> {
    for (;;) {
      const found = eventsOf(this.text.slice(0, this.text.lastIndexOf('\n\n') + 2))[at];
      if (found) return found as Message;
      const { done, value } = await this.reader.read();
      if (done) throw new Error(`the stream ended after ${this.text}`);
      this.text += value;
    }
  }

  /** Reads on until the clock was looked at, which a comment shows. */
  async comment(): Promise<void> {
    const before = this.text.split(': \n\n').length;
    while (this.text.split(': \n\n').length === before) {
      const { done, value } = await this.reader.read();
      if (done) throw new Error(`the stream ended after ${this.text}`);
      this.text += value;
    }
  }

  /** Its client goes. */
  async leave(): Promise<void> {
    await this.reader.cancel();
  }
}
