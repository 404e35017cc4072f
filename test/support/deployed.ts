import { createExecutionContext, env, waitOnExecutionContext } from 'cloudflare:test';
import worker from '../../src/index';

/** One request to a Worker that was deployed with other variables. */
export async function deployedWith(
  changes: Record<string, unknown>,
  url: string,
  init?: RequestInit,
): Promise<Response> {
  const ctx = createExecutionContext();
  const response = await worker.fetch(new Request(url, init), { ...env, ...changes }, ctx);
  await waitOnExecutionContext(ctx);
  return response;
}
