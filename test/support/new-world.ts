import { reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { vi } from 'vitest';

/**
 * Files share a Worker, for a start costs more than most of them. What one leaves is gone before the next: clock and spies,
 * the memory of every module of ours, objects, D1 and KV.
 */
vi.useRealTimers();
vi.restoreAllMocks();
vi.resetModules();
await Promise.all([reset(), dropTables(), emptyKV()]);

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
