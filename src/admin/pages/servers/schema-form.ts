import { isRawNumber, parseExact, plainNumber, type RawNumber } from '../../../protocol/json/exact';
import { deeperThan, isObject, type JsonObject } from '../../../protocol/mcp';

/** A value a list offers to choose. A number has the digits it has in the schema. */
type Scalar = string | number | RawNumber | boolean | null;
type Primitive = 'string' | 'number' | 'integer' | 'boolean';

/** How one argument is entered. */
export type Control =
  | { kind: 'text'; isLong: boolean; most: number | null }
  | { kind: 'number'; isWhole: boolean; least: number | null; most: number | null }
  | { kind: 'yes_no' }
  | { kind: 'choice' | 'choices'; options: readonly Scalar[]; words: readonly string[] }
  /** One a line. */
  | { kind: 'lines'; of: Exclude<Primitive, 'boolean'> }
  | { kind: 'group'; fields: readonly ArgumentField[] }
  | { kind: 'json' };

/** An argument of a tool, as a form asks for it. */
export type ArgumentField = {
  /** Of its control: the members that lead to it, safe to stand in an `id`. */
  name: string;
  /** Its own member; null: the arguments as a whole. */
  member: string | null;
  label: string;
  hint: string;
  isRequired: boolean;
  /** Nothing can be run without it: everything it stands in is required, too. */
  isDemanded: boolean;
  /** What its control has before anyone types. */
  initial: string[];
  control: Control;
};

/** Groups within groups; what lies deeper is written as JSON. */
const MOST_DEPTH = 2;
/** Beyond these a form is no help: JSON, or a line of text, is. */
const MOST_FIELDS = 60;
const MOST_OPTIONS = 100;
const MOST_HINT = 300;
const LONG = /body|code|content|description|html|markdown|message|prompt|query|sql|summary|text/i;

/** The form for a tool's `inputSchema`, or what a server asks for; the rest as JSON. @param name begins those of its controls */
export function fieldsOf(inputSchema: unknown, name = 'arg'): ArgumentField[] {
  const build = new Builder(isObject(inputSchema) ? inputSchema : {}, name);
  const fields = build.members(build.root, [], true);
  const { type, additionalProperties, required } = build.root;
  const isFree = !fields?.length && (type !== 'object' || additionalProperties === true || required);
  return fields && build.count <= MOST_FIELDS && !isFree ? fields : [{ ...WHOLE, name }];
}

/** The arguments as one JSON object. */
const WHOLE: Omit<ArgumentField, 'name'> = {
  member: null,
  label: 'Arguments',
  hint: 'A JSON object, as the tool describes it.',
  isRequired: false,
  isDemanded: false,
  initial: [],
  control: { kind: 'json' },
};

class Builder {
  count = 0;

  constructor(
    readonly root: JsonObject,
    private readonly prefix: string,
  ) {}

  /** Fields for the members of an object; null when it has none that a form could list. */
  members(schema: JsonObject, path: readonly string[], isWanted: boolean): ArgumentField[] | null {
    const { properties, required, patternProperties, oneOf, anyOf, allOf } = schema;
    if (patternProperties || oneOf || anyOf || allOf || isObject(schema.additionalProperties)) return null;
    if (properties !== undefined && !isObject(properties)) return null;
    const names = Array.isArray(required) ? required : [];
    return Object.entries(properties ?? {}).map(([member, inner]) =>
      this.field(inner, [...path, member], { isRequired: names.includes(member), isWanted }),
    );
  }

  private field(
    written: unknown,
    path: readonly string[],
    { isRequired, isWanted }: { isRequired: boolean; isWanted: boolean },
  ): ArgumentField {
    this.count++;
    const schema = this.plain(written);
    const outer = isObject(written) ? written : {};
    const member = path.at(-1) ?? '';
    const control = this.control(schema, path, isRequired && isWanted);
    const title = outer.title ?? schema.title;
    const described = outer.description ?? schema.description ?? title;
    return {
      name: nameOf(this.prefix, path),
      member,
      label: this.prefix !== 'arg' && typeof title === 'string' ? cut(title) : member,
      hint: typeof described === 'string' ? cut(described) : '',
      isRequired,
      isDemanded: isRequired && isWanted,
      // In a group that may be left out, a value no one typed would send it.
      initial: isWanted ? initialOf(control, outer.default ?? schema.default, isRequired) : [],
      control,
    };
  }

  private control(schema: JsonObject, path: readonly string[], isWanted: boolean): Control {
    const options = optionsOf(schema);
    if (options && options.length <= MOST_OPTIONS)
      return { kind: 'choice', options, words: wordsOf(schema, options) };
    const { type } = schema;
    if (type === 'boolean') return { kind: 'yes_no' };
    if (type === 'number' || type === 'integer') {
      const { minimum, maximum } = schema;
      return { kind: 'number', isWhole: type === 'integer', least: bound(minimum), most: bound(maximum) };
    }
    if (type === 'string') {
      const most = bound(schema.maxLength);
      const isLong = !schema.format && (most ?? Infinity) > 200 && LONG.test(path.at(-1) ?? '');
      return { kind: 'text', isLong, most };
    }
    if (type === 'array') return this.list(this.plain(schema.items));
    if (type !== 'object' && !isObject(schema.properties)) return { kind: 'json' };
    const fields = path.length <= MOST_DEPTH ? this.members(schema, path, isWanted) : null;
    return fields?.length ? { kind: 'group', fields } : { kind: 'json' };
  }

