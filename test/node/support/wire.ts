/** A JSON-RPC message, as it was on the wire. */
export type Message = Record<string, unknown> & { id?: unknown; method?: string };

/** What a client's transport sends and receives, as raw JSON. */
export class Wire {
  /** What went to and fro by POST since it was taken last. */
  private posted: Message[] = [];
  /** What has come on GET streams. */
  readonly streamed: Message[] = [];
  private waiting: (() => void)[] = [];

  /** A `fetch` that writes down what it carries. */
  readonly fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const isPost = init?.method === 'POST';
    if (isPost && typeof init?.body === 'string')
      this.posted.push({ to: 'server', ...JSON.parse(init.body) });
    const response = await fetch(input, init);
    const into = isPost ? this.posted : this.streamed;
    const { body, status, statusText, headers } = response;
    if (!body) return response;
    const isStream = headers.get('content-type')?.startsWith('text/event-stream') === true;
    let text = '';
    const decoder = new TextDecoder();
    const read = (chunk?: Uint8Array) => {
      text += decoder.decode(chunk, { stream: chunk !== undefined });
      const whole = isStream ? text.split(/\r?\n\r?\n/) : chunk ? ['', text] : [text, ''];
      text = whole.pop() ?? '';
      for (const event of whole) into.push(...messagesOf(event, isStream));
      for (const wake of this.waiting.splice(0)) wake();
    };
    const passing = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        controller.enqueue(chunk);
        read(chunk);
      },
      flush: () => read(),
    });
    return new Response(body.pipeThrough(passing), { status, statusText, headers });
  };

  take(): Message[] {
    return this.posted.splice(0);
  }

  /** The id of the task that was begun last. */
  lastTask(): string {
    const made = this.posted.findLast(({ result }) => (result as { task?: unknown } | undefined)?.task);
    return (made?.result as { task?: { taskId: string } } | undefined)?.task?.taskId ?? 'none';
  }

  /** Whether a message of `method` comes, or has come, from the server in `patience` milliseconds. */
  async hears(method: string, patience: number): Promise<boolean> {
    const late = AbortSignal.timeout(patience);
    const isHeard = () =>
      [...this.posted, ...this.streamed].some(
        (message) => message.method === method && message.to !== 'server',
      );
    while (!isHeard() && !late.aborted)
      await new Promise<void>((resolve) => {
        this.waiting.push(resolve);
        late.addEventListener('abort', () => resolve());
      });
    return isHeard();
  }
}

function messagesOf(event: string, isStream: boolean): Message[] {
  const data = isStream
    ? event
        .split(/\r?\n/)
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice(5).trimStart())
        .join('\n')
    : event;
  try {
    return data ? [JSON.parse(data) as Message] : [];
  } catch {
    return [{ text: data }];
  }
}
