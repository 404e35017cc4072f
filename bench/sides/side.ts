import { join } from 'node:path';
import { Child } from '../../scripts/child.ts';
import { freePort } from '../../scripts/dev/ports.ts';
import { ROOT } from '../../scripts/dev/state.ts';
import type { Grant } from './flow.ts';

/** What runs: the gateway, also behind its assets or with what counts its storage, the peer, the forwarder. */
export type Kind = 'gateway' | 'assets' | 'counted' | 'peer' | 'forwarder';

/** What a side's process is told to run. */
export type Plan = {
  kind: Kind;
  port: number;
  /** Where the MCP server is. */
  upstream: string;
  /** The folder of the built Worker, and the one for what is stored. */
  bundle: string;
  state: string;
  /** Of the gateway. */
  variables: Record<string, string>;
};

/** What it says once it answers, and what it can be asked afterwards. */
export type Started = { workerd: number | null };
export type Command = { ask: 'cron' } | { ask: 'grants'; upTo: number };

/** What is measured: an address with `/mcp`, and what a client needs there. */
export type Side = {
  name: string;
  origin: string;
  /** Where MCP is spoken: `/mcp`, or the address of the one server behind the gateway, whose tools have their own names there. */
  mcpPath: string;
  /** Of the process whose CPU counts; null: it is not counted. */
  pid: number | null;
  /** Grants with an access and a refresh token; none where no one has to be authorized. */
  grants: Grant[];
  /** What a person types at consent. */
  answers: Record<string, string>;
};

/** Where a gateway that counts hands out what it counted since the last time. */
export const COUNTS = '/bench/counts';

const PROGRAM = join(ROOT, 'bench/sides/run-side.ts');
const UPSTREAM = join(ROOT, 'bench/sides/upstream.ts');

/** A side's process. */
export class SideProcess {
  readonly origin: string;
  readonly workerd: number | null;
  private readonly child: Child;
  private readonly inbox: Inbox;

  private constructor(origin: string, workerd: number | null, child: Child, inbox: Inbox) {
    this.origin = origin;
    this.workerd = workerd;
    this.child = child;
    this.inbox = inbox;
  }

  static async start(plan: Omit<Plan, 'port'>): Promise<SideProcess> {
    const port = await freePort();
    const inbox = new Inbox();
    const child = startChild([PROGRAM, JSON.stringify({ ...plan, port } satisfies Plan)], inbox);
    await child.comesUp(`The ${plan.kind} of the benchmark`, () => inbox.has('started'));
    const { workerd } = inbox.take('started') as Started;
    return new SideProcess(`http://127.0.0.1:${port}`, workerd, child, inbox);
  }

  /** Resolves once it is done. */
  async ask(command: Command): Promise<void> {
    this.child.send(command);
    await this.child.comesUp(`The benchmark's "${command.ask}"`, () => this.inbox.has('done'));
    this.inbox.take('done');
  }

  stop(): Promise<void> {
    return this.child.stop();
  }
}

/** The MCP server that every side leads to. */
export class UpstreamProcess {
  readonly origin: string;
  private readonly child: Child;

  private constructor(origin: string, child: Child) {
    this.origin = origin;
    this.child = child;
  }

  static async start(): Promise<UpstreamProcess> {
    const inbox = new Inbox();
    const child = startChild([UPSTREAM], inbox);
    await child.comesUp("The benchmark's MCP server", () => inbox.has('port'));
    return new UpstreamProcess(`http://127.0.0.1:${inbox.take('port')}`, child);
  }

  stop(): Promise<void> {
    return this.child.stop();
  }
}

/** What a process told its parent, by what it calls it. */
class Inbox {
  private readonly said = new Map<string, unknown>();

  readonly put = (message: unknown): void => {
    for (const [name, value] of Object.entries(message as object)) this.said.set(name, value);
  };

  has(name: string): boolean {
    return this.said.has(name);
  }

  take(name: string): unknown {
    const value = this.said.get(name);
    this.said.delete(name);
    return value;
  }
}

function startChild(args: string[], inbox: Inbox): Child {
  const env = { ...process.env, WRANGLER_LOG: 'none', NODE_ENV: 'production' };
  return new Child({ args, env, onMessage: inbox.put });
}
