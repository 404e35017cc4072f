import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { minify } from 'terser';
import { Stop } from '../stop.ts';
import { askWrangler } from './wrangler.ts';

/** What the Worker may weigh, gzipped. Every KiB is read by every new isolate. */
const MOST_BYTES = 330 * 1024;

/** Set for the wrangler that bundles: the command of `[build]`, which it runs too, then makes no bundle of its own. */
const BUNDLING = 'TOOLGATE_BUNDLING';

/** What tells that wrangler's command of `[build]`, and that of one that is given a Worker, that there is nothing to make. */
export const BUNDLED = { [BUNDLING]: 'true' };

/** Whether the wrangler that runs this needs no bundle made. */
export function isBundled(): boolean {
  return process.env[BUNDLING] !== undefined;
}

/**
 * Leaves in `folder` what is deployed: the Worker as wrangler bundles it, minified further, with a source map that leads to
 * our own lines. Returns the Worker's file. Several processes may do so at once: it is always whole.
 * @param quick as wrangler bundles it and no smaller: for this machine, in a fifth of the time
 * @throws Stop when wrangler fails
 */
export async function buildBundle(folder: string, { quick = false } = {}): Promise<string> {
  const made = `${folder}.${process.pid}`; // as deep as `folder`: the source map's paths are relative
  const file = join(folder, 'index.js');
  try {
    const form = quick ? [] : ['--minify'];
    askWrangler(['deploy', 'src/index.ts', '--bundle', ...form, '--dry-run', '--outdir', made], BUNDLED);
    const { code, map } = quick ? bundled(made) : await smaller(made);
    mkdirSync(folder, { recursive: true });
    replace(`${file}.map`, map);
    replace(file, code);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
  return file;
}

/** What wrangler left in `folder` as one module, and its source map. */
function bundled(folder: string): { code: string; map: string } {
  const file = join(folder, 'index.js');
  return { code: withSql(readFileSync(file, 'utf8'), folder), map: readFileSync(`${file}.map`, 'utf8') };
}

/** The same as small as it can be. */
async function smaller(folder: string): Promise<{ code: string; map: string }> {
  const made = bundled(folder);
  const { code = '', map } = await minify(withoutDescriptions(made.code), {
    module: true,
    ecma: 2020,
    // A second pass takes as long again, for 0.3 KiB. That constants stay where they are written saves 0.2.
    compress: { pure_getters: true, lhs_constants: false },
    mangle: true,
    format: { ascii_only: true }, // one byte a character for V8 too
    sourceMap: { content: made.map, url: 'index.js.map' },
  });
  return { code, map: String(map) };
}

/** Writes `file` anew, at once for all who read it. */
function replace(file: string, content: string): void {
  writeFileSync(`${file}.${process.pid}`, content);
  renameSync(`${file}.${process.pid}`, file);
}

/**
 * The Worker with the statements of its `.sql` modules in place of their imports: apart, they compress badly. What is not minified
 * has each import on a line of its own, so that its source map holds as before.
 */
function withSql(code: string, folder: string): string {
  return code.replace(/\bimport (\w+) from ?"\.\/([^"]+\.sql)";/g, (_, name: string, path: string) => {
    const sql = readFileSync(join(folder, path), 'utf8').replace(/\s*--.*$/gm, '');
    return `const ${name}=${JSON.stringify(sql.replace(/\s+/g, ' ').trim())};`;
  });
}

/**
 * The Worker without the words that describe members of schemas and settings (`does`): `npm run api` and `npm run readme` have
 * put them where they are read.
 */
function withoutDescriptions(code: string): string {
  const words = String.raw`(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\`(?:[^\`\\$]|\\.)*\`)`;
  const bare = code.replace(new RegExp(`,does:${words}`, 'g'), '');
  const name = String.raw`[\w$]+`;
  const [, own = ''] =
    new RegExp(`function (${name})\\(${name}\\)\\{[^{}]*\\{check:"describe"\\}`).exec(bare) ?? [];
  const [, exported = ''] = new RegExp(`[ ,](${name})=${plain(own)}[,;]`).exec(bare) ?? [];
  if (!own || !exported) return bare;
  return bare.replace(new RegExp(`\\.check\\(${plain(exported)}\\(${words}\\)\\)`, 'g'), '');
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
