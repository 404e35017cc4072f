import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Stop } from '../stop.ts';

/** The checkout. */
export const ROOT = join(import.meta.dirname, '../..');

/** What `npm run dev` writes for other programs to read, as `dev.json`. */
export type DevFacts = {
  url: string;
  mcp_url: string;
  issuer: string;
  admin_token: string;
  virtual_key: string;
  pid: number;
  demo_server: { url: string; pid: number };
  /** The servers that want to know who calls, and the authorization server beside them: their origin. */
  demo_accounts: { url: string; pid: number };
};

/**
 * Where `npm run dev` keeps its things: the checkout's `.dev.vars` and `.wrangler`, or all of it in the folder that the
 * environment variable `TOOLGATE_STATE` names.
 */
export class DevState {
  /** Secrets, as wrangler reads them. */
  readonly devVars: string;
  /** Wrangler's `--persist-to`. */
  readonly persistTo: string;
  /** Set when wrangler does not find `.dev.vars` by itself. */
  readonly isElsewhere: boolean;
  private readonly folder: string;

  constructor(env: NodeJS.ProcessEnv) {
    const elsewhere = env.TOOLGATE_STATE;
    this.isElsewhere = Boolean(elsewhere);
    this.folder = elsewhere ? resolve(elsewhere) : join(ROOT, '.wrangler');
    this.devVars = join(elsewhere ? this.folder : ROOT, '.dev.vars');
    this.persistTo = join(this.folder, 'state');
    try {
      mkdirSync(this.folder, { recursive: true });
    } catch {
      throw new Stop(`${this.folder} cannot be a folder: name another in TOOLGATE_STATE.`);
    }
  }

  /** What the last `npm run dev` wrote; null when that is not there, or not whole. Whether it still runs is another question. */
  facts(): DevFacts | null {
    try {
      return JSON.parse(readFileSync(this.factsFile, 'utf8')) as DevFacts;
    } catch {
      return null;
    }
  }

  save(facts: DevFacts): void {
    const written = `${this.factsFile}.new`; // others read the file at any time
    rmSync(written, { force: true });
    writeFileSync(written, `${JSON.stringify(facts, null, 2)}\n`, { mode: 0o600 });
    renameSync(written, this.factsFile);
  }

  /**
   * Takes this state for the calling process. Two gateways cannot share one local database.
   * @throws Stop when another `npm run dev` has it.
   */
  lock(): void {
    try {
      writeFileSync(this.lockFile, String(process.pid), { flag: 'wx' });
    } catch {
      const holder = Number(readFileSync(this.lockFile, 'utf8'));
      if (isAlive(holder)) {
        throw new Stop(
          `Another "npm run dev" (process ${holder}) already uses ${this.folder}, and two cannot share one local database.\n` +
            'Use that one, or stop it, or start a second one with its own state:\n' +
            '  TOOLGATE_STATE=.wrangler/second npm run dev\n' +
            `If process ${holder} is something else, delete ${this.lockFile}.`,
        );
      }
      writeFileSync(this.lockFile, String(process.pid));
    }
  }

  unlock(): void {
    rmSync(this.lockFile, { force: true });
  }

  private get factsFile(): string {
    return join(this.folder, 'dev.json');
  }

  private get lockFile(): string {
    return join(this.folder, 'dev.lock');
  }
}

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch {
    return false;
  }
}
