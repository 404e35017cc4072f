import type { Env } from '../config';
import { ask, map, type Question, together } from '../database';
import { type Access, NOTHING } from '../governance/access';
import { judgeTool, mayUseServer, type Rules } from '../governance/policy';
import { allVirtualMcpsQuestion, type VirtualMcp } from '../governance/virtual-mcps';
import { accessOf, loadedQuestion } from '../identity';
import { exposedNameOf } from '../protocol/exposed-name';
import type { Subject } from '../protocol/subject';
import { verifiedServersQuestion } from '../servers/find';
import type { Server } from '../servers/server';
import { type ToolSummary, toolsQuestion } from '../servers/summaries';
import type { Settings } from '../settings';
import { isPersonal } from './auth/index';

/** A server as people are shown it, with the tools that are open to them. */
export type OpenServer = {
  id: string;
  name: string;
  server: Server;
  isUnstable: boolean;
  tools: OpenTool[];
};

/** A tool as people are shown it. */
export type OpenTool = {
  name: string;
  exposedName: string;
  description: string;
  /** As its server describes it. */
  readOnly: boolean;
  canDelete: boolean;
};

/** What a client asks for. */
type Asked = { resource: string; scope: string };

/** The servers an identity may use at `resource` within `scope`, by name, before consent narrows them. */
export async function openServers(
  env: Env,
  settings: Settings,
  subject: Subject,
  asked: Asked,
): Promise<OpenServer[]> {
  const [openTo] = await ask(env.DB, openServersQuestion(env.DB, settings, [subject]));
  return openTo(subject, asked);
}

/** {@link openServers} of one of these subjects, to be asked along with others. */
export function openServersQuestion(
  db: D1Database,
  settings: Settings,
  subjects: readonly Subject[],
): Question<(subject: Subject, asked: Asked) => Promise<OpenServer[]>> {
  const asked = together(
    loadedQuestion(db, subjects),
    allVirtualMcpsQuestion(db),
    verifiedServersQuestion(db),
    toolsQuestion(db, { sql: 'SELECT id FROM server WHERE is_verified = 1', values: [] }),
  );
  return map(asked, ([identities, virtualMcps, servers, tools]) => (subject, request) => {
    const identity = identities.get(subject);
    const access = identity ? accessOf(identity, settings, Date.now() / 1000) : NOTHING;
    return openBy({ access, virtualMcps, servers, tools }, request);
  });
}

type Known = {
  access: Access;
  virtualMcps: readonly VirtualMcp[];
  servers: readonly Server[];
  tools: ReadonlyMap<string, readonly ToolSummary[]>;
};

async function openBy({ access, virtualMcps, servers, tools }: Known, request: Asked): Promise<OpenServer[]> {
  const [, slug] = /\/mcp\/([^/]+)$/.exec(request.resource) ?? [];
  const held = virtualMcps.filter(({ id, enabled }) => enabled && access.virtualMcpIds.includes(id));
  const asked = virtualMcps.find(({ endpointSlug, enabled }) => enabled && endpointSlug === slug);
  const rules: Rules = {
    mcpConfigs: access.mcpConfigs,
    toolsets: held.flatMap(({ tools }) => tools),
    within: asked ? (held.includes(asked) ? asked.tools : []) : null,
    consented: null,
    scope: request.scope,
    scopeIsFinal: true,
    includeClients: null,
    includeTools: null,
  };
  const isHere = (server: Server) => !slug || asked !== undefined || server.endpointSlug === slug;

  const usable = servers
    .filter((server) => isHere(server) && mayUseServer(rules, server))
    .sort((a, b) => a.name.localeCompare(b.name));
  return Promise.all(
    usable.map(async (server) => {
      const listed = await Promise.all((tools.get(server.id) ?? []).map((tool) => described(server, tool)));
      return {
        id: server.id,
        name: server.name,
        server,
        isUnstable: isOut(server),
        tools: listed.filter((tool) => judgeTool(rules, server, tool) === 'allowed'),
      };
    }),
  );
}

/** True when callers meet a failure. Where everyone has their own account, the gateway's is none of theirs. */
function isOut(server: Server): boolean {
  const { state, lastFailure } = server;
  return lastFailure !== null && (state === 'unstable' || (state === 'needs_reauth' && !isPersonal(server)));
}

async function described(server: Server, tool: ToolSummary): Promise<OpenTool> {
  const { name, title, description, annotations } = tool;
  const text = description ?? title ?? annotations?.title ?? '';
  return {
    name,
    exposedName: await exposedNameOf(server.name, name),
    description: [...text].slice(0, 160).join(''),
    readOnly: annotations?.readOnlyHint === true,
    canDelete: annotations?.readOnlyHint !== true && annotations?.destructiveHint === true,
  };
}
