import { describe, expect, it } from 'vitest';
import { McpCaller } from '../support/caller';
import { Upstream } from '../support/upstream';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = `00-${TRACE}-b7ad6b7169203331-01`;
const OTHER = `00-${TRACE}-00f067aa0ba902b7-00`;
const NAMES = ['traceparent', 'tracestate', 'baggage'] as const;

type Sent = { headers?: Record<string, string>; meta?: Record<string, unknown> };

const pick = (from: Record<string, unknown>) =>
  Object.fromEntries(NAMES.filter((name) => from[name] !== undefined).map((name) => [name, from[name]]));

/** What a server sees of a call's trace, and whether the answer says anything of it. */
async function seen(
  { headers = {}, meta }: Sent,
  {
    client = '2025',
    method = 'tools/call',
    ...behaviour
  }: { client?: '2025' | '2026'; method?: string } & Record<string, unknown> = {},
) {
  const upstream = await Upstream.start(['echo'], {
    prompts: [{ name: 'echo' }],
    resources: [{ uri: 'file:///echo', name: 'echo' }],
    ...behaviour,
  });
  const caller = (await McpCaller.withKey(client, `/mcp/${upstream.slug}`)).with(headers);
  const named = method === 'resources/read' ? { uri: 'file:///echo' } : { name: 'echo' };
  const answer = await caller.ask(method, { ...named, ...(meta && { _meta: meta }) });
  if (!answer.body.result) throw new Error(JSON.stringify(answer.body));
  const [request] = await upstream.seen(method);
  return {
    headers: pick(request?.headers ?? {}),
    meta: pick((request?.message.params?._meta ?? {}) as Record<string, unknown>),
    back: NAMES.filter((name) => answer.headers.has(name)),
  };
}

/** Both places with the same. */
const both = (trace: Record<string, string>) => ({ headers: trace, meta: trace, back: [] });

describe.each([
  ['2025', '2025'],
  ['2025', '2026'],
  ['2026', '2025'],
  ['2026', '2026'],
] as const)('the trace of a %s client’s request to a %s server (PROTOCOL §3)', (client, era) => {
  const ask = (sent: Sent, more: object = {}) => seen(sent, { client, era, ...more });

  it('goes header to header and _meta to _meta', async () => {
    const sent = {
      headers: { traceparent: PARENT, tracestate: 'a=1, b@c=2' },
      meta: { traceparent: OTHER, tracestate: 'd=3' },
    };

    expect(await ask(sent)).toEqual({ ...sent, back: [] });
  });

  it.each(['tools/call', 'prompts/get', 'resources/read'])('goes with %s', async (method) => {
    const headers = { traceparent: PARENT };

    expect(await ask({ headers }, { method })).toEqual(both(headers));
  });

  it.each([
    ['headers', 'headers'],
    ['meta', '_meta'],
  ])('is made from %s where only that is there', async (place) => {
    const trace = { traceparent: PARENT, tracestate: 'a=1' };

    expect(await ask({ [place]: trace })).toEqual(both(trace));
  });

  it('is not made up', async () => {
    expect(await ask({})).toEqual(both({}));
  });
});

describe('a malformed trace is dropped (W3C Trace Context)', () => {
  const ask = (sent: Sent) => seen(sent);
  const entries = (count: number) => Array.from({ length: count }, (_, at) => `k${at}=v`).join(',');

  it.each([
    ['another version', PARENT.replace('00', '01')],
    ['the version that never is', PARENT.replace('00', 'ff')],
    ['a trace of zeros', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`],
    ['a parent of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['capitals', PARENT.toUpperCase()],
    ['something more', `${PARENT}-00`],
    ['two', `${PARENT}, ${OTHER}`],
    ['nothing', ''],
  ])('traceparent: %s', async (_, traceparent) => {
    const trace = { traceparent, tracestate: 'a=1' };

    expect(await ask({ headers: trace })).toEqual(both({}));
    expect(await ask({ meta: trace })).toEqual(both({}));
    expect(await ask({ headers: trace, meta: { traceparent: OTHER } })).toEqual(both({ traceparent: OTHER }));
  });

  it.each([
    ['over 512 characters', `a=${'x'.repeat(255)},b=${'x'.repeat(255)}`],
    ['over 32 entries', entries(33)],
    ['a name twice', 'a=1,a=2'],
    ['no value', 'a'],
    ['an empty name', '=1'],
    ['a capital name', 'A=1'],
    ['two equal signs', 'a=b=c'],
    ['no entry at all', ' , '],
  ])('tracestate: %s', async (_, tracestate) => {
    const trace = { traceparent: PARENT, tracestate };

    expect(await ask({ headers: trace })).toEqual(both({ traceparent: PARENT }));
    expect(await ask({ meta: trace })).toEqual(both({ traceparent: PARENT }));
  });

  it('and no more than that', async () => {
    for (const tracestate of [entries(32), `a=${'x'.repeat(250)},b=${'x'.repeat(256)}`, 'a=1,,b=2']) {
      const trace = { traceparent: PARENT, tracestate };
      expect(await ask({ meta: trace })).toEqual(both(trace));
    }
  });

  it.each([[null], [7], [{}], [[PARENT]], [`${PARENT}\n`], [true]])('%j in _meta', async (traceparent) => {
    const meta = { traceparent, tracestate: 'a=1', kept: true };

    expect(await ask({ meta })).toEqual(both({}));
  });
});

describe('baggage (PROTOCOL §3)', () => {
  const baggage = 'user=7;secret, team=blue';
  const wanting = { registration: { pass_baggage: true } };

  it.each(['headers', 'meta'])('in %s stays here', async (place) => {
    expect(await seen({ [place]: { baggage } }, { client: '2026' })).toEqual(both({}));
  });

  it.each(['headers', 'meta'])('in %s goes to a server that has pass_baggage', async (place) => {
    expect(await seen({ [place]: { baggage } }, { client: '2026', ...wanting })).toEqual(both({ baggage }));
  });

  it.each(['x', 'a=1,', 'a=é', `a=${'x'.repeat(8200)}`, Array(65).fill('a=1').join(',')])(
    'that is malformed stays here: %.20s',
    async (malformed) => {
      const expected: Record<string, string> = malformed === 'a=1,' ? { baggage: malformed } : {};

      expect(await seen({ meta: { baggage: malformed } }, wanting)).toEqual(both(expected));
    },
  );
});
