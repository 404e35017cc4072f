import { ask, map, type Question, together } from '../database';
import { mayUseServer, type Rules } from '../governance/policy';
import { allVirtualMcpsQuestion, type VirtualMcp } from '../governance/virtual-mcps';
import { accessOf, type LoadedIdentity, loadedQuestion, standingIn } from '../identity';
import type { Subject } from '../protocol/subject';
import type { Server } from '../servers/server';
import type { Settings } from '../settings';

/** Tells at which servers an identity may have a credential of its own. */
export type Reach = (server: Server) => boolean;

/**
 * Tells at which servers an identity may have a credential of its own: those it may use something of, whatever a grant of it
 * narrows. One anywhere else is orphaned, and so is every one of a key that several people share (CONTRACT §6).
 */
export async function reachOf(db: D1Database, settings: Settings, subject: Subject): Promise<Reach> {
  const [reach] = await ask(db, reachQuestion(db, settings, [subject]));
  return reach.get(subject) ?? nowhere;
}

/** The same for several identities, to be asked along with others. */
export function reachQuestion(
  db: D1Database,
  settings: Settings,
  subjects: readonly Subject[],
): Question<Map<Subject, Reach>> {
  const asked = together(loadedQuestion(db, subjects), allVirtualMcpsQuestion(db));
  return map(asked, ([identities, virtualMcps]) => {
    const reachFor = (subject: Subject) => {
      const identity = identities.get(subject);
      return identity && mayHaveAccounts(identity, settings)
        ? reachBy(identity, virtualMcps, settings)
        : nowhere;
    };
    return new Map(subjects.map((subject) => [subject, reachFor(subject)]));
  });
}

const nowhere: Reach = () => false;

/** True when the identity may have accounts of its own. One that only has to sign in again keeps them: that is how it comes back. */
function mayHaveAccounts(identity: LoadedIdentity, settings: Settings): boolean {
  const standing = standingIn(identity, settings, Date.now() / 1000);
  if (identity.mode?.key(identity.row)?.shared) return false;
  return standing.is === 'valid' || (standing.is === 'suspended' && standing.reason !== 'setting');
}

function reachBy(identity: LoadedIdentity, virtualMcps: readonly VirtualMcp[], settings: Settings): Reach {
  const access = accessOf(identity, settings, Date.now() / 1000);
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
