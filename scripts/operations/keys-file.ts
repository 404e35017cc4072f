import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { ROOT } from '../dev/state.ts';

/** Where the value of the deployed gateway is kept: Cloudflare shows no secret again. */
export const DEPLOYED_KEYS = join(ROOT, '.deployed.vars');

/** The variable that keeps what backups of before a rotation open with. Nothing reads it. */
export const RETIRED = 'RETIRED_ENCRYPTION_KEYS';

/** The value of `ENCRYPTION_KEY` in a file of variables; null: it has none. */
export function keysIn(file: string): string | null {
  return variablesIn(file).ENCRYPTION_KEY ?? null;
}

/** Puts it there. */
export function saveKeys(file: string, keys: readonly string[]): void {
  save(file, 'ENCRYPTION_KEY', keys);
}

/** Leaves the first key there, and moves the others to {@link RETIRED}. */
export function retireKeys(file: string, [first = '', ...old]: readonly string[]): void {
  const before = variablesIn(file)[RETIRED]?.split(',') ?? [];
  save(file, RETIRED, [...new Set([...old, ...before])]);
  save(file, 'ENCRYPTION_KEY', [first]);
}

function variablesIn(file: string): NodeJS.Dict<string> {
  return existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {};
}

/** Leaves the other lines as they are. The file is for its owner only. */
function save(file: string, name: string, keys: readonly string[]): void {
  const before = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const line = `${name}="${keys.join(',')}"`;
  const known = new RegExp(`^\\s*(export\\s+)?${name}\\s*=.*$`, 's'); // with the CR of a file from elsewhere
  const lines = before === '' ? [] : before.replace(/\n$/, '').split('\n');
  const at = lines.findIndex((one) => known.test(one));
  const others = lines.map((one) => (known.test(one) ? null : one)); // the last of several would be read
  others[at < 0 ? lines.length : at] = line;
  const text = `${others.filter((one) => one !== null).join('\n')}\n`;
  const written = `${file}.new`;
  writeFileSync(written, text, { mode: 0o600 });
  chmodSync(written, 0o600);
  renameSync(written, file);
}
