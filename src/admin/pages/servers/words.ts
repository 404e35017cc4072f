import type { Asked } from '../../api/servers/asked';
import { toolCount } from '../tool-picker';
import { labelsIn, refusalWords } from '../words/refusals';

/** Who authenticates at a server, in the words people choose by; each by its name in the API. */
export const AUTH_WORDS: Readonly<Record<string, { label: string; says: string }>> = {
  none: { label: 'Nobody', says: 'It answers whoever asks.' },
  headers: { label: 'Header values you keep', says: 'The same for everybody, such as an API key of yours.' },
  oauth: {
    label: 'Shared account',
    says: 'You authorize it once, at its provider; everybody acts with that account.',
  },
  per_user_oauth: {
    label: 'Everyone’s own account',
    says: 'Everybody connects their own at its provider. You authorize it too, to see its tools.',
  },
  per_user_headers: {
    label: 'Everyone’s own key',
    says: 'Everybody enters values of their own, such as an API key. You try it with yours, to see its tools.',
  },
  token_exchange: {
    label: 'Everyone’s sign-in',
    says: 'Everybody acts as the person they signed in as here; nothing more to connect.',
  },
};

export function authWord(type: string): string {
  return AUTH_WORDS[type]?.label ?? type;
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
  'oauth_config.server_url': 'The address to begin at',
  'token_exchange.audience': 'The audience',
  'token_exchange.client_id': 'Enter a client ID, or have the client people sign in with make the exchange.',
  'token_exchange.client_secret': 'The client secret',
  'token_exchange.authorization_server_url': 'The address that exchanges',
  'token_exchange.scopes': 'The scopes',
  tool_execution_timeout: 'The time a call may take',
  tool_sync_interval: 'The time between two looks',
});

/** What became of a server that was saved. @param saved what was done, as the sentence begins */
export function savedWords(saved: string, asked: Asked | undefined): string {
  switch (asked?.kind) {
    case 'listed':
      return `${saved} and lists ${toolCount(asked.tools)}.`;
    case 'disabled':
      return `${saved}. It is turned off, so it was not asked for its tools.`;
    case 'unverified':
      return `${saved}. ${refusalWords(asked.refusal, SERVER_WORDS)}`;
    case 'failed':
      return `${saved}, but it could not be asked for its tools. ${refusalWords(asked.refusal, SERVER_WORDS)}`;
    default:
      return `${saved}.`;
  }
}
