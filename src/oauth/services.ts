import type { Env } from '../config';
import { judgeTool, mayUseServer, type Rules } from '../governance/policy';
import { findVirtualKey } from '../governance/virtual-keys';
import { parseSubject, type Subject } from '../protocol/subject';
import type { Server } from '../upstreams/server';
import { readServers } from '../upstreams/store';

/** A server as consent shows it, with the tools that are in. */
export type UsableServer = {
  id: string;
  name: string;
  isUnstable: boolean;
  tools: { name: string; description: string; readOnly: boolean }[];
};

/** What a tool's definition holds for people. */
type Described = {
  name: string;
  title?: string;
  description?: string;
  annotations?: { title?: string; readOnlyHint?: boolean };
};

/** The servers an identity may use at `resource` within `scope`, by name, before consent narrows them. */
export async function usableServers(
  env: Env,
  subject: Subject,
  request: { resource: string; scope: string },
): Promise<UsableServer[]> {
  const { kind, id } = parseSubject(subject);
  const key = kind === 'vk' ? await findVirtualKey(env.DB, id) : null;
  const rules: Rules = {
    mcpConfigs: key?.mcpConfigs ?? [],
    consented: null,
    scope: request.scope,
    scopeIsFinal: true,
    includeClients: null,
    includeTools: null,
  };
  const [, slug] = /\/mcp\/([^/]+)$/.exec(request.resource) ?? [];

  return (await readServers(env.DB))
    .filter(({ server }) => mayUseServer(rules, server) && (!slug || server.endpointSlug === slug))
    .map(({ server, listing }) => ({
      id: server.id,
      name: server.name,
      isUnstable: server.state !== 'healthy' && server.lastFailure !== null,
      tools: listing.tool
        .map((tool) => described(JSON.parse(tool)))
        .filter((tool) => isIn(rules, server, tool)),
    }))
    .sort((a, b) => a.name.localeCompare(b.name));
}

function described({ name, title, description, annotations }: Described): UsableServer['tools'][number] {
  const text = description ?? title ?? annotations?.title ?? '';
  return {
    name,
    description: [...text].slice(0, 160).join(''),
    readOnly: annotations?.readOnlyHint === true,
  };
}

function isIn(rules: Rules, server: Server, tool: UsableServer['tools'][number]): boolean {
  const { name, readOnly } = tool;
  return judgeTool(rules, server, { name, exposedName: `${server.name}-${name}`, readOnly }) === 'allowed';
}
