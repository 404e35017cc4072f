import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import worker from '../../src/index';
import { Browser } from '../support/browser';
import { shortWaits } from '../support/clock';
import { admin, configure, ISSUER, newKey } from '../support/gate';
import { McpClient } from '../support/mcp-client';
import { Provider, personOf } from '../support/provider';
import { Upstream } from '../support/upstream';

/** Seconds. */
const LAG = 10;

/** D1 as it is when it does not answer: at once with a fault, or not at all. */
const faulty = () => Promise.reject(new Error('D1_ERROR: Network connection lost.'));
const silent = () => new Promise<never>(() => undefined);
const down = (answer: () => Promise<never>) => {
  const statement = { bind: () => statement, first: answer, all: answer, run: answer, raw: answer };
  return { prepare: () => statement, batch: answer, exec: answer };
};

/** A tool called by a Worker with this D1; `ran`, or the status it was refused with. */
async function calls(
  headers: Record<string, string>,
  tool: string,
  DB: unknown = env.DB,
): Promise<'ran' | number> {
  const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool } };
  const request = new Request(`${ISSUER}/mcp`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: JSON.stringify(body),
  });
  const context = createExecutionContext();
  const response = await worker.fetch(request, { ...env, DB: DB as D1Database }, context);
  const text = await response.text();
  await waitOnExecutionContext(context);
  if (response.status === 503) expect(response.headers.get('retry-after')).toBeTruthy();
  return text.includes('ran') ? 'ran' : response.status;
}

describe('while D1 does not answer (CONTRACT §5, SECURITY 23)', () => {
  beforeEach(() => configure({ revocation_lag: LAG }));
  afterEach(async () => {
    vi.useRealTimers();
    vi.restoreAllMocks();
    await configure({ revocation_lag: null });
  });

  it('serves whom it knows for 60 s past the lag, then answers 503, and recovers by itself', async () => {
    const { name } = await Upstream.start();
    const key = await newKey();
    const { access_token } = await (await McpClient.register()).obtainGrant({ key: key.value });
    const callers: Record<string, string>[] = [
      { 'x-bf-vk': key.value },
      { authorization: `Bearer ${access_token}` },
    ];
    const outcomes = (DB?: unknown) =>
      Promise.all(callers.map((caller) => calls(caller, `${name}-echo`, DB)));
    const startedAt = Date.now() + LAG * 1000; // so that all is read again, however long the lines above took
    const at = (seconds: number) => vi.useFakeTimers({ toFake: ['Date'], now: startedAt + seconds * 1000 });
    at(0);
    expect(await outcomes()).toEqual(['ran', 'ran']);

    at(LAG + 59);
    expect(await outcomes(down(faulty))).toEqual(['ran', 'ran']);
    at(LAG + 61);
    expect(await outcomes(down(faulty))).toEqual([503, 503]);
    expect(await outcomes()).toEqual(['ran', 'ran']);
  });

  it('serves whom it knows when D1 hangs, after two seconds at most of each', async () => {
    const { name } = await Upstream.start();
    const caller = { 'x-bf-vk': (await newKey()).value };
    expect(await calls(caller, `${name}-echo`)).toBe('ran');
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + (LAG + 30) * 1000 });
    const limits = shortWaits();

    expect(await calls(caller, `${name}-echo`, down(silent))).toBe('ran');
    expect(limits).toContain(2_000);
  });

  it('answers 503 to whom it does not know, and never that they are unknown', async () => {
    const { name } = await Upstream.start();
    const known = { 'x-bf-vk': (await newKey()).value };
    expect(await calls(known, `${name}-echo`)).toBe('ran');

    const stranger = { 'x-bf-vk': (await newKey()).value };

    expect(await calls(stranger, `${name}-echo`, down(faulty))).toBe(503);
  });
});

describe('a grant of a key that has got an owner since (CONTRACT §6)', () => {
  it('is over: the key stands for that person now', async () => {
    const { name } = await Upstream.start();
    const key = await newKey();
    const client = await McpClient.register();
    const { access_token, refresh_token } = await client.obtainGrant({ key: key.value });
    const bearer = { authorization: `Bearer ${access_token}` };
    const before = await calls(bearer, `${name}-echo`);
    const email = `${crypto.randomUUID().slice(0, 8)}@acme.example`;
    await (await Provider.start()).signIn(new Browser(), email);
    const { id } = await personOf(email);
    await admin('PUT', `/governance/virtual-keys/${key.id}`, { owner_user_id: id });

    const after = await calls(bearer, `${name}-echo`);
    const refreshed = await client.token({ grant_type: 'refresh_token', refresh_token });

    expect([before, after]).toEqual(['ran', 401]);
    expect(refreshed).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  });
});
