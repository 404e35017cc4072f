import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare';
import { childNamed, cpuNanoseconds } from '../measure/cpu.ts';
import { median } from '../measure/statistics.ts';
import { modulesOf } from './bundle.ts';
import { configured, type Options } from './configuration.ts';

/** Answers at once, and imports the gateway when it is asked to: what that costs is what a new isolate pays before its first request. */
const ENTRY = `let gateway;
export default {
  async fetch(request) {
    if (request.url.endsWith('/import')) gateway = await import('./index.js');
    return new Response(gateway ? 'imported' : 'waiting');
  },
};`;

/** The CPU that loading the built Worker takes workerd (reading, compiling and running its modules), as the median of `times` starts. Milliseconds. */
export async function startUpCpu(bundle: string, times: number): Promise<number> {
  const measured: number[] = [];
  while (measured.length < times) measured.push(await once(bundle));
  return median(measured);
}

async function once(bundle: string): Promise<number> {
  const { compatibilityDate, compatibilityFlags } = configured().options;
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      log: new Log(LogLevel.ERROR),
      cf: false,
      name: 'start-up',
      compatibilityDate,
      compatibilityFlags,
      modules: [{ type: 'ESModule', path: 'entry.js', contents: ENTRY }, ...modulesOf(bundle)],
      unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
    } as Options),
  );
  try {
    await miniflare.ready;
    const url = await miniflare.unsafeGetDirectURL();
    const workerd = childNamed('workerd', process.pid) ?? 0;
    const ask = async (path: string) => (await fetch(new URL(path, url))).text();
    for (let warm = 0; warm < 10; warm++) await ask('/');
    const before = cpuNanoseconds(workerd);
    const said = await ask('/import');
    if (said !== 'imported') throw new Error(`the import answered ${said}`);
    return (cpuNanoseconds(workerd) - before) / 1e6;
  } finally {
    await miniflare.dispose();
  }
}
