import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { everythingServer } from '../../demo/servers';
import { Child } from '../../scripts/child';
import { freePort } from '../../scripts/dev/ports';
import { CLIENTS, type WiredClient } from './support/everything-clients';
import { type Difference, differencesOf, type Walked } from './support/everything-compare';
import { ALLOWED, isKnown } from './support/everything-differences';
import { STEPS } from './support/everything-steps';
import { FieldGateway } from './support/field-gateway';

let gateway: FieldGateway;
let server: Child;
/** What each client meets otherwise through the gateway. */
const found = new Map<string, Difference[]>();

beforeAll(async () => {
  const { args, env, port } = everythingServer(await freePort());
  server = new Child({ args, env });
  gateway = await FieldGateway.start();
  const direct = new URL(`http://127.0.0.1:${port}/mcp`);
  await server.comesUp('The server', () => fetch(direct).then(Boolean, () => false));
  await gateway.add('everything', direct.href);
  const through = new URL('/mcp/everything', gateway.origin);
  const headers = await gateway.keyFor(['everything']);

  const walks = Object.entries(CLIENTS).map(async ([name, connect]) => {
    const isModern = name.endsWith('2026-07-28');
    const [one, other] = await Promise.all([
      connect(direct, {}, false).then((client) => walk(client, isModern)),
      connect(through, headers, isModern).then((client) => walk(client, isModern)),
    ]);
    found.set(name, differencesOf(one, other));
  });
  await Promise.all(walks);
}, 120_000);
afterAll(async () => {
  await server?.stop();
  await gateway?.stop();
});

/** Does everything, in turn. */
async function walk(client: WiredClient, isModern: boolean): Promise<Walked[]> {
  const walked: Walked[] = [{ title: 'the greeting', messages: client.greeting }];
  for (const { title, era, run } of STEPS) {
    if (era === '2025' && isModern) continue;
    await run(client);
    walked.push({ title, messages: client.wire.take() });
  }
  await client.close();
  const isByItself = ({ id, method }: { id?: unknown; method?: string }) =>
    method !== undefined && (id === undefined || method === 'roots/list');
  return [...walked, { title: 'the GET stream', messages: client.wire.streamed.filter(isByItself) }];
}

describe('server-everything, direct and at /mcp/<slug>, as raw JSON', () => {
  it.for(Object.keys(CLIENTS))('is the same by %s, but for what is listed with its reason', (name) => {
    const unknown = found.get(name)?.filter((one) => !ALLOWED.some((listed) => isKnown(listed, name, one)));

    expect(unknown).toEqual([]);
  });

  it('differs in all that is listed', () => {
    const isMet = (listed: (typeof ALLOWED)[number]) =>
      [...found].some(([name, differences]) => differences.some((one) => isKnown(listed, name, one)));

    expect(ALLOWED.filter((listed) => !isMet(listed)).map(({ why }) => why)).toEqual([]);
  });

  it('is described in docs/everything.md, with each reason', () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/everything.md'), 'utf8');

    expect(ALLOWED.filter(({ why }) => !page.includes(why)).map(({ why }) => why)).toEqual([]);
  });
});
