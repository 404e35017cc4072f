import type { Rewording } from '../../../protocol/faults/wording';
import { FAULT_WORDS } from '../../../protocol/faults/words';

/** What is wrong with what someone entered: what differs from the API's words. Each continues a sentence that begins with what the form calls it. */
export const VALUE_WORDS = {
  ...FAULT_WORDS,
  not_acceptable: () => 'can’t be used',
  required: () => 'is missing',
  not_text: () => 'must be text',
  not_boolean: () => 'must be on or off',
  not_object: () => 'must be a list of names with values',
  too_few: ({ least }) => `must have at least ${least}`,
  too_many: ({ most }) => `must have at most ${most}`,
  more_than_a_year: () => 'must be at most a year',
  not_one_of: () => 'must be one of what is offered',
  holds_none_of: () => 'must have one of what is offered',
  not_of_kinds: () => 'must be people, keys or sessions',
  not_a_time: () => 'must be a day and a time',
  repeated_window: () => 'must have one limit for each span of time',
  not_a_key_value: () => 'must start with sk-bf-, followed by letters, digits, “.”, “_”, “~” or “-”',
  key_value_fixed: () => 'never changes; give the key a new one',

  not_a_url: () => 'must be an address on the web',
  url_with_fragment: () => 'must not hold a “#”',
  not_http: () => 'must begin with http:// or https://',
  not_https_urls: () => 'must be https addresses, one per line',
  not_an_origin: () =>
    'must be an https address without a path or slash at its end, such as https://tools.example.com',
  not_a_provider: () => 'must be an https address without a query, such as https://accounts.google.com',
  not_a_browser_origin: () => 'must be scheme, host and port only, such as https://app.example.com',
  not_a_resource: () => 'must be an address without a “#”',
  not_redirect_uris: () => 'must be 1 to 20 addresses',
  not_a_redirect_uri: () => 'must be an address people can be sent back to',
  spawned: () => 'must be one that is reached over HTTP: put a bridge in front of a program',
  not_http_transport: () => 'must be one that is reached over HTTP',
  not_for_auth_type: () => 'must be left out with this way to authenticate',
  server_fixed: () => 'never changes; add another server',
  not_ascii: () => 'must be visible ASCII',
  mask_of_nothing: () => 'is not kept; enter it again',
  mask_for_another: () => 'is not kept for this provider; enter it again',
  mask_of_header: ({ name }) => `hold nothing for ${name} yet; enter it again`,
  secret_for_another: () => 'is for another provider; enter it again',
  not_a_header: () => 'must be names of headers',
  variable_of_gateway: () => 'must be the values themselves: only administrators may name a variable',
  exchange_without_client: () => 'is missing; or have the client people sign in with make the exchange',

  needed_beside: () => 'is needed, too, for people to sign in',
  needs_sign_in: () => 'needs a provider to sign in with, and browser sign-in only',
} as const satisfies Rewording<typeof FAULT_WORDS>;
