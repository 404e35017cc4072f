import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Stop } from '../stop.ts';

/** What the Worker may weigh, gzipped. Every KiB is read by every new isolate. */
const MOST_BYTES = 330 * 1024;

/**
 * Weighs what `wrangler deploy --outdir` left in `folder`: what is uploaded, so without source maps and wrangler's note.
 * @throws Stop when it is too heavy.
 */
export function weighBundle(folder: string): string {
  const modules = readdirSync(folder)
    .filter((name) => !name.endsWith('.map') && name !== 'README.md')
    .map((name) => readFileSync(join(folder, name)));
  const whole = Buffer.concat(modules);
  const gzipped = gzipSync(whole).length;
  const weight = `Bundle: ${kib(whole.length)} KiB, ${kib(gzipped)} KiB gzipped, of ${kib(MOST_BYTES)} KiB allowed`;
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
