import { cloudflareTest } from '@cloudflare/vitest-pool-workers';
import { defineConfig } from 'vitest/config';

/** 32 bytes, base64url. */
const ENCRYPTION_KEY = 'dGVzdC1vbmx5LWVuY3J5cHRpb24ta2V5LTMyLWJ5dGU';

export default defineConfig({
  test: {
    silent: 'passed-only',
    maxWorkers: 2, // the default leaves one of two cores idle
    reporters: ['default', './test/support/summary-reporter.ts'],
    projects: [
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: './wrangler.toml' },
            miniflare: {
              bindings: {
                ENCRYPTION_KEY,
                ADMIN_TOKEN: 'test-admin-token-of-32-characters',
                OAUTH2_SERVER_CONFIG_ISSUER_URL: 'https://gate.example',
                REVOCATION_LAG: 0,
                ALLOW_LOOPBACK_UPSTREAMS: true,
                RATE_LIMITS: 'off',
              },
            },
          }),
        ],
        test: {
          name: 'worker',
          testTimeout: 30_000, // a busy machine is no failure
          hookTimeout: 30_000,
          include: ['test/**/*.test.{ts,tsx}'],
          exclude: ['test/journeys/**', 'test/node/**'],
          globalSetup: [
            './test/support/upstream-setup.ts',
            './test/support/provider-setup.ts',
            './test/support/authorization-setup.ts',
            './test/support/peers-setup.ts',
          ],
        },
      },
      {
        test: {
          name: 'node',
          environment: 'node',
          include: ['test/journeys/**/*.test.ts', 'test/node/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
