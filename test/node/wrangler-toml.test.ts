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

it('any wrangler uploads what the command of [build] made, as it is', () => {
  expect(config).toMatchObject({
    main: join(ROOT, 'deployed/index.js'),
    no_bundle: true,
    find_additional_modules: false, // nothing beside it
    upload_source_maps: true,
    build: { command: 'node scripts/build/index.ts' },
  });
});

it('what is left out of packages is what they still bring along', () => {
  const from = {
    './router/reg-exp-router/router.js': 'hono/dist/hono.js',
    './utils/mount.js': 'hono/dist/hono-base.js',
    './utils/body.js': 'hono/dist/request.js',
    './intrinsic-element/common.js': 'hono/dist/jsx/base.js',
    './intrinsic-element/components.js': 'hono/dist/jsx/base.js',
    './jwe_algorithms.js': 'jose/dist/webapi/lib/key_algorithm.js',
  };
  const leftOut = Object.keys(config.alias ?? {}).filter((name) => name.endsWith('.js'));

  expect(leftOut.toSorted()).toEqual(Object.keys(from).toSorted());
  for (const [name, file] of Object.entries(from))
    expect(readFileSync(join(ROOT, 'node_modules', file), 'utf8')).toContain(`from "${name}"`);
});