  private list(items: JsonObject): Control {
    const options = optionsOf(items);
    if (options && options.length <= MOST_OPTIONS)
      return { kind: 'choices', options, words: wordsOf(items, options) };
    const { type } = items;
    return type === 'string' || type === 'number' || type === 'integer'
      ? { kind: 'lines', of: type }
      : { kind: 'json' };
  }

  /** A schema without what only says "or null", and with a reference within the document followed. */
  private plain(written: unknown, hops = 0): JsonObject {
    if (!isObject(written) || hops > 8) return {};
    if (typeof written.$ref === 'string') return this.plain(this.at(written.$ref), hops + 1);
    const variants = written.anyOf ?? written.oneOf;
    if (Array.isArray(variants) && !optionsOf(written)) {
      const others = variants.filter((one) => !(isObject(one) && one.type === 'null'));
      return others.length === 1 ? this.plain({ ...written, ...this.only(others[0]) }, hops + 1) : {};
    }
    if (Array.isArray(written.allOf) && written.allOf.length === 1)
      return this.plain({ ...written, allOf: undefined, ...this.only(written.allOf[0]) }, hops + 1);
    if (!Array.isArray(written.type)) return written;
    const types = written.type.filter((type) => type !== 'null');
    return { ...written, type: types.length === 1 ? types[0] : undefined };
  }

  private only(variant: unknown): JsonObject {
    return { anyOf: undefined, oneOf: undefined, ...(isObject(variant) ? variant : {}) };
  }

  /** What a reference within the document names (RFC 6901); nothing else is ever fetched. */
  private at(reference: string): unknown {
    if (!reference.startsWith('#/')) return undefined;
    return reference
      .slice(2)
      .split('/')
      .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
      .reduce<unknown>(
        (value, member) => (isObject(value) && Object.hasOwn(value, member) ? value[member] : undefined),
        this.root,
      );
  }
}

/** The only values a schema allows, when it names them. */
function optionsOf(schema: JsonObject): Scalar[] | null {
  const titled = schema.oneOf ?? schema.anyOf;
  const values = Array.isArray(schema.enum)
    ? schema.enum
    : 'const' in schema
      ? [schema.const]
      : Array.isArray(titled) && titled.every((one) => isObject(one) && 'const' in one)
        ? titled.map((one) => one.const)
        : null;
  return values?.length && values.every(isScalar) ? values : null;
}

/** What options are called: by their titles, in either way MCP has had them, else as they are. */
function wordsOf({ enumNames, oneOf, anyOf }: JsonObject, options: readonly Scalar[]): string[] {
  const titled = [oneOf ?? anyOf].flat().map((one) => isObject(one) && one.title);
  const titles: readonly unknown[] = Array.isArray(enumNames) ? enumNames : titled;
  return options.map((option, at) => cut(textOf(titles[at] || option)));
}

function isScalar(value: unknown): value is Scalar {
  return value === null || isRawNumber(value) || ['string', 'number', 'boolean'].includes(typeof value);
}

function bound(value: unknown): number | null {
  const plain = plainNumber(value);
  return typeof plain === 'number' ? plain : null;
}

/** A value of a schema as people read and write it. */
function textOf(value: unknown): string {
  return isRawNumber(value) ? value.rawJSON : String(value);
}

/** Beginning of a control's name; no dot of a member can be taken for one of this gateway. */
function nameOf(prefix: string, path: readonly string[]): string {
  const parts = path.map((member) => encodeURIComponent(member.toWellFormed()).replaceAll('.', '%2E'));
  return [prefix, ...parts].join('.');
}

function cut(words: string): string {
  return words.length > MOST_HINT ? `${words.slice(0, MOST_HINT).trimEnd()}…` : words;
}

function initialOf(control: Control, value: unknown, isRequired: boolean): string[] {
  if (value === undefined && isRequired) {
    if (control.kind === 'yes_no') return ['false'];
    if (control.kind === 'choice' && control.options.length === 1)
      return [JSON.stringify(control.options[0])];
  }
  if (value === undefined || value === null || control.kind === 'group') return [];
  if (control.kind === 'choice') return [JSON.stringify(value)];
  if (control.kind === 'choices') return Array.isArray(value) ? value.map((one) => JSON.stringify(one)) : [];
  if (control.kind === 'lines') return [Array.isArray(value) ? value.map(textOf).join('\n') : ''];
  if (control.kind === 'json') return [JSON.stringify(value, null, 2)];
  return isScalar(value) ? [textOf(value)] : [];
}

