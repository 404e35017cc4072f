import type { Asker } from '../accounts/connect';
import type { Rules } from '../governance/policy';
import type { Era, Request } from '../protocol/mcp';
import type { Caller, Gate } from './caller';
import type { CatalogServer, Item } from './catalog';
import type { ClientSession } from './session';

/** One request of a client, with everything it is judged by. */
export type Call = {
  gate: Gate;
  caller: Caller;
  rules: Rules;
  /** The servers the caller may use something of, here. */
  entries: readonly CatalogServer[];
  /** True at the address of one server, where its items have their own names. */
  isOneServer: boolean;
  request: Request;
  era: Era;
  /** What a client of the 2025 era said at `initialize`; null when it shows no session of this gateway. */
  session: ClientSession | null;
  headers: Headers;
  /** Aborts when the client has gone, as far as the platform tells. */
  signal: AbortSignal;
  requestId: string;
};

/** The name of an item at this address: on `/mcp/<server>` its own. */
export function nameAt({ isOneServer }: Call, item: Item): string {
  return isOneServer ? item.name : item.exposedName;
}

/**
 * Who a server is asked for: one caller, whose client alone shares a session there. A key that several people share and a
 * caller no one knows have no account of their own; without a session of its own no one can be told from anybody else.
 */
export function askerOf({ caller, session }: Pick<Call, 'caller' | 'session'>): Asker {
  const client = session?.id ?? caller.grant?.grantId;
  const anonymous = session && `anonymous ${session.id}`;
  return {
    owner: caller.key?.shared ? null : caller.subject,
    sharer: caller.subject ? `${caller.subject} ${client ?? ''}` : anonymous,
  };
}
