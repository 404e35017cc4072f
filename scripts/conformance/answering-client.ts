import * as v2 from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';

/** What a tool said, in a line. */
type Said = { isError: boolean; text: string };

/** An official client that is connected, and answers what it is asked meanwhile. */
export type AnsweringClient = {
  listTools(): Promise<string[]>;
  callTool(name: string, args: Record<string, unknown>): Promise<Said>;
  close(): Promise<void>;
};

const INFO = { name: 'toolgate-conformance', version: '1' };

/** Forms are filled in, with their defaults where they have some (SEP-1034). */
const capabilities = { elicitation: { form: { applyDefaults: true } } };

/** Connects with the newest SDK that speaks `revision`. */
export async function connectAnswering(
  revision: string,
  url: string,
  headers: Record<string, string>,
): Promise<AnsweringClient> {
  return revision === '2026-07-28' ? connectV2(url, headers) : connectV1(url, headers);
}

async function connectV1(url: string, headers: Record<string, string>): Promise<AnsweringClient> {
  const client = new ClientV1(INFO, { capabilities });
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => accepted(params));
  await client.connect(new TransportV1(new URL(url), { requestInit: { headers } }));
  return {
    listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
    callTool: async (name, args) => said(await client.callTool({ name, arguments: args })),
    close: () => client.close(),
  };
}

async function connectV2(url: string, headers: Record<string, string>): Promise<AnsweringClient> {
  const client = new v2.Client(INFO, { capabilities, versionNegotiation: { mode: { pin: '2026-07-28' } } });
  client.setRequestHandler('elicitation/create', async ({ params }) => accepted(params));
  await client.connect(new v2.StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  return {
    listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
    callTool: async (name, args) => said(await client.callTool({ name, arguments: args })),
    close: () => client.close(),
  };
}

/** A form's answer: yes to every question that has no default. */
function accepted(params: unknown): { action: 'accept'; content: Record<string, boolean> } {
  const { requestedSchema } = params as {
    requestedSchema?: { properties?: Record<string, { type?: string; default?: unknown }> };
  };
  const fields = Object.entries(requestedSchema?.properties ?? {});
  const asked = fields.filter(([, field]) => field.type === 'boolean' && field.default === undefined);
  return { action: 'accept', content: Object.fromEntries(asked.map(([name]) => [name, true])) };
}

function said(result: object): Said {
  const { isError = false, content = [] } = result as {
    isError?: boolean;
    content?: { type: string; text?: string }[];
  };
  return { isError, text: content.map(({ type, text }) => text ?? `[${type}]`).join('\n') };
}