/** What a form sent under a name. */
type Sent = (name: string) => readonly string[];

/** What a form's arguments come to, or what is wrong with which of its controls. */
export type Entered =
  | { ok: true; arguments: JsonObject }
  | { ok: false; errors: ReadonlyMap<string, string> };

/** The arguments that a form of these fields states: what was left empty is left out. */
export function argumentsIn(fields: readonly ArgumentField[], sent: Sent): Entered {
  const errors = new Map<string, string>();
  const [whole] = fields;
  if (whole?.member === null) {
    const value = valueIn(whole, sent, errors) ?? {};
    if (!isObject(value)) errors.set(whole.name, 'Enter a JSON object: { … }.');
    else if (!errors.size) return { ok: true, arguments: value };
    return { ok: false, errors };
  }
  const members = readMembers(fields, sent, errors);
  return errors.size ? { ok: false, errors } : { ok: true, arguments: members };
}

function readMembers(fields: readonly ArgumentField[], sent: Sent, errors: Map<string, string>): JsonObject {
  const entries: [string, unknown][] = [];
  for (const field of fields) {
    const { name, member, isRequired, control } = field;
    const value = valueIn(field, sent, errors);
    if (value !== undefined) entries.push([member ?? '', value]);
    else if (isRequired && !errors.has(name)) errors.set(name, NEEDED[control.kind] ?? 'Enter a value.');
  }
  return Object.fromEntries(entries);
}

function isUntouched(fields: readonly ArgumentField[], sent: Sent): boolean {
  return fields.every(({ name, control }) =>
    control.kind === 'group' ? isUntouched(control.fields, sent) : sent(name).every((text) => !text.trim()),
  );
}

const NEEDED: Readonly<Partial<Record<Control['kind'], string>>> = {
  choice: 'Choose one.',
  choices: 'Select at least one.',
  yes_no: 'Choose one.',
};

/** The value of one control; undefined: it was left empty, or is wrong and in `errors`. */
function valueIn(
  { name, control, isRequired }: ArgumentField,
  sent: Sent,
  errors: Map<string, string>,
): unknown {
  const [text = ''] = sent(name);
  const wrong = (message: string) => {
    errors.set(name, message);
    return undefined;
  };
  switch (control.kind) {
    case 'group':
      return isRequired || !isUntouched(control.fields, sent)
        ? readMembers(control.fields, sent, errors)
        : undefined;
    case 'choices': {
      const chosen = control.options.filter((option) => sent(name).includes(JSON.stringify(option)));
      return chosen.length ? chosen : undefined;
    }
    case 'choice': {
      const at = control.options.findIndex((option) => JSON.stringify(option) === text);
      return at < 0 ? undefined : control.options[at];
    }
    case 'yes_no':
      return text === 'true' ? true : text === 'false' ? false : undefined;
    case 'text':
      return text === '' ? undefined : text.replaceAll('\r\n', '\n');
    case 'number':
      return text.trim()
        ? (numberIn(text, control.isWhole) ?? wrong(NOT_A_NUMBER(control.isWhole)))
        : undefined;
    case 'lines':
      return linesIn(text, control.of, wrong);
    case 'json':
      return text.trim() ? jsonIn(text, wrong) : undefined;
  }
}

const NOT_A_NUMBER = (isWhole: boolean) => `Enter a ${isWhole ? 'whole ' : ''}number.`;

/** A JSON number, without and with what a whole one lacks. */
const WHOLE_NUMBER = /^-?(0|[1-9]\d*)$/;
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
/** So many digits a double gives back as they were. */
const KEPT_DIGITS = 15;

/** A number as it was typed: one with more digits than a double holds keeps them. */
function numberIn(text: string, isWhole: boolean): unknown {
  const typed = text.trim();
  const value = Number(typed);
  if (!Number.isFinite(value)) return null;
  const isKept = isWhole ? Number.isSafeInteger(value) : typed.replace(/\D/g, '').length <= KEPT_DIGITS;
  if (!isKept && (isWhole ? WHOLE_NUMBER : NUMBER).test(typed)) return parseExact(typed);
  return isWhole && !isKept ? null : value;
}

function linesIn(text: string, of: Primitive, wrong: (message: string) => undefined): unknown {
  const lines = text.split(/\r?\n/).filter((line) => line.trim());
  if (!lines.length) return undefined;
  if (of === 'string') return lines;
  const numbers = lines.map((line) => numberIn(line, of === 'integer'));
  return numbers.includes(null)
    ? wrong(`${NOT_A_NUMBER(of === 'integer').slice(0, -1)} on each line.`)
    : numbers;
}

function jsonIn(text: string, wrong: (message: string) => undefined): unknown {
  if (deeperThan(text, 60)) return wrong('This is nested too deeply.');
  try {
    return parseExact(text);
  } catch {
    return wrong('This is not JSON. Look for a missing quote, comma or bracket.');
  }
}
