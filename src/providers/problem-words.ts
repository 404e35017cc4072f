import type { Vocabulary } from '../protocol/faults/wording';
import { FAULT_WORDS } from '../protocol/faults/words';
import type { AddressFault } from '../protocol/public-url';

type Of = { server: string };

/** Why no one can be sent to a server's provider, as administrators read it from the API. */
export const PROBLEM_WORDS = {
  set_up_elsewhere: ({ server }: Of) =>
    `The provider of ${server} is being set up by someone else. Try again.`,
  registration_silent: ({ server }: Of) =>
    `The registration endpoint of the provider of ${server} does not answer. Try again later.`,
  no_registration: ({ server, redirect_uri }: Of & { redirect_uri: string }) =>
    `The provider of ${server} takes no apps that introduce themselves. Register one there by hand, with the redirect URI ${redirect_uri}, and set oauth_config.client_id (and client_secret, if it has one).`,
  /** `member`: of `oauth_config`, and what it has to be if this is right. */
  changed: ({ server, was, is, member, value }: Changed) =>
    `The provider of ${server} was ${was}, where an administrator registered our client, and is ${is} now. If that is right, set oauth_config.${member} to ${value}, with the client that is registered there.`,
  bad_server_address: ({ server, fault }: Of & { fault: AddressFault }) =>
    `The address of ${server} ${FAULT_WORDS[fault]()}.`,
  server_unreachable: ({ server }: Of) => `The server ${server} cannot be reached. Try again later.`,
  metadata_silent: ({ server }: Of) => `The metadata of ${server} cannot be read now. Try again later.`,
  other_resource: ({ server, url, resource }: Of & { url: string; resource: string }) =>
    `The server ${server} at ${url} describes itself as ${resource}. If that is right, set oauth_config.resource to it.`,
  search_too_long: ({ server }: Of) => `Looking for the provider of ${server} took too long.`,
  provider_silent: ({ server }: Of) => `The provider of ${server} does not answer. Try again later.`,
  bad_endpoint: ({ server, member, fault }: Of & { member: string; fault: AddressFault }) =>
    `The provider of ${server} cannot be used: it has a ${member} that ${FAULT_WORDS[fault]()}.`,
  incomplete_metadata: ({ server, url, member }: Of & { url: string; member: string }) =>
    `The provider of ${server} cannot be used: its metadata at ${url} has no ${member}. The people who run it have to add that. Until they do, set oauth_config.authorize_url and token_url.`,
  no_pkce: ({ server }: Of) => `The provider of ${server} cannot be used: it does not offer PKCE with S256.`,
  other_issuer: ({ server, wanted, found }: Of & { wanted: string; found: string }) =>
    `The provider of ${server} was expected to be ${wanted} and calls itself ${found}. If that is right, set oauth_config.issuer to ${found}.`,
  no_provider: ({ server }: Of) =>
    `No provider was found for ${server}. If it has one, set oauth_config.authorize_url and token_url.`,
} as const satisfies Vocabulary;

type Changed = Of & { was: string; is: string; member: 'issuer' | 'token_url'; value: string };
