import * as z from 'zod/mini';
import { isRawNumber, parseExact, plainNumber } from '../protocol/json/exact';
import { sameJson } from '../protocol/json/same';
import { isCompilable } from '../protocol/json/schema-check';
import { deeperThan, isObject, type JsonObject } from '../protocol/mcp';
import { mirrorFault } from '../protocol/mcp-headers';

export type ItemKind = 'tool' | 'prompt' | 'resource' | 'template';

const MOST_DEFINITION = 262_144;
const MOST_DESCRIPTION = 65_536;

/** The member that names an item of each kind. */
export const NAMED_BY: Readonly<Record<ItemKind, 'name' | 'uri' | 'uriTemplate'>> = {
  tool: 'name',
  prompt: 'name',
  resource: 'uri',
  template: 'uriTemplate',
};

/** What becomes of a member's value; undefined: the member is dropped. */
type Repair = (value: unknown) => unknown;

const as =
  (schema: z.ZodMiniType): Repair =>
  (value) =>
    schema.safeParse(plainNumber(value)).success ? value : undefined;

const text = as(z.string());
const flag = as(z.boolean());
const object: Repair = (value) => (isObject(value) ? value : undefined);

const members =
  (repairs: Readonly<Record<string, Repair>>): Repair =>
  (value) =>
    isObject(value) ? withMembers(value, repairs) : undefined;

const listOf =
  (repair: Repair): Repair =>
  (value) =>
    Array.isArray(value) ? value.map(repair).filter((item) => item !== undefined) : undefined;

/** The most an icon's address may be: one with the image in it. */
const MOST_ICON = 65_536;

