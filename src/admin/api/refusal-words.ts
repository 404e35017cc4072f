import { type Met, metWords } from '../../deployment';
import { type ProviderMet, providerMetWords } from '../../identity/provider';
import { faultWords, type ValueFault } from '../../protocol/faults/fault';
import { say } from '../../protocol/faults/wording';
import { PROBLEM_WORDS } from '../../providers/problem-words';
import type { ProblemStated } from '../../providers/provider-problem';
import type { FailureStated } from '../../servers/failure-words';
import { SERVER_FAILURE_WORDS } from './servers/failure-words';

type Named = { name: string };
type Of = { server: string };

/**
 * Every reason why the management API refuses: the type of its error (CONTRACT §8), and the sentence for the caller,
 * made of the reason's parameters and the dotted name of the member at fault. Pages have words of their own.
 */
export const API_WORDS = {
  value: because(
    'invalid_request',
    ({ fault }: { fault: ValueFault }, field: string) => `${field || 'The body'} ${faultWords(fault)}.`,
  ),
  body_too_large: because('payload_too_large', ({ kib }: { kib: number }) => `The body is over ${kib} KiB.`),
  body_not_json: because('invalid_request', () => 'The body is not JSON.'),
  nothing_here: because('not_found', () => 'There is nothing at this path of the management API.'),
  no_such_thing: because(
    'not_found',
    ({ noun }: { noun: ThingAsked }) => `There is no ${noun} with this id.`,
  ),

  needs_admin_token: because(
    'unauthorized',
    () =>
      'This needs the ADMIN_TOKEN: as "Authorization: Bearer …", as the password of HTTP Basic, or in x-api-key; or a browser signed in as an administrator.',
  ),
  wrong_token: because('unauthorized', () => 'That is not the ADMIN_TOKEN of this gateway.'),
  too_many_guesses: because(
    'too_many_attempts',
    () => 'Too many wrong administrator tokens from here. Wait a minute.',
  ),
  too_many_sessions: because(
    'too_many_attempts',
    () => 'Too many sessions were asked for from here. Wait a minute.',
  ),
  no_administrator: because(
    'forbidden',
    ({ name }: Named) => `You are signed in as ${name}, who is no administrator.`,
  ),
  other_site: because('forbidden', () => 'This was sent from another site. Nothing was changed.'),
  sign_in_from_other_site: because(
    'forbidden',
    () => 'This was sent from another site. No sign-in took place.',
  ),
  no_form_value: because(
    'forbidden',
    () =>
      'A signed-in browser sends the csrf value of GET /api/session along, as x-csrf-token. Nothing was changed.',
  ),
  no_holder: because(
    'unauthorized',
    () => 'Sign in, or send your access key as you send it to /mcp. Administrators send the ADMIN_TOKEN.',
  ),
  no_key: because(
    'unauthorized',
    () => 'Send the virtual key whose quota you ask for, as you send it to /mcp.',
  ),
  inactive_key: because('unauthorized', () => 'That access key is not active here.'),
  unknown_session: because('unauthorized', () => 'The value in x-bf-mcp-session-id was not issued here.'),
  anonymous_off: because('forbidden', () => 'Anonymous use is off here: enforce_auth_on_inference is true.'),

  name_taken: because(
    'conflict',
    ({ noun, name }: Named & { noun: 'key' | 'toolset' }) => `Another ${noun} is named ${name}.`,
  ),
  server_name_taken: because(
    'conflict',
    ({ name }: Named) =>
      `Another server has the name ${name}, or another server or toolset the address made from it.`,
  ),
  address_taken: because('conflict', () => 'Another toolset, or a server, has this address.'),
  key_value_taken: because('conflict', () => 'Another key has this value.'),
  endless_deletion: because(
    'invalid_request',
    () => 'delete_after_expire needs expires_at: a key that never expires is never deleted for it.',
  ),
  unknown_owner: because(
    'invalid_request',
    (_: object, field: string) =>
      `${field}: there is no user with this id. People appear here once they have signed in.`,
  ),
  unknown_server: because(
    'invalid_request',
    (_: object, field: string) => `${field}: there is no server with this id.`,
  ),
  repeated_server: because(
    'invalid_request',
    (_: object, field: string) => `${field}: this server is named twice.`,
  ),
  unknown_server_name: because(
    'invalid_request',
    ({ name }: Named, field: string) => `${field}: there is no server named ${name}.`,
  ),
  repeated_server_name: because(
    'invalid_request',
    ({ name }: Named, field: string) => `${field}: the server ${name} is named twice.`,
  ),
  unknown_key: because(
    'invalid_request',
    (_: object, field: string) => `${field}: there is no virtual key with this id.`,
  ),
  key_without_toolset: because('not_found', () => 'No virtual key with this id may use this toolset.'),

  grant_index_behind: because(
    'temporarily_unavailable',
    () => 'The session has ended, but the list could not be told yet. Try again.',
  ),
  owner_suspended: because(
    'forbidden',
    () => 'A setting refuses this identity now. Once it does not, its accounts work as they are.',
  ),
  server_not_open: because(
    'invalid_request',
    ({ server }: Of, field: string) =>
      `${field}: the identity of this session may not use a server named ${server}.`,
  ),
  tool_not_open: because(
    'invalid_request',
    ({ server, tool }: Of & { tool: string }, field: string) =>
      `${field}: the identity of this session may not use a tool named ${tool} of the server ${server}.`,
  ),
  nothing_to_read: because(
    'invalid_request',
    (_: object, field: string) => `${field}: the app did not ask for tools that read.`,
  ),
  later_end: because(
    'invalid_request',
    (_: object, field: string) => `${field} may only become earlier: for longer, the app is allowed again.`,
  ),
  widening_is_theirs: because(
    'forbidden',
    () =>
      'This would give the app more than its person allowed, which only that person can, signed in, on their own page (/me). Nothing was changed.',
  ),
  server_not_theirs: because(
    'forbidden',
    () =>
      'This identity no longer has access to the server. Once it has, the account can be connected again.',
  ),
  account_not_yours: because(
    'forbidden',
    () => 'Only the person whose account this is can connect it again.',
  ),

  mcp_base_split: because(
    'invalid_request',
    () =>
      'mcp_external_base_url was split in two: mcp_external_server_url is the base of connect links, mcp_external_client_url of the redirect URI registered with providers. Set those.',
  ),
  unreadable_variable: because(
    'invalid_request',
    ({ variable }: { variable: string }, field: string) =>
      `${field} cannot go back to the variable ${variable}, whose value cannot be read.`,
  ),
  unconfirmed_issuer: because(
    'invalid_request',
    ({ issuer }: { issuer: string }, field: string) =>
      `${field} is ${issuer} now. Changing it ends every token, and every app has to connect again: send confirm: true with it.`,
  ),
  issuer_unreachable: because(
    'issuer_unreachable',
    ({ issuer, met }: { issuer: string; met: Met }, field: string) =>
      `${field} must lead to this gateway, and at ${issuer}/health ${metWords(met)}. Nothing was changed. If you know that it leads here for people and apps, send confirm: "unreachable".`,
  ),
  no_provider: because(
    'invalid_request',
    ({ met }: { met: ProviderMet }, field: string) =>
      `${field} was tried: ${providerMetWords(met)}. Nothing was changed. If people can sign in there all the same, send confirm: "unreachable".`,
  ),
  no_provider_secret: because(
    'invalid_request',
    ({ command }: { command: string }, field: string) =>
      `${field} is needed beside oidc.issuer: send it, or first run ${command}.`,
  ),
  no_issuer: because(
    'invalid_request',
    () =>
      'Set oauth2_server_config.issuer_url first: people are sent to providers and have to come back to it.',
  ),

  exchange_elsewhere: because(
    'invalid_request',
    () =>
      'With use_idp_credentials, authorization_server_url must be at the origin of oidc.issuer, or left out.',
  ),
  takes_no_values: because(
    'invalid_request',
    ({ server, auth_type }: Of & { auth_type: string }) =>
      `The server ${server} has auth_type ${auth_type}: it takes no header values.`,
  ),
  values_missing: because(
    'invalid_request',
    ({ names }: { names: string }, field: string) => `${field} must hold a value for ${names}.`,
  ),
  server_failed: because('server_failed', ({ failure }: { failure: FailureStated }) =>
    say(SERVER_FAILURE_WORDS, failure),
  ),
  no_answer: because('server_failed', ({ server }: Of) => `The server ${server} did not answer.`),
  for_people_only: because(
    'server_failed',
    ({ server }: Of) =>
      `The server ${server} acts for people who signed in: one of them has to ask for its tools first.`,
  ),
  disabled_server: because(
    'invalid_request',
    ({ server }: Of) => `The server ${server} is disabled. Enable it first.`,
  ),
  unverified_server: because(
    'invalid_request',
    ({ server, next }: Of & { next: 'verify-headers' | 'initiate-verification' }) =>
      `The server ${server} is hidden until it is verified: use ${next}.`,
  ),
  account_lacking: because(
    'invalid_request',
    ({ server, next }: Of & { next: 'verify-headers' | 'reauthorize' }) =>
      `The account the server ${server} is asked with has to be connected again: use ${next}.`,
  ),

  already_verified: because(
    'invalid_request',
    ({ server }: Of) => `The server ${server} is verified. Use reauthorize.`,
  ),
  never_authorized: because(
    'invalid_request',
    ({ server }: Of) => `The server ${server} is not authorized yet. Use initiate-verification.`,
  ),
  healthy_account: because(
    'conflict',
    ({ server }: Of) =>
      `The account the tools of ${server} are listed with is healthy, and everyone else has their own.`,
  ),
  unfinished_authorization: because(
    'conflict',
    () => 'The authorization at authorize_url is not finished yet.',
  ),
  ended_authorization: because(
    'invalid_request',
    ({ status, error }: { status: string; error: string }) => `The authorization is ${status}. ${error}`,
  ),
  nothing_to_complete: because(
    'conflict',
    ({ server }: Of) => `The server ${server} is authorized, and nothing is left to complete.`,
  ),
  nothing_to_authorize: because(
    'invalid_request',
    ({ server, auth_type }: Of & { auth_type: string }) =>
      `The server ${server} has auth_type ${auth_type}: there is nothing to authorize at a provider.`,
  ),
  no_registration: because(
    'invalid_request',
    ({ server }: Of) => `The gateway has no registration at the provider of ${server} to replace.`,
  ),
  /** Its type is the problem's. `tried`: a sentence each. */
  provider_problem: because(
    'discovery_failed',
    ({ problem, tried }: { problem: ProblemStated; tried: readonly string[] }) =>
      say(PROBLEM_WORDS, problem) + (tried.length ? ` What was tried: ${tried.join('; ')}.` : ''),
  ),
} as const;
export type ApiReason = keyof typeof API_WORDS;

/** What an id may stand for, as the API calls it. */
type ThingAsked = 'user' | 'session' | 'client' | 'virtual MCP' | 'virtual key' | 'server' | 'oauth_config';

function because<const Type extends string, Says extends (...of: never[]) => string>(type: Type, says: Says) {
  return { type, says };
}
