import type { Rewording } from '../../../protocol/faults/wording';
import type { PROBLEM_WORDS } from '../../../providers/problem-words';
import { VALUE_WORDS } from './values';

const MORE = 'in the server’s settings, under More settings,';

/** Why no one can be sent to a server's provider, for the administrator who wanted to be. */
export const PROVIDER_WORDS = {
  set_up_elsewhere: ({ server }) => `Someone else is setting up the provider of ${server}. Try again.`,
  registration_silent: ({ server }) =>
    `The provider of ${server} doesn’t answer where apps register. Try again later.`,
  no_registration: ({ server, redirect_uri }) =>
    `The provider of ${server} doesn’t let apps register themselves. Register one there by hand, with the redirect URI ${redirect_uri}, and enter its client ID (and secret, if it has one) in the server’s settings.`,
  changed: ({ server, was, is, member, value }) =>
    `The provider of ${server} was ${was}, where an administrator registered our client, and is ${is} now. If that is right, ${MORE} set the ${MEMBERS[member]} to ${value}, with the client that is registered there.`,
  bad_server_address: ({ server, fault }) => `The address of ${server} ${VALUE_WORDS[fault]()}.`,
  server_unreachable: ({ server }) => `The server ${server} can’t be reached. Try again later.`,
  metadata_silent: ({ server }) => `The metadata of ${server} can’t be read now. Try again later.`,
  other_resource: ({ server, url, resource }) =>
    `The server ${server} at ${url} describes itself as ${resource}. If that is right, ${MORE} set the resource to it.`,
  search_too_long: ({ server }) => `Looking for the provider of ${server} took too long. Try again later.`,
  provider_silent: ({ server }) => `The provider of ${server} doesn’t answer. Try again later.`,
  bad_endpoint: ({ server, member, fault }) =>
    `The provider of ${server} can’t be used: its ${ENDPOINTS[member] ?? 'address'} ${VALUE_WORDS[fault]()}.`,
  incomplete_metadata: ({ server, url, member }) =>
    `The metadata of the provider of ${server}, at ${url}, has no ${ENDPOINTS[member] ?? 'issuer'}. The people who run the provider need to add it. Until they do, enter its authorization and token addresses ${MORE.slice(0, -1)}.`,
  no_pkce: ({ server }) => `The provider of ${server} can’t be used: it doesn’t offer PKCE with S256.`,
  other_issuer: ({ server, wanted, found }) =>
    `The provider of ${server} should be ${wanted} and calls itself ${found}. If that is right, ${MORE} set the issuer to ${found}.`,
  no_provider: ({ server }) =>
    `No provider was found for ${server}. If it has one, enter its authorization and token addresses in the server’s settings, under More settings.`,
} as const satisfies Rewording<typeof PROBLEM_WORDS>;

const MEMBERS = { issuer: 'issuer', token_url: 'token address' } as const;

/** Members of a provider's metadata (RFC 8414 §2). */
const ENDPOINTS: Readonly<Record<string, string>> = {
  authorization_endpoint: 'authorization address',
  token_endpoint: 'token address',
  registration_endpoint: 'registration address',
  revocation_endpoint: 'revocation address',
};
