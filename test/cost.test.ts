import { env } from 'cloudflare:workers';
import { expect, it, vi } from 'vitest';
import { McpCaller } from './support/caller';
import { cron } from './support/cron';
import { administer, gate, newKey } from './support/gate';
import { McpClient } from './support/mcp-client';
import { type Operations, operationsOf } from './support/operations';
import { Upstream } from './support/upstream';

/** Acts, and what each costs, with what a caller's state and the settings cost once in `revocation_lag` apart. */
async function counted(): Promise<Record<string, Operations>> {
  const upstream = await Upstream.start(['echo']);
  await administer('PUT', '/config', { revocation_lag: 60 });
  const client = await McpClient.register();
  const key = (await newKey()).value;
  const first = await client.obtainGrant({ key });
  const caller = new McpCaller({ authorization: `Bearer ${first.access_token}` });
  const call = () => caller.call(`${upstream.name}-echo`);
  const stranger = new McpCaller({});
  const tampered = new McpCaller({ authorization: `Bearer ${first.access_token.slice(0, -4)}AAAA` });
  for (let at = 0; at < 20; at++) await McpClient.register({ client_name: `Another app ${at}` });
  await env.DB.prepare("UPDATE client SET allowed_at = 1 WHERE name LIKE 'Another app %'").run(); // so that no one else reads them
  await call(); // the isolate knows the caller, the keys and the lists
  await stranger.ask('tools/list');
  vi.useFakeTimers({ toFake: ['Date'] });

  const warm = await operationsOf(call);
  vi.setSystemTime(Date.now() + 11_000);
  const counting = await operationsOf(call);
  vi.setSystemTime(Date.now() + 61_000);
  const stale = await operationsOf(call);
  let tokens = first;
  await env.DB.prepare('UPDATE oauth_grant SET last_used_at = NULL').run(); // as of an app that only refreshes
  const refresh = await operationsOf(async () => {
    tokens = (await client.refresh(tokens.refresh_token)).body;
  });
  const signIn = await operationsOf(async () => (await McpClient.register()).obtainGrant({ key }));
  const none = await operationsOf(() => stranger.ask('tools/list'));
  const wrong = await operationsOf(() => tampered.ask('tools/list'));
  const revoke = await operationsOf(() => client.revoke(tokens.refresh_token));
  await cron();
  vi.setSystemTime(Date.now() + 3_600_000);
  const hour = await operationsOf(() => cron());
  const health = await operationsOf(() => gate('/health'));
  return {
    call: warm,
    callThatCounts: counting,
    callAfterTheLag: stale,
    refresh,
    signIn,
    refusedNone: none,
    refusedTampered: wrong,
    revoke,
    cron: hour,
    health,
  };
}

it('counts what scripts/cost reckons with (npm run cost after a change)', async () => {
  const found = await counted();

  await expect(`${JSON.stringify(found, null, 2)}\n`).toMatchFileSnapshot('../scripts/cost/counts.json');
});
