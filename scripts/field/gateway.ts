import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from '../child.ts';
import { freePort } from '../dev/ports.ts';
import { type DevFacts, DevState, ROOT } from '../dev/state.ts';
import { Stop } from '../stop.ts';

/** `npm run dev` with a state of its own, which outlives a restart. */
export class FieldGateway {
  private readonly folder = mkdtempSync(join(tmpdir(), 'toolgate-field-'));
  private readonly port: number;
  private child: Child | null = null;

  private readonly settings: NodeJS.ProcessEnv;

  private constructor(port: number, settings: NodeJS.ProcessEnv) {
    this.port = port;
    this.settings = settings;
  }

  /** @param settings variables of wrangler.toml */
  static async start(settings: NodeJS.ProcessEnv = {}): Promise<FieldGateway> {
    const gateway = new FieldGateway(await freePort(), settings);
    await gateway.launch();
    return gateway;
  }

  get facts(): DevFacts {
    const facts = new DevState({ TOOLGATE_STATE: this.folder }).facts();
    if (!facts) throw new Stop('npm run dev wrote no dev.json.');
    return facts;
  }

  async restart(): Promise<void> {
    await this.child?.stop();
    await this.launch();
  }

  async stop(): Promise<void> {
    await this.child?.stop();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  private async launch(): Promise<void> {
    let isRunning = false;
    this.child = new Child({
      args: [join(ROOT, 'scripts/dev/index.ts')],
      cwd: ROOT,
      env: {
        ...process.env,
        ...{ TOOLGATE_STATE: this.folder, PORT: String(this.port), RATE_LIMITS: 'off' },
        ...this.settings,
      },
      onLine: (line) => {
        isRunning ||= line.includes('Toolgate is running.');
      },
    });
    await this.child.comesUp('npm run dev', () => isRunning);
  }
}
