import { afterEach, describe, expect, it, vi } from 'vitest';
import { altered } from '../support/altered.ts';
import { McpCaller, modern } from '../support/caller';
import { wait } from '../support/clock';
import { administer, newKey } from '../support/gate';
import { McpClient } from '../support/mcp-client';
import { Upstream } from '../support/upstream';

afterEach(() => vi.useRealTimers());

const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
const WHO = { method: 'elicitation/create', params: { mode: 'form', message: 'Who?', requestedSchema: {} } };
const REQUIRED = (state: string | null = 'of the server 1', requests: unknown = { who: WHO }) =>
  JSON.stringify({
    resultType: 'input_required',
    ...(requests !== null && { inputRequests: requests }),
    ...(state !== null && { requestState: state }),
    _meta: { 'a.example/n': 1 },
  });

type Asked = { resultType: string; inputRequests: Record<string, unknown>; requestState: string };

async function server(rounds: string[], behaviour: Record<string, unknown> = {}, name = 'rounds') {
  return Upstream.start([name, 'echo'], { era: '2026', rounds: { [name]: rounds }, ...behaviour });
}

/** Someone of 2026-07-28 at one server. */
async function someone(upstream: Upstream, headers?: Record<string, string>): Promise<McpCaller> {
  const path = `/mcp/${upstream.slug}`;
  return headers ? new McpCaller(headers, '2026', path) : McpCaller.withKey('2026', path);
}

/** A call that declares `capabilities`. */
function call(
  caller: McpCaller,
  params: Record<string, unknown> = {},
  capabilities: Record<string, unknown> = { elicitation: {} },
) {
  const all = { name: 'rounds', arguments: { a: 1, b: [2] }, ...params };
  return caller.ask('tools/call', modern(all, { [CAPABILITIES]: capabilities }));
}

const asked = ({ body }: Awaited<ReturnType<typeof call>>) => body.result as unknown as Asked;
const callsAt = async (upstream: Upstream) =>
  (await upstream.seen('tools/call')).map(({ message }) => message.params ?? {});

const NOT_GIVEN = { code: -32602, data: { type: 'wrong_request_state' } };

