import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../admin-api.ts';
import { Child } from '../child.ts';
import { BUNDLED } from '../deploy/bundle.ts';
import { quietly, WRANGLER } from '../deploy/wrangler.ts';
import { Stop } from '../stop.ts';
import { VARIABLES } from './settings.ts';
import { type DevState, ROOT } from './state.ts';
import { SECRETS } from './vars.ts';

/** How long wrangler and the Worker may take to answer. */
const START_MS = 120_000;

/** The Worker, run by `wrangler dev`. */
export class Gateway {
  /** Resolves when the Worker answers, rejects when it says why it cannot. */
  readonly ready: Promise<void>;
  /** Never resolves; rejects when wrangler has ended. */
  readonly ended: Promise<never>;
  private readonly child: Child;
  private early: string[] | null = [];

  private readonly devVars: string;

  constructor(state: DevState, port: number, inspectorPort: number) {
    this.devVars = state.devVars;
    dropTraces(state);
    let listens: () => void;
    const listening = new Promise<void>((resolve) => {
      listens = resolve;
    });
    this.child = new Child({
      args: [WRANGLER, 'dev', ...wranglerOptions(state, port, inspectorPort)],
      env: quietly(wranglerEnvironment(state)),
      onLine: (line) => this.print(line),
      onMessage: () => listens(), // wrangler's only message: DEV_SERVER_READY
    });
    this.ended = this.child.ended.then((how) => {
      throw new Stop(`wrangler dev ended (${how}), so everything else was stopped.${this.saidEarly()}`);
    });
    this.ended.catch(() => undefined); // heard by those who wait for it
    this.ready = listening.then(() => this.health(`http://localhost:${port}/health`));
  }

  /** From here on, what wrangler and the Worker log is printed. */
  speak(): void {
    this.early = null;
  }

  stop(): Promise<void> {
    return this.child.stop();
  }

  /** What is said while everything starts matters only if it never does. */
  private print(line: string): void {
    if (this.early) this.early.push(line);
    else if (line.trim()) console.log(line);
  }

  private saidEarly(): string {
    return this.early?.length ? `\n${this.early.join('\n')}` : '';
  }

  /** Why the Worker cannot work, and what to do here. @param said what it answers at /health */
  private unableWords(said: string): string {
    const missing = /"secret":"(\w+)"/g;
    const names = [...said.matchAll(missing)].map(([, name]) => name);
    const own = names.filter((name) => (SECRETS as readonly (string | undefined)[]).includes(name));
    if (own.length)
      return `${own.join(' and ')} in ${this.devVars} cannot be used: each is 32 random bytes as base64url. Delete the line, and start again: another is made.`;
    if (names.length)
      return `${names.join(' and ')} is missing. "npm run dev" hands on the secrets ${SECRETS.join(' and ')} alone: save this one with PUT /api/config, without the variables that need it.`;
    return `The Worker runs, but cannot work: ${messageOf(said)}`;
  }

  private async health(url: string): Promise<void> {
    const until = Date.now() + START_MS;
    for (;;) {
      const response = await fetch(url).catch(() => null);
      if (response?.ok) return;
      if (response) throw new Stop(this.unableWords(await response.text()));
      if (Date.now() > until) throw new Stop(`The Worker does not answer at ${url}.${this.saidEarly()}`);
      await delay(100);
    }
  }
}

function wranglerOptions(state: DevState, port: number, inspectorPort: number): string[] {
  const variables = VARIABLES.flatMap((name) => {
    const value = process.env[name] ?? (name === 'ALLOW_LOOPBACK_UPSTREAMS' ? 'true' : undefined);
    return value === undefined ? [] : ['--var', `${name}:${value}`];
  });
  return [
    'src/index.ts', // bundled by wrangler itself, which watches what it bundles
    '--bundle',
    `--cwd=${ROOT}`,
    '--ip=localhost',
    `--port=${port}`,
    `--inspector-port=${inspectorPort}`,
    `--persist-to=${state.persistTo}`,
    '--show-interactive-dev-session=false',
    ...(state.isElsewhere ? [`--env-file=${state.devVars}`] : []),
    ...variables,
  ];
}

/** Deletes the traces that wrangler kept where `npm run dev` did not yet turn them off: their URLs hold codes and states. */
function dropTraces(state: DevState): void {
  rmSync(join(state.persistTo, 'v3', 'observability'), { recursive: true, force: true });
}

/** Ours, but what `.dev.vars` holds comes from there. Colours are kept, though wrangler writes into a pipe. */
function wranglerEnvironment(state: DevState): NodeJS.ProcessEnv {
  const env = { ...process.env };
  if (state.isElsewhere) for (const name of SECRETS) delete env[name];
  Object.assign(env, BUNDLED); // it bundles src/index.ts itself
  env.X_LOCAL_OBSERVABILITY = 'false'; // a trace of every request, with its URL, on disk (SECURITY 33)
  if (process.stdout.isTTY && !env.NO_COLOR) env.FORCE_COLOR = '1';
  return env;
}
