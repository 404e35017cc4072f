import { describe, expect, it } from 'vitest';
import { type ArgumentField, argumentsIn, fieldsOf } from '../../../src/admin/pages/servers/schema-form';
import { parseExact } from '../../../src/protocol/json/exact';

/** The controls of a schema's form, by name: groups with theirs inside. */
function controls(fields: readonly ArgumentField[]): Record<string, unknown> {
  return Object.fromEntries(
    fields.map(({ name, control }) => [
      name,
      control.kind === 'group' ? controls(control.fields) : control.kind,
    ]),
  );
}

/** What the form for `schema` makes of what was typed. */
function enter(schema: object, typed: Record<string, string | string[]>) {
  const entered = argumentsIn(fieldsOf(schema), (name) => [typed[name] ?? []].flat());
  return entered.ok ? entered.arguments : Object.fromEntries(entered.errors);
}

const object = (properties: object, required: string[] = []) => ({ type: 'object', properties, required });

describe('the form for a tool', () => {
  it('asks for each argument in its own way', () => {
    const schema = object({
      title: { type: 'string', maxLength: 80 },
      count: { type: 'integer' },
      ratio: { type: 'number' },
      urgent: { type: 'boolean' },
      state: { type: 'string', enum: ['open', 'closed'] },
      labels: { type: 'array', items: { type: 'string' } },
      days: { type: 'array', items: { enum: ['mon', 'tue'] } },
      where: object({ street: { type: 'string' }, at: object({ lat: { type: 'number' } }) }),
      anything: {},
      matrix: { type: 'array', items: { type: 'array' } },
      map: { type: 'object', additionalProperties: { type: 'string' } },
    });

    const form = controls(fieldsOf(schema));

    expect(form).toEqual({
      'arg.title': 'text',
      'arg.count': 'number',
      'arg.ratio': 'number',
      'arg.urgent': 'yes_no',
      'arg.state': 'choice',
      'arg.labels': 'lines',
      'arg.days': 'choices',
      'arg.where': { 'arg.where.street': 'text', 'arg.where.at': { 'arg.where.at.lat': 'number' } },
      'arg.anything': 'json',
      'arg.matrix': 'json',
      'arg.map': 'json',
    });
  });

  it('reads what libraries write: “or null”, references within the document, titled choices', () => {
    const schema = {
      ...object({
        either: { anyOf: [{ type: 'string' }, { type: 'null' }], default: null, description: 'Which.' },
        many: { type: ['integer', 'null'] },
        place: { $ref: '#/$defs/Place', description: 'Where.' },
        level: {
          oneOf: [
            { const: 1, title: 'low' },
            { const: 2, title: 'high' },
          ],
        },
        elsewhere: { $ref: 'https://schemas.example/x.json' },
        itself: { $ref: '#/$defs/Itself' },
      }),
      $defs: { Place: object({ city: { type: 'string' } }), Itself: { $ref: '#/$defs/Itself' } },
    };

    const fields = fieldsOf(schema);

    expect(controls(fields)).toEqual({
      'arg.either': 'text',
      'arg.many': 'number',
      'arg.place': { 'arg.place.city': 'text' },
      'arg.level': 'choice',
      'arg.elsewhere': 'json',
      'arg.itself': 'json',
    });
    expect(fields.map(({ hint }) => hint).slice(0, 3)).toEqual(['Which.', '', 'Where.']);
  });

  it.each([['deeper than two groups', { a: object({ b: object({ c: object({ d: {} }) }) }) }, 'arg.a.b.c']])(
    'asks for JSON %s',
    (_, properties, name) => {
      expect(JSON.stringify(controls(fieldsOf(object(properties))))).toContain(`"${name}":"json"`);
    },
  );

  it.each([
    ['no schema at all', undefined],
    ['a schema of alternatives', { anyOf: [object({ a: {} }), object({ b: {} })] }],
    ['members nobody named', { type: 'object', additionalProperties: true }],
    ['members it only demands', { type: 'object', required: ['a'] }],
    [
      'more members than a form is good for',
      object(Object.fromEntries(Array.from({ length: 61 }, (_, n) => [`m${n}`, {}]))),
    ],
  ])('asks for all arguments as JSON with %s', (_, schema) => {
    expect(controls(fieldsOf(schema))).toEqual({ arg: 'json' });
  });

  it('asks for nothing where nothing is taken', () => {
    expect(fieldsOf({ type: 'object', properties: {}, additionalProperties: false })).toEqual([]);
    expect(fieldsOf({ type: 'object', properties: {} })).toEqual([]);
    expect(fieldsOf({ type: 'object' })).toEqual([]);
  });

  it('never mistakes one member for another', () => {
    const fields = fieldsOf(
      object({
        'a.b': { type: 'string' },
        a: object({ b: { type: 'string' } }),
        'c d': {},
        ['__proto__']: { type: 'string' },
      }),
    );

    const entered = argumentsIn(fields, (name) =>
      name === 'arg.a%2Eb' ? ['1'] : name === 'arg.a.b' ? ['2'] : name === 'arg.__proto__' ? ['3'] : [],
    );

    expect(JSON.stringify(entered)).toBe('{"ok":true,"arguments":{"a.b":"1","a":{"b":"2"},"__proto__":"3"}}');
    expect(fields.every(({ name }) => !/\s/.test(name))).toBe(true);
  });

  it('begins with the defaults, but not those of a group that may be left out', () => {
    const limit = { type: 'integer', default: 10 };
    const fields = fieldsOf(
      object({ limit, page: object({ limit }, ['limit']), sure: { type: 'boolean' } }, ['sure']),
    );
    const [top, page, sure] = fields;

    expect(top?.initial).toEqual(['10']);
    expect(page?.control).toMatchObject({ fields: [{ initial: [], isRequired: true, isDemanded: false }] });
    expect(sure?.initial).toEqual(['false']);
  });
});

