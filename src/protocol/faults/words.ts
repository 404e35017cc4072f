import type { Vocabulary } from './wording';

type Least = { least: number };
type Most = { most: number };

/** What can be wrong with a value, in words for developers (the API, OAuth, variables): each continues "<member> …". */
export const FAULT_WORDS = {
  not_acceptable: () => 'is not acceptable',
  required: () => 'is required',
  not_text: () => 'must be a string',
  not_number: () => 'must be a number',
  not_whole: () => 'must be a whole number',
  not_boolean: () => 'must be true or false',
  not_list: () => 'must be a list',
  not_object: () => 'must be a JSON object',
  empty: () => 'must not be empty',
  too_short: ({ least }: Least) => `must be at least ${least} characters`,
  too_long: ({ most }: Most) => `must be at most ${most} characters`,
  too_few: ({ least }: Least) => `must hold at least ${least}`,
  too_many: ({ most }: Most) => `must hold at most ${most}`,
  too_little: ({ least }: Least) => `must be at least ${least}`,
  too_much: ({ most }: Most) => `must be at most ${most}`,
  more_than_a_year: ({ most }: Most) => `must be at most ${most}, which is a year`,
  not_whole_between: ({ least, most }: Least & Most) => `must be a whole number from ${least} to ${most}`,
  not_one_of: ({ options }: { options: string }) => `must be ${oneOf(options.split(', '))}`,
  holds_none_of: ({ options }: { options: string }) => `must hold ${options.split(', ').join(' or ')}`,
  not_of_kinds: ({ options }: { options: string }) => `must name only ${options}`,
  not_a_time: () => 'must be a time as RFC 3339 writes it, such as 2027-01-31T12:00:00Z',
  past: () => 'must be in the future',
  not_plain: () => 'must be plain characters',
  not_a_code: () => 'must look like F-7K2Q',
  repeated_window: () => 'must name every window_seconds once',
  not_a_key_value: () => 'must begin with sk-bf- and go on with letters, digits, ".", "_", "~" or "-"',
  key_value_fixed: () => 'never changes; rotate the key',
  not_a_slug: () => 'must be lower-case letters, digits and inner hyphens, at most 64',

  not_a_url: () => 'must be a URL',
  url_with_user: () => 'must not hold a user name or password',
  url_with_fragment: () => 'must not hold a fragment',
  not_http: () => 'must be http or https',
  not_https: () => 'must be https',
  not_public: () => 'must be on a public host',
  not_https_urls: () => 'must be https URLs',
  not_an_origin: () =>
    'must be an https origin without a path or trailing slash, such as https://tools.example.com',
  not_a_provider: () => 'must be an https URL without a query, such as https://accounts.google.com',
  not_a_browser_origin: () =>
    'must be an origin, scheme, host and port and nothing more, such as https://app.example.com',
  not_a_domain: () => 'must be a domain, such as example.com',
  not_an_email: () => 'must be an e-mail address, such as ada@example.com',
  not_a_host: () => 'must be a host name, such as acme.cloudflareaccess.com',
  not_a_resource: () => 'must be a URI without a fragment',
  not_redirect_uris: () => 'is required: a list of 1 to 20 URIs',
  not_a_redirect_uri: ({ rule }: { rule: string }) => rule,

  not_a_server_name: () => 'must be letters, digits and _',
  spawned: () => 'must be http or sse: nothing can be spawned here; put a bridge in front of the program',
  not_http_transport: () => 'must be http or sse',
  not_for_auth_type: ({ auth_type, takers }: { auth_type: string; takers: string }) =>
    `must be left out with auth_type ${auth_type}: it is for auth_type ${takers}`,
  server_fixed: () => 'never changes; make another server',
  not_ascii_word: () => 'must be visible ASCII without blanks',
  not_ascii: () => 'must be visible ASCII values',
  gateway_secret: () => 'must not be a secret of the gateway itself',
  mask_of_nothing: () => 'is masked and no such value is kept; send it again',
  mask_for_another: () => 'is masked and no such value is kept for this authorization server; send it again',
  mask_of_header: ({ name }: { name: string }) =>
    `${name} is masked and no such value is kept; send it again`,
  secret_for_another: () => 'is for another provider; send it again',
  not_a_header: () => 'must be header names',
  own_header: () => 'must not name a header the gateway itself sends',
  repeated_header: () => 'must not name a header twice',
  no_header: () => 'must name at least one header',
  variable_of_gateway: () => 'must be the values themselves: env.NAME is for administrators',
  exchange_without_client: () => 'is required unless use_idp_credentials is true',

  needed_beside: ({ other }: { other: string }) => `is needed beside ${other}`,
  needs_sign_in: () => 'needs the mode oauth and a provider to sign in with (oidc or access)',
} as const satisfies Vocabulary;

function oneOf(options: readonly string[]): string {
  if (options.length > 3) return `one of ${options.join(', ')}`;
  return options.length > 1 ? `${options.slice(0, -1).join(', ')} or ${options.at(-1)}` : options.join('');
}
