import { Client as Client2, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as Transport1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

/** How long a request may take before a story calls it a hang. Milliseconds. */
const BOUND = { timeout: 15_000 };
/** SDK 2.x would answer from what it remembers. */
const ASKING = { ...BOUND, cacheMode: 'refresh' } as const;

/** An official client that is connected to the gateway. */
export type FieldClient = {
  name: string;
  /** What the next call of `sessions-count` has to say: its calls share one session there, or have one each. */
  nextCount(): string;
  /** The names of all tools, of every page. */
  toolNames(): Promise<string[]>;
  /** The names of prompts, resources and templates. */
  otherNames(): Promise<string[]>;
  /** What came of a call in one line: the text of its result, behind `error:` where it is one. */
  call(name: string, args?: Record<string, unknown>): Promise<string>;
  close(): Promise<void>;
};

/** Connects SDK 1.x, and SDK 2.x held to either era, to `/mcp`, with `headers`. `pick`: which of these. */
export function connectAll(
  origin: URL,
  headers: Record<string, string>,
  pick: <T>(all: T[]) => T[] = (all) => all,
): Promise<FieldClient[]> {
  const url = new URL('/mcp', origin);
  const options = { requestInit: { headers } };
  const first = async () => {
    const client = new Client1({ name: 'one', version: '1' });
    await client.connect(new Transport1(url, options));
    return adapted('1.x', true, client, (params) => client.callTool(params, undefined, BOUND));
  };
  const second = (era: string, mode: 'legacy' | { pin: string }) => async () => {
    const client = new Client2({ name: 'two', version: '1' }, { versionNegotiation: { mode } });
    await client.connect(new StreamableHTTPClientTransport(url, options));
    return adapted(`2.x of ${era}`, mode === 'legacy', client, (params) => client.callTool(params, BOUND));
  };
  const all = [first, second('2025', 'legacy'), second('2026', { pin: '2026-07-28' })];
  return Promise.all(pick(all).map((connect) => connect()));
}

type Calling = (params: { name: string; arguments: Record<string, unknown> }) => Promise<object>;

function adapted(name: string, hasSession: boolean, client: Client1 | Client2, call: Calling): FieldClient {
  let calls = 0;
  return {
    name,
    nextCount: () => `call ${hasSession ? ++calls : 1}`,
    async toolNames() {
      const names: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await client.listTools(cursor === undefined ? {} : { cursor }, ASKING);
        names.push(...page.tools.map(({ name }) => name));
        cursor = page.nextCursor;
      } while (cursor !== undefined);
      return names;
    },
    async otherNames() {
      const { prompts } = await client.listPrompts({}, BOUND);
      const { resources } = await client.listResources({}, BOUND);
      const { resourceTemplates } = await client.listResourceTemplates({}, BOUND);
      return [...prompts, ...resources, ...resourceTemplates].map(({ name }) => name);
    },
    async call(name, args = {}) {
      try {
        const { isError, content } = (await call({ name, arguments: args })) as {
          isError?: boolean;
          content: { text?: string }[];
        };
        const text = content.map(({ text }) => text).join('\n');
        return isError ? `error: ${text}` : text;
      } catch (error) {
        const { message } = error as Error;
        return /timed out/i.test(message) ? 'a hang' : `error: ${message}`;
      }
    },
    close: () => client.close(),
  };
}
