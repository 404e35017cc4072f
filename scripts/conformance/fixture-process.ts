import { join } from 'node:path';
import { Child } from '../child.ts';
import { freePort } from '../dev/ports.ts';
import { HOME } from './suite.ts';

/** Which revisions a fixture speaks: those with sessions, 2026-07-28, or all. */
export type FixtureEra = '2025' | '2026' | 'both';

/** The server of fixture/ as a process. */
export class FixtureProcess {
  readonly url: string;
  private readonly child: Child;

  private constructor(url: string, child: Child) {
    this.url = url;
    this.child = child;
  }

  static async start(era: FixtureEra): Promise<FixtureProcess> {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}/mcp`;
    const env = { ...process.env, ERA: era, PORT: String(port) };
    const child = new Child({ args: [join(HOME, 'fixture/index.mjs')], cwd: HOME, env });
    await child.comesUp(`the fixture (${era})`, () => fetch(url).then(Boolean, () => false));
    return new FixtureProcess(url, child);
  }

  stop(): Promise<void> {
    return this.child.stop();
  }
}
