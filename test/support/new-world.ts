import { reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { vi } from 'vitest';
import { keepLines } from './kept-lines';

/** What vitest has loaded in this Worker, by path. It has no public name for it. */
type Loaded = Map<
  string,
  { promise?: unknown; exports?: unknown; evaluated: boolean; importers: Set<string> }
>;
declare const __vitest_worker__: { evaluatedModules: { idToModuleMap: Loaded } };

/**
 * Files share a Worker, for a start costs more than most of them. What one leaves is gone before the next: clock and spies,
 * the memory of every module of this gateway, objects, D1 and KV.
 */
vi.useRealTimers();
vi.restoreAllMocks();
keepLines();
waitPatiently();
forgetModules();
await Promise.all([reset(), dropTables(), emptyKV()]);

/** Lets `vi.waitFor` look on for ten seconds where a test does not say how long, in place of one: a busy machine is no failure. */
function waitPatiently(): void {
  const { waitFor } = vi;
  if ('isPatient' in waitFor) return;
  const patient: typeof waitFor = (look, options = { timeout: 10_000 }) => waitFor(look, options);
  vi.waitFor = Object.assign(patient, { isPatient: true });
}

/** `vi.resetModules()` without the packages: they remember nothing, and to load them again takes longer than most files. */
function forgetModules(): void {
  for (const [path, module] of __vitest_worker__.evaluatedModules.idToModuleMap) {
    if (!/\/(src|test|demo)\//.test(path) || path.includes('/node_modules/')) continue;
    module.promise = undefined;
    module.exports = undefined;
    module.evaluated = false;
    module.importers.clear();
  }
}

/** Leaves a database without tables, as a new one is. */
async function dropTables(): Promise<void> {
  const found = env.DB.prepare(
    `SELECT type, name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT GLOB 'sqlite_*' AND name NOT GLOB '_cf_*'`,
  );
  const { results } = await found.all<{ type: string; name: string }>();
  const drops = results.map(({ type, name }) => env.DB.prepare(`DROP ${type} "${name}"`));
  if (drops.length) await env.DB.batch([env.DB.prepare('PRAGMA defer_foreign_keys = on'), ...drops]);
}

async function emptyKV(): Promise<void> {
  const { keys } = await env.KV.list();
  await Promise.all(keys.map(({ name }) => env.KV.delete(name)));
}
