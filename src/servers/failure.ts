import type { ServerState } from './server';

/** A server did not do its part. The message is a sentence for whoever called: what happened and whose turn it is. */
export class UpstreamFailure extends Error {
  override readonly name = 'UpstreamFailure';
  /** What the server itself said when it refused our credentials, for whoever has just entered them; never logged. */
  words: string | null = null;

  constructor(
    message: string,
    /** What the server is now known to be. Null: this says nothing about it. */
    readonly state: Exclude<ServerState, 'healthy'> | null,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The server refuses our credentials (HTTP 401): others may do. Nothing has run. */
export class Unauthorized extends UpstreamFailure {}

/** The server answers with a JSON-RPC error. */
export class Refusal extends UpstreamFailure {
  constructor(
    message: string,
    /** Of the error; undefined when the answer holds neither error nor result. */
    readonly code: number | undefined,
  ) {
    super(message, 'unstable');
  }
}

/** Every way a server can fail a request, by the name of the server. */
export const failures = {
  unreachable: (name: string, cause: unknown) =>
    new UpstreamFailure(
      `The server ${name} cannot be reached. Try again later; whoever runs it has to bring it back.`,
      'unstable',
      { cause },
    ),
  late: (name: string) =>
    new UpstreamFailure(
      `The server ${name} did not answer in time. Try again later; whoever runs it has to look.`,
      'unstable',
    ),
  refused: (name: string, reason: string) =>
    new UpstreamFailure(
      `The server ${name} cannot be asked: ${reason}. An administrator of this gateway has to see to it.`,
      'needs_reauth',
    ),
  unauthorized: (name: string) =>
    new Unauthorized(
      `The server ${name} did not accept this gateway's credentials (HTTP 401). An administrator of this gateway has to renew them.`,
      'needs_reauth',
    ),
  forbidden: (name: string) =>
    new UpstreamFailure(
      `The server ${name} did not accept this gateway's credentials (HTTP 403). An administrator of this gateway has to renew them.`,
      'needs_reauth',
    ),
  forbiddenToOne: (name: string) =>
    new UpstreamFailure(
      `The server ${name} does not let your account do this (HTTP 403). Whoever runs the server says who may.`,
      null,
    ),
  refusedToOne: (name: string) =>
    new UpstreamFailure(
      `The server ${name} does not accept what the identity provider issued for you (HTTP 401). Whoever runs the server says who may use it.`,
      null,
    ),
  insufficientScope: (name: string, scopes: string) =>
    new UpstreamFailure(
      `The server ${name} wants more than the connected account allows${scopes && `: ${scopes}`}. An administrator of this gateway has to ask for it in the server's oauth_config; then the account has to be connected again.`,
      null,
    ),
  signInDown: (name: string, seconds: number) =>
    new UpstreamFailure(
      `The server ${name} cannot be asked right now: its sign-in does not answer. Nothing is lost; try again in ${seconds} seconds.`,
      null,
    ),
  redirect: (name: string) =>
    new UpstreamFailure(
      `The server ${name} answered with a redirect, which is not followed. An administrator of this gateway has to correct its address.`,
      'unstable',
    ),
  status: (name: string, status: number) =>
    new UpstreamFailure(
      `The server ${name} failed (HTTP ${status}). Try again later; whoever runs it has to look.`,
      'unstable',
    ),
  notFound: (name: string) =>
    new UpstreamFailure(
      `The server ${name} has no MCP endpoint at its address (HTTP 404). An administrator of this gateway has to correct it.`,
      'unstable',
    ),
  busy: (name: string) =>
    new UpstreamFailure(
      `The server ${name} asks for fewer requests (HTTP 429). Try again in a minute.`,
      null,
    ),
  notMcp: (name: string) =>
    new UpstreamFailure(
      `The server ${name} answered with something that is not MCP. Whoever runs it has to look.`,
      'unstable',
    ),
  unanswered: (name: string) =>
    new UpstreamFailure(
      `The server ${name} ended its answer before it was complete. The call may have run; whoever runs the server has to look.`,
      'unstable',
    ),
  silent: (name: string, seconds: number) =>
    new UpstreamFailure(
      `The server ${name} sent nothing for ${seconds} seconds, so this was cancelled. It may have run; try again later or with less to do.`,
      'unstable',
    ),
  tooLong: (name: string, seconds: number) =>
    new UpstreamFailure(
      `The server ${name} took more than ${seconds} seconds, so this was cancelled. It may have run; try again with less to do.`,
      null,
    ),
  resting: (name: string, seconds: number) =>
    new UpstreamFailure(
      `The server ${name} has failed several times in a row and is left alone for ${seconds} seconds. Try again then.`,
      null,
    ),
};
