import type { Stated, Vocabulary } from '../protocol/faults/wording';
import { FAULT_WORDS } from '../protocol/faults/words';
import type { AddressFault } from '../protocol/public-url';

type Of = { server: string };
type After = Of & { seconds: number };
/** `said`: by the server itself; empty: nothing. Absent in what an earlier version stored. */
type Saying = Of & { said?: string };

/** Every way a server can fail a request, as the caller reads it: what happened and whose turn it is. */
export const FAILURE_WORDS = {
  unreachable: ({ server }: Of) =>
    `The server ${server} could not be reached. Try again later. If it keeps failing, ask the people who run it.`,
  late: ({ server }: Of) =>
    `The server ${server} did not answer in time. Try again later. If it keeps failing, ask the people who run it.`,
  unauthorized: ({ server, said }: Saying) =>
    `The server ${server} did not accept this gateway's credentials (HTTP 401)${quoted(said)}. An administrator of this gateway has to renew them.`,
  not_open: ({ server, said }: Saying) =>
    `The server ${server} did not accept this gateway without credentials (HTTP 401)${quoted(said)}. An administrator of this gateway has to set up how it authenticates there.`,
  forbidden: ({ server, said }: Saying) =>
    `The server ${server} did not accept this gateway's request (HTTP 403)${quoted(said)}. The people who run the server say who may; an administrator of this gateway can check the credentials.`,
  forbidden_to_one: ({ server, said }: Saying) =>
    `The server ${server} does not let your account do this (HTTP 403)${quoted(said)}. The people who run the server say who may.`,
  refused_to_one: ({ server }: Of) =>
    `The server ${server} does not accept what the identity provider issued for you (HTTP 401). The people who run the server say who may use it.`,
  refused_anew: ({ server, seconds }: After) =>
    `The server ${server} does not accept credentials that were renewed just now (HTTP 401). Try again in ${seconds} seconds; if it keeps failing, ask the people who run it.`,
  insufficient_scope: ({ server, scopes }: Of & { scopes: string }) =>
    `The server ${server} wants more than the connected account allows${scopes && `: ${scopes}`}. It was asked for and not granted, or is more than is asked for by itself: an administrator of this gateway can name scopes in the server's oauth_config.`,
  scopes_wanted: ({ server, scopes }: Of & { scopes: string }) =>
    `The server ${server} wants more than the shared account allows: ${scopes}. An administrator of this gateway has to authorize it again, and is then asked for that.`,
  sign_in_down: ({ server, seconds }: After) =>
    `The server ${server} could not be asked right now: its sign-in does not answer. Nothing is lost; try again in ${seconds} seconds.`,
  redirect: ({ server }: Of) =>
    `The server ${server} answered with a redirect that is not followed. An administrator of this gateway has to correct its address.`,
  status: ({ server, status, said }: Saying & { status: number }) =>
    `The server ${server} failed (HTTP ${status})${quoted(said)}. Try again later. If it keeps failing, ask the people who run it.`,
  rejected: ({ server, status, said }: Saying & { status: number }) =>
    `The server ${server} refused this request (HTTP ${status})${quoted(said)}. Change the request, or ask the people who run the server.`,
  headers_too_long: ({ server }: Of) =>
    `The server ${server} has parts of a request repeated in headers, and these are over 64 KiB. Nothing was sent; ask with less.`,
  not_found: ({ server, said }: Saying) =>
    `The server ${server} has no MCP endpoint at its address (HTTP 404)${quoted(said)}. An administrator of this gateway has to correct it.`,
  busy: ({ server, said }: Saying) =>
    `The server ${server} asks for fewer requests (HTTP 429)${quoted(said)}. Try again in a minute.`,
  not_mcp: ({ server }: Of) =>
    `The server ${server} answered with something that is not MCP. Tell the people who run it.`,
  too_large: ({ server }: Of) =>
    `The server ${server} answered with more at once than this gateway reads. Tell the people who run it.`,
  wrong_id: ({ server }: Of) =>
    `The server ${server} answered another request than this one. The call may have run. Tell the people who run the server.`,
  /** `said`: the address it names. */
  endpoint_elsewhere: ({ server, said }: Of & { said: string }) =>
    `The server ${server} wants its messages sent to another origin than its own${quoted(said)}. That is refused. Tell the people who run it.`,
  /** `said`: the version, as JSON. */
  odd_version: ({ server, said }: Of & { said: string }) =>
    `The server ${server} speaks a protocol version that no request can name: ${said}. Tell the people who run it.`,
  unanswered: ({ server }: Of) =>
    `The server ${server} ended its answer before it was complete. The call may have run. Tell the people who run the server.`,
  lost: ({ server }: Of) =>
    `This gateway lost its connection to the server ${server}. The call may have run; try again.`,
  silent: ({ server, seconds }: After) =>
    `The server ${server} sent nothing for ${seconds} seconds, so this was cancelled. It may have run; try again later or with less to do.`,
  too_long: ({ server, seconds }: After) =>
    `The server ${server} took more than ${seconds} seconds, so this was cancelled. It may have run; try again with less to do.`,
  held_over: ({ server }: Of) =>
    `The call of ${server} waited for an answer to its question and has ended: none came within 5 minutes, it was cancelled, or this gateway was restarted. Call again without the requestState.`,
  resting: ({ server, seconds }: After) =>
    `The server ${server} has failed several times in a row and is left alone for ${seconds} seconds. Try again then.`,
  /** `said`: of the server itself. */
  answered_error: ({ server, method, said }: Of & { method: string; said: string }) =>
    `The server ${server} refused ${method}: ${said}`.slice(0, 500),

  values_missing: ({ names }: Of & { names: string }) => `A value for ${names} is missing.`,
  /** `said`: by the server itself; empty: nothing. */
  values_refused: ({ server, said }: Of & { said: string }) =>
    `The server ${server} does not take these header values${said && `: “${said}”`}.`,
  bad_address: ({ server, fault }: Of & { fault: AddressFault }) =>
    unaskable(server, `its address ${FAULT_WORDS[fault]()}`),
  unknown_auth_type: ({ server, auth_type }: Of & { auth_type: string }) =>
    unaskable(server, `its auth_type ${auth_type} is not known`),
  no_account: ({ server }: Of) => unaskable(server, 'the account it is asked with is not connected'),
  account_ended: ({ server }: Of) =>
    unaskable(server, 'the account it is asked with has to be connected again'),
  no_values: ({ server }: Of) => unaskable(server, 'the header values it is asked with are not entered'),
  values_ended: ({ server }: Of) =>
    unaskable(server, 'the header values it is asked with have to be entered again'),
  other_headers: ({ server }: Of) => unaskable(server, 'it wants other headers than those it is asked with'),
  values_lost: ({ server }: Of) =>
    unaskable(
      server,
      'its header values have to be entered again: its address or the encryption key changed',
    ),
  no_variable: ({ server, variable, header }: Of & { variable: string; header: string }) =>
    unaskable(
      server,
      `the variable ${variable}, which its header ${header} needs, is not set to one line of text`,
    ),
  no_exchange: ({ server }: Of) => unaskable(server, 'it has no token_exchange'),
  exchange_refused: ({ server }: Of) =>
    unaskable(server, 'the identity provider refuses the exchange of tokens for it'),
} as const satisfies Vocabulary;

/** Why a server did not do its part, as data: API, `/mcp` and pages each have their words for it. */
export type FailureStated = Stated<typeof FAILURE_WORDS>;

/** A server's own words, behind what happened. */
export function quoted(said = ''): string {
  return said && `: “${said}”`;
}

function unaskable(server: string, why: string): string {
  return `The server ${server} could not be asked: ${why}. An administrator of this gateway has to see to it.`;
}
