import { randomUUID } from 'node:crypto';
import { AdminApi } from '../admin-api.ts';
import type { Behind } from './behind.ts';
import { type FixtureEra, FixtureProcess } from './fixture-process.ts';
import { KeyProxy } from './key-proxy.ts';
import { Prefixes } from './prefixes.ts';
import type { ServerResult } from './server-section.ts';
import { type Outcome, runSuite } from './suite.ts';

/** One revision, asked of the fixture itself and of the gateway before it. */
export type ServerRun = { revision: string; era: FixtureEra; args: readonly string[] };

/** `--requirements` also runs what a revision does not score; the suite has no such set for 2025-06-18. */
const ARGS = {
  '2025-06-18': ['--suite', 'all', '--spec-version', '2025-06-18'],
  '2025-11-25': ['--requirements', '2025-11-25'],
  '2026-07-28': ['--requirements', '2026-07-28'],
};

export const SERVER_RUNS: readonly ServerRun[] = Object.entries(ARGS).flatMap(([revision, args]) =>
  ([revision < '2026' ? '2025' : '2026', 'both'] as const).map((era) => ({ revision, era, args })),
);

/** Of the fixture at the gateway: short, as names of tools with it are of 64 characters. */
const NAME = 'fixture';

/** Runs the suite in server mode against the fixture, and at `/mcp/<slug>` and `/mcp` of a gateway before it. */
export async function runServer(behind: Behind, run: ServerRun): Promise<ServerResult> {
  const fixture = await FixtureProcess.start(run.era);
  try {
    const direct = await judge(fixture.url, run);
    const api = new AdminApi(behind.url, behind.admin_token);
    const { client } = await api.send<{ client: { id: string; endpoint_slug: string } }>(
      'POST',
      '/api/mcp/client',
      {
        name: NAME,
        connection_type: 'http',
        connection_string: fixture.url,
        allow_on_all_virtual_keys: true,
      },
    );
    const slug = client.endpoint_slug;
    const at = async (path: string, prefixes: Prefixes | null) => {
      const proxy = await KeyProxy.start(`${behind.url}${path}`, await newKey(api), prefixes);
      return judge(proxy.url, run).finally(() => proxy.stop());
    };
    const through = await at(`/mcp/${slug}`, null);
    const joined = await at('/mcp', new Prefixes(NAME, slug));
    await api.send('DELETE', `/api/mcp/client/${client.id}`);
    return { ...run, direct, through, joined };
  } finally {
    await fixture.stop();
  }
}

/** A key of its own, as for a client of its own. */
async function newKey(api: AdminApi): Promise<string> {
  const terms = { name: `conformance ${randomUUID()}` };
  const made = await api.send<{ virtual_key: { value: string } }>(
    'POST',
    '/api/governance/virtual-keys',
    terms,
  );
  return made.virtual_key.value;
}

function judge(url: string, { revision, era, args }: ServerRun): Promise<Outcome[]> {
  console.log(`${revision}, fixture ${era}: ${url}`);
  return runSuite(['server', '--url', url, ...args]);
}
