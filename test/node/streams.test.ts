import { Client as Client2, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as Transport1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { FieldGateway } from './support/field-gateway';

let gateway: FieldGateway;
beforeAll(async () => {
  gateway = await FieldGateway.start();
});
afterAll(() => gateway?.stop());

const DOC = 'doc://a';
const tools = (...names: string[]) => names.map((name) => ({ name, inputSchema: { type: 'object' } }));

/** A server that says things by itself, and a key for it. */
async function talking(era: '2025' | '2026') {
  const name = `talks${era}`;
  const told = { listChanged: true };
  await gateway.control(name, 'set', {
    era,
    streams: true,
    capabilities: { tools: told, resources: { ...told, subscribe: true } },
    tools: tools('a'),
    resources: [{ uri: DOC, name: 'a' }],
  });
  await gateway.add(name);
  return { name, path: `/mcp/${name}`, headers: await gateway.keyFor([name]) };
}

type Story = {
  /** What the client has heard, in order. */
  heard: string[];
  subscribe(): Promise<unknown>;
  close(): Promise<void>;
};

/** SDK 1.x opens its stream by itself after `initialize`. */
async function first(url: URL, headers: Record<string, string>): Promise<Story> {
  const heard: string[] = [];
  const client = new Client1({ name: 'one', version: '1' });
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => void heard.push('tools'));
  client.setNotificationHandler(
    ResourceUpdatedNotificationSchema,
    ({ params }) => void heard.push(params.uri),
  );
  await client.connect(new Transport1(url, { requestInit: { headers } }));
  await client.callTool({ name: 'a' });
  return { heard, subscribe: () => client.subscribeResource({ uri: DOC }), close: () => client.close() };
}

/** SDK 2.x as a client of either era: it listens by GET in the one and by `subscriptions/listen` in the other. */
async function second(
  url: URL,
  headers: Record<string, string>,
  mode: 'legacy' | { pin: string },
): Promise<Story> {
  const heard: string[] = [];
  const client = new Client2({ name: 'two', version: '1' }, { versionNegotiation: { mode } });
  client.setNotificationHandler('notifications/tools/list_changed', () => void heard.push('tools'));
  client.setNotificationHandler(
    'notifications/resources/updated',
    ({ params }) => void heard.push(params.uri),
  );
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }));
  await client.callTool({ name: 'a', arguments: {} });
  if (mode !== 'legacy') await client.listen({ toolsListChanged: true });
  const subscribe = () =>
    mode === 'legacy'
      ? client.subscribeResource({ uri: DOC })
      : client.listen({ resourceSubscriptions: [DOC] }).then(({ honoredFilter }) => honoredFilter);
  return { heard, subscribe, close: () => client.close() };
}

describe.concurrent('official clients hear what changes (PROTOCOL §5)', () => {
  it.for(['2025', '2026'] as const)(
    'at a server of %s: lists, and resources they subscribed to',
    async (era) => {
      const { name, path, headers } = await talking(era);
      const url = new URL(path, gateway.origin);
      const clients = await Promise.all([
        first(url, headers),
        second(url, headers, 'legacy'),
        second(url, headers, { pin: '2026-07-28' }),
      ]);
      const [, , granted] = await Promise.all(clients.map(({ subscribe }) => subscribe()));
      const hears = async (what: string, by: Story[]) =>
        vi.waitFor(() => expect(by.map(({ heard }) => heard.includes(what))).toEqual(by.map(() => true)), {
          timeout: 30_000,
          interval: 100,
        });
      // A client of 2026-07-28 with a key has no session at a server of the 2025 era: what it cannot hear is not granted.
      const subscribed = era === '2026' ? clients : clients.slice(0, 2);
      expect(granted).toEqual(era === '2026' ? { resourceSubscriptions: [DOC] } : {});

      const saying = setInterval(
        () =>
          gateway.control(name, 'say', { method: 'notifications/resources/updated', params: { uri: DOC } }),
        1_000,
      );
      await hears(DOC, subscribed).finally(() => clearInterval(saying));
      await gateway.control(name, 'set', { tools: tools('a', 'b') });
      const telling = setInterval(
        () => gateway.control(name, 'say', { method: 'notifications/tools/list_changed' }),
        1_000,
      );
      await hears('tools', clients).finally(() => clearInterval(telling));

      await Promise.all(clients.map(({ close }) => close()));
    },
  );
});
