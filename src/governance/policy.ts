import type { ConsentedServer } from '../grants/grant';
import { covers } from '../protocol/authorization';
import type { McpConfig, ReadingTerms } from '../protocol/mcp-config';
import type { Access } from './access';
import type { ServerTools } from './virtual-mcps';

/** A server, as far as rules speak of it. */
type RuledServer = {
  id: string;
  name: string;
  enabled: boolean;
  /** Names of tools; `*` is all. */
  toolsToExecute: readonly string[];
  /** Null: not said. */
  allowResources: boolean | null;
  allowPrompts: boolean | null;
  allowOnAllVirtualKeys: boolean;
};

/** A tool, as far as rules speak of it. */
type RuledTool = { name: string; exposedName: string; readOnly: boolean };

/** Everything that narrows what a caller may use. Rules only narrow: all of them have to agree (CONTRACT §6). */
export type Rules = {
  /** What the identity was given, by server name: a list for each giver. */
  mcpConfigs: Access['mcpConfigs'];
  /** What its Virtual MCPs add to that, by server id. */
  toolsets: readonly ServerTools[];
  /** The Virtual MCP whose address was asked: nothing else is there. Null: none. */
  within: readonly ServerTools[] | null;
  /** What consent left in; null: not narrowed. */
  consented: readonly ConsentedServer[] | null;
  scope: string;
  /** True when the person narrowed the scope, so that the client has nothing to ask for again. */
  scopeIsFinal: boolean;
  /** `x-bf-mcp-include-clients`: server names; null: not sent. */
  includeClients: readonly string[] | null;
  /** `x-bf-mcp-include-tools`: exposed names, or `<server>-*`; null: not sent. */
  includeTools: readonly string[] | null;
};

/** `hidden`: as if it were not there. `insufficient_scope`: there, but the client asked for too little. */
export type PolicyVerdict = 'allowed' | 'hidden' | 'insufficient_scope';

/** What one list has of a server: names of tools, `*` for all, and what it says of resources and prompts. */
type Share = ReadingTerms & { tools: readonly string[] };

/** What the identity was given of a server; empty: nothing. Givers and Virtual MCPs add up. */
function given({ mcpConfigs, toolsets }: Rules, server: RuledServer): readonly Share[] {
  return [...mcpConfigs.flatMap((list) => givenBy(list, server)), ...held(toolsets, server)];
}

/** What one giver gave of a server. Entries of its own decide; without one, what is open to everyone is. */
function givenBy(list: readonly McpConfig[], server: RuledServer): readonly Share[] {
  const own = list.filter(({ mcp_client_name }) => sameName(mcp_client_name, server.name));
  if (!own.length) return server.allowOnAllVirtualKeys ? [ALL] : [];
  return own
    .map(({ tools_to_execute: tools, allow_resources, allow_prompts }) => ({
      tools,
      allow_resources,
      allow_prompts,
    }))
    .filter(isSomething);
}

/** What toolsets hold of a server. */
function held(toolsets: readonly ServerTools[], { id }: RuledServer): readonly Share[] {
  return toolsets
    .filter(({ mcp_client_id }) => mcp_client_id === id)
    .map(({ tool_names: tools, allow_resources, allow_prompts }) => ({
      tools,
      allow_resources,
      allow_prompts,
    }))
    .filter(isSomething);
}

const ALL: Share = { tools: ['*'] };

/** False for a list that has nothing of its server: neither tools, nor resources or prompts by themselves. */
function isSomething({ tools, allow_resources, allow_prompts }: Share): boolean {
  return tools.length > 0 || allow_resources === true || allow_prompts === true;
}

/** True when the caller may use something of this server. */
export function mayUseServer(rules: Rules, server: RuledServer): boolean {
  if (!server.enabled || !given(rules, server).length) return false;
  if (rules.within && !held(rules.within, server).length) return false;
  if (rules.consented && !rules.consented.some(({ id }) => id === server.id)) return false;
  return (
    !rules.includeClients || rules.includeClients.some((name) => name === '*' || sameName(name, server.name))
  );
}

/** May this caller use this tool now? */
export function judgeTool(rules: Rules, server: RuledServer, tool: RuledTool): PolicyVerdict {
  return toolJudge(rules, server)(tool);
}

