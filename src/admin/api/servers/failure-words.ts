import type { Rewording } from '../../../protocol/faults/wording';
import { FAULT_WORDS } from '../../../protocol/faults/words';
import { FAILURE_WORDS, quoted } from '../../../servers/failure-words';

/** Why a server did not do its part, for the administrator: what differs where they can change something about it. */
export const SERVER_FAILURE_WORDS = {
  ...FAILURE_WORDS,
  unauthorized: ({ server, said }) =>
    `The server ${server} did not accept the credentials of this gateway (HTTP 401)${quoted(said)}. Renew them.`,
  not_open: ({ server, said }) =>
    `The server ${server} did not accept this gateway without credentials (HTTP 401)${quoted(said)}. Add it again with the authentication it wants.`,
  forbidden: ({ server, said }) =>
    `The server ${server} did not accept the request of this gateway (HTTP 403)${quoted(said)}. Check its credentials; the people who run the server say who may.`,
  insufficient_scope: ({ server, scopes }) =>
    `The server ${server} wants more than the connected account allows${scopes && `: ${scopes}`}. It was asked for and not granted, or is more than is asked for by itself: name scopes in oauth_config.scopes, then connect the account again.`,
  scopes_wanted: ({ server, scopes }) =>
    `The server ${server} wants more than the shared account allows: ${scopes}. Authorize it again: that is then asked for.`,
  redirect: ({ server }) =>
    `The server ${server} answered with a redirect that is not followed: to another host, or one that would lose the message. Correct its address.`,
  not_found: ({ server, said }) =>
    `The server ${server} has no MCP endpoint at its address (HTTP 404)${quoted(said)}. Correct its address: most end in /mcp.`,
  not_mcp: ({ server }) =>
    `The server ${server} answered with something that is not MCP. Compare its address with what the people who run it say.`,
  too_large: ({ server }) =>
    `The server ${server} answered with more at once than this gateway reads. Have it list its items in pages.`,
  wrong_id: ({ server }) =>
    `The server ${server} answered another request than the one it was asked. Tell the people who run the server.`,
  endpoint_elsewhere: ({ server, said }) =>
    `The server ${server} wants its messages sent to another origin than its own${quoted(said)}. That is refused: compare its address with what the people who run it say.`,
  held_over: ({ server }) => `The call of ${server} waited for an answer to its question and has ended.`,
  answered_error: ({ server, said }) => `The server ${server} refused to answer: ${said}`,

  values_missing: ({ names }) => `Enter a value for ${names}.`,
  bad_address: ({ server, fault }) =>
    `The server ${server} could not be asked: its address ${FAULT_WORDS[fault]()}. Correct it.`,
  unknown_auth_type: ({ server }) =>
    `The server ${server} could not be asked: this gateway does not know its way to authenticate.`,
  no_account: ({ server }) =>
    `The server ${server} could not be asked: the account it is asked with is not connected. Authorize it.`,
  account_ended: ({ server }) =>
    `The server ${server} could not be asked: the account it is asked with has to be connected again. Authorize it again.`,
  no_values: ({ server }) =>
    `The server ${server} could not be asked: the header values it is asked with are not entered. Enter them.`,
  values_ended: ({ server }) =>
    `The server ${server} could not be asked: the header values it is asked with have to be entered again.`,
  other_headers: ({ server }) =>
    `The server ${server} could not be asked: it wants other headers than those it is asked with. Enter them.`,
  values_lost: ({ server }) =>
    `The server ${server} could not be asked: its address or the encryption key changed. Enter its header values again.`,
  no_variable: ({ server, variable, header }) =>
    `The server ${server} could not be asked: the variable ${variable}, which its header ${header} needs, is not set to one line of text.`,
  no_exchange: ({ server }) =>
    `The server ${server} could not be asked: nothing says how the sign-ins of people are exchanged for its own. Complete its settings.`,
  exchange_refused: ({ server }) =>
    `The server ${server} could not be asked: the identity provider refuses the exchange of tokens for it.`,
} as const satisfies Rewording<typeof FAILURE_WORDS>;
