import { join } from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestHarness } from 'wrangler';
import { read } from '../journeys/support/app';
import { sharedBundle } from './support/shared-bundle';

const harness = createTestHarness({
  workers: [
    {
      configPath: join(import.meta.dirname, '../../wrangler.toml'),
      prebuiltWorkerDir: await sharedBundle(),
      secrets: {
        ENCRYPTION_KEY: 'dGVzdC1vbmx5LWVuY3J5cHRpb24ta2V5LTMyLWJ5dGU',
        ADMIN_TOKEN: 'test-admin-token-of-32-characters',
      },
    },
  ],
});

let api: Record<string, unknown>;
beforeAll(async () => {
  const { url } = await harness.listen();
  api = await read<Record<string, unknown>>(await fetch(new URL('/api/openapi.json', url)));
});
afterAll(() => harness.close());

/** Every JSON Schema of the document. */
function schemasIn(node: unknown): object[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) => {
    if (key === 'schema') return [value];
    return key === 'schemas' ? Object.values(value) : schemasIn(value);
  });
}

describe('the document of /api/openapi.json, read by others', () => {
  it('is OpenAPI 3.1', async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(api));

    expect(api.openapi).toMatch(/^3\.1\./);
    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
  });

  it('holds JSON Schemas of 2020-12', () => {
    const ajv = new Ajv2020();
    const schemas = schemasIn(api);
    const malformed = schemas.filter((schema) => !ajv.validateSchema(schema));

    expect(schemas.length).toBeGreaterThan(100);
    expect(malformed).toEqual([]);
  });
});
