import { cpuSeconds } from './cpu.ts';
import { quantile } from './statistics.ts';

/** What one request gave, where it is not the time until it was answered that counts. */
export type Sent = { milliseconds?: number; bytes?: number };

/** A run of requests at one side. */
export type Run = {
  requests: number;
  /** Those that were not answered as they should have been, and the first of those answers. */
  failures: number;
  said: string;
  /** Answered in a second. */
  rate: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
  /** CPU of workerd, microseconds a request. NaN: it was not read. */
  cpu: number;
  /** Megabytes (10^6 bytes) in a second, where bytes were counted. */
  megabytes: number;
  /** How much of the time the client's event loop was at work, 0 to 1. */
  utilization: number;
};

type Load = {
  requests: number;
  /** Senders, each of which waits for its answer before it sends again. */
  parallel: number;
  /** The `n`th request, sent by the `sender`th. @throws Error with what was answered when that is wrong */
  send(n: number, sender: number): Promise<Sent>;
  /** Of the process whose CPU is counted; null: none. */
  pid: number | null;
};

/** Sends requests and waits for them all. */
export async function run({ requests, parallel, send, pid }: Load): Promise<Run> {
  const times: number[] = [];
  let [next, failures, bytes, said] = [0, 0, 0, ''];
  const sendAll = async (sender: number) => {
    for (let n = next++; n < requests; n = next++) {
      const began = performance.now();
      try {
        const sent = await send(n, sender);
        bytes += sent.bytes ?? 0;
        times.push(sent.milliseconds ?? performance.now() - began);
      } catch (error) {
        failures++;
        said ||= error instanceof Error ? error.message : String(error);
      }
    }
  };

  const used = pid === null ? Number.NaN : cpuSeconds(pid);
  const loop = performance.eventLoopUtilization();
  const began = performance.now();
  await Promise.all(Array.from({ length: parallel }, (_, sender) => sendAll(sender)));
  const seconds = (performance.now() - began) / 1000;
  const { utilization } = performance.eventLoopUtilization(loop);
  const cpu = pid === null ? Number.NaN : cpuSeconds(pid) - used;
  return {
    requests,
    failures,
    said,
    rate: requests / seconds,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    cpu: (cpu * 1e6) / requests,
    megabytes: bytes ? bytes / 1e6 / seconds : Number.NaN,
    utilization,
  };
}
