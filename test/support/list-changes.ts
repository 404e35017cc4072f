import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, vi } from 'vitest';
import { wait } from './clock';
import type { OpenStream } from './open-stream';
import type { Upstream } from './upstream';

/** Makes the server list what it said has changed, as its alarm does in a moment. */
export async function listedAgain({ id }: Upstream): Promise<void> {
  const stub = env.SERVERS.get(env.SERVERS.idFromName(id));
  const change = () => runInDurableObject(stub, (_, { storage }) => storage.kv.get('change'));
  await vi.waitFor(async () => expect(await change()).toBeDefined(), { timeout: 5_000 });
  wait(11);
  await runDurableObjectAlarm(stub);
}

/** Waits until these streams have looked at what changed. */
export async function looked(...streams: OpenStream[]): Promise<void> {
  wait(11);
  await Promise.all(streams.map((stream) => stream.looks(3)));
}
