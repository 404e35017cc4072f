import { metWords } from '../../../deployment';
import { providerMetWords } from '../../../identity/provider';
import { say } from '../../../protocol/faults/wording';
import type { ApiRefusal } from '../../api/error';
import type { API_WORDS, ApiReason } from '../../api/refusal-words';
import { failureWords } from './failures';
import { PROVIDER_WORDS } from './problems';
import { VALUE_WORDS } from './values';

/** Every reason of the API in the words of pages. `named`: what the page calls the member at fault. */
type PageWords = {
  readonly [R in ApiReason]: (
    params: NonNullable<Parameters<(typeof API_WORDS)[R]['says']>[0]>,
    named: string,
  ) => string;
};

const SIGN_IN = 'Sign in again, as an administrator.';
const THINGS = {
  user: 'person',
  session: 'access',
  client: 'app',
  'virtual MCP': 'toolset',
  'virtual key': 'key',
  server: 'server',
  oauth_config: 'authorization',
} as const;

const REFUSAL_WORDS = {
  value: ({ fault }, named) => `${named || 'What was sent'} ${say(VALUE_WORDS, fault)}.`,
  body_too_large: ({ kib }) => `That is too much: at most ${kib} KiB can be sent.`,
  body_not_json: () => 'What was sent can’t be read. Open the page again.',
  nothing_here: () => 'Nothing was found at this address.',
  no_such_thing: ({ noun }) => `That ${THINGS[noun]} no longer exists.`,

  needs_admin_token: () => SIGN_IN,
  wrong_token: () => 'This isn’t the administrator token.',
  too_many_sessions: () => 'Too many sessions were asked for from here. Wait a minute.',
  too_many_guesses: () => 'Too many wrong administrator tokens from here. Wait a minute.',
  no_administrator: ({ name }) => `You’re signed in as ${name}, who isn’t an administrator.`,
  other_site: () => 'This was sent from another site. Nothing was changed.',
  sign_in_from_other_site: () => 'This was sent from another site. No sign-in took place.',
  no_form_value: () => 'This page was open for too long. Nothing was changed; open it again.',
  no_holder: () => SIGN_IN,
  no_key: () => 'Enter a key.',
  inactive_key: () => 'This key doesn’t work here.',
  unknown_session: () => 'This anonymous connection isn’t known here.',
  anonymous_off: () => 'Sign in, or use a key.',

  name_taken: ({ noun, name }) => `Another ${noun} is named ${name}.`,
  server_name_taken: ({ name }) =>
    `Another server or toolset has the name ${name}, or the address made from it. Choose another name.`,
  address_taken: () => 'Another toolset, or a server, has this address.',
  key_value_taken: () => 'Another key has this value.',
  endless_deletion: () => 'This key never expires. Choose when it expires, or don’t delete it then.',
  unknown_owner: () => 'There is no such person. People appear here once they have signed in.',
  unknown_server: () => 'One of these servers no longer exists.',
  repeated_server: () => 'One of these servers is named twice.',
  unknown_server_name: ({ name }) => `There is no server named ${name}.`,
  repeated_server_name: ({ name }) => `The server ${name} is named twice.`,
  unknown_key: () => 'One of these keys no longer exists.',
  key_without_toolset: () => 'That key can no longer use this toolset.',

  grant_index_behind: () => 'Its access has ended, but the list doesn’t know it yet. Try again.',
  owner_suspended: () => 'A setting keeps them out now, so their accounts are paused.',
  server_not_open: ({ server }) => `The key or person it acts for can’t use the server ${server}.`,
  tool_not_open: ({ server, tool }) =>
    `The key or person it acts for can’t use the tool ${tool} of ${server}.`,
  nothing_to_read: () => 'The app didn’t ask for read-only tools.',
  later_end: () => 'It can only end earlier. For longer, the app has to be allowed again.',
  widening_is_theirs: () =>
    'This would give the app more than was allowed. Only the person it acts for can do that, on their own page.',
  server_not_theirs: () => 'They can no longer use this server, so its account can’t be connected.',
  account_not_yours: () => 'Only the person whose account this is can connect it again.',

  mcp_base_split: () =>
    'There are two such addresses: one for links that connect an account, one that providers send people back to.',
  unreadable_variable: ({ variable }, named) =>
    `${named} can’t go back to what the deployment says: its variable ${variable} can’t be read.`,
  unconfirmed_issuer: ({ issuer }, named) =>
    `${named} is ${issuer} now. Changing it ends every token, and every app has to connect again.`,
  issuer_unreachable: ({ issuer, met }) =>
    `${issuer} doesn’t lead to this gateway yet: ${metWords(met)}. Nothing was changed.`,
  no_provider: ({ met }) => `Check the address: ${providerMetWords(met)}.`,
  no_provider_secret: ({ command }, named) =>
    `${named} is needed beside the provider: enter it, or first run ${command}.`,
  no_issuer: () => 'First set this gateway’s address under Settings. Providers send people back to it.',

  exchange_elsewhere: () =>
    'The client people sign in with works at their provider only. Leave the token exchange address empty.',
  takes_no_values: ({ server }) => `The server ${server} takes no keys from people.`,
  values_missing: ({ names }) => `Enter a value for ${names}.`,
  server_failed: ({ failure }) => failureWords(failure),
  no_answer: ({ server }) => `The server ${server} did not answer.`,
  for_people_only: ({ server }) =>
    `The server ${server} lists its tools to people who signed in. One of them must connect an app first.`,
  disabled_server: ({ server }) => `The server ${server} is off. Turn it on first.`,
  unverified_server: ({ server, next }) =>
    next === 'verify-headers'
      ? `No one can use ${server} until you connect it with your key.`
      : `No one can use ${server} until you sign in to it.`,
  account_lacking: ({ server, next }) =>
    next === 'verify-headers'
      ? `The server ${server} no longer accepts the stored key. Enter it again.`
      : `The server ${server} no longer accepts the stored sign-in. Sign in again.`,

  already_verified: ({ server }) => `You are already signed in to ${server}.`,
  never_authorized: ({ server }) => `You haven’t signed in to ${server} yet.`,
  healthy_account: ({ server }) =>
    `The account that lists the tools of ${server} works. Everyone else has their own.`,
  unfinished_authorization: () => 'The sign-in at the provider isn’t finished yet.',
  ended_authorization: ({ error }) => `The sign-in failed. ${error}`,
  nothing_to_complete: ({ server }) => `You are signed in to ${server}, and there is nothing left to do.`,
  nothing_to_authorize: ({ server }) => `The server ${server} needs no sign-in.`,
  no_registration: ({ server }) => `The gateway hasn’t registered itself with ${server}.`,
  provider_problem: ({ problem, tried }) =>
    say(PROVIDER_WORDS, problem) + (tried.length ? ` We tried: ${tried.join('; ')}.` : ''),
} as const satisfies PageWords;

/** What a page calls the members of what it sends, each by its dotted name without places in lists (`limits.calls`). */
export type Labels = (member: string) => string | undefined;

export const labelsIn =
  (labels: Readonly<Record<string, string>>): Labels =>
  (member) =>
    labels[member] ?? labels[member.split('.')[0] ?? ''];

/** A refusal in the words of a page. A label that ends with a full stop is all that is said of its member. */
export function refusalWords({ reason, params, field }: ApiRefusal, labels: Labels): string {
  const label = labels(field.replace(/\.\d+/g, '')) ?? '';
  if (label.endsWith('.')) return label;
  return (REFUSAL_WORDS[reason] as (params: unknown, named: string) => string)(params, label);
}