/** True for an address that shows nothing but an image: another page's scheme could run something (PROTOCOL §6). */
function isIconAddress(src: unknown): boolean {
  if (typeof src !== 'string' || src.length > MOST_ICON || clean(src) !== src) return false;
  return /^data:image\/[a-z0-9.+-]+[;,]/i.test(src) || (/^https:\/\//i.test(src) && URL.canParse(src));
}

/** The icons of a list that can be shown. */
export function checkIcons(value: unknown): unknown[] {
  return (COMMON.icons(value) as unknown[] | undefined) ?? [];
}

const icon: Repair = (value) =>
  isObject(value) && isIconAddress(value.src)
    ? withMembers(value, {
        mimeType: text,
        sizes: as(z.array(z.string())),
        theme: as(z.enum(['light', 'dark'])),
      })
    : undefined;

/** Optional members of every kind (MCP 2025-11-25 and 2026-07-28, schema). Members not named here stay as they are. */
const COMMON = { title: text, description: text, icons: listOf(icon), _meta: object };

const CONTENT = {
  ...COMMON,
  mimeType: text,
  size: as(z.number()),
  annotations: members({
    audience: listOf(as(z.enum(['user', 'assistant']))),
    priority: as(z.number().check(z.minimum(0), z.maximum(1))),
    lastModified: as(z.iso.datetime({ offset: true })),
  }),
};

const OPTIONAL: Readonly<Record<ItemKind, Readonly<Record<string, Repair>>>> = {
  tool: {
    ...COMMON,
    annotations: members({
      title: text,
      readOnlyHint: flag,
      destructiveHint: flag,
      idempotentHint: flag,
      openWorldHint: flag,
    }),
    execution: members({ taskSupport: as(z.enum(['required', 'optional', 'forbidden'])) }),
    outputSchema: repairOutputSchema,
  },
  prompt: COMMON,
  resource: CONTENT,
  template: CONTENT,
};

const ARGUMENT = { title: text, description: text, required: flag };

/** An item as it is stored, with the members that were repaired; or why it cannot be offered. */
export type Checked = { definition: string; repaired: string[] } | { leftOut: string };

/** Thrown where an item cannot be offered. The message says why, as `left_out` does. */
class NotOffered extends Error {}

/** What names an item; empty when nothing does. */
export function nameOf(kind: ItemKind, item: unknown): string {
  const name = isObject(item) ? item[NAMED_BY[kind]] : undefined;
  return typeof name === 'string' ? name : '';
}

/**
 * An item of a server's list as official clients accept it, numbers digit by digit. What a server says is data: members whose
 * meaning is plain are repaired, optional ones of a wrong type dropped, and the rest is capped (CONTRACT §6).
 * @param item parsed with its digits
 */
export function checkItem(kind: ItemKind, item: unknown): Checked {
  try {
    const offered = withCleanWords({ ...naming(kind, item), ...describing(kind, item as JsonObject) });
    const definition = textOf(offered as JsonObject);
    if (definition.length > MOST_DEFINITION)
      throw new NotOffered(`its definition is over ${MOST_DEFINITION / 1024} KiB`);
    if (deeperThan(definition, 60)) throw new NotOffered('its definition is nested too deep');
    return { definition, repaired: differing(item as JsonObject, offered as JsonObject) };
  } catch (error) {
    if (error instanceof NotOffered) return { leftOut: error.message };
    throw error;
  }
}

/** The members that are not as the server sent them. */
function differing(sent: JsonObject, offered: JsonObject): string[] {
  const members = new Set([...Object.keys(sent), ...Object.keys(offered)]);
  return [...members].filter((member) => !sameJson(sent[member], offered[member]));
}

/** The members that name an item, first in its definition. @throws NotOffered */
function naming(kind: ItemKind, item: unknown): JsonObject {
  const named = NAMED_BY[kind];
  const name = nameOf(kind, item);
  if (!isObject(item) || !name) throw new NotOffered(`it has no ${named}`);
  if (name.length > (named === 'name' ? 256 : 4096)) throw new NotOffered(`its ${named} is too long`);
  if (clean(name) !== name) throw new NotOffered(`its ${named} holds hidden characters`);
  if (named === 'name') return { name };
  const shown = [item.name, item.title, name].find((words) => typeof words === 'string' && words) as string;
  return { [named]: name, name: clean(shown).slice(0, MOST_DESCRIPTION) };
}

/** The members that describe it, repaired. @throws NotOffered */
function describing(kind: ItemKind, item: JsonObject): JsonObject {
  const { name: _, [NAMED_BY[kind]]: __, ...others } = withMembers(item, OPTIONAL[kind]);
  if (kind === 'tool') return { ...others, inputSchema: repairInputSchema(item.inputSchema) };
  if (kind !== 'prompt' || item.arguments === undefined) return others;
  const { arguments: ___, ...rest } = others;
  return { ...rest, ...promptArguments(item.arguments) };
}

function promptArguments(value: unknown): JsonObject {
  if (value === null || isEmpty(value)) return {};
  if (!Array.isArray(value)) throw new NotOffered('its arguments are no list');
  const listed = value.filter((argument) => argument !== null);
  if (!listed.every((argument) => isObject(argument) && typeof argument.name === 'string'))
    throw new NotOffered('one of its arguments has no name');
  return { arguments: listed.map((argument) => withMembers(argument, ARGUMENT)) };
}

/** @throws NotOffered when it describes something else than an object. */
function repairInputSchema(value: unknown): JsonObject {
  if (value === undefined || value === null || isEmpty(value)) return { type: 'object' };
  if (!isObject(value)) throw new NotOffered('its inputSchema is no JSON Schema object');
  const { $schema, ...schema } = withProperties(value, 'inputSchema');
  if (soleType(schema.type ?? 'object') !== 'object')
    throw new NotOffered('its inputSchema is of another type than object');
  const fault = mirrorFault(schema);
  if (fault) throw new NotOffered(fault);
  return { ...(typeof $schema === 'string' && { $schema }), ...schema, type: 'object' };
}

/** Undefined when no validator could use it. */
function repairOutputSchema(value: unknown): unknown {
  if (!isObject(value)) return undefined;
  try {
    const schema = withProperties(value, 'outputSchema');
    if ('type' in schema) schema.type = soleType(schema.type);
    return isCompilable(schema) ? schema : undefined;
  } catch (error) {
    if (error instanceof NotOffered) return undefined;
    throw error;
  }
}

/** A list of one type as that type. */
function soleType(type: unknown): unknown {
  return Array.isArray(type) && type.length === 1 ? type[0] : type;
}

/** A schema whose `properties` and `required` are what clients read them as. @throws NotOffered when nothing plain can be made of them. */
function withProperties({ properties, required, ...schema }: JsonObject, where: string): JsonObject {
  const names = required === null || (isObject(required) && isEmpty(required)) ? undefined : required;
  if (names !== undefined && !(Array.isArray(names) && names.every((name) => typeof name === 'string')))
    throw new NotOffered(`the required of its ${where} is no list of names`);
  return {
    ...schema,
    ...(properties !== undefined && { properties: propertiesOf(properties, where) }),
    ...(names !== undefined && { required: names }),
  };
}

function propertiesOf(value: unknown, where: string): JsonObject {
  if (value === null || isEmpty(value)) return {};
  if (!isObject(value)) throw new NotOffered(`the properties of its ${where} are no object`);
  return Object.fromEntries(
    Object.entries(value).map(([name, schema]) => {
      if (schema === false) return [name, { not: {} }];
      if (schema === true || schema === null || isEmpty(schema)) return [name, {}];
      if (!isObject(schema)) throw new NotOffered(`a property of its ${where} is no schema`);
      return [name, schema];
    }),
  );
}

/** True for `{}` and for `[]`, which some languages write in its place. */
function isEmpty(value: unknown): boolean {
  return (isObject(value) || Array.isArray(value)) && !Object.keys(value).length;
}

function withMembers(value: JsonObject, repairs: Readonly<Record<string, Repair>>): JsonObject {
  const repaired = Object.entries(value).map(([member, inner]) => {
    return [member, Object.hasOwn(repairs, member) ? repairs[member]?.(inner) : inner];
  });
  return Object.fromEntries(repaired.filter(([, inner]) => inner !== undefined));
}

/**
 * The JSON of a definition. What an earlier version stored in place of a number, `{"rawJSON":"1e-05"}`, is found by that text,
 * so a server's own member of that name is written with an escape.
 */
function textOf(definition: JsonObject): string {
  return JSON.stringify(definition).replaceAll('"rawJSON":"', '"\\u0072awJSON":"');
}

/** Titles and descriptions, at any depth, without what people cannot see and models can. */
function withCleanWords(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withCleanWords);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([member, inner]) => {
      const words = typeof inner === 'string' && (member === 'description' || member === 'title');
      return [member, words ? clean(inner).slice(0, MOST_DESCRIPTION) : withCleanWords(inner)];
    }),
  );
}

