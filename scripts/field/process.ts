import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Child } from '../child.ts';
import { freePort } from '../dev/ports.ts';
import type { FieldServer } from './servers.ts';

/** Where the servers are installed. */
export const HOME = import.meta.dirname;

/** A server of the field as a process, on one port as long as it is needed. */
export class FieldProcess {
  readonly url: string;
  readonly server: FieldServer;
  private readonly port: number;
  private child: Child | null = null;

  private constructor(server: FieldServer, port: number) {
    this.server = server;
    this.port = port;
    this.url = `http://127.0.0.1:${port}/mcp`;
  }

  static async start(server: FieldServer): Promise<FieldProcess> {
    const started = new FieldProcess(server, await freePort());
    await started.launch();
    return started;
  }

  get version(): string {
    const file = join(HOME, 'node_modules', this.server.package, 'package.json');
    return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.launch();
  }

  async stop(): Promise<void> {
    await this.child?.stop();
    this.child = null;
  }

  /** Resolves when it answers by HTTP. */
  private async launch(): Promise<void> {
    const { program, args, env, name } = this.server;
    this.child = new Child({
      args: [program, ...args(this.port)],
      cwd: HOME,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env(this.port) },
    });
    await this.child.comesUp(name, () => fetch(this.url).then(Boolean, () => false));
  }
}
