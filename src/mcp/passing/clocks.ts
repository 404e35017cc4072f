import type { Passage } from './passage';
import type { Stop } from './standing';
import { TimeLimits } from './time-limits';

/** After this long the clocks of a request run: one that is answered before sets one timer in all. Milliseconds. */
const WHILE = 500;
/** How long we wait for a server's headers before beginning a stream that tells whether the client is still there. */
const PATIENCE = 2_000;
/** How often a comment goes out on a quiet stream (PROTOCOL §3). */
const COMMENT_EVERY = 8_000;

/** What has its time while a request is on its way: its limits, its caller's judgement, the beginning of a stream, comments. */
export class Clocks {
  readonly limits: TimeLimits;
  private readonly headers = Promise.withResolvers<null>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private lateTimer: ReturnType<typeof setTimeout> | undefined;
  private commentedAt = Date.now();
  private isOver = false;
  private hasBegun = false;
  /** Aborts when the client has gone: looked at once the request has taken a while. */
  private client: AbortSignal | null = null;

  /** @param tell `comment` sends one, where it may stand: true; `gone`: the client has left */
  constructor(
    private readonly passage: Passage,
    private readonly stop: Stop,
    private readonly tell: { comment: () => boolean; gone: () => void },
  ) {
    this.limits = new TimeLimits(passage);
    this.timer = setTimeout(this.begin, passage.from ? 0 : WHILE);
  }

  /** Settles when a client that reads event streams waits for the server's answer no longer. */
  get late(): Promise<null> {
    return this.headers.promise;
  }

  over(): void {
    this.isOver = true;
    if (!this.hasBegun) return; // its one timer ends with the request: taking it back costs as much as setting it
    clearTimeout(this.timer);
    clearTimeout(this.lateTimer);
    this.client?.removeEventListener('abort', this.tell.gone);
  }

  /** The request has taken a while: others have to find it, and its caller is judged again. */
  private readonly begin = (): void => {
    if (this.isOver) return;
    this.hasBegun = true;
    const { from, takesLong, acceptsEvents } = this.passage;
    const passed = from ? 0 : WHILE;
    this.client = this.passage.clientSignal();
    this.client.addEventListener('abort', this.tell.gone);
    if (this.client.aborted) {
      this.tell.gone();
      return;
    }
    takesLong?.();
    this.stop.watch(passed);
    if (acceptsEvents) this.lateTimer = setTimeout(this.headers.resolve, PATIENCE - passed, null);
    this.tick();
  };

  /** Looks whether a limit is reached, or a comment due. */
  private readonly tick = (): void => {
    if (this.isOver) return;
    const now = Date.now();
    const left = this.limits.left();
    if (typeof left !== 'number') {
      this.stop.now(left);
      return;
    }
    if (now - this.commentedAt >= COMMENT_EVERY && this.tell.comment()) this.commentedAt = now;
    this.timer = setTimeout(this.tick, Math.min(left, COMMENT_EVERY) + 5);
  };
}
