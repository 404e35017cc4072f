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
export const SERVER_WORDS = {
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
} as const;

/** Names of the API as the pages say them. Longer ones first. */
const PLAIN: readonly [RegExp, string][] = [
  [
    /set oauth_config\.client_id \(and client_secret, if it has one\)/g,
    'enter its client ID (and secret, if it has one) in the settings of the server',
  ],
  [
    /set oauth_config\.authorize_url and token_url/g,
    'enter its authorization and token addresses in the settings of the server, under More',
  ],
  [/set oauth_config\.(issuer|resource) to/g, 'in the settings of the server, under More, set the $1 to'],
  [/in the server's oauth_config/g, 'in the settings of the server'],
  [/Set oauth2_server_config\.issuer_url first/g, 'Set this gateway’s address first, under Settings'],
  [/: use (initiate-verification|verify-headers)\b/g, ''],
  [/: use reauthorize\b/g, ''],
  [/`?token_exchange`?/g, '“Everyone’s sign-in”'],
];

/** A sentence of the API without the names of its members. */
export function plain(message: string): string {
  return PLAIN.reduce((text, [wire, words]) => text.replace(wire, words), message);
}
