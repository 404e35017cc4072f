import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { DemoProgram } from '../../demo/servers.ts';
import { Child } from '../child.ts';

const FIRST_PAUSE_MS = 4000;
const LONGEST_PAUSE_MS = 30_000;

/** One that ran for this long has not failed at starting: the next pause is the first again. */
const STEADY_MS = 60_000;

/** A demo server, brought back on the same port whenever it ends, after ever longer pauses, until it is stopped. */
export class DemoServer {
  readonly origin: string;
  private readonly program: DemoProgram;
  private readonly onStart: () => void;
  private readonly stopping = new AbortController();
  private child: Child | null = null;

  constructor(program: DemoProgram, onStart: () => void) {
    this.program = program;
    this.onStart = onStart;
    this.origin = `http://127.0.0.1:${program.port}`;
  }

  /** Starts it; resolves when it listens. */
  async start(): Promise<void> {
    await this.launch();
    void this.keep();
  }

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.child?.stop();
  }

  private async launch(): Promise<void> {
    const { name, args, env, port } = this.program;
    this.child = new Child({ args, env });
    await this.child.comesUp(name, () => isListening(port));
    this.onStart();
  }

  private async keep(): Promise<void> {
    const { name } = this.program;
    let pause = FIRST_PAUSE_MS;
    while (this.child) {
      const startedAt = Date.now();
      const how = await this.child.ended;
      if (this.stopping.signal.aborted) return;

      if (Date.now() - startedAt > STEADY_MS) pause = FIRST_PAUSE_MS;
      console.log(
        `${name} ended (${how}). Its tools answer with an error until it is back, in ${pause / 1000} s.`,
      );
      await delay(pause, undefined, { signal: this.stopping.signal }).catch(() => undefined);
      if (this.stopping.signal.aborted) return;
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      await this.launch().then(
        () => console.log(`${name} is back (process ${this.pid}).`),
        (error: unknown) => console.error(String(error)),
      );
    }
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
