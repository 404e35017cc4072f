import { authTypes } from '../../../accounts/auth/index';
import type { Asked } from '../../api/servers/asked';
import { toolCount } from '../tool-picker';
import { labelsIn, refusalWords } from '../words/refusals';

/** How requests to a server are authenticated, in a few words. */
export function authWord(type: string): string {
  return authTypes.get(type)?.words.label ?? type;
}

/** What the API's refusals call the members of a server's form. */
export const SERVER_WORDS = labelsIn({
  name: 'The name',
  connection_string: 'The address',
  headers: 'The header values',
  per_user_header_keys: 'The names of the headers',
  user_headers: 'The values',
  'oauth_config.client_id': 'The client ID',
  'oauth_config.client_secret': 'The client secret',
  'oauth_config.scopes': 'The scopes',
  'oauth_config.resource': 'The resource',
  'oauth_config.issuer': 'The issuer',
  'oauth_config.authorize_url': 'The authorization address',
  'oauth_config.token_url': 'The token address',
  'oauth_config.registration_url': 'The registration address',
  'oauth_config.server_url': 'The address to start from',
  'token_exchange.audience': 'The audience',
  'token_exchange.client_id': 'Enter a client ID, or exchange tokens as the client people sign in with.',
  'token_exchange.client_secret': 'The client secret',
  'token_exchange.authorization_server_url': 'The token exchange address',
  'token_exchange.scopes': 'The scopes',
  tool_execution_timeout: 'The time without a response',
  tool_sync_interval: 'The time between refreshes',
});

/** What became of a server that was saved. @param saved what was done, as the sentence starts */
export function savedWords(saved: string, asked: Asked | undefined): string {
  switch (asked?.kind) {
    case 'listed':
      return `${saved} with ${toolCount(asked.tools)}.`;
    case 'disabled':
      return `${saved}. It is off, so we didn’t ask for its tools.`;
    case 'unverified':
      return `${saved}. ${refusalWords(asked.refusal, SERVER_WORDS)}`;
    case 'failed':
      return `${saved}, but it didn’t list its tools. ${refusalWords(asked.refusal, SERVER_WORDS)}`;
    default:
      return `${saved}.`;
  }
}
