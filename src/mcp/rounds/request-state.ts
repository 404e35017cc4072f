import * as z from 'zod/mini';
import { hashSecret, open, seal } from '../../crypto/secrets';
import { CODE, isObject, RpcError } from '../../protocol/mcp';
import { tuple } from '../../protocol/params';
import type { Call } from '../call';

/**
 * What a client of 2026-07-28 brings back with a request that was not finished. `server`: the server's own `requestState`.
 * `held`: names the call that a `SessionObject` keeps, as {@link HeldName}; `oneCall`: by which name that object is found,
 * where it is there for this call alone.
 */
const RequestState = tuple(z.enum(['server', 'held']), z.string(), z.number(), z.nullish(z.string()));
export type RequestState = { kind: 'server' | 'held'; state: string; oneCall: string | null };

/** How long it may be brought back. Milliseconds. */
const MOST_AGE = 600_000;
/** The most of a server's own state, characters, and of what a client brings. */
export const MOST_STATE = 65_536;
const MOST_SEALED = 400_000;

/** A `requestState` that was not given for this request, or too long ago. Nothing is sent to a server. */
class WrongState extends RpcError {
  constructor() {
    const message =
      'This requestState was not given for this request, or more than ten minutes ago. Make the request again without it.';
    super(200, CODE.invalidParams, message, { type: 'wrong_request_state' });
  }
}

/** The `requestState` that stands for `state`: it opens for the same request of the same caller, for ten minutes. */
export async function sealState(
  call: Call,
  serverId: string,
  { kind, state, oneCall }: RequestState,
): Promise<string> {
  const sealed = JSON.stringify([kind, state, Date.now() + MOST_AGE, oneCall]);
  return seal(call.gate.env.ENCRYPTION_KEY, await sealContextOf(call, serverId), sealed);
}

/** What a request brings back; null: nothing, which a request of the 2025 era never does. @throws RpcError −32602 */
export async function openState(call: Call, serverId: string): Promise<RequestState | null> {
  const { requestState } = call.request.params;
  if (call.era === '2025' || requestState === undefined) return null;
  if (typeof requestState !== 'string' || requestState.length > MOST_SEALED) throw new WrongState();
  const opened = await open(call.gate.env.ENCRYPTION_KEY, await sealContextOf(call, serverId), requestState);
  if (opened === null) throw new WrongState();
  const [kind, state, until, oneCall = null] = RequestState.parse(JSON.parse(opened));
  if (until <= Date.now()) throw new WrongState();
  return { kind, state, oneCall };
}

/** What a state is bound to: who asks whom, where, for what, with which arguments (PROTOCOL §4). */
async function sealContextOf({ caller, gate, request }: Call, serverId: string): Promise<string> {
  const { method, params } = request;
  const by = caller.grant?.grantId ?? caller.key?.id ?? null;
  const item = params.name ?? params.uri;
  const args = inOrder(params.arguments ?? {});
  const bound = [caller.subject, by, gate.issuer, gate.slug, serverId, method, item, args];
  return `request-state/${await hashSecret(JSON.stringify(bound))}`;
}

/** A JSON value whose members are in order: a client may write the same arguments in another. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return ['[', ...value.map(inOrder)];
  if (!isObject(value)) return value;
  const names = Object.keys(value).sort();
  return ['{', ...names.map((name) => [name, inOrder(value[name])])];
}
