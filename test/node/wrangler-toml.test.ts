import { join } from 'node:path';
import { expect, it } from 'vitest';
import { unstable_readConfig } from 'wrangler';

it('the platform logs no URL with a code or a state in it, and traces nothing (SECURITY 33)', () => {
  const { observability } = unstable_readConfig({ config: join(import.meta.dirname, '../../wrangler.toml') });

  expect(observability).toEqual({
    enabled: true,
    redact_query_string: true,
    logs: { enabled: true, invocation_logs: false },
  });
});
