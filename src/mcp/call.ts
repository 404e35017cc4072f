import type { Asker } from '../accounts/connect';
import type { Rules } from '../governance/policy';
import type { AnswerForm } from '../protocol/accept';
import { addressOf } from '../protocol/address';
import type { Era, JsonObject, Request } from '../protocol/mcp';
import type { Caller, Gate } from './caller';
import type { CatalogServer } from './catalog';
import type { Item } from './server-lists';
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
  /** What its client reads. */
  form: AnswerForm;
  /** Aborts when the client has gone, as far as the platform tells. */
  signal(): AbortSignal;
  requestId: string;
};

/** The name of an item at this address: on `/mcp/<server>` its own. */
export function nameAt({ isOneServer }: Pick<Call, 'isOneServer'>, item: Item): string {
  return isOneServer ? item.name : item.exposedName;
}

/** A client that declares more with each request, as JSON, shares no session. */
const MOST_DECLARED = 2000;

/** What says who asks. */
type AskingCall = Pick<Call, 'gate' | 'caller' | 'session' | 'headers'>;

/**
 * Who a server is asked for. Requests share its sessions when they are of one client session, or without one of one grant;
 * else nothing tells one client of a key from another. A key that several people share and a caller no one knows have no
 * account of their own.
 * @param capabilities what servers may ask of the client
 * @param call names the one that is asked for, which has sessions to itself where nothing is shared; null: it has none
 */
export function askerOf(
  { gate, caller, session, headers }: AskingCall,
  capabilities: JsonObject = {},
  call: string | null = null,
): Asker {
  const { env, issuer } = gate;
  const shared = session?.id ?? caller.grant?.grantId;
  const client = shared ?? (call === null ? undefined : `call ${call}`);
  const owner = caller.key?.shared ? null : caller.subject;
  if (client === undefined) return { owner, sharer: null };
  // A client without a session of ours says with each request what it may be asked: others than its server knows.
  const declared = session || !Object.keys(capabilities).length ? '' : ` ${JSON.stringify(capabilities)}`;
  if (declared.length > MOST_DECLARED) return { owner, sharer: null };
  const name = `${caller.subject ?? 'anonymous'} ${issuer} ${client}${declared}`;
  const subject = caller.subject ?? `anonymous ${addressOf({ headers })}`;
  const via = caller.grant?.grantId ?? caller.key?.id ?? null;
  const oneCall = shared === undefined ? call : null;
  return {
    owner,
    sharer: { name, objects: env.SESSIONS, owner, issuer, subject, via, capabilities, oneCall },
  };
}
