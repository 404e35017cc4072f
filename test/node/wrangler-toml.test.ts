import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { unstable_readConfig } from 'wrangler';

const ROOT = join(import.meta.dirname, '../..');
const config = unstable_readConfig({ config: join(ROOT, 'wrangler.toml') });

it('the platform logs no URL with a code or a state in it, and traces nothing (SECURITY 33)', () => {
  expect(config.observability).toEqual({
    enabled: true,
    redact_query_string: true,
    logs: { enabled: true, invocation_logs: false },
    traces: { enabled: false, head_sampling_rate: 0.01 },
  });
});

it('what is left out of hono is what it still brings along', () => {
  const hono = readFileSync(join(ROOT, 'node_modules/hono/dist/hono.js'), 'utf8');
  const leftOut = Object.keys(config.alias ?? {}).filter((name) => name.endsWith('.js'));

  expect(leftOut.length).toBeGreaterThan(0);
  expect(leftOut.filter((file) => !hono.includes(`from "${file}"`))).toEqual([]);
});
