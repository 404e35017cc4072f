import { type Details, say } from '../protocol/faults/wording';
import type { AddressFault } from '../protocol/public-url';
import { FAILURE_WORDS, type FailureStated } from './failure-words';
import type { ServerState } from './server';

/** What the server is now known to be. Null: this says nothing about it. */
type Shown = Exclude<ServerState, 'healthy'> | null;

/** A server did not do its part. The message is a sentence for the caller: what happened and whose turn it is. */
export class UpstreamFailure extends Error {
  override readonly name = 'UpstreamFailure';
  /** What the server itself said when it refused our credentials, for the person who has just entered them; never logged. */
  words: string | null = null;

  constructor(
    readonly stated: FailureStated,
    readonly state: Shown,
    options?: ErrorOptions,
  ) {
    super(say(FAILURE_WORDS, stated), options);
  }
}

/** The server refuses our credentials (HTTP 401): others may do. Nothing has run. */
export class Unauthorized extends UpstreamFailure {}

/** The server answers with a JSON-RPC error. */
export class Refusal extends UpstreamFailure {
  constructor(
    params: { server: string; method: string; said: string },
    /** Of the error; undefined when the answer holds neither error nor result. */
    readonly code: number | undefined,
  ) {
    super({ reason: 'answered_error', params }, 'unstable');
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
  state: Shown,
  reason: R,
  server: string,
  rest: Rest<R>,
  options?: ErrorOptions,
): UpstreamFailure {
  return new UpstreamFailure({ reason, params: { server, ...rest } as Details }, state, options);
}

/** Every way a server can fail a request, by the name of the server. */
export const failures = {
  unreachable: (name: string, cause: unknown) => failure('unstable', 'unreachable', name, {}, { cause }),
  late: (name: string) => failure('unstable', 'late', name, {}),
  refused: <R extends Unready>(name: string, reason: R, rest: Rest<R>) =>
    failure('needs_reauth', reason, name, rest),
  badAddress: (name: string, fault: AddressFault) => failure('needs_reauth', 'bad_address', name, { fault }),
  unauthorized: (name: string) =>
    new Unauthorized({ reason: 'unauthorized', params: { server: name } }, 'needs_reauth'),
  forbidden: (name: string) => failure('needs_reauth', 'forbidden', name, {}),
  forbiddenToOne: (name: string) => failure(null, 'forbidden_to_one', name, {}),
  refusedToOne: (name: string) => failure(null, 'refused_to_one', name, {}),
  insufficientScope: (name: string, scopes: string) => failure(null, 'insufficient_scope', name, { scopes }),
  signInDown: (name: string, seconds: number) => failure(null, 'sign_in_down', name, { seconds }),
  redirect: (name: string) => failure('unstable', 'redirect', name, {}),
  status: (name: string, status: number) => failure('unstable', 'status', name, { status }),
  notFound: (name: string) => failure('unstable', 'not_found', name, {}),
  busy: (name: string) => failure(null, 'busy', name, {}),
  notMcp: (name: string) => failure('unstable', 'not_mcp', name, {}),
  unanswered: (name: string) => failure('unstable', 'unanswered', name, {}),
  silent: (name: string, seconds: number) => failure('unstable', 'silent', name, { seconds }),
  tooLong: (name: string, seconds: number) => failure(null, 'too_long', name, { seconds }),
  resting: (name: string, seconds: number) => failure(null, 'resting', name, { seconds }),
};
