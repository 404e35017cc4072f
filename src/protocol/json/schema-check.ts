import { isObject, type JsonObject } from '../mcp';
import { plainNumber } from './exact';
import { resolve } from './schema-references';

/** The drafts that every official client compiles. */
const DRAFT_2020 = /^https?:\/\/json-schema\.org\/draft\/2020-12\/schema#?$/;
const DRAFT_07 = /^https?:\/\/json-schema\.org\/draft-07\/schema#?$/;

/** A schema's whole tree while it is read: the subschemas seen, and the references in them. */
type Reading = { isDraft07: boolean; schemas: Set<unknown>; references: Set<string> };
type Check = (value: unknown, reading: Reading) => boolean;

/**
 * True when validators surely compile a JSON Schema: it meets the meta-schema of its draft (2020-12, or 07 when it says so),
 * its references resolve inside itself, and its patterns are regular expressions. Stricter than validators where they differ:
 * names and anchors inside it, dynamic references and words of single validators make it false.
 */
export function isCompilable(schema: JsonObject): boolean {
  const { $schema = 'https://json-schema.org/draft/2020-12/schema', $id } = schema;
  const isDraft07 = typeof $schema === 'string' && DRAFT_07.test($schema);
  if (!isDraft07 && !(typeof $schema === 'string' && DRAFT_2020.test($schema))) return false;
  if ($id !== undefined && !isOwnName($id)) return false;
  if (Object.values(schema).some(namesItself)) return false;
  const reading: Reading = { isDraft07, schemas: new Set(), references: new Set() };
  if (!isSchema(schema, reading)) return false;
  return resolve(schema, reading.references, (target) => isSchema(target, reading));
}

/** An absolute name that is not a draft's. */
function isOwnName(id: unknown): boolean {
  return (
    typeof id === 'string' &&
    /^(?:https?:\/\/|urn:)[\w.:/~-]+$/.test(id) &&
    URL.canParse(id) &&
    !id.includes('json-schema.org')
  );
}

/** True when something in `value`, at any depth, has a name of its own: two of a name break a validator that has met both. */
function namesItself(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(namesItself);
  if (!isObject(value)) return false;
  const named = [value.$id, value.$anchor, value.$dynamicAnchor].some((name) => typeof name === 'string');
  return named || Object.values(value).some(namesItself);
}

function isSchema(value: unknown, reading: Reading): boolean {
  if (typeof value === 'boolean') return true;
  if (!isObject(value)) return false;
  if (reading.schemas.has(value)) return true;
  reading.schemas.add(value);
  if ('nullable' in value && !isNullable(value)) return false;
  return Object.entries(value).every(([keyword, inner]) => KEYWORDS.get(keyword)?.(inner, reading) ?? true);
}

/** A word of OpenAPI that validators know and refuse without a type, or against it. */
function isNullable({ nullable, type }: JsonObject): boolean {
  return nullable === true
    ? type !== undefined
    : nullable === false && type !== undefined && !namesNull(type);
}

const namesNull = (type: unknown) => [type].flat().includes('null');

const isText: Check = (value) => typeof value === 'string';
const isFlag: Check = (value) => typeof value === 'boolean';
const isNumber: Check = (value) => Number.isFinite(plainNumber(value));
const isCount: Check = (value) => Number.isInteger(plainNumber(value)) && Number(plainNumber(value)) >= 0;
const never: Check = () => false;

const isSchemas: Check = (value, reading) =>
  Array.isArray(value) && value.length > 0 && value.every((inner) => isSchema(inner, reading));
const isSchemaMap: Check = (value, reading) =>
  isObject(value) && Object.values(value).every((inner) => isSchema(inner, reading));
const isItems: Check = (value, reading) =>
  isSchema(value, reading) || (reading.isDraft07 && isSchemas(value, reading));
const isPatternMap: Check = (value, reading) =>
  isSchemaMap(value, reading) && Object.keys(value as JsonObject).every(isPattern);
const isNames: Check = (value) =>
  Array.isArray(value) && value.every((name) => typeof name === 'string') && areDifferent(value);
const isNamesMap: Check = (value, reading) =>
  isObject(value) && Object.values(value).every((names) => isNames(names, reading));
const isDependencies: Check = (value, reading) =>
  isObject(value) &&
  Object.values(value).every((inner) => isNames(inner, reading) || isSchema(inner, reading));

function areDifferent(values: readonly unknown[]): boolean {
  return new Set(values.map((value) => JSON.stringify(value))).size === values.length;
}

const TYPES = ['array', 'boolean', 'integer', 'null', 'number', 'object', 'string'];
const isType: Check = (value, reading) => {
  const types = typeof value === 'string' ? [value] : value;
  return (
    Array.isArray(types) &&
    types.length > 0 &&
    isNames(types, reading) &&
    types.every((type) => TYPES.includes(type))
  );
};

function isPattern(value: unknown): boolean {
  try {
    return typeof value === 'string' && Boolean(new RegExp(value, 'u'));
  } catch {
    return false;
  }
}

const isReference: Check = (value, { references }) =>
  typeof value === 'string' && Boolean(references.add(value));

/** What each keyword must be, of both drafts: clients of one read schemas of the other. */
const KEYWORDS = new Map<string, Check>([
  ...each(['$schema', '$id', '$comment', 'title', 'description', 'format'], isText),
  ...each(['contentEncoding', 'contentMediaType'], isText),
  ...each(['additionalProperties', 'additionalItems', 'unevaluatedItems', 'unevaluatedProperties'], isSchema),
  ...each(['not', 'if', 'then', 'else', 'contains', 'propertyNames', 'contentSchema'], isSchema),
  ...each(['allOf', 'anyOf', 'oneOf', 'prefixItems'], isSchemas),
  ...each(['properties', '$defs', 'definitions', 'dependentSchemas'], isSchemaMap),
  ...each(['maximum', 'minimum', 'exclusiveMaximum', 'exclusiveMinimum'], isNumber),
  ...each(['maxLength', 'minLength', 'maxItems', 'minItems', 'maxProperties', 'minProperties'], isCount),
  ...each(['maxContains', 'minContains'], isCount),
  ...each(['uniqueItems', 'readOnly', 'writeOnly', 'deprecated', 'nullable'], isFlag),
  ['multipleOf', (value, reading) => isNumber(value, reading) && Number(plainNumber(value)) > 0],
  ['items', isItems],
  ['patternProperties', isPatternMap],
  ['dependentRequired', isNamesMap],
  ['dependencies', isDependencies],
  ['required', isNames],
  ['type', isType],
  ['pattern', isPattern],
  ['enum', (value) => Array.isArray(value) && value.length > 0 && areDifferent(value)],
  ['examples', Array.isArray],
  ['$ref', isReference],
  ...each(['id', '$async', '$anchor', '$dynamicRef', '$dynamicAnchor', '$recursiveRef'], never),
  ...each(['$recursiveAnchor', '$vocabulary'], never),
  ...each(['formatMaximum', 'formatMinimum', 'formatExclusiveMaximum', 'formatExclusiveMinimum'], never),
]);

function each(keywords: readonly string[], check: Check): [string, Check][] {
  return keywords.map((keyword) => [keyword, check]);
}
