import * as z from 'zod/mini';
import { because } from '../protocol/faults/fault';
import { publicUrl } from '../protocol/public-url';
import { maskOfSecret, SecretValue, unmasked } from './secret-value';

/** What an administrator set of `oauth_config` (CONTRACT §7), in the API's words; the secret is kept apart. */
export type Configured = {
  client_id?: string;
  authorize_url?: string;
  token_url?: string;
  registration_url?: string;
  server_url?: string;
  /** Empty: none is ever sent. */
  resource?: string;
  scopes?: string[];
  issuer?: string;
};

/** What was found out about a server's provider (oauth-discovery.ts), as it is kept. */
export type Discovered = {
  /** Null: the administrator named the endpoints, and no issuer. */
  issuer: string | null;
  authorizationEndpoint: string;
  tokenEndpoint: string;
  /** Its host, when no one but the document vouches for it: shown before the first use. Null: the issuer's own. */
  tokenHost: string | null;
  registrationEndpoint: string | null;
  revocationEndpoint: string | null;
  /** OpenID Connect Core §5.3. What an earlier version found has none. */
  userinfoEndpoint?: string | null;
  /** How clients authenticate at the token endpoint; null: it does not say. */
  authMethods: string[] | null;
  /** Every answer of its authorization endpoint names it (RFC 9207). */
  promisesIss: boolean;
  takesDocuments: boolean;
  offersOfflineAccess: boolean;
  /** As the server's own metadata names it (RFC 9728); null when it has none. */
  resource: string | null;
  /** What the server asks for; null when it does not say. */
  scopes: string[] | null;
  /** It refused a request because of `resource` (RFC 8707): none is sent any more. */
  refusesResource?: true;
  /** It took the place of another, where accounts were connected before. */
  isMoved?: true;
  /** Nothing describes it: it is at the default endpoints (MCP 2025-03-26, Fallbacks for Servers without Metadata Discovery). */
  isUndescribed?: true;
  /** When it was found, epoch seconds. */
  at: number;
};

/** True when what one issued may be sent to the other. */
export function isSameProvider(one: Discovered, other: Discovered): boolean {
  return (
    one.issuer === other.issuer && new URL(one.tokenEndpoint).origin === new URL(other.tokenEndpoint).origin
  );
}

/** Our client at a provider when none is configured; its secret is kept apart. */
export type OwnClient = {
  clientId: string;
  /** `document`: the address of our metadata document. */
  from: 'document' | 'registration';
  authMethod: AuthMethod;
  /** The registration gave a secret and did not say how it is sent: when it is refused, the other way is tried. */
  isMethodUnsaid?: true;
  /** What the provider was told: another one needs another registration. */
  redirectUri: string;
  /** Epoch seconds; null: the secret does not end, or there is none. */
  secretExpiresAt: number | null;
  /** Epoch seconds. */
  registeredAt: number;
};
export type AuthMethod = 'none' | 'client_secret_basic' | 'client_secret_post';

/** `pending`: waits for an administrator, until `flowExpiresAt`. */
export type OAuthStatus = 'pending' | 'authorized' | 'failed' | 'revoked';

/** How the gateway is an OAuth client of a server's provider: a row of `oauth_config`. Times are epoch seconds. */
export type OAuthConfig = {
  id: string;
  serverId: string;
  configured: Configured;
  sealedSecret: string | null;
  discovered: Discovered | null;
  client: OwnClient | null;
  sealedRegisteredSecret: string | null;
  status: OAuthStatus;
  /** Why it failed, in words for the administrator. */
  error: string | null;
  flowExpiresAt: number | null;
  createdAt: number;
  updatedAt: number;
};

const Word = (most: number) =>
  z.string().check(z.minLength(1), z.maxLength(most), z.regex(/^[\x21-\x7e]+$/, because('not_ascii_word')));

/** `oauth_config` as the API takes it (CONTRACT §7): what is missing is discovered, null takes back what was set. */
export const oauthConfigMembers = (allowLoopback: boolean) =>
  z.object({
    client_id: z
      .nullish(Word(500))
      .check(z.describe('Of an app registered by hand; without one the gateway introduces itself')),
    client_secret: z
      .nullish(SecretValue)
      .check(z.describe('Accepts `env.NAME`; shown masked, and the mask sent back keeps it')),
    authorize_url: z.nullish(publicUrl(allowLoopback)).check(z.describe('Its query is kept')),
    token_url: z.nullish(publicUrl(allowLoopback)),
    registration_url: z.nullish(publicUrl(allowLoopback)).check(z.describe('RFC 7591')),
    server_url: z
      .nullish(publicUrl(allowLoopback))
      .check(z.describe('Where discovery begins; `connection_string` when left out')),
    resource: z
      .nullish(
        z
          .string()
          .check(
            z.maxLength(2000),
            z.regex(/^(?:[a-z][a-z0-9+.-]*:[\x21-\x22\x24-\x7e]+)?$/i, because('not_a_resource')),
          ),
      )
      .check(z.describe('RFC 8707; empty: none is sent, whatever the server says')),
    scopes: z.nullish(z.array(Word(200)).check(z.maxLength(100))),
    issuer: z
      .nullish(publicUrl(allowLoopback))
      .check(z.describe('The issuer to accept when the provider says another than expected')),
  });

/** The administrator's client secret as it is kept, and what was set beside it. */
export type KeptSecret = { secret: string; configured: Configured };

/** Members that say who is sent the administrator's client secret. */
const TOLD = ['token_url', 'server_url', 'issuer'] as const;

/** True when a change tells the secret to another origin. */
export function isForAnother(
  change: z.output<ReturnType<typeof oauthConfigMembers>>,
  known: Configured | undefined,
): boolean {
  return TOLD.some(
    (member) => change[member] !== undefined && originOf(change[member]) !== originOf(known?.[member]),
  );
}

/**
 * The same, with a mask sent back turned into the secret it stands for. None follows to a provider elsewhere: it has to be
 * sent again, or taken back.
 */
export function oauthConfigChange(allowLoopback: boolean, kept: KeptSecret | undefined) {
  return z.pipe(
    oauthConfigMembers(allowLoopback),
    z.transform((change, context) => {
      const { client_secret: sent } = change;
      const isElsewhere = isForAnother(change, kept?.configured);
      const refuse = (reason: 'secret_for_another' | 'mask_of_nothing') => {
        context.issues.push({
          code: 'custom',
          input: sent,
          path: ['client_secret'],
          message: because(reason),
        });
        return z.NEVER;
      };
      if (sent === undefined && kept && isElsewhere) return refuse('secret_for_another');
      if (typeof sent !== 'string') return change;
      const meant = unmasked(sent, isElsewhere ? undefined : kept?.secret);
      if (meant !== null) return { ...change, client_secret: meant };
      return refuse('mask_of_nothing');
    }),
  );
}

const originOf = (url: string | null | undefined) => (url ? new URL(url).origin : null);

export type OAuthConfigChange = z.output<ReturnType<typeof oauthConfigChange>>;

/** `oauth_config` as answers show it. @param secret the administrator's, as configured */
export function shownOAuthConfig({ configured }: OAuthConfig, secret: string | undefined) {
  return secret === undefined ? configured : { ...configured, client_secret: maskOfSecret(secret) };
}
