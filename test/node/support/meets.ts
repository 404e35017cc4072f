import { isDeepStrictEqual } from 'node:util';
import { expect, vi } from 'vitest';
import { fetchOf, LAG, origin } from './two-workers';

/** What the second Worker answers: the HTTP status, and of a tool called there whether it ran. */
export async function meets(
  headers: Record<string, string>,
  tool?: string,
  path = '/mcp',
): Promise<number | 'ran' | 'unknown tool'> {
  const message = tool ? { method: 'tools/call', params: { name: tool } } : { method: 'ping' };
  const response = await fetchOf('second')(origin + path, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...message }),
  });
  const text = await response.text();
  if (!tool || response.status !== 200) return response.status;
  if (text.includes(' ran"')) return 'ran';
  return text.includes('Unknown tool') ? 'unknown tool' : response.status;
}

/** How long a test waits for an answer that should be there long before. Milliseconds. */
const PATIENCE = 30_000;

/**
 * Sees an answer become `expected`, and that no other one was given to who asked later than `revocation_lag` and two seconds
 * from then: however long a busy machine took to give it.
 * @param from epoch milliseconds
 */
export async function soon(ask: () => Promise<unknown>, expected: unknown, from = Date.now()): Promise<void> {
  let lastOther = from;
  await vi.waitFor(
    async () => {
      const askedAt = Date.now();
      const met = await ask();
      if (!isDeepStrictEqual(met, expected)) lastOther = askedAt;
      expect(met).toEqual(expected);
    },
    { timeout: PATIENCE, interval: 50 },
  );
  expect(lastOther - from).toBeLessThanOrEqual((LAG + 2) * 1000);
}
