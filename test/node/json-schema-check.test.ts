import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { isCompilable } from '../../src/protocol/json/schema-check';

const DRAFT_07 = 'http://json-schema.org/draft-07/schema#';
const DRAFT_2020 = 'https://json-schema.org/draft/2020-12/schema';

const OPTIONS = { strict: false, allErrors: true, logger: false } as const;
const drafts: Record<string, Ajv> = { [DRAFT_07]: new Ajv(OPTIONS), [DRAFT_2020]: new Ajv2020(OPTIONS) };
/** As the SDK 1.x reads schemas of every draft. */
const sdk1 = new Ajv({ ...OPTIONS, validateSchema: false });

/** Null when the schema meets its draft's meta-schema and every official client compiles it, else why not. */
function refusal(schema: Record<string, unknown>): string | null {
  try {
    drafts[(schema.$schema as string) ?? DRAFT_2020]?.compile(structuredClone(schema));
    sdk1.compile(structuredClone(schema));
    return null;
  } catch (error) {
    return String(error);
  }
}

const GOOD: Record<string, unknown>[] = [
  {},
  { type: 'object' },
  { type: 'array', items: { type: 'string' } },
  { type: ['string', 'null'] },
  { $schema: DRAFT_2020, type: 'object', prefixItems: [{ type: 'string' }] },
  { $schema: DRAFT_07, items: [{ type: 'string' }], additionalItems: false },
  { $id: 'https://x.example/schema.json', $ref: '#/$defs/a', $defs: { a: { type: 'object' } } },
  { $defs: { a: { properties: { next: { $ref: '#/$defs/a' } } } }, properties: { a: { $ref: '#/$defs/a' } } },
  { definitions: { 'a/b': true, c: {} }, properties: { a: { $ref: '#/definitions/c' } } },
  { $defs: { 'a/b~': {} }, $ref: '#/$defs/a~1b~0' },
  { properties: { next: { $ref: '#' } } },
  { properties: { a: { type: 'string', pattern: '^\\p{L}+$', format: 'x-unknown', minLength: 1 } } },
  { properties: { id: { type: 'string' }, $id: { type: 'string' }, $ref: { type: 'string' } } },
  { properties: { a: { type: 'string', nullable: true } } },
  { properties: { a: { enum: [1, null, 'a'], default: 1, examples: [1], const: null } } },
  { required: ['a'], additionalProperties: { type: 'number', multipleOf: 0.01 }, title: 'A', 'x-own': [] },
  { anyOf: [{ type: 'string' }, true], not: false, if: {}, else: {} },
  { patternProperties: { '^a': {} }, dependentRequired: { a: ['b'] }, dependentSchemas: { a: {} } },
  { dependencies: { a: ['b'], c: {} }, propertyNames: { maxLength: 3 }, contains: {}, minContains: 0 },
];

const BAD: Record<string, unknown>[] = [
  { type: 'any' },
  { type: [] },
  { type: ['string', 'string'] },
  { type: null },
  { properties: [] },
  { properties: { a: null } },
  { properties: { a: 'string' } },
  { properties: { a: { required: true } } },
  { required: ['a', 'a'] },
  { required: [1] },
  { enum: [] },
  { minimum: '1' },
  { multipleOf: 0 },
  { minLength: -1 },
  { maxItems: 1.5 },
  { pattern: '[' },
  { pattern: '\\-' },
  { patternProperties: { '(': {} } },
  { items: [{}] },
  { anyOf: [] },
  { allOf: {} },
  { $ref: '#/$defs/a' },
  { $ref: 'https://x.example/other.json' },
  { $ref: '#a' },
  { $ref: 7 },
  { id: 'Odd' },
  { properties: { a: { nullable: true } } },
  { type: 'null', nullable: false },
  { additionalProperties: 'no' },
  { description: 7 },
  { $schema: DRAFT_07, items: [] },
];

