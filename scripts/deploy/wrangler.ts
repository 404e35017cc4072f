import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT } from '../dev/state.ts';
import { Stop } from '../stop.ts';

/** Wrangler's program, to be run by this very Node: the one on the path may be too old for it. */
export const WRANGLER = join(
  dirname(fileURLToPath(import.meta.resolve('wrangler/package.json'))),
  'bin/wrangler.js',
);

/** `env` for wrangler: it reports nothing, and asks Cloudflare for nothing that local work can do without. */
export function quietly(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return {
    ...env,
    WRANGLER_SEND_METRICS: 'false',
    WRANGLER_HIDE_BANNER: 'true',
    CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  };
}

/**
 * What wrangler prints when run with `args`.
 * @throws Stop with its words when it fails.
 */
export function askWrangler(args: string[], env: NodeJS.ProcessEnv = {}): string {
  return tellWrangler(args, '', env);
}

/** The same with `input`, which no command line shows. */
export function tellWrangler(args: string[], input: string, env: NodeJS.ProcessEnv = {}): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [WRANGLER, ...args], {
    cwd: ROOT,
    env: quietly({ ...process.env, ...env }),
    encoding: 'utf8',
    input,
  });
  if (status !== 0) throw new Stop(`wrangler ${args.slice(0, 2).join(' ')} failed:\n${stderr}${stdout}`);
  return stdout;
}

/**
 * Runs wrangler on this terminal, where it may ask the person.
 * @throws Stop when it fails, having said why itself.
 */
export function showWrangler(args: string[], env: NodeJS.ProcessEnv): void {
  const { status } = spawnSync(process.execPath, [WRANGLER, ...args], {
    cwd: ROOT,
    env: quietly({ ...process.env, ...env }),
    stdio: 'inherit',
  });
  if (status !== 0)
    throw new Stop(`wrangler ${args[0]} failed, as it says above. Once that is solved, run this again.`);
}
