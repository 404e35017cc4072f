import { join } from 'node:path';
import type { convertV4MiniflareOptions } from 'miniflare';
import { unstable_getMiniflareWorkerOptions } from 'wrangler';
import { ROOT } from '../../scripts/dev/state.ts';

/** What Miniflare takes in its older, flat form. */
export type Options = Parameters<typeof convertV4MiniflareOptions>[0];

type Configured = {
  compatibilityDate: string;
  compatibilityFlags: string[];
  bindings: Record<string, unknown>;
  durableObjects: Record<string, { className: string }>;
  assets?: unknown;
};

/** wrangler.toml, as Miniflare takes it. Assets are apart: with them Miniflare leads every request through Workers of its own. */
export function configured(): { options: Omit<Configured, 'assets'>; assets: unknown } {
  process.env.WRANGLER_LOG = 'none'; // it says which secrets are not in .dev.vars
  const { workerOptions } = unstable_getMiniflareWorkerOptions(join(ROOT, 'wrangler.toml'));
  const { modulesRules: _, assets, ...options } = workerOptions as Configured & { modulesRules?: unknown };
  return { options, assets };
}
