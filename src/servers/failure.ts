import { type Details, say } from '../protocol/faults/wording';
import type { RpcErrorObject } from '../protocol/mcp';
import type { AddressFault } from '../protocol/public-url';
import { FAILURE_WORDS, type FailureStated } from './failure-words';
import type { ServerFailure, ServerState } from './server';

/**
 * What a failure is about. `server`: it gave no answer, was silent or answered 5xx, for which it rests; `answer`: what it
 * answered is wrong; `request`: it refused this one; `credentials`: it refused them, or there are none to send; `passing`:
 * nothing that is worth keeping.
 */
export type FailureKind = 'server' | 'answer' | 'request' | 'credentials' | 'passing';

/** A server did not do its part. The message is a sentence for the caller: what happened and whose turn it is. */
export class UpstreamFailure extends Error {
  override readonly name = 'UpstreamFailure';
  /** What the server itself said when it refused our credentials, for the person who has just entered them; never logged. */
  words: string | null = null;
  /** The JSON-RPC error the server sent with it, which passes to the client; null when there is none. */
  refusal: RpcErrorObject | null = null;

  constructor(
    readonly stated: FailureStated,
    readonly kind: FailureKind,
    options?: ErrorOptions,
  ) {
    super(say(FAILURE_WORDS, stated), options);
  }

  /**
   * What the server is known to be after this. Null: this says nothing about it. A request that is refused says so of the
   * server only when it is ours, to list it.
   */
  stateAt(stage: ServerFailure['stage']): Exclude<ServerState, 'healthy'> | null {
    if (this.kind === 'credentials') return 'needs_reauth';
    if (this.kind === 'passing' || (this.kind === 'request' && stage === 'call')) return null;
    return 'unstable';
  }
}

/** The server refuses our credentials (HTTP 401): others may do. Nothing has run. */
export class Unauthorized extends UpstreamFailure {
  /** Where it says that its metadata is (RFC 9728 §5.1), or null. */
  resourceMetadata: string | null = null;
}

/** The server wants more than our credentials allow (HTTP 403, RFC 6750 §3.1). Nothing has run. */
export class InsufficientScope extends UpstreamFailure {
  constructor(
    server: string,
    /** Those it names, in no order. */
    readonly scopes: readonly string[],
  ) {
    const params = { server, scopes: scopes.join(' ').slice(0, 300) };
    super({ reason: 'insufficient_scope', params }, 'request');
  }
}

/** The server answers with a JSON-RPC error. */
export class Refusal extends UpstreamFailure {
  constructor(
    params: { server: string; method: string; said: string },
    /** Of the error; undefined when the answer holds neither error nor result. */
    readonly code: number | undefined,
  ) {
    super({ reason: 'answered_error', params }, 'answer');
  }
}

type Words = typeof FAILURE_WORDS;

/** What a reason takes besides the name of the server. */
type Rest<R extends keyof Words> = Omit<Parameters<Words[R]>[0], 'server'>;

/** Reasons why a server cannot be asked until an administrator has done something. */
type Unready =
  | 'bad_address'
  | 'unknown_auth_type'
  | 'no_account'
  | 'account_ended'
  | 'no_values'
  | 'values_ended'
  | 'other_headers'
  | 'values_lost'
  | 'no_variable'
  | 'no_exchange'
  | 'exchange_refused';

function failure<R extends keyof Words>(
  kind: FailureKind,
  reason: R,
  server: string,
  rest: Rest<R>,
  options?: ErrorOptions,
): UpstreamFailure {
  return new UpstreamFailure({ reason, params: { server, ...rest } as Details }, kind, options);
}

/** Every way a server can fail a request, by the name of the server. */
export const failures = {
  unreachable: (name: string, cause: unknown) => failure('server', 'unreachable', name, {}, { cause }),
  late: (name: string) => failure('server', 'late', name, {}),
  refused: <R extends Unready>(name: string, reason: R, rest: Rest<R>) =>
    failure('credentials', reason, name, rest),
  badAddress: (name: string, fault: AddressFault) => failure('answer', 'bad_address', name, { fault }),
  /** `said`: in the server's own words; empty: it said nothing. */
  unauthorized: (name: string, said: string) =>
    new Unauthorized({ reason: 'unauthorized', params: { server: name, said } }, 'credentials'),
  /** Of a server that is asked without credentials. */
  notOpen: (name: string, said: string) =>
    new Unauthorized({ reason: 'not_open', params: { server: name, said } }, 'request'),
  forbidden: (name: string, said: string) => failure('request', 'forbidden', name, { said }),
  forbiddenToOne: (name: string, said: string) => failure('request', 'forbidden_to_one', name, { said }),
  refusedToOne: (name: string) => failure('passing', 'refused_to_one', name, {}),
  refusedAnew: (name: string, seconds: number) => failure('request', 'refused_anew', name, { seconds }),
  scopesWanted: (name: string, scopes: string) =>
    failure('request', 'scopes_wanted', name, { scopes: scopes.slice(0, 300) }),
  signInDown: (name: string, seconds: number) => failure('passing', 'sign_in_down', name, { seconds }),
  redirect: (name: string) => failure('answer', 'redirect', name, {}),
  /** HTTP 5xx. */
  status: (name: string, status: number, said: string) => failure('server', 'status', name, { status, said }),
  /** HTTP 5xx that speaks of credentials, where everyone has their own. */
  refusedCredential: (name: string, status: number, said: string) =>
    failure('request', 'status', name, { status, said }),
  /** HTTP 4xx. */
  rejected: (name: string, status: number, said: string) =>
    failure('request', 'rejected', name, { status, said }),
  headersTooLong: (name: string) => failure('request', 'headers_too_long', name, {}),
  notFound: (name: string, said: string) => failure('request', 'not_found', name, { said }),
  busy: (name: string, said: string) => failure('passing', 'busy', name, { said }),
  notMcp: (name: string) => failure('answer', 'not_mcp', name, {}),
  tooLarge: (name: string) => failure('answer', 'too_large', name, {}),
  endpointElsewhere: (name: string, said: string) => failure('answer', 'endpoint_elsewhere', name, { said }),
  oddVersion: (name: string, said: string) => failure('answer', 'odd_version', name, { said }),
  wrongId: (name: string) => failure('answer', 'wrong_id', name, {}),
  unanswered: (name: string) => failure('server', 'unanswered', name, {}),
  /** By a fault of this gateway. */
  lost: (name: string) => failure('passing', 'lost', name, {}),
  silent: (name: string, seconds: number) => failure('server', 'silent', name, { seconds }),
  tooLong: (name: string, seconds: number) => failure('passing', 'too_long', name, { seconds }),
  /** A call whose client was asked something. */
  heldOver: (name: string) => failure('passing', 'held_over', name, {}),
  resting: (name: string, seconds: number) => failure('passing', 'resting', name, { seconds }),
};
