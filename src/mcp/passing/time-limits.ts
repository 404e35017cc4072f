import { failures, type UpstreamFailure } from '../../servers/failure';
import type { Passage } from './passage';

/** The most a request may take, whatever progress it makes. */
export const MOST_SECONDS = 300;
/** How long a person may think about a server's question. Milliseconds: PROTOCOL §4. */
const MOST_ASKED = 300_000;

/** How long a request may still take. Comments of a server are no progress; while the client's person has a question, no time counts. */
export class TimeLimits {
  startedAt: number;
  /** How long the server has said nothing, in the reads that are over. Milliseconds. */
  waited: number;
  /** When the read under way began, epoch milliseconds; null: the client's turn. */
  private waitingSince: number | null = Date.now();
  /** Since when the client's person has a question, epoch milliseconds; null: they have none. */
  private askedAt: number | null = null;

  constructor(private readonly passage: Pick<Passage, 'serverName' | 'quietSeconds' | 'from'>) {
    this.startedAt = passage.from?.startedAt ?? Date.now();
    this.waited = passage.from?.waited ?? 0;
  }

  /** A read begins, unless one is under way. */
  wait(): void {
    this.waitingSince ??= Date.now();
  }

  /** It is over. */
  read(): void {
    if (this.waitingSince !== null) this.waited += Date.now() - this.waitingSince;
    this.waitingSince = null;
  }

  /** The server has gone on. */
  wentOn(): void {
    const now = Date.now();
    this.waited = 0;
    if (this.waitingSince !== null) this.waitingSince = now;
    if (this.askedAt !== null) this.startedAt += now - this.askedAt;
    this.askedAt = null;
  }

  /** Nothing is expected of the server now: the client's person was asked something, or a task is waited for. */
  asked(): void {
    this.askedAt ??= Date.now();
  }

  /** Milliseconds until a limit, or the one that is reached. */
  left(): number | UpstreamFailure {
    const { serverName, quietSeconds } = this.passage;
    const now = Date.now();
    const thought = this.askedAt === null ? 0 : Math.min(now - this.askedAt, MOST_ASKED);
    if (this.askedAt !== null && thought < MOST_ASKED) return MOST_ASKED - thought;
    const most = this.startedAt + thought + MOST_SECONDS * 1000 - now;
    const quiet = (this.waitingSince ?? now) + thought - this.waited + quietSeconds * 1000 - now;
    if (most <= 0) return failures.tooLong(serverName, MOST_SECONDS);
    return quiet <= 0 ? failures.silent(serverName, quietSeconds) : Math.min(most, quiet);
  }
}