/** Without control, bidirectional, zero-width and tag characters and variation selectors beyond the first sixteen. */
export function clean(words: string): string {
  return words.replace(/(?![\n\t])[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]|[\u{E0100}-\u{E01EF}]/gu, '');
}

/** Where a number beyond a double may be. */
const MAY_BE_BEYOND_DOUBLE = /\d[eE]\+?\d{3}|\d{309}/;

/**
 * A tool's stored definition as clients of the 2025 era read it: an `outputSchema` describes an object, and no property holds
 * a number beyond a double, at which one of them refuses the whole list.
 * @param tool the same, parsed
 */
export function forOlderClients(definition: string, tool: JsonObject): string {
  const isPlain = tool.outputSchema === undefined || describesObject(tool.outputSchema);
  if (isPlain && !MAY_BE_BEYOND_DOUBLE.test(definition)) return definition;
  const read = withMembers(parseExact(definition) as JsonObject, {
    inputSchema: withoutBeyondDouble,
    outputSchema: (schema) => (describesObject(schema) && !holdsBeyondDouble(schema) ? schema : undefined),
  });
  return JSON.stringify(read);
}

function describesObject(schema: unknown): boolean {
  return isObject(schema) && schema.type === 'object';
}

function holdsBeyondDouble(value: unknown): boolean {
  if (isBeyondDouble(value)) return true;
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsBeyondDouble);
}

function withoutBeyondDouble(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((item) => !isBeyondDouble(item)).map(withoutBeyondDouble);
  if (!isObject(value)) return value;
  const kept = Object.entries(value).filter(([, inner]) => !isBeyondDouble(inner));
  return Object.fromEntries(kept.map(([member, inner]) => [member, withoutBeyondDouble(inner)]));
}

/** True for a number too large for a double. */
function isBeyondDouble(value: unknown): boolean {
  return isRawNumber(value) && !Number.isFinite(Number(value.rawJSON));
}
