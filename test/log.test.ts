import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, type MockInstance, vi } from 'vitest';
import { Browser } from './support/browser';
import { McpCaller } from './support/caller';
import { configure, gate, newKey } from './support/gate';
import { McpClient } from './support/mcp-client';
import { Upstream } from './support/upstream';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = `00-${TRACE}-b7ad6b7169203331-01`;

type Line = { event: string; request_id?: string; trace_id?: string; method?: string; outcome?: string };

/** What is logged while `act` runs, and what was logged when it has. */
async function linesOf<T>(
  act: (logged: MockInstance) => Promise<T>,
): Promise<{ texts: string[]; lines: Line[]; result: T }> {
  const logged = vi.spyOn(console, 'log');
  const result = await act(logged);
  const texts = logged.mock.calls.map(([text]) => String(text));
  logged.mockRestore();
  return { texts, lines: texts.map((text) => JSON.parse(text) as Line), result };
}

/** Makes every act that should be written into the audit fail, once it is on its way. */
function failingAudit(): Promise<unknown> {
  return env.DB.prepare(
    "CREATE TRIGGER IF NOT EXISTS failing BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'failing'); END",
  ).run();
}

const registration = (headers: Record<string, string>) =>
  gate('/oauth2/register', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ client_name: crypto.randomUUID(), redirect_uris: ['http://127.0.0.1:7/cb'] }),
  });

describe('a log line', () => {
  it('holds no secret of a whole flow, and is one JSON object with an event and a request', async () => {
    const upstream = await Upstream.start(['echo']);

    const {
      texts,
      lines,
      result: secrets,
    } = await linesOf(async () => {
      const key = await newKey();
      const client = await McpClient.register({ token_endpoint_auth_method: 'client_secret_post' });
      const browser = await Browser.administrator();
      const code = await client.obtainCode({ key: key.value });
      const { body: first } = await client.redeem(code);
      const { body: second } = await client.refresh(first.refresh_token);
      const caller = new McpCaller({ authorization: `Bearer ${second.access_token}` });
      await caller.call(`${upstream.name}-echo`, { said: 'an-argument-of-a-call' });
      await new McpCaller({ authorization: `Bearer ${second.access_token}x` }).ask('tools/list');
      await client.redeem(code);
      await client.revoke(second.refresh_token);
      return [
        ...[
          key.value,
          code,
          first.access_token,
          first.refresh_token,
          second.access_token,
          second.refresh_token,
        ],
        ...[client.registration.client_secret, client.verifier, 'the-state', 'an-argument-of-a-call'],
        ...[env.ADMIN_TOKEN, env.ENCRYPTION_KEY, ...browser.cookies.values()],
      ].map(String);
    });

    expect(secrets.filter((secret) => secret.length < 8)).toEqual([]);
    expect(texts.filter((text) => secrets.some((secret) => text.includes(secret)))).toEqual([]);
    expect(lines.filter(({ event, request_id }) => !/^[a-z_]+\.[a-z_]+$/.test(event) || !request_id)).toEqual(
      [],
    );
    expect(new Set(lines.map(({ event }) => event)).size).toBeGreaterThan(8);
  });

  it('has the id of its request, also where it is written behind the answer', async () => {
    await registration({});
    await failingAudit();
    const asked = () =>
      gate('/api/governance/virtual-keys', {
        method: 'POST',
        headers: { 'cf-ray': 'ray-1', 'content-type': 'application/json', 'x-api-key': env.ADMIN_TOKEN },
        body: JSON.stringify({ name: crypto.randomUUID() }),
      });

    const { lines } = await linesOf(async (logged) => {
      const response = await asked();
      await vi.waitFor(() => expect(logged).toHaveBeenCalledWith(expect.stringContaining('audit.failed')));
      return response;
    });
    await env.DB.prepare('DROP TRIGGER failing').run();

    expect(lines.map(({ event, request_id }) => [event, request_id])).toEqual([
      ['virtual_key.created', 'ray-1'],
      ['audit.failed', 'ray-1'],
    ]);
  });

  it('has the id of its own request where many are answered at once', async () => {
    const rays = Array.from({ length: 20 }, (_, at) => `ray-${at}`);
    const traced = (ray: string, at: number): Record<string, string> =>
      at % 2 ? { 'cf-ray': ray, traceparent: PARENT } : { 'cf-ray': ray };

    const { lines } = await linesOf(() => Promise.all(rays.map((ray, at) => registration(traced(ray, at)))));
    const told = lines.filter(({ event }) => event === 'client.registered');

    expect(told.map(({ request_id }) => request_id).toSorted()).toEqual(rays.toSorted());
    expect(told.filter(({ trace_id }) => trace_id === TRACE)).toHaveLength(10);
    expect(told.filter(({ trace_id }) => trace_id === undefined)).toHaveLength(10);
  });
});

