import { existsSync, readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs, parseEnv } from 'node:util';
import { AdminApi } from '../admin-api.ts';
import { DevState } from '../dev/state.ts';
import { Stop } from '../stop.ts';
import { DEPLOYED_KEYS } from './keys-file.ts';
import { askHidden } from './prompt.ts';

/** What the commands take beside a file. */
export type Options = {
  timestamp?: string;
  yes?: boolean;
  /** The file for what a restore replaces. */
  keep?: string;
  finish?: boolean;
  force?: boolean;
  /** Seconds that a deployed value gets to be everywhere. */
  wait?: string;
};

/** The gateway a command is about: the deployed one, or with `--local` what `npm run dev` keeps. */
export class Target {
  /** Null for the deployed gateway. */
  readonly dev: DevState | null;
  /** Where the present value of `ENCRYPTION_KEY` stands, as wrangler reads variables. */
  readonly keysFile: string;
  private readonly url: string | undefined;

  constructor(options: { local?: boolean; url?: string; keys?: string }, env: NodeJS.ProcessEnv) {
    this.dev = options.local ? new DevState(env) : null;
    this.url = options.url ?? (this.dev ? this.dev.facts()?.url : env.GATEWAY);
    if (options.keys && isFolder(options.keys)) throw new Stop(`${options.keys} is a folder.`);
    this.keysFile = options.keys ? resolve(options.keys) : (this.dev?.devVars ?? DEPLOYED_KEYS);
  }

  /** Its management API, for which the token is asked where nothing holds it. */
  async api(): Promise<AdminApi> {
    if (!this.url) {
      throw new Stop(
        this.dev
          ? 'Nothing is known of a local gateway: start it with "npm run dev" first.'
          : 'Say where the gateway is: --url https://tools.example.com, or the environment variable GATEWAY.',
      );
    }
    const local = this.dev && existsSync(this.dev.devVars) ? readFileSync(this.dev.devVars, 'utf8') : '';
    const token = parseEnv(local).ADMIN_TOKEN ?? process.env.ADMIN_TOKEN ?? (await askHidden('ADMIN_TOKEN'));
    return new AdminApi(this.url.replace(/\/$/, ''), token);
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** The words of a command line. @throws Stop for an option that there is not */
export function commandLine(args: string[]): {
  command: string | undefined;
  target: Target;
  file: string | undefined;
  options: Options;
} {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        local: { type: 'boolean' },
        url: { type: 'string' },
        keys: { type: 'string' },
        timestamp: { type: 'string' },
        yes: { type: 'boolean' },
        keep: { type: 'string' },
        finish: { type: 'boolean' },
        force: { type: 'boolean' },
        wait: { type: 'string' },
      },
    });
    const [command, file, ...more] = positionals;
    if (more.length) throw new Stop(`Only one file can be named: ${more.join(' ')} is too much.`);
    if (file !== undefined && values.timestamp !== undefined)
      throw new Stop('Name a file or a --timestamp, not both.');
    const time = values.timestamp;
    if (
      time !== undefined &&
      !/^\d{9,13}$/.test(time) &&
      !(/^\d{4}-\d\d-\d\dT/.test(time) && Date.parse(time))
    )
      throw new Stop('--timestamp takes a time as 2026-11-30T09:00:00Z, or epoch seconds.');
    if (values.wait !== undefined && !/^\d{1,4}$/.test(values.wait))
      throw new Stop('--wait takes whole seconds.');
    return { command, target: new Target(values, process.env), file, options: values };
  } catch (error) {
    throw error instanceof Stop ? error : new Stop(error instanceof Error ? error.message : String(error));
  }
}
