import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { minify } from 'terser';
import { Stop } from '../stop.ts';
import { askWrangler } from './wrangler.ts';

/** What the Worker may weigh, gzipped. Every KiB is read by every new isolate. */
const MOST_BYTES = 300 * 1024;

/**
 * Leaves in `folder` what is deployed, in place of anything that was there: the Worker as wrangler bundles it, minified
 * further, with a source map that leads to our own lines. Returns the Worker's file.
 * @throws Stop when wrangler fails
 */
export async function buildBundle(folder: string): Promise<string> {
  rmSync(folder, { recursive: true, force: true });
  askWrangler(['deploy', '--dry-run', '--outdir', folder]);
  const file = join(folder, 'index.js');
  const { code = '', map } = await minify(withoutDescriptions(withSql(readFileSync(file, 'utf8'), folder)), {
    module: true,
    ecma: 2020,
    compress: { passes: 2, pure_getters: true },
    format: { ascii_only: true }, // one byte a character for V8 too
    sourceMap: { content: readFileSync(`${file}.map`, 'utf8'), url: 'index.js.map' },
  });
  writeFileSync(file, code);
  writeFileSync(`${file}.map`, String(map));
  return file;
}

/** The Worker with the statements of its `.sql` modules in place of their imports: apart, they compress badly. */
function withSql(code: string, folder: string): string {
  return code.replace(/\bimport (\w+) from"\.\/([^"]+\.sql)";/g, (_, name: string, path: string) => {
    const sql = readFileSync(join(folder, path), 'utf8').replace(/\s*--.*$/gm, '');
    rmSync(join(folder, path));
    return `const ${name}=${JSON.stringify(sql.replace(/\s+/g, ' ').trim())};`;
  });
}

/** The Worker without the words that describe members of schemas: `npm run api` has put them into the API's description. */
function withoutDescriptions(code: string): string {
  const name = String.raw`[\w$]+`;
  const [, own = ''] =
    new RegExp(`function (${name})\\(${name}\\)\\{[^{}]*\\{check:"describe"\\}`).exec(code) ?? [];
  const [, exported = ''] = new RegExp(`[ ,](${name})=${plain(own)}[,;]`).exec(code) ?? [];
  if (!own || !exported) return code;
  const words = String.raw`(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')`;
  return code.replace(new RegExp(`\\.check\\(${plain(exported)}\\(${words}\\)\\)`, 'g'), '');
}

/** A name of code, in a pattern. */
function plain(name: string): string {
  return name.replaceAll('$', '\\$');
}

/** What {@link buildBundle} left in `folder` weighs, of what is uploaded: without source maps and wrangler's note. Bytes. */
export function weightOf(folder: string): { bytes: number; gzipped: number } {
  const modules = readdirSync(folder)
    .filter((name) => !name.endsWith('.map') && name !== 'README.md')
    .map((name) => readFileSync(join(folder, name)));
  const whole = Buffer.concat(modules);
  return { bytes: whole.length, gzipped: gzipSync(whole).length };
}

/**
 * Weighs what {@link buildBundle} left in `folder`.
 * @throws Stop when it is too heavy.
 */
export function weighBundle(folder: string): string {
  const { bytes, gzipped } = weightOf(folder);
  const weight = `Bundle: ${kib(bytes)} KiB, ${kib(gzipped)} KiB gzipped, of ${kib(MOST_BYTES)} KiB allowed`;
  if (gzipped > MOST_BYTES) {
    throw new Stop(
      `${weight}: too much. "npx wrangler deploy --dry-run --outdir dist --metafile" shows what is in it.`,
    );
  }
  return weight;
}

function kib(bytes: number): string {
  return (bytes / 1024).toFixed(1);
}