describe('the trace of a request in its log lines (W3C Trace Context)', () => {
  it.each([
    ['none', {}],
    ['another version', { traceparent: PARENT.replace('00', '01') }],
    ['zeros', { traceparent: `00-${'0'.repeat(32)}-b7ad6b7169203331-01` }],
    ['something in place of an id', { traceparent: '"><script>' }],
  ])('is not there for %s', async (_, headers) => {
    const { texts } = await linesOf(() => registration(headers));

    expect(texts).toHaveLength(1);
    expect(texts[0]).not.toContain('trace_id');
  });

  it.each([
    ['a JSON answer', 'headers', {}],
    ['an event stream', 'headers', { answers: 'events' }],
    ['a JSON answer', '_meta', {}],
  ] as const)('is there where a call ends with %s, by its %s', async (_, place, behaviour) => {
    const upstream = await Upstream.start(['echo'], behaviour);
    const inHeaders: Record<string, string> = place === 'headers' ? { traceparent: PARENT } : {};
    const meta = place === '_meta' ? { _meta: { traceparent: PARENT } } : {};
    const caller = (await McpCaller.withKey('2025')).with({ 'cf-ray': 'ray-2', ...inHeaders });

    const { lines } = await linesOf(() =>
      caller.ask('tools/call', { name: `${upstream.name}-echo`, arguments: {}, ...meta }),
    );

    expect(lines.filter(({ event }) => event === 'mcp.forwarded')).toMatchObject([
      { request_id: 'ray-2', trace_id: TRACE },
    ]);
  });
});

describe('tool calls in the log (CONTRACT §1)', () => {
  afterEach(() => configure({ log_tool_calls: null }));

  it.each([
    ['all', ['tools/call answered', 'tools/call failed']],
    ['failed', ['tools/call failed']],
    ['none', []],
  ])('are those that log_tool_calls says: %s', async (log_tool_calls, told) => {
    const odd = { type: 'application/json', chunks: ['{"jsonrpc":"2.0","id":"another","result":{}}'] };
    const upstream = await Upstream.start(['echo', 'odd'], { raw: { odd } });
    await configure({ log_tool_calls });
    const caller = await McpCaller.withKey('2025', `/mcp/${upstream.slug}`);

    const { lines } = await linesOf(async () => {
      await caller.call('echo');
      await caller.call('odd');
    });

    const forwarded = lines.filter(({ event }) => event === 'mcp.forwarded');
    expect(forwarded.map(({ method, outcome }) => `${method} ${outcome}`)).toEqual(told);
  });

  it('is one of fifty in a second where strangers are refused, and one with the number of the others', async () => {
    vi.useFakeTimers({ now: Date.UTC(2040, 0), toFake: ['Date'] }); // a second in which nothing was refused
    const refused = async (count: number) =>
      Promise.all(Array.from({ length: count }, () => gate('/mcp', { method: 'POST', body: '{}' })));
    const { lines, result } = await linesOf(async () => {
      const flood = await refused(80);
      vi.advanceTimersByTime(1_000);
      return [...flood, ...(await refused(1))];
    });
    const bodies = await Promise.all(result.map((answer) => answer.json()));

    expect(new Set(result.map(({ status }) => status))).toEqual(new Set([401]));
    expect(lines.map(({ event }) => event)).toEqual([
      ...Array(50).fill('request.refused'),
      'refusals.not_told',
      'request.refused',
    ]);
    expect(lines[50]).toMatchObject({ count: 30 });
    for (const body of bodies)
      expect(body).toMatchObject({ error: { data: { reference: expect.stringMatching(/^F-/) } } });
  });
});