describe('a number that a double does not hold', () => {
  const schema = object({
    id: { type: 'integer' },
    ids: { type: 'array', items: { type: 'integer' } },
    ratio: { type: 'number' },
  });

  it('is sent with the digits that were typed', () => {
    const typed = {
      'arg.id': ' -9007199254740993 ',
      'arg.ids': '18446744073709551615\n7',
      'arg.ratio': '0.12345678901234567890',
    };

    expect(JSON.stringify(enter(schema, typed))).toBe(
      '{"id":-9007199254740993,"ids":[18446744073709551615,7],"ratio":0.12345678901234567890}',
    );
    expect(enter(schema, { 'arg.id': '1e3', 'arg.ratio': '.5' })).toEqual({ id: 1000, ratio: 0.5 });
  });

  it.each([
    '9007199254740993.5',
    '1e400',
    '9007199254740993n',
    '0x20000000000001',
    '00009007199254740993',
    '1e17',
  ])('is no whole number when it is written so: %s', (written) => {
    expect(enter(schema, { 'arg.id': written })).toEqual({ 'arg.id': 'Enter a whole number.' });
  });

  it('has the digits of the schema where that proposes or lists it', () => {
    const text =
      '{"properties":{"id":{"type":"integer","default":9007199254740993},"ids":{"type":"array","items":{"type":"integer"},"default":[9007199254740993]},"one":{"enum":[9007199254740993,1]}}}';
    const fields = fieldsOf(parseExact(text));
    const entered = argumentsIn(fields, (name) => (name === 'arg.one' ? ['9007199254740993'] : []));

    expect(fields.map(({ initial }) => initial)).toEqual([['9007199254740993'], ['9007199254740993'], []]);
    expect(JSON.stringify(entered)).toBe('{"ok":true,"arguments":{"one":9007199254740993}}');
  });
});

describe('what was entered', () => {
  it('becomes arguments of the types the tool wants; what is empty is left out', () => {
    const schema = object({
      text: { type: 'string' },
      none: { type: 'string' },
      count: { type: 'integer' },
      sure: { type: 'boolean' },
      level: { enum: [1, '1', null] },
      labels: { type: 'array', items: { type: 'string' } },
      sizes: { type: 'array', items: { type: 'integer' } },
      days: { type: 'array', items: { enum: ['mon', 'tue'] } },
      where: object({ street: { type: 'string' } }, ['street']),
      extra: {},
    });

    const entered = enter(schema, {
      'arg.text': ' as it is\r\nwith lines ',
      'arg.none': '',
      'arg.count': '-3',
      'arg.sure': 'false',
      'arg.level': '"1"',
      'arg.labels': 'one\r\n\r\ntwo, and a half',
      'arg.sizes': '1\n2',
      'arg.days': ['"tue"', '"sun"'],
      'arg.where.street': '',
      'arg.extra': '{"deep":[1,null]}',
    });

    expect(entered).toEqual({
      text: ' as it is\nwith lines ',
      count: -3,
      sure: false,
      level: '1',
      labels: ['one', 'two, and a half'],
      sizes: [1, 2],
      days: ['tue'],
      extra: { deep: [1, null] },
    });
  });

  it('says beside each control what is wrong with it', () => {
    const schema = object(
      {
        name: { type: 'string' },
        count: { type: 'integer' },
        ratio: { type: 'number' },
        sizes: { type: 'array', items: { type: 'number' } },
        state: { enum: ['open', 'closed'] },
        where: object({ street: { type: 'string' }, city: { type: 'string' } }, ['street']),
        extra: {},
      },
      ['name', 'state'],
    );

    const wrong = enter(schema, {
      'arg.count': '1.5',
      'arg.ratio': 'much',
      'arg.sizes': '1\ntwo',
      'arg.state': '"shut"',
      'arg.where.city': 'Bonn',
      'arg.extra': '{"a":',
    });

    expect(wrong).toEqual({
      'arg.name': 'Enter a value.',
      'arg.count': 'Enter a whole number.',
      'arg.ratio': 'Enter a number.',
      'arg.sizes': 'Enter a number on each line.',
      'arg.state': 'Choose one.',
      'arg.where.street': 'Enter a value.',
      'arg.extra': 'This is not JSON. Look for a missing quote, comma or bracket.',
    });
  });

  it('keeps the digits of its numbers', () => {
    const text = '{"a":[9007199254740993,1.0,-0]}';

    expect(JSON.stringify(enter({}, { arg: text }))).toBe(text);
  });

  it('is refused as a whole when it is not an object, or nested too deep', () => {
    expect(enter({}, { arg: '[1]' })).toEqual({ arg: 'Enter a JSON object: { … }.' });
    expect(enter({}, { arg: `{"a":${'['.repeat(61)}${']'.repeat(61)}}` })).toEqual({
      arg: 'This is nested too deeply.',
    });
    expect(enter({}, { arg: '' })).toEqual({});
  });
});