describe('a server of 2026-07-28 that wants input first (Multi Round-Trip Requests, PROTOCOL §4)', () => {
  it.each(['json', 'events'])(
    'gets it, with its own state, from a client of its era (%s)',
    async (answers) => {
      const upstream = await server([REQUIRED()], { answers });
      const caller = await someone(upstream);

      const first = asked(await call(caller));
      const inputResponses = { who: { action: 'accept', content: { n: 1.5 } } };
      const { body } = await call(caller, { inputResponses, requestState: first.requestState });

      expect(first).toEqual({
        resultType: 'input_required',
        inputRequests: { who: WHO },
        requestState: expect.any(String),
        _meta: { 'a.example/n': 1 },
      });
      expect(first.requestState).not.toContain('of the server');
      expect(body.result).toMatchObject({ resultType: 'complete', content: [{ text: 'rounds ran' }] });
      const [begun, again] = await callsAt(upstream);
      expect(begun).not.toHaveProperty('requestState');
      expect(begun?._meta).toMatchObject({ [CAPABILITIES]: { elicitation: {} } });
      expect(again).toMatchObject({ inputResponses, requestState: 'of the server 1' });
    },
  );

  it.each([
    ['prompts/get', { name: 'p' }],
    ['resources/read', { uri: 'file:///r' }],
  ])('does so at %s', async (method, params) => {
    const [name = ''] = Object.values(params);
    const upstream = await server([REQUIRED()], {
      rounds: { [name]: [REQUIRED()] },
      prompts: [{ name: 'p' }],
      resources: [{ uri: 'file:///r', name: 'r' }],
    });
    const caller = await someone(upstream);
    const ask = (more = {}) =>
      caller.ask(method, modern({ ...params, ...more }, { [CAPABILITIES]: { elicitation: {} } }));

    const { requestState } = asked(await ask());
    const { body } = await ask({ requestState, inputResponses: {} });

    expect(body.result).toMatchObject({ resultType: 'complete' });
    expect((await upstream.seen(method)).at(-1)?.message.params).toMatchObject({
      requestState: 'of the server 1',
    });
  });

  it('may ask again and again, and without a state or a question', async () => {
    const requests = [REQUIRED(), REQUIRED('two 2', null), REQUIRED(null)];
    const upstream = await server(requests);
    const caller = await someone(upstream);

    const one = asked(await call(caller));
    const two = asked(await call(caller, { requestState: one.requestState, inputResponses: {} }));
    const three = asked(await call(caller, { requestState: two.requestState }));

    expect(two).not.toHaveProperty('inputRequests');
    expect(three).not.toHaveProperty('requestState');
    expect((await callsAt(upstream)).map(({ requestState }) => requestState)).toEqual([
      undefined,
      'of the server 1',
      'two 2',
    ]);
  });

  it('takes a state in the same arguments, in whatever order they are written', async () => {
    const upstream = await server([REQUIRED()]);
    const caller = await someone(upstream);
    const { requestState } = asked(await call(caller));

    const { body } = await call(caller, { requestState, arguments: { b: [2], a: 1 } });

    expect(body.result).toMatchObject({ content: [{ text: 'rounds ran' }] });
  });

  it('gets no state that was given for another request, caller, address or server, that was altered, or is too old', async () => {
    const upstream = await server([REQUIRED()], { rounds: { rounds: [REQUIRED()], echo: [REQUIRED()] } });
    const other = await server([REQUIRED()]);
    const caller = await someone(upstream);
    const { requestState } = asked(await call(caller));
    const ofOther = asked(await call(await someone(other, caller.headers))).requestState;
    const stranger = await someone(upstream, { 'x-bf-vk': (await newKey()).value });
    const before = (await callsAt(upstream)).length;

    const refused = [
      await call(caller, { requestState, arguments: { a: 1, b: ['2'] } }),
      await call(caller, { requestState, arguments: { a: 1 } }),
      await call(caller, { requestState, name: 'echo' }),
      await call(stranger, { requestState }),
      await call(caller.with({}, '/mcp'), { requestState, name: `${upstream.name}-rounds` }),
      await call(await someone(other, caller.headers), { requestState }),
      await call(caller, { requestState: ofOther }),
      await call(caller, { requestState: altered(requestState) }),
      await call(caller, { requestState: 'of the server 1' }),
      await call(caller, { requestState: 7 }),
      await call(caller, { requestState: '__proto__' }),
    ];
    wait(600);
    refused.push(await call(caller, { requestState }));

    for (const { status, body } of refused)
      expect({ status, error: body.error }).toMatchObject({ status: 200, error: NOT_GIVEN });
    expect(await callsAt(upstream)).toHaveLength(before);
  });

  it('gets no state that was given for the same name at a toolset, or of a prompt', async () => {
    const name = `up_${crypto.randomUUID().slice(0, 8)}`;
    const behaviour = { rounds: { same: [REQUIRED()] }, prompts: [{ name: 'same' }] };
    const upstream = await server([], { ...behaviour }, 'same');
    const key = await newKey();
    const caller = new McpCaller({ 'x-bf-vk': key.value }, '2026');
    const set = await administer<{ virtual_mcp: { endpoint_slug: string } }>('POST', '/mcp/virtual-mcps', {
      name,
      tools: [{ mcp_client_id: upstream.id, tool_names: ['*'] }],
      virtual_key_ids: [key.id],
    });
    const ask = (method: string, more = {}, path = caller.path) => {
      const params = { name: `${upstream.name}-same`, ...more };
      const declared = { [CAPABILITIES]: { elicitation: {} } };
      return caller.with({}, path).ask(method, modern(params, declared));
    };
    const { requestState } = asked(await ask('tools/call'));

    const refused = [
      await ask('tools/call', { requestState }, `/mcp/${set.virtual_mcp.endpoint_slug}`),
      await ask('prompts/get', { requestState }),
    ];
    expect(asked(await ask('tools/call', {}, `/mcp/${set.virtual_mcp.endpoint_slug}`))).toHaveProperty(
      'requestState',
    );

    for (const { body } of refused) expect(body.error).toMatchObject(NOT_GIVEN);
  });

  it('gets no state of its key’s own that an app of the same key sends, nor one of a server that had its name', async () => {
    const name = `up_${crypto.randomUUID().slice(0, 8)}`;
    const first = await server([REQUIRED()], { registration: { name } });
    const key = await newKey();
    const caller = await someone(first, { 'x-bf-vk': key.value });
    const { requestState } = asked(await call(caller));
    const { access_token } = await (await McpClient.register()).obtainGrant({ key: key.value });
    const app = await someone(first, { authorization: `Bearer ${access_token}` });

    const ofApp = await call(app, { requestState });
    await administer('DELETE', `/mcp/client/${first.id}`);
    const second = await server([REQUIRED()], { registration: { name } });
    const ofSecond = await call(await someone(second, { 'x-bf-vk': key.value }), { requestState });

    expect(second.slug).toBe(first.slug);
    for (const { body } of [ofApp, ofSecond]) expect(body.error).toMatchObject(NOT_GIVEN);
    expect(asked(await call(app))).toHaveProperty('requestState');
  });

  it('gets nothing that a client of the 2025 era sends in its name', async () => {
    const upstream = await server([]);
    const client = await (await McpCaller.withKey('2025', `/mcp/${upstream.slug}`)).initialized();
    const made = { requestState: 'guessed 0', inputResponses: { who: { action: 'accept' } } };

    const { body } = await client.ask('tools/call', { name: 'rounds', arguments: {}, ...made });

    expect(body.result).toMatchObject({ content: [{ text: 'rounds ran' }] });
    const [seen] = await callsAt(upstream);
    for (const member of Object.keys(made)) expect(seen).not.toHaveProperty(member);
  });

  it.each(['json', 'events'])(
    'asks nothing that the client did not declare, and says so under HTTP 400 (Server Requirements; %s)',
    async (answers) => {
      const upstream = await server([REQUIRED()], { answers });
      const caller = await someone(upstream);

      for (const accept of ['application/json, text/event-stream', 'application/json', 'text/event-stream'])
        for (const capabilities of [{}, { sampling: {} }, { elicitation: { url: {} } }]) {
          const { status, headers, body } = await call(caller.with({ accept }), {}, capabilities);
          expect(status).toBe(400);
          expect(headers.get('content-type')).toBe('application/json');
          expect(body.error).toMatchObject({
            code: -32021,
            data: { requiredCapabilities: { elicitation: { form: {} } } },
          });
        }
    },
  );

  it('does so behind what it has said before under the status that went out with it', async () => {
    const progress = { method: 'notifications/progress', params: { progressToken: 1, progress: 1 } };
    const text = JSON.stringify({ jsonrpc: '2.0', ...progress }).replace(':1,', ':$token,');
    const upstream = await server(
      [REQUIRED()],
      { asks: { asks: [{ text }] }, rounds: { asks: [REQUIRED()] } },
      'asks',
    );

    const { status, body } = await call(
      await someone(upstream),
      { name: 'asks', _meta: { progressToken: 1 } },
      {},
    );

    expect({ status, code: body.error?.code }).toEqual({ status: 200, code: -32021 });
  });

  it('refuses what lacks a capability with HTTP 400, as it said', async () => {
    const error = { code: -32021, message: 'Elicitation, please', data: { requiredCapabilities: {} } };
    const chunks = [`{"jsonrpc":"2.0","id":$id,"error":${JSON.stringify(error)}}`];
    const upstream = await server([], { raw: { rounds: { status: 400, chunks } } });
    const path = `/mcp/${upstream.slug}`;

    const modernly = await call(await someone(upstream));
    const legacy = await (await McpCaller.withKey('2025', path)).call('rounds');

    expect(modernly).toMatchObject({ status: 400, body: { error } });
    expect(legacy).toMatchObject({ status: 200, body: { error } });
  });

  it('that asks for too much, or in a way that is not MCP, fails in words', async () => {
    const rounds = [
      REQUIRED('x'.repeat(65_537)),
      REQUIRED('', { who: { method: 'elicitation/create', params: { message: 'x'.repeat(300_000) } } }),
      '{"resultType":"input_required"}',
      '{"resultType":"input_required","requestState":7}',
      '{"inputRequests":[],"resultType":"input_required","requestState":"s"}',
    ];
    for (const answers of ['json', 'events'])
      for (const text of rounds) {
        const upstream = await server([text], { answers });
        const { body } = await call(await someone(upstream));
        expect(body.result).toMatchObject({ isError: true, content: [{ text: expect.any(String) }] });
      }
  });

  it('may write the type last, and a complete result of any size flows', async () => {
    const late = `{"inputRequests":{},"requestState":"late 1","resultType":"input_required"}`;
    const large = JSON.stringify({
      _meta: { 'a.example/x': 'x'.repeat(300_000) },
      content: [],
      resultType: 'complete',
    });
    const upstream = await server([late, large]);
    const caller = await someone(upstream);

    const { requestState } = asked(await call(caller));
    const { body } = await call(caller, { requestState });

    expect(body.result).toEqual(JSON.parse(large));
  });

  it('passes a complete result of its own kind value for value', async () => {
    const text =
      '{"requestState":"mine","content":[{"type":"text","text":"é\\u0041"}],"x":1.0,"resultType":"complete"}';
    const upstream = await server([], { results: { rounds: text } });

    const caller = await someone(upstream);
    const params = { name: 'rounds', arguments: {} };
    const response = await caller.send('tools/call', params, { id: 1 });

    expect(await response.text()).toBe(`{"jsonrpc":"2.0","id":1,"result":${text}}`);
  });
});
