import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { StateFolder } from './dev-session.ts';

/** Where wrangler keeps D1, KV and the objects of a local Worker, below its state. */
const STORES = ['v3/d1', 'v3/kv', 'v3/do'];

/** Every byte in D1, KV and object storage, write-ahead logs and freed pages too, by file. */
export function everythingStored({ path }: StateFolder): Map<string, Buffer> {
  const stored = new Map<string, Buffer>();
  for (const store of STORES) {
    const folder = join(path, 'state', store);
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      const file = join(entry.parentPath, entry.name);
      if (entry.isFile()) stored.set(file, readFileSync(file));
    }
  }
  return stored;
}

/** The files that hold `text`: as it is, in UTF-16 as V8 may serialise it, or encoded as base64 in any alignment or as hex. */
export function filesWith(stored: ReadonlyMap<string, Buffer>, text: string): string[] {
  const bytes = Buffer.from(text);
  const forms = [
    bytes,
    Buffer.from(text, 'utf16le'),
    Buffer.from(bytes.toString('hex')),
    ...base64Forms(bytes),
  ];
  return [...stored].filter(([, data]) => forms.some((form) => data.includes(form))).map(([file]) => file);
}

/** What base64 and base64url make of `bytes` wherever among others they stand; what their neighbours change is left out. */
function base64Forms(bytes: Buffer): Buffer[] {
  return [0, 1, 2].flatMap((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    const inner = encoded.slice(before ? 4 : 0, -4);
    return [inner, inner.replaceAll('+', '-').replaceAll('/', '_')].map((form) => Buffer.from(form));
  });
}

/** Runs a statement on the D1 database of a local Worker, while that runs. @returns how many rows it changed */
export function changeDatabase({ path }: StateFolder, sql: string): number {
  const folder = join(path, 'state', 'v3/d1');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const file = files.find((name) => name.endsWith('.sqlite') && !name.includes('metadata')) ?? '';
  const database = new DatabaseSync(join(folder, file), { timeout: 5000 });
  try {
    return Number(database.prepare(sql).run().changes);
  } finally {
    database.close();
  }
}
