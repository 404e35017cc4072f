import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
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

/** So many definitions, each within the one before. */
function chain(length: number): Record<string, object> {
  const next = (at: number) => (at < length ? { properties: { a: { $ref: `#/$defs/${at}` } } } : {});
  return Object.fromEntries(Array.from({ length }, (_, at) => [at, next(at + 1)]));
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
  { $defs: { 'A<B> %': {} }, anyOf: [{ $ref: '#/$defs/A<B> %25' }, { $ref: '#/$defs/A%3CB%3E%20%25' }] },
  { $defs: { 列: {}, 'A[B]': {} }, anyOf: [{ $ref: '#/$defs/列' }, { $ref: '#/$defs/A[B]' }] },
  { components: { schemas: { a: { type: 'string' } } }, $ref: '#/components/schemas/a' },
  { $defs: { a: { $ref: '#/$defs/b' }, b: { properties: { a: { $ref: '#/$defs/a' } } } }, $ref: '#/$defs/a' },
  { properties: { next: { $ref: '#' } } },
  { $ref: '#/$defs/0', $defs: chain(200) },
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
  { $ref: '#/$defs/%', $defs: { '%': {} } },
  { $ref: '#/$defs/a%2Fb', $defs: { a: { b: {} } } },
  { components: { a: { type: 'any' } }, $ref: '#/components/a' },
  { properties: { a: { $ref: '#/properties/a' } } },
  { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b', title: 'A' }, b: { $ref: '#/$defs/a' } } },
  { $ref: '#/$defs/0', $defs: chain(600) },
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
  { $ref: '#' },
  { $ref: '#/$defs/0', $defs: chain(201) },
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

const name = fc.constantFrom('a', 'b', 'A<B>', '列');
const reference = fc.constantFrom(
  '#/$defs/a',
  '#/$defs/b',
  '#/$defs/A%3CB%3E',
  '#/$defs/列',
  '#/$defs/c',
  '#',
  '#b',
  'x',
);
const pattern = fc.constantFrom('^a+$', '\\d{2}', '\\p{L}', '[', '\\-', '(?<n>a)', '(?<n>', '');
const count = fc.oneof(fc.nat(9), fc.constantFrom(-1, 1.5));

/** Schemas whose keywords are mostly what their draft wants, and sometimes any other value. */
function schemaOf(draft: string): fc.Arbitrary<Record<string, unknown>> {
  const { object } = fc.letrec((tie) => {
    const schema = fc.oneof({ depthSize: 'small', withCrossShrink: true }, fc.boolean(), tie('object'));
    const schemas = fc.array(schema, { maxLength: 2 });
    const map = fc.dictionary(name, schema, { maxKeys: 2 });
    const names = fc.array(name, { maxLength: 2 });
    const both: Record<string, fc.Arbitrary<unknown>> = {
      ...of(schema, 'additionalProperties', 'not', 'if', 'then', 'else', 'contains', 'propertyNames'),
      ...of(schemas, 'allOf', 'anyOf', 'oneOf'),
      ...of(map, 'properties', 'definitions'),
      ...of(fc.double({ noNaN: true }), 'maximum', 'minimum', 'exclusiveMaximum', 'multipleOf'),
      ...of(count, 'maxLength', 'minItems', 'maxProperties'),
      ...of(fc.boolean(), 'uniqueItems', 'readOnly', 'nullable'),
      ...of(fc.string({ maxLength: 3 }), 'title', 'description', '$comment', 'format', 'contentEncoding'),
      ...of(fc.jsonValue({ maxDepth: 1 }), 'const', 'default', 'x-own'),
      type: fc.oneof(fc.constantFrom('string', 'object', 'null', 'any'), names),
      enum: fc.array(fc.jsonValue({ maxDepth: 1 }), { maxLength: 2 }),
      patternProperties: fc.dictionary(pattern, fc.constant({ minLength: 1 }), { maxKeys: 1 }), // read only where it says something
      dependencies: fc.dictionary(name, fc.oneof(names, schema), { maxKeys: 1 }),
      items: draft === DRAFT_07 ? fc.oneof(schema, schemas) : schema,
      examples: fc.array(fc.jsonValue({ maxDepth: 0 }), { maxLength: 1 }),
      required: names,
      pattern,
      $ref: reference,
    };
    const own: Record<string, fc.Arbitrary<unknown>> = {
      ...of(schema, 'unevaluatedProperties', 'unevaluatedItems', 'contentSchema'),
      dependentSchemas: map,
      $defs: map.map((schemas) => mapped(schemas, withoutRef)),
      ...of(fc.dictionary(name, names, { maxKeys: 1 }), 'dependentRequired'),
      ...of(count, 'minContains'),
      prefixItems: schemas,
      deprecated: fc.boolean(),
    };
    const keywords = Object.entries(draft === DRAFT_07 ? both : { ...both, ...own });
    const members = fc.oneof(...keywords.map(([word, value]) => odd(value).map((one) => [word, one])));
    return { object: fc.array(members, { maxLength: 3 }).map((list) => Object.fromEntries(list as [])) };
  });
  const $defs = { a: { type: 'string' }, 'A<B>': {}, 列: { properties: { a: { $ref: '#' } } } };
  return (object as fc.Arbitrary<object>).map((schema) => ({ $defs, ...withoutRef(schema), $schema: draft }));
}

/** What refers to itself alone is refused, which ajv does not do in every place. */
function withoutRef(schema: unknown): object {
  const { $ref: _, ...rest } = schema as { $ref?: unknown };
  return rest;
}

function mapped<T, U>(values: Record<string, T>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(values).map(([member, value]) => [member, change(value)]));
}

const DATA = ['const', 'default', 'enum', 'examples', 'x-own'];

/** References to everything that may be a schema: ajv does not read a part that nothing uses, another client may. */
function partsOf(value: unknown, path = '#'): { $ref: string }[] {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.entries(value).flatMap(([member, one]) =>
    DATA.includes(member) ? [] : partsOf(one, `${path}/${encodeURIComponent(member)}`),
  );
  const isMap = /(?:properties|\$defs|definitions|[a-z](?:Properties|Schemas|Required)|dependencies)$/.test(
    path,
  );
  return path === '#' || isMap || Array.isArray(value) ? inner : [{ $ref: path }, ...inner];
}

function whollyRead(schema: Record<string, unknown>): Record<string, unknown> {
  const { allOf = [true] } = schema;
  return Array.isArray(allOf) && allOf.length ? { ...schema, allOf: [...allOf, ...partsOf(schema)] } : schema;
}

function of(value: fc.Arbitrary<unknown>, ...words: string[]): Record<string, fc.Arbitrary<unknown>> {
  return Object.fromEntries(words.map((word) => [word, value]));
}

/** One in thirty is any other value, but no name of its own. */
function odd(value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 29, arbitrary: value },
    { weight: 1, arbitrary: fc.constantFrom(...VALUES.slice(0, -1)) },
  );
}

describe('whether validators compile a schema, for any schema (PROTOCOL §5)', () => {
  it.each([DRAFT_07, DRAFT_2020])('is what ajv says: %s', (draft) => {
    fc.assert(
      fc.property(
        schemaOf(draft),
        (schema) => isCompilable(schema) === (refusal(whollyRead(schema)) === null),
      ),
      { numRuns: 80, seed: 11 },
    );
  });
});
