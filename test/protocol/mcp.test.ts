import { describe, expect, it } from 'vitest';
import { readMessage, readResponse } from '../../src/protocol/mcp';
import {
  checkMirroredHeaders,
  checkMirroredParams,
  mirroredParams,
  mirrorFault,
  mirrorHeaders,
} from '../../src/protocol/mcp-headers';
import { checkItem } from '../../src/servers/listed-item';

const codeOf = (act: () => unknown): number | undefined => {
  try {
    act();
    return undefined;
  } catch (error) {
    return (error as { code: number }).code;
  }
};

describe('one message a body (JSON-RPC 2.0 §4, MCP 2025-06-18)', () => {
  it.each([
    ['text that is not JSON', '{"jsonrpc"', -32700],
    ['65 levels', `{"jsonrpc":"2.0","method":"a","params":{"a":${'['.repeat(63)}${']'.repeat(63)}}}`, -32700],
    ['a batch', '[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600],
    ['another version', '{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600],
    ['a null id', '{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600],
    ['params that are a list', '{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', -32600],
    ['a number', '1', -32600],
  ])('refuses %s', (_, text, code) => {
    expect(codeOf(() => readMessage(text))).toBe(code);
  });

  it('takes 64 levels, and brackets in strings for nothing', () => {
    const deep = `{"jsonrpc":"2.0","id":1,"method":"a","params":{"a":${'['.repeat(62)}"${'['.repeat(99)}\\""${']'.repeat(62)}}}`;

    expect(readMessage(deep)).toMatchObject({ id: 1, method: 'a' });
  });

  it('keeps numbers that a double cannot hold as they were written', () => {
    const message = readMessage(
      '{"jsonrpc":"2.0","id":1,"method":"a","params":{"n":12345678901234567890,"m":9007199254740991}}',
    );

    expect(JSON.stringify(message)).toContain('"params":{"n":12345678901234567890,"m":9007199254740991}');
  });

  it.each(['1E400', '1e-05', '9223372036854775807', '9007199254740993', '-0', '1.0', '0.10', '1e2'])(
    'keeps the digits of the argument %s',
    (number) => {
      const text = `{"jsonrpc":"2.0","id":1,"method":"a","params":{"n":${number}}}`;

      expect(JSON.stringify(readMessage(text))).toContain(`"params":{"n":${number}}`);
    },
  );

  it('keeps every digit of what a server answers, and reads its id and code however they are written', () => {
    const numbers = '[0.10,1.0,1E400,-0,1e-05,5]';
    const refusal = readResponse('{"id":1.0,"error":{"code":-32601.0,"message":"no"}}');

    expect(JSON.stringify(readResponse(`{"result":{"n":${numbers}}}`))).toContain(`{"n":${numbers}}`);
    expect(refusal).toEqual({ id: 1, error: { code: -32601, message: 'no' } });
    expect(readResponse('{"id":1,"result":12345678901234567890}')).toBeNull();
  });

  it('tells a response from what a server asks or notifies', () => {
    expect(readResponse('{"jsonrpc":"2.0","id":1,"result":{}}')).toEqual({ id: 1, result: {} });
    expect(readResponse('{"jsonrpc":"2.0","id":1,"method":"roots/list","result":{}}')).toBeNull();
    expect(readMessage('{"jsonrpc":"2.0","id":1,"result":{}}')).toEqual({ id: 1, result: {} });
  });
});

describe('headers that repeat the body (MCP 2026-07-28, Request Metadata)', () => {
  const mirrored = [{ header: 'N', path: ['n'] }];
  const paramsWith = (value: string) => {
    const text = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"n":${value}}}}`;
    return (readMessage(text) as { params: Record<string, unknown> }).params;
  };

  it.each([
    ['9223372036854775807', '9223372036854775807'],
    ['9007199254740993', '9007199254740993'],
    ['-9007199254740993', '-9007199254740993'],
    ['1e2', '100'],
    ['1.0', '1'],
    ['-0', '0'],
    ['-0.0e5', '0'],
    ['120.50e1', '1205'],
    ['1e21', '1000000000000000000000'],
    ['0.10', '0.10'],
    ['1e400', '1e400'],
    ['"1e2"', '1e2'],
  ])('repeats %s as %s', (value, header) => {
    const headers = mirrorHeaders('tools/call', paramsWith(value), mirrored);

    expect(headers).toContainEqual(['mcp-param-N', header]);
    checkMirroredParams(new Headers(headers), paramsWith(value), mirrored);
  });

  it.each([
    ['9007199254740993', '9007199254740992', -32020],
    ['9007199254740993', '9007199254740993.0', undefined],
    ['9007199254740993', null, undefined], // clients repeat no such number
    ['1e400', null, undefined],
    ['1e400', '1e401', -32020],
    ['1e999999999999999999', '1e999999999999999998', -32020],
    ['1e2', '100', undefined],
    ['-1', '1', -32020],
    ['-0', '0', undefined],
    ['1', '', -32020],
    ['1', null, -32020],
    ['1', '0x1', -32020],
    ['"042"', '42', -32020],
    ['"us"', '=?base64?dXM?=', -32020],
    ['"us"', '=?base64?dXM=?=', undefined],
    ['"us"', '=?base64?d X M=?=', -32020],
    ['"=?base64?-?="', '=?base64?-?=', -32020],
  ] as const)('compares the argument %s with the header %s', (value, header, code) => {
    const sent = new Headers(header === null ? {} : { 'mcp-param-n': header });

    expect(codeOf(() => checkMirroredParams(sent, paramsWith(value), mirrored))).toBe(code);
  });

  const schema = {
    type: 'object',
    properties: {
      region: { type: 'string', 'x-mcp-header': 'Region' },
      again: { type: 'string', 'x-mcp-header': 'region' },
      bad: { type: 'string', 'x-mcp-header': 'not a token' },
      number: { type: 'number', 'x-mcp-header': 'Number' },
      nested: { type: 'object', properties: { count: { type: 'integer', 'x-mcp-header': 'Count' } } },
      list: { type: 'array', items: { type: 'string', 'x-mcp-header': 'Item' } },
    },
  };

  it('finds the parameters a tool marks, where the rules let it mark them', () => {
    expect(mirroredParams(schema)).toEqual([
      { header: 'Region', path: ['region'] },
      { header: 'Count', path: ['nested', 'count'] },
    ]);
  });

  it.each([
    ['us-west1', 'us-west1'],
    ['Hello, 世界', '=?base64?SGVsbG8sIOS4lueVjA==?='],
    [' padded ', '=?base64?IHBhZGRlZCA=?='],
    ['line1\nline2', '=?base64?bGluZTEKbGluZTI=?='],
    ['=?base64?literal?=', '=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?='],
  ])('writes %j as the table of the revision does, and reads it back', (value, encoded) => {
    const params = { name: 'tool', arguments: { region: value, nested: { count: 42 } } };
    const headers = new Headers(mirrorHeaders('tools/call', params, mirroredParams(schema)));

    expect(headers.get('mcp-param-region')).toBe(encoded);
    expect(headers.get('mcp-param-count')).toBe('42');
    expect(headers.get('mcp-name')).toBe('tool');
    checkMirroredHeaders(headers, 'tools/call', params);
    checkMirroredParams(headers, params, mirroredParams(schema));
  });

  it.each([
    ['another value', { 'mcp-param-region': 'eu' }],
    ['bad base64', { 'mcp-param-region': '=?base64?x?=' }],
    ['base64 without its padding', { 'mcp-param-region': '=?base64?dXM?=' }],
    ['base64 with too much padding', { 'mcp-param-region': '=?base64?dXM==?=' }],
    ['no header for a value that is there', {}],
    ['a header for a value that is not', { 'mcp-param-region': 'us', 'mcp-param-count': '1' }],
  ])('refuses %s', (_, sent) => {
    const params = { arguments: { region: 'us' } };

    expect(
      codeOf(() =>
        checkMirroredParams(new Headers(sent as Record<string, string>), params, mirroredParams(schema)),
      ),
    ).toBe(-32020);
  });

  const marked = (header: unknown, type: unknown = 'string') => ({ type, 'x-mcp-header': header });
  const properties = (...schemas: unknown[]) => ({ type: 'object', properties: { ...schemas } });

  it.each([
    ['no text', properties(marked(7)), 'no header name'],
    ['empty', properties(marked('')), 'no header name'],
    ['no token', properties(marked('a b')), 'no header name'],
    ['two lines', properties(marked('a\r\nb')), 'no header name'],
    ['on a number', properties(marked('N', 'number')), 'not on a string, integer or boolean'],
    ['on a list', properties(marked('N', 'array')), 'not on a string, integer or boolean'],
    ['on one of several types', properties(marked('N', ['string', 'null'])), 'not on a string'],
    ['on what has no type', properties({ 'x-mcp-header': 'N' }), 'not on a string'],
    ['there twice', properties(marked('N'), properties(marked('n'))), 'there twice'],
    ['at the root', { ...properties(), 'x-mcp-header': 'N' }, 'not on a property'],
    ['in a list', properties({ type: 'array', items: marked('N') }), 'not on a property'],
    ['in a choice', properties({ oneOf: [{ type: 'null' }, marked('N')] }), 'not on a property'],
    ['in a definition', { ...properties(), $defs: { a: properties(marked('N')) } }, 'not on a property'],
    ['under a pattern', { ...properties(), patternProperties: { a: marked('N') } }, 'not on a property'],
  ])('refuses a tool whose mark is %s', (_, inputSchema, words) => {
    expect(mirrorFault(inputSchema)).toContain(words);
    expect(checkItem('tool', { name: 'a', inputSchema })).toEqual({ leftOut: mirrorFault(inputSchema) });
  });

  it('takes marks where they may be, and a property of that name for no mark', () => {
    const { bad: _, number: __, again: ___, list: ____, ...rest } = schema.properties;
    for (const one of [rest, { 'x-mcp-header': { type: 'string' } }, { a: { default: marked(7) } }]) {
      expect(mirrorFault({ type: 'object', properties: one })).toBeNull();
    }
  });

  it('compares integers as numbers', () => {
    const params = { arguments: { nested: { count: 42 } } };

    checkMirroredParams(new Headers({ 'mcp-param-count': '42.0' }), params, mirroredParams(schema));
  });

  it('wants Mcp-Method of every request and Mcp-Name of those that name something', () => {
    expect(codeOf(() => checkMirroredHeaders(new Headers(), 'tools/list', {}))).toBe(-32020);
    expect(
      codeOf(() =>
        checkMirroredHeaders(new Headers({ 'mcp-method': 'tools/call' }), 'tools/call', { name: 'a' }),
      ),
    ).toBe(-32020);
    expect(
      codeOf(() => checkMirroredHeaders(new Headers({ 'mcp-method': 'TOOLS/LIST' }), 'tools/list', {})),
    ).toBe(-32020);
  });
});
