import { AsyncLocalStorage } from 'node:async_hooks';
import { traceIdOf } from './protocol/trace-context';
import type { Timing } from './timing';

/** What every log line of a request begins with. `trace_id`: of the trace that its caller is in (W3C Trace Context); undefined: none. */
type Asked = { request_id: string; trace_id: string | undefined };

const asked = new AsyncLocalStorage<Asked>();
const timings = new AsyncLocalStorage<Timing>();
/** How many requests of this isolate are timed now: mostly none, and looking whether this one is has its price. */
let timed = 0;

/** Answers a request so that what happens on its way, and behind its answer, knows its id and that of its trace. */
export function inRequest<T>({ headers }: Request, answer: () => T): T {
  const request_id = headers.get('cf-ray') ?? crypto.randomUUID();
  return asked.run({ request_id, trace_id: traceIdOf(headers) }, answer);
}

/** What is known of the request that is being answered; undefined in a Durable Object and in the cron. */
export function requestNow(): Asked | undefined {
  return asked.getStore();
}

/** The id of the request that is being answered: Cloudflare's Ray ID, where it came through Cloudflare. */
export function requestId(): string {
  return asked.getStore()?.request_id ?? crypto.randomUUID();
}

/** Answers so that every {@link fetchTimed} on the way is timed. */
export async function whileTimed(timing: Timing, answer: () => Promise<void>): Promise<void> {
  timed++;
  try {
    await timings.run(timing, answer);
  } finally {
    timed--;
  }
}

/** `fetch`, whose wait for headers is timed where the request that is being answered is. */
export function fetchTimed(...wanted: Parameters<typeof fetch>): Promise<Response> {
  const answer = fetch(...wanted);
  return (timed > 0 && timings.getStore()?.time('upstream', answer)) || answer;
}
