import { AsyncLocalStorage } from 'node:async_hooks';
import { vi } from 'vitest';
import { ServerObject } from '../../src/mcp-client/server-object';

/** How many connections of one invocation may wait for the headers of their answers at once (Workers, Limits). */
const MOST_WAITING = 6;

/** The connections of one invocation. */
class Invocation {
  mostWaiting = 0;
  private waiting = 0;
  private readonly queue: (() => void)[] = [];

  /** Begins a connection when there is room for it, unless it is given up before. */
  async connect(signal: AbortSignal | null | undefined, begin: () => Promise<Response>): Promise<Response> {
    for (;;) {
      signal?.throwIfAborted();
      if (this.waiting < MOST_WAITING) break;
      await new Promise<void>((resolve) => {
        this.queue.push(resolve);
        signal?.addEventListener('abort', () => resolve());
      });
    }
    this.mostWaiting = Math.max(this.mostWaiting, ++this.waiting);
    try {
      return await begin();
    } finally {
      this.waiting--;
      for (const go of this.queue.splice(0)) go();
    }
  }
}

/**
 * Enforces until `vi.restoreAllMocks()` what the edge enforces and workerd does not: a seventh connection of an invocation does
 * not begin while six wait for headers. All that a server's object does counts as one invocation, however often it is called; all
 * that is asked outside of such objects counts as another, which is less than requests have at the edge. As there, calls of
 * objects and of D1 are no connections.
 */
export class Edge {
  readonly worker = new Invocation();
  /** By the object's id. */
  readonly objects = new Map<string, Invocation>();
  private readonly current = new AsyncLocalStorage<Invocation>();

  constructor() {
    const connect = globalThis.fetch;
    vi.spyOn(globalThis, 'fetch').mockImplementation((input, init) => {
      const url = input instanceof Request ? input.url : String(input);
      if (url.includes('/control/')) return connect(input, init); // a test tells its server something
      const invocation = this.current.getStore() ?? this.worker;
      return invocation.connect(init?.signal, () => connect(input, init));
    });
    this.enter('list');
    this.enter('alarm');
  }

  /** What the object does in `act` is done in its invocation. */
  private enter(act: 'list' | 'alarm'): void {
    const { current, objects } = this;
    const own = ServerObject.prototype[act] as (...args: unknown[]) => Promise<never>;
    vi.spyOn(ServerObject.prototype, act).mockImplementation(function (this: unknown, ...args: unknown[]) {
      const id = (this as { ctx: DurableObjectState }).ctx.id.toString();
      const invocation = objects.get(id) ?? new Invocation();
      objects.set(id, invocation);
      return current.run(invocation, () => own.apply(this, args));
    });
  }
}
