import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { Stop } from './stop.ts';

const LEASH = new URL('leash.ts', import.meta.url).href;

/** How long a process may take to end by itself before it is killed. */
const PATIENCE_MS = 5000;
/** How long one may take to be up. */
const START_MS = 120_000;
/** Of what one prints, what is shown when it does not come up. Characters. */
const MOST_SAID = 2000;

/** A Node program that lives as long as we let it, with everything it starts: it leads a process group of its own. */
export class Child {
  /** What it ended with, once it has: an exit code or a signal's name. */
  readonly ended: Promise<string>;
  /** The end of what it printed. */
  said = '';
  private how: string | null = null;
  private readonly process: ChildProcess;

  constructor(options: {
    args: string[];
    env: NodeJS.ProcessEnv;
    cwd?: string;
    onLine?(line: string): void;
    onMessage?(message: unknown): void;
  }) {
    this.process = spawn(process.execPath, ['--import', LEASH, ...options.args], {
      env: options.env,
      cwd: options.cwd,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
    });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      if (stream)
        createInterface({ input: stream }).on('line', (line) => {
          this.said = `${this.said}${line}\n`.slice(-MOST_SAID);
          options.onLine?.(line);
        });
    }
    if (options.onMessage) this.process.on('message', options.onMessage);
    this.ended = new Promise((resolve) => {
      this.process.once('error', (error) => resolve(error.message));
      this.process.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
    void this.ended.then((how) => {
      this.how = how;
    });
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  /** Sends it a message, which is not waited for. */
  send(message: object): void {
    this.process.send?.(message);
  }

  /** Resolves once `isUp`. @param name what it is called to people @throws Stop when it ends before, or is not up in two minutes */
  async comesUp(name: string, isUp: () => boolean | Promise<boolean>): Promise<void> {
    for (const until = Date.now() + START_MS; !(await isUp()); await delay(100)) {
      if (this.how !== null) throw new Stop(`${name} ended while starting (${this.how}):\n${this.said}`);
      if (Date.now() > until) throw new Stop(`${name} does not come up:\n${this.said}`);
    }
  }

  /** Asks the whole group to end, and kills what is left of it after {@link PATIENCE_MS}. */
  async stop(): Promise<void> {
    this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), PATIENCE_MS);
    await this.ended;
    clearTimeout(timer);
    this.signal('SIGKILL');
  }

  private signal(signal: NodeJS.Signals): void {
    try {
      if (this.pid) process.kill(-this.pid, signal);
    } catch {
      // The group is empty: nothing is left to end.
    }
  }
}
