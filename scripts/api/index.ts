import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTestHarness } from 'wrangler';
import { ROOT } from '../dev/state.ts';

/** `npm run api`: makes the API's description from the schemas, in the runtime they are for, and leaves it among the assets. */
process.env.CLOUDFLARE_CF_FETCH_ENABLED = 'false'; // it needs nothing from there
const harness = createTestHarness({ workers: [{ configPath: join(import.meta.dirname, 'wrangler.toml') }] });
try {
  const { url } = await harness.listen();
  const assets = (await (await fetch(url)).json()) as Record<string, unknown>;
  for (const [name, content] of Object.entries(assets)) {
    writeFileSync(join(ROOT, 'public', name), `${JSON.stringify(content, null, 1)}\n`);
  }
} finally {
  await harness.close();
}
