import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ListRootsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { type Connection, SDK_CLIENTS, type SdkClient } from '../../demo/clients.ts';
import type { FieldProcess } from './process.ts';
import type { Act, FieldServer } from './servers.ts';
import { messageOf } from './words.ts';

/** What came of one step: how many of the clients met what they meet at the server itself, and what the others met. */
export type Step = { alike: number; of: number; faults: string[] };

/** A server's tools and answers, as they are without a gateway between. */
export type Direct = { tools: string[]; good: string; bad: string; progress: boolean };

/** The official clients, each connected to one server through the gateway. */
export type Clients = { name: string; connection: Connection }[];

/** Asks the server itself, with the newest client it understands. */
export async function askDirectly({ server, url }: FieldProcess): Promise<Direct> {
  const client = SDK_CLIENTS[server.isModern ? 2 : 0] as SdkClient;
  const connection = await client.connect(url, {});
  try {
    const tools = (server.isModern ? await connection.listTools() : await toolsForAll(url)).sort();
    const [good, bad] = [await outcomeOf(connection, server.good), await outcomeOf(connection, server.bad)];
    return { tools, good, bad, progress: await reportsProgress(connection, server) };
  } finally {
    await connection.close();
  }
}

/** The names of the tools for a client that can do everything, as the gateway lists a server (PROTOCOL §5). */
async function toolsForAll(url: string): Promise<string[]> {
  const capabilities = { elicitation: { form: {}, url: {} }, sampling: {}, roots: { listChanged: true } };
  const client = new Client({ name: 'toolgate-field', version: '1' }, { capabilities });
  client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [] }));
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  try {
    return (await client.listTools()).tools.map(({ name }) => name);
  } finally {
    await client.close();
  }
}

export async function connectAll(url: string, key: string): Promise<Clients> {
  const access = { authorization: `Bearer ${key}` };
  return Promise.all(
    SDK_CLIENTS.map(async (client) => ({ name: client.name, connection: await client.connect(url, access) })),
  );
}

export function listed(clients: Clients, { tools }: Direct): Promise<Step> {
  return each(clients, async (connection) => {
    const found = (await connection.listTools()).sort();
    return found.join() === tools.join() ? null : `${found.length} tools in place of ${tools.length}`;
  });
}

/** A call whose answer has to be `expected`, letter by letter but for digits. */
export function called(clients: Clients, act: Act, expected: string): Promise<Step> {
  return each(clients, async (connection) => {
    const met = await outcomeOf(connection, act);
    return met === expected ? null : `"${met.slice(0, 200)}" in place of "${expected.slice(0, 200)}"`;
  });
}

/** Null where the server reports none itself. */
export async function progressed(
  clients: Clients,
  server: FieldServer,
  direct: Direct,
): Promise<Step | null> {
  if (!direct.progress) return null;
  return each(clients, async (connection) =>
    (await reportsProgress(connection, server)) ? null : 'no progress was reported',
  );
}

async function each(
  clients: Clients,
  step: (connection: Connection) => Promise<string | null>,
): Promise<Step> {
  const faults: string[] = [];
  for (const { name, connection } of clients) {
    const fault = await step(connection).catch((error: unknown) => messageOf(error));
    if (fault !== null) faults.push(`${name}: ${fault}`);
  }
  return { alike: clients.length - faults.length, of: clients.length, faults };
}

async function reportsProgress(connection: Connection, { progress }: FieldServer): Promise<boolean> {
  if (!progress) return false;
  let reports = 0;
  await connection.callTool(progress.tool, progress.args, () => {
    reports++;
  });
  return reports > 0;
}

/** The result or the error of a call in one line. Digits and ids differ from call to call. */
async function outcomeOf(connection: Connection, { tool, args }: Act): Promise<string> {
  const said = await connection.callTool(tool, args).then(
    ({ isError, text }) => (isError ? `error: ${text}` : text),
    (error: unknown) => `error: ${messageOf(error)}`,
  );
  return said
    .replace(/\b[0-9a-f]{8}-[0-9a-f-]{27}\b/gi, '#')
    .replace(/\d+/g, '#')
    .replace(/\s+/g, ' ');
}
