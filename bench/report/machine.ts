import { readFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../../scripts/dev/state.ts';
import type { Machine } from './report.ts';

const PEER = '@cloudflare/workers-oauth-provider';

/** This machine at the end of a run. @param before the load average when it began */
export function machineNow(before: number, hasPeer: boolean): Machine {
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memory: totalmem(),
    node: process.versions.node,
    workerd: versionOf('node_modules/workerd'),
    load: [before, loadOfMinute()],
    peer: hasPeer ? `${PEER} ${versionOf(`bench/node_modules/${PEER}`)}` : null,
  };
}

export function loadOfMinute(): number {
  return loadavg()[0] ?? 0;
}

function versionOf(folder: string): string {
  return (JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')) as { version: string })
    .version;
}
