import { Client as Client2, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as Transport1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import * as z from 'zod';
import { type Message, Wire } from './wire';

/** An official client that declares what it can, answers what it is asked, and whose messages are recorded. */
export type WiredClient = {
  wire: Wire;
  /** Asks, and resolves when that was answered in whatever way. */
  ask(method: string, params?: object, options?: { signal?: AbortSignal; progress?: boolean }): Promise<void>;
  notify(method: string): Promise<void>;
  /** The messages of the greeting. */
  greeting: Message[];
  close(): Promise<void>;
};

/** Each connects to `url` with `headers`. A server of the 2025 era is met by the third as by the second. */
export const CLIENTS: Record<
  string,
  (url: URL, headers: Record<string, string>, isModern: boolean) => Promise<WiredClient>
> = { 'SDK 1.x': connect1, 'SDK 2.x, 2025 era': connect2, 'SDK 2.x, 2026-07-28': connect2 };

const CAPABILITIES = {
  capabilities: { elicitation: { form: {}, url: {} }, sampling: {}, roots: { listChanged: true } },
};
const INFO = { name: 'everything', version: '1' };
const ANY = z.looseObject({});

const roots = () => ({ roots: [{ uri: 'file:///home/ann', name: 'home' }] });
const sampled = () => ({
  model: 'a model',
  role: 'assistant' as const,
  content: { type: 'text' as const, text: 'a sampled answer' },
});
const elicited = ({ params }: { params: { mode?: string | undefined } }) =>
  params.mode === 'url'
    ? { action: 'accept' as const }
    : { action: 'accept' as const, content: { name: 'Ann', check: true, email: 'ann@example.com' } };

async function connect1(url: URL, headers: Record<string, string>): Promise<WiredClient> {
  const wire = new Wire();
  const client = new Client1(INFO, CAPABILITIES);
  client.setRequestHandler(ListRootsRequestSchema, roots);
  client.setRequestHandler(CreateMessageRequestSchema, sampled);
  client.setRequestHandler(ElicitRequestSchema, elicited);
  await client.connect(new Transport1(url, { ...ONCE, fetch: wire.fetch, requestInit: { headers } }));
  return {
    wire,
    greeting: wire.take(),
    async ask(method, params = {}, { signal, progress = false } = {}) {
      const options = { timeout: BOUND, ...(signal && { signal }), ...(progress && { onprogress }) };
      await client.request({ method, params } as never, ANY as never, options).catch(() => undefined);
    },
    notify: (method) => client.notification({ method } as never),
    close: () => client.close(),
  };
}

async function connect2(url: URL, headers: Record<string, string>, isModern: boolean): Promise<WiredClient> {
  const wire = new Wire();
  const mode = isModern ? { pin: '2026-07-28' } : 'legacy';
  const client = new Client2(INFO, { ...CAPABILITIES, versionNegotiation: { mode } });
  client.setRequestHandler('roots/list', roots);
  client.setRequestHandler('sampling/createMessage', sampled);
  client.setRequestHandler('elicitation/create', elicited);
  await client.connect(
    new StreamableHTTPClientTransport(url, { ...ONCE, fetch: wire.fetch, requestInit: { headers } }),
  );
  return {
    wire,
    greeting: wire.take(),
    async ask(method, params = {}, { signal, progress = false } = {}) {
      const options = { timeout: BOUND, ...(signal && { signal }), ...(progress && { onprogress }) };
      await client.request({ method, params } as never, ANY as never, options).catch(() => undefined);
    },
    notify: (method) => client.notification({ method } as never),
    close: () => client.close(),
  };
}

/** A stream that was cut is not asked for again: this server says all that it ever said anew. */
const ONCE = {
  reconnectionOptions: {
    maxRetries: 0,
    initialReconnectionDelay: 1_000,
    maxReconnectionDelay: 1_000,
    reconnectionDelayGrowFactor: 1,
  },
};

/** How long a request may take. Milliseconds. */
const BOUND = 8_000;
const onprogress = () => undefined;
