import { accessOf, findHolder } from '../governance/access';
import { mayUseServer, type Rules } from '../governance/policy';
import { readVirtualMcps } from '../governance/virtual-mcps';
import type { Subject } from '../protocol/subject';
import type { Settings } from '../settings';
import type { Server } from './server';

/**
 * Tells at which servers an identity may have a credential of its own: those it may use something of, whatever a grant of it
 * narrows. One anywhere else is orphaned, and so is every one of a key that several people share (CONTRACT §6).
 */
export async function reachOf(
  db: D1Database,
  settings: Settings,
  subject: Subject,
): Promise<(server: Server) => boolean> {
  const [holder, virtualMcps] = await Promise.all([findHolder(db, subject), readVirtualMcps(db)]);
  if (holder && 'key' in holder && holder.key.shared) return () => false;

  const access = accessOf(holder, settings, Date.now() / 1000);
  const held = virtualMcps.filter(({ id, enabled }) => enabled && access.virtualMcpIds.includes(id));
  const rules: Rules = {
    mcpConfigs: access.mcpConfigs,
    toolsets: held.flatMap(({ tools }) => tools),
    within: null,
    consented: null,
    scope: 'mcp',
    scopeIsFinal: true,
    includeClients: null,
    includeTools: null,
  };
  return (server) => mayUseServer(rules, server);
}
