import type { ConsentedServer } from '../grants/grant';
import type { McpConfig } from '../protocol/mcp-config';
import type { OpenServer } from './open-servers';

/** Why a list cannot be what a grant leaves in: the member at fault by its place in the list, and what it names. */
export type ConsentedFault = {
  why: 'repeated' | 'server' | 'tool';
  at: string;
  server: string;
  tool?: string;
};

/** What a list may name: what the identity may use, and what the grant has already, whose server may be away for the moment. */
type Nameable = {
  open: readonly OpenServer[];
  kept: readonly ConsentedServer[];
  /** Names of servers, by id. */
  names: ReadonlyMap<string, string>;
};

/**
 * What a grant is to leave in, from a list that names servers and tools (CONTRACT §8): tools by the server's own name or as
 * they are exposed without the prefix, `*` for all and those to come. A server with nothing of it is left out.
 */
export function consentedIn(
  list: readonly McpConfig[],
  nameable: Nameable,
): { servers: ConsentedServer[] } | { fault: ConsentedFault } {
  const servers: ConsentedServer[] = [];
  for (const [at, config] of list.entries()) {
    const { mcp_client_name: name, tools_to_execute: wanted, allow_resources, allow_prompts } = config;
    const found = findServer(name, nameable);
    if (!found) return { fault: { why: 'server', at: `${at}.mcp_client_name`, server: name } };
    const { id, open, kept } = found;
    if (servers.some((server) => server.id === id)) {
      return { fault: { why: 'repeated', at: `${at}.mcp_client_name`, server: name } };
    }
    const reading = {
      ...(typeof allow_resources === 'boolean' && { allow_resources }),
      ...(typeof allow_prompts === 'boolean' && { allow_prompts }),
    };
    if (wanted.includes('*')) {
      servers.push({ id, tools: null, ...reading });
      continue;
    }
    const tools: string[] = [];
    for (const [place, tool] of wanted.entries()) {
      const own =
        open?.tools.find((one) => one.name === tool) ?? open?.tools.find(isExposedAs(open.name, tool));
      if (!own && !kept?.tools?.includes(tool)) {
        return { fault: { why: 'tool', at: `${at}.tools_to_execute.${place}`, server: name, tool } };
      }
      tools.push(own?.name ?? tool);
    }
    servers.push({ id, tools: [...new Set(tools)], ...reading });
  }
  return { servers: servers.filter(isSomething) };
}

const isExposedAs =
  (server: string, tool: string) =>
  ({ exposedName }: OpenServer['tools'][number]) =>
    exposedName.slice(server.length + 1) === tool;

function isSomething({ tools, allow_resources, allow_prompts }: ConsentedServer): boolean {
  return tools?.length !== 0 || allow_resources === true || allow_prompts === true;
}

function findServer(wanted: string, { open, kept, names }: Nameable) {
  const isMeant = (name: string | undefined) => name?.toLowerCase() === wanted.toLowerCase();
  const usable = open.find(({ name }) => isMeant(name));
  const id = usable?.id ?? kept.find((server) => isMeant(names.get(server.id)))?.id;
  return id === undefined ? null : { id, open: usable, kept: kept.find((server) => server.id === id) };
}
