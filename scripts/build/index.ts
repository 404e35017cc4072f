import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildBundle, isBundled } from '../deploy/bundle.ts';
import { ROOT } from '../dev/state.ts';

/**
 * What wrangler runs before anything else (wrangler.toml, `[build]`): the schema without its comments, which are for people,
 * in place of `schema.sql` (`[alias]`), and the Worker (`main`). Several wranglers may do so at once, so files are always whole.
 */
const sql = readFileSync(join(ROOT, 'schema.sql'), 'utf8')
  .replace(/\s*--.*$/gm, '')
  .replace(/\s+/g, ' ');
const module = `export default ${JSON.stringify(sql.trim())};\n`;

const folder = join(ROOT, '.wrangler/build');
const file = join(folder, 'schema.ts');
if (!existsSync(file) || readFileSync(file, 'utf8') !== module) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${file}.${process.pid}`, module);
  renameSync(`${file}.${process.pid}`, file);
}

if (!isBundled()) {
  // What stays on this machine need not be small.
  const quick = ['dev', 'types'].includes(process.env.WRANGLER_COMMAND ?? '');
  await buildBundle(join(ROOT, 'deployed'), { quick });
}
