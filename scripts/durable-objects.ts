import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const BINDING = /\[\[durable_objects\.bindings\]\]\nname = "(\w+)"\nclass_name = "(\w+)"/g;

/** The object bindings of wrangler.toml, as Miniflare takes them. */
export function durableObjects(): Record<string, { className: string; useSQLite: true }> {
  const text = readFileSync(join(import.meta.dirname, '../wrangler.toml'), 'utf8');
  const bindings = [...text.matchAll(BINDING)];
  return Object.fromEntries(
    bindings.map(([, name, className]) => [
      name as string,
      { className: className as string, useSQLite: true },
    ]),
  );
}
