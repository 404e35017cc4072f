import { ask, map, type Question, together } from '../database';
import { accessOf, type Holder, holdersQuestion } from '../governance/access';
import { mayUseServer, type Rules } from '../governance/policy';
import { refusalOf } from '../governance/virtual-keys';
import { allVirtualMcpsQuestion, type VirtualMcp } from '../governance/virtual-mcps';
import { parseSubject, type Subject } from '../protocol/subject';
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
  const asked = together(holdersQuestion(db, subjects), allVirtualMcpsQuestion(db));
  return map(asked, ([holders, virtualMcps]) => {
    const reachFor = (subject: Subject) => {
      const holder = holders.get(subject) ?? null;
      return stands(subject, holder, settings) ? reachBy(holder, virtualMcps, settings) : nowhere;
    };
    return new Map(subjects.map((subject) => [subject, reachFor(subject)]));
  });
}

const nowhere: Reach = () => false;

/** True when the identity is one that may call at all, and have accounts of its own. */
function stands(subject: Subject, holder: Holder | null, settings: Settings): boolean {
  if (parseSubject(subject).kind === 'session') return !settings.enforce_auth_on_inference;
  if (!holder) return false;
  if ('user' in holder) return holder.user.isActive;
  const { key } = holder;
  return !key.shared && key.ownerUserId === null && !refusalOf(key, Date.now() / 1000);
}

function reachBy(holder: Holder | null, virtualMcps: readonly VirtualMcp[], settings: Settings): Reach {
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
