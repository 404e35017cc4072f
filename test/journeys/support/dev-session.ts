import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../../scripts/dev/ports.ts';
import type { DevFacts } from '../../../scripts/dev/state.ts';

const ROOT = join(import.meta.dirname, '../../..');

type Program = readonly [name: string, ...args: string[]];

const NPM_RUN: Program = ['npm', 'run', '--silent'];

/** A folder in the place of `.dev.vars` and `.wrangler`, so that a test leaves the developer's own alone. */
export class StateFolder {
  readonly path: string;

  constructor(path = mkdtempSync(join(tmpdir(), 'toolgate-journey-'))) {
    this.path = path;
  }

  /** The folder of what commands print, beside what they store. */
  get outputs(): string {
    return `${this.path}.outputs`;
  }

  facts(): DevFacts | null {
    const file = join(this.path, 'dev.json');
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as DevFacts) : null;
  }

  remove(): void {
    for (const path of [this.path, this.outputs])
      rmSync(path, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A command of npm's, or of another program, run as on a terminal: it and what it starts are in the foreground together. */
export class Command {
  /** The exit code; null when a signal ended it. */
  readonly ended: Promise<number | null>;
  private readonly process: ChildProcess;
  private readonly log: string;

  constructor(
    args: string[],
    state: StateFolder,
    env: Record<string, string> = {},
    program: Program = NPM_RUN,
  ) {
    const { PATH = '', HOME = state.path } = process.env; // nothing of vitest's
    mkdirSync(state.outputs, { recursive: true });
    this.log = join(state.outputs, crypto.randomUUID());
    const log = openSync(this.log, 'w'); // a pipe would end with this process, and the command with it
    const [name, ...first] = program;
    this.process = spawn(name, [...first, ...args], {
      cwd: ROOT,
      env: { PATH, HOME, TOOLGATE_STATE: state.path, WRANGLER_LOG_PATH: join(state.path, 'logs'), ...env },
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    this.ended = new Promise((resolve, reject) => {
      this.process.once('error', reject);
      this.process.once('close', resolve);
    });
  }

  /** Everything it has printed so far. */
  get output(): string {
    return existsSync(this.log) ? readFileSync(this.log, 'utf8') : '';
  }

  /** Presses Ctrl-C: the terminal tells every process in the foreground. */
  interrupt(): void {
    if (this.process.pid && this.process.exitCode === null) process.kill(-this.process.pid, 'SIGINT');
  }

  /** The ids of the command's process and of everything it has started, at any depth. */
  processes(): number[] {
    const parents = parentsOfAll();
    const family = new Set([this.process.pid]);
    for (let size = 0; size !== family.size; ) {
      size = family.size;
      for (const [pid, parent] of parents) if (family.has(parent)) family.add(pid);
    }
    return [...family].filter((pid) => pid !== undefined);
  }
}

/** `npm run dev`, up and ready. */
export class DevSession {
  readonly command: Command;
  readonly facts: DevFacts;
  readonly state: StateFolder;

  private constructor(command: Command, facts: DevFacts, state: StateFolder) {
    this.command = command;
    this.facts = facts;
    this.state = state;
  }

  /** @throws with all that was printed when it ends before it is ready. */
  static async start(state: StateFolder, env: Record<string, string> = {}): Promise<DevSession> {
    const command = new Command(['dev'], state, { PORT: String(await freePort()), ...env });
    let hasEnded = false;
    const ended = command.ended.then(() => {
      hasEnded = true;
    });
    while (!command.output.includes('Toolgate is running.')) {
      if (hasEnded) throw new Error(`npm run dev ended:\n${command.output}`);
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 50))]);
    }
    const facts = state.facts();
    if (!facts) throw new Error('npm run dev wrote no dev.json');
    return new DevSession(command, facts, state);
  }

  async stop(): Promise<void> {
    this.command.interrupt();
    await this.command.ended;
  }
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Every process on this machine with its parent. Small images have no `ps`, and macOS has no `/proc`. */
function parentsOfAll(): Map<number, number> {
  if (!existsSync('/proc/self/stat')) {
    const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
    const rows = table
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/).map(Number));
    return new Map(rows.map(([pid = 0, parent = 0]) => [pid, parent]));
  }
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8'); // "<pid> (<name>) <state> <parent> …"
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It has ended since the folder was read.
    }
  }
  return parents;
}
