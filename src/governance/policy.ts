import { covers } from '../protocol/authorization';
import type { McpConfig } from './virtual-keys';

/** A server, as far as rules speak of it. */
type RuledServer = {
  id: string;
  name: string;
  enabled: boolean;
  /** Names of tools; `*` is all. */
  toolsToExecute: readonly string[];
  allowOnAllVirtualKeys: boolean;
};

/** A tool, as far as rules speak of it. */
type RuledTool = { name: string; exposedName: string; readOnly: boolean };

/** Everything that narrows what a caller may use. Rules only narrow: all of them have to agree (CONTRACT §6). */
export type Rules = {
  /** What the identity was given, by server name. */
  mcpConfigs: readonly McpConfig[];
  /** Ids of the servers consent left in; null: not narrowed. */
  consented: readonly string[] | null;
  scope: string;
  /** True when the person narrowed the scope, so that the client has nothing to ask for again. */
  scopeIsFinal: boolean;
  /** `x-bf-mcp-include-clients`: server names; null: not sent. */
  includeClients: readonly string[] | null;
  /** `x-bf-mcp-include-tools`: exposed names, or `<server>-*`; null: not sent. */
  includeTools: readonly string[] | null;
};

/** `hidden`: as if it were not there. `insufficient_scope`: there, but the client asked for too little. */
export type Verdict = 'allowed' | 'hidden' | 'insufficient_scope';

/** What the identity was given of a server: names of tools, `*` for all, empty for nothing. An entry of its own decides. */
function given(configs: readonly McpConfig[], server: RuledServer): readonly string[] {
  const own = configs.find(({ mcp_client_name }) => sameName(mcp_client_name, server.name));
  if (own) return own.tools_to_execute;
  return server.allowOnAllVirtualKeys ? ['*'] : [];
}

/** True when the caller may use something of this server. */
export function mayUseServer(rules: Rules, server: RuledServer): boolean {
  if (!server.enabled || !given(rules.mcpConfigs, server).length) return false;
  if (rules.consented && !rules.consented.includes(server.id)) return false;
  return (
    !rules.includeClients || rules.includeClients.some((name) => name === '*' || sameName(name, server.name))
  );
}

/** May this caller use this tool now? */
export function judgeTool(rules: Rules, server: RuledServer, tool: RuledTool): Verdict {
  const named = (list: readonly string[]) =>
    list.includes('*') || list.includes(tool.name) || list.includes(unprefixed(server, tool));
  if (!mayUseServer(rules, server)) return 'hidden';
  if (!named(server.toolsToExecute) || !named(given(rules.mcpConfigs, server))) return 'hidden';
  const { includeTools } = rules;
  if (includeTools && !includesServer(includeTools, server) && !includeTools.includes(tool.exposedName))
    return 'hidden';
  return judgeScope(rules, tool.readOnly ? 'mcp:read' : 'mcp:write');
}

/** May this caller read this server's prompts and resources now? Tool filters concern them by server. */
export function judgeReading(rules: Rules, server: RuledServer): Verdict {
  if (!mayUseServer(rules, server)) return 'hidden';
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

function judgeScope({ scope, scopeIsFinal }: Rules, needed: 'mcp:read' | 'mcp:write'): Verdict {
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