/** What is refused though ajv takes it. */
const STRICTER: Record<string, unknown>[] = [
  { formatMinimum: 5 },
  { $schema: 'https://json-schema.org/draft/2019-09/schema' },
  { $schema: 7 },
  { $id: 'relative' },
  { $defs: { a: { $id: 'https://x.example/a' } } },
  { $defs: { a: { $anchor: 'a' } } },
  { 'x-own': { $id: 'https://x.example/a' } },
  { $ref: '#/required', required: ['a'] },
];

const VALUES = [
  ...[null, true, false, 0, 1, -1, 1.5, '', 'a', '[', '#', '#/a', 'object', 'string', [], {}, [1], ['a']],
  ...[
    ['a', 'a'],
    [null],
    [{}],
    [true],
    ['object'],
    { a: 1 },
    { a: true },
    { a: {} },
    { a: [] },
    { a: ['b'] },
  ],
  ...[{ a: null }, { a: 'b' }, { '(': {} }, { type: 'a' }, [{ type: 7 }], { $ref: '#' }, { $id: 'a' }],
];
const KEYWORDS = [
  ...[
    '$schema',
    '$id',
    '$anchor',
    '$ref',
    '$defs',
    '$comment',
    '$dynamicRef',
    '$dynamicAnchor',
    '$vocabulary',
  ],
  ...['$recursiveRef', '$recursiveAnchor', '$async', 'id', 'definitions', 'dependencies', 'discriminator'],
  ...[
    'type',
    'enum',
    'const',
    'default',
    'examples',
    'title',
    'description',
    'format',
    'nullable',
    'deprecated',
  ],
  ...['readOnly', 'writeOnly', 'multipleOf', 'maximum', 'exclusiveMaximum', 'minimum', 'exclusiveMinimum'],
  ...[
    'maxLength',
    'minLength',
    'pattern',
    'items',
    'prefixItems',
    'additionalItems',
    'contains',
    'uniqueItems',
  ],
  ...['maxItems', 'minItems', 'maxContains', 'minContains', 'properties', 'patternProperties', 'required'],
  ...['additionalProperties', 'propertyNames', 'maxProperties', 'minProperties', 'dependentRequired'],
  ...[
    'dependentSchemas',
    'unevaluatedItems',
    'unevaluatedProperties',
    'allOf',
    'anyOf',
    'oneOf',
    'not',
    'if',
  ],
  ...[
    'then',
    'else',
    'contentEncoding',
    'contentMediaType',
    'contentSchema',
    'formatMaximum',
    'formatMinimum',
  ],
];

describe('a schema that validators surely compile (PROTOCOL §5)', () => {
  it.each(GOOD)('takes %j, as ajv does', (schema) => {
    expect([isCompilable(schema), refusal(schema)]).toEqual([true, null]);
  });

  it.each(BAD)('refuses %j, as ajv does', (schema) => {
    expect([isCompilable(schema), refusal(schema)]).toEqual([false, expect.any(String)]);
  });

  it.each(STRICTER)('refuses %j, which a client may not take', (schema) => {
    expect(isCompilable(schema)).toBe(false);
  });

  it('takes nothing that ajv refuses, and little less, whatever a keyword says', () => {
    const refused: [string, string][] = [];
    let taken = 0;
    for (const $schema of [DRAFT_07, DRAFT_2020]) {
      for (const keyword of KEYWORDS) {
        const alone = VALUES.map((value) => ({
          $schema,
          properties: { a: { type: 'object', [keyword]: value } },
        }));
        const fit = alone.filter(isCompilable).map(({ properties }) => properties.a);
        const reason = fit.length ? refusal({ $schema, properties: { ...fit } }) : null;
        if (reason) refused.push([keyword, reason]);
        taken += fit.length;
      }
    }

    expect(refused).toEqual([]);
    expect(taken).toBeGreaterThan((KEYWORDS.length * VALUES.length) / 4);
  });
});
