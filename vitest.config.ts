import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { cloudflareTest } from '@cloudflare/vitest-pool-workers';
import { defineConfig } from 'vitest/config';
import LongestFirst from './test/support/longest-first.ts';

/** D1, KV and objects wait until each change is on the disk. In memory, where there is a folder for it, that costs nothing. */
const MEMORY = '/dev/shm';
const DISK = tmpdir();
if (existsSync(MEMORY) && freeBytes(MEMORY) > 2 ** 30) {
  const folder = mkdtempSync(join(MEMORY, 'toolgate-test-'));
  process.env.TMPDIR = folder;
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
}

process.env.WRANGLER_LOG ??= 'error'; // it says again for each Worker where it reads settings

/** Young objects get more room and their collector no threads of its own: two cores are busy as it is. Of workerd's CPU a twentieth. */
process.env.MINIFLARE_WORKERD_V8_FLAGS ??=
  '--single-threaded-gc --min-semi-space-size=32 --max-semi-space-size=64';

/** How long `expect.poll` looks on, in place of a second. Milliseconds. */
const PATIENCE = 10_000;

/** 32 bytes, base64url. */
const ENCRYPTION_KEY = 'dGVzdC1vbmx5LWVuY3J5cHRpb24ta2V5LTMyLWJ5dGU';

/** Files that use nothing of the platform, not even its URLs: they run in Node and share one process for each worker. */
const PURE = [
  'test/admin/pages/schema-form.test.ts',
  'test/dev-settings.test.ts',
  'test/layers.test.ts',
  'test/mcp-client/long-events.test.ts',
  'test/protocol/{answer,held-result,json-insert,mcp,memory,sse,storage-fault,strings-at,trace-context}.test.ts',
  'test/protocol/{prefixed-uris,resource-address}.test.ts',
  'test/settings-table.test.ts',
  'test/ui/name.test.tsx',
];

export default defineConfig({
  test: {
    silent: 'passed-only',
    maxWorkers: availableParallelism() + 1, // files wait as well as work
    sequence: { sequencer: LongestFirst },
    reporters: ['default', './test/support/summary-reporter.ts'],
    projects: [
      {
        plugins: [
          cloudflareTest({
            main: './src/index.ts', // not what is made of it
            wrangler: { configPath: './wrangler.toml' },
            miniflare: {
              bindings: {
                ENCRYPTION_KEY,
                ADMIN_TOKEN: 'test-admin-token-of-32-characters',
                OAUTH2_SERVER_CONFIG_ISSUER_URL: 'https://gate.example',
                REVOCATION_LAG: 0,
                ALLOW_LOOPBACK_UPSTREAMS: true,
                RATE_LIMITS: 'off',
                TENANT: 'tenant-one\n',
                TENANTS: 'tenant-one\ntenant-two',
              },
            },
          }),
        ],
        test: {
          name: 'worker',
          isolate: false, // a start costs more than most files; each begins in a new world all the same
          disableConsoleIntercept: true, // kept-lines.ts says what is logged
          setupFiles: './test/support/new-world.ts',
          testTimeout: 30_000, // a busy machine is no failure
          expect: { poll: { timeout: PATIENCE } },
          hookTimeout: 30_000,
          include: ['test/**/*.test.{ts,tsx}'],
          exclude: ['test/journeys/**', 'test/node/**', ...PURE],
          globalSetup: [
            './test/support/upstream-setup.ts',
            './test/support/provider-setup.ts',
            './test/support/authorization-setup.ts',
            './test/support/peers-setup.ts',
            './test/support/sse-setup.ts',
          ],
        },
      },
      { test: { name: 'pure', environment: 'node', include: PURE, isolate: false } },
      {
        test: {
          name: 'node',
          isolate: false, // the toolchain they import is large; none of them changes it
          environment: 'node',
          env: { TMPDIR: DISK }, // a Chromium is unpacked there, once for all runs
          globalSetup: './test/journeys/support/shared-dev-setup.ts',
          include: ['test/journeys/**/*.test.ts', 'test/node/**/*.test.ts'],
          testTimeout: 180_000, // a slow machine is no failure
          expect: { poll: { timeout: PATIENCE } },
          hookTimeout: 180_000,
        },
      },
    ],
  },
});

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}
