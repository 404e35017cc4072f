import { CODE, RpcError } from '../../protocol/mcp';
import type { Call } from '../call';
import type { CatalogServer } from '../catalog';
import { judgedAgain, judgedFor } from '../listen/judged';
import { sessionEnded } from '../session';
import { isAllowed } from './allowed';

/** How the caller of a request that is on its way is judged again (CONTRACT §5). */
export type Judging = {
  /** In how long, first. Milliseconds. */
  dueIn: number;
  /** @returns in how long again, milliseconds @throws when they may not have its answer any more */
  again(): Promise<number>;
};

/** The caller of a request to a server: who they are, and whether what was asked for is still open to them. */
export function judgingOf(call: Call, { server }: CatalogServer, task: string | null = null): Judging {
  return {
    dueIn: judgedFor(call),
    async again() {
      const now = await judgedAgain(call);
      const entry = now.entries.find((one) => one.server.id === server.id);
      if (!entry || !(await isAllowed(now, entry, task))) throw notOpen();
      return judgedFor(now);
    },
  };
}

function notOpen(): RpcError {
  const message = 'You can no longer use what this asked for.';
  return new RpcError(200, CODE.invalidParams, message, { type: 'access_denied' });
}

/** What a request is told whose client session is over: its server has not failed. @throws what its caller is refused with now */
export async function sessionOver(judging: Judging): Promise<RpcError> {
  await judging.again();
  return sessionEnded();
}

/** What makes the gateway end a request that is on its way: a time limit, or that its caller was judged again and refused. */
export class Stop {
  /** Null: it goes on. */
  why: Error | null = null;
  private readonly reached = Promise.withResolvers<Error>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isOver = false;

  /** @param free called once, when there is a reason to end */
  constructor(
    private readonly judging: Judging,
    private readonly free: () => void,
  ) {}

  /** From now on the caller is judged again when that is due. @param passed since the request came, milliseconds */
  watch(passed: number): void {
    this.judgeIn(Math.max(0, this.judging.dueIn - passed));
  }

  /** Settles with the reason. */
  get promise(): Promise<Error> {
    return this.reached.promise;
  }

  readonly now = (why: Error): void => {
    if (this.isOver || this.why) return;
    this.why = why;
    this.reached.resolve(why);
    this.free();
  };

  /** The request has ended. */
  over(): void {
    this.isOver = true;
    clearTimeout(this.timer);
  }

  private readonly judgeIn = (dueIn: number): void => {
    if (this.isOver) return;
    this.timer = setTimeout(() => this.judging.again().then(this.judgeIn, this.now), dueIn);
  };
}