/** The same of each tool of a server: what is about the whole server is looked at once. */
export function toolJudge(rules: Rules, server: RuledServer): (tool: RuledTool) => PolicyVerdict {
  if (!mayUseServer(rules, server)) return () => 'hidden';
  const { within, includeTools } = rules;
  // Of the lists that narrow, those that name tools one by one: a tool has to be on each.
  const lists = [
    [{ tools: server.toolsToExecute }],
    given(rules, server),
    ...(within ? [held(within, server)] : []),
  ].filter((shares) => !shares.some(({ tools }) => tools.includes('*')));
  const ofServer = rules.consented?.filter(({ id }) => id === server.id) ?? [{ tools: null }];
  const consented = ofServer.some(({ tools }) => tools === null) ? null : ofServer;
  const included = includeTools && !includesServer(includeTools, server) ? includeTools : null;
  const [read, write] = [judgeScope(rules, 'mcp:read'), judgeScope(rules, 'mcp:write')];
  return (tool) => {
    const isNamed = ({ tools }: Share) =>
      tools.includes(tool.name) || tools.includes(unprefixed(server, tool));
    if (!lists.every((shares) => shares.some(isNamed))) return 'hidden';
    if (consented && !consented.some(({ tools }) => tools?.includes(tool.name))) return 'hidden';
    if (included && !included.includes(tool.exposedName)) return 'hidden';
    return tool.readOnly ? read : write;
  };
}

/**
 * May this caller read this server's resources, or use its prompts, now (PROTOCOL §5)? Every list that narrows has to allow it;
 * of those an identity was given, one is enough. Filters of a request concern them by server.
 * @param listsTools whether the server lists tools: of one that lists none no list has a part only
 */
export function judgeReading(
  rules: Rules,
  server: RuledServer,
  member: keyof ReadingTerms,
  listsTools: boolean,
): PolicyVerdict {
  if (!mayUseServer(rules, server)) return 'hidden';
  const isAll = (tools: readonly string[]) => tools.length > 0 && !listsTools;
  const allows = (share: Share) => share[member] ?? (share.tools.includes('*') || isAll(share.tools));
  const { consented, within } = rules;
  const own = member === 'allow_prompts' ? server.allowPrompts : server.allowResources;
  if (!(own ?? (server.toolsToExecute.includes('*') || !listsTools))) return 'hidden';
  if (!given(rules, server).some(allows)) return 'hidden';
  if (within && !held(within, server).some(allows)) return 'hidden';
  const isLeftIn = ({ id, tools, ...one }: ConsentedServer) =>
    id === server.id && (one[member] ?? (tools === null || isAll(tools)));
  if (consented && !consented.some(isLeftIn)) return 'hidden';
  const prefix = `${server.name}-`.toLowerCase();
  const { includeTools } = rules;
  if (
    includeTools &&
    !includesServer(includeTools, server) &&
    !includeTools.some((name) => name.toLowerCase().startsWith(prefix))
  ) {
    return 'hidden';
  }
  return judgeScope(rules, 'mcp:read');
}

/** May this caller use everything of this server, what it may come to have too? */
export function judgeWhole(rules: Rules, server: RuledServer): PolicyVerdict {
  const any = { name: '*', exposedName: `${server.name}-*`, readOnly: false };
  const readings = (['allow_resources', 'allow_prompts'] as const).map((member) =>
    judgeReading(rules, server, member, true),
  );
  return [judgeTool(rules, server, any), ...readings].find((verdict) => verdict !== 'allowed') ?? 'allowed';
}

function judgeScope({ scope, scopeIsFinal }: Rules, needed: 'mcp:read' | 'mcp:write'): PolicyVerdict {
  if (covers(scope, needed)) return 'allowed';
  return scopeIsFinal ? 'hidden' : 'insufficient_scope';
}

function includesServer(names: readonly string[], server: RuledServer): boolean {
  return names.some((name) => name === '*' || sameName(name, `${server.name}-*`));
}

/** The part of an exposed name that keys and servers may list in place of the tool's own name. */
function unprefixed(server: RuledServer, tool: RuledTool): string {
  return tool.exposedName.slice(server.name.length + 1);
}

function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
