import * as z from 'zod/mini';
import { because } from '../protocol/faults/fault';
import { publicUrl } from '../protocol/public-url';
import { HeaderName, headerValues } from './header-values';
import { type KeptSecret, type OAuthConfigChange, oauthConfigChange } from './oauth-config';
import { SecretValue, unmasked } from './secret-value';

/** The secrets a server is configured with already: a mask sent back keeps what it stands for. */
export type StoredSecrets = {
  headers: Readonly<Record<string, string>>;
  /** Of `oauth_config`. */
  client?: KeptSecret | undefined;
  /** Of `token_exchange`, and of which authorization server; null: the one people sign in with. */
  exchange?: { secret: string; at: string | null } | undefined;
};

/** What a server's settings are judged by. */
export type Basis = { kept: StoredSecrets; allowLoopback: boolean };

/** Of a server that is not there yet. */
export const NOTHING_KEPT: Basis = { kept: { headers: {} }, allowLoopback: false };

/** The members of a server that depend on its auth type, as the API takes them. */
export type AuthMembers = {
  headers: Record<string, string>;
  per_user_header_keys: string[];
  user_headers: Record<string, string>;
  oauth_config: OAuthConfigChange;
  token_exchange: TokenExchangeRequest;
};

/** Schemas of {@link AuthMembers}. An auth type has those it takes; the others must be left out. */
export type AuthSettings = z.ZodMiniObject<{
  [Member in keyof AuthMembers]: z.ZodMiniOptional<z.ZodMiniType<AuthMembers[Member]>>;
}>;

/** Which members there are; a server of an auth type that does not take one must do without. */
export const AUTH_MEMBERS: readonly (keyof AuthMembers)[] = [
  'headers',
  'per_user_header_keys',
  'user_headers',
  'oauth_config',
  'token_exchange',
];

/** Names of the headers everyone enters for themselves. */
export const HeaderKeys = z.array(HeaderName).check(
  z.minLength(1, because('no_header')),
  z.maxLength(20),
  z.refine((names) => new Set(names.map((name) => name.toLowerCase())).size === names.length, {
    error: because('repeated_header'),
  }),
  z.describe('Names of the headers everyone enters for themselves'),
);

/** Header values a person enters: no variables of the Worker, which are not theirs to send. */
export const UserHeaders = headerValues({}).check(
  z.refine((values) => !Object.values(values).some((value) => value.startsWith('env.')), {
    error: because('variable_of_gateway'),
  }),
  z.describe('Values for `per_user_header_keys` the gateway lists the tools with'),
);

export type TokenExchangeRequest = z.output<ReturnType<typeof tokenExchangeTerms>>;

/** `token_exchange` of a server (CONTRACT §7): how tokens of people's sign-ins become the server's (RFC 8693). */
export function tokenExchangeTerms({ kept, allowLoopback }: Basis) {
  const Text = z.string().check(z.minLength(1), z.maxLength(2000));
  return z.pipe(
    z
      .object({
        audience: Text.check(
          z.describe('For whom the token is asked: what the server is called at the identity provider'),
        ),
        use_idp_credentials: z
          ._default(z.boolean(), false)
          .check(z.describe('The client people sign in with makes the exchange; needed for Entra')),
        client_id: z._default(z.nullable(Text), null),
        client_secret: z
          ._default(z.nullable(SecretValue), null)
          .check(z.describe('Accepts `env.NAME`; shown masked; a mask sent back keeps it')),
        authorization_server_url: z
          ._default(z.nullable(publicUrl(allowLoopback)), null)
          .check(z.describe('The issuer that exchanges, when it is not the one people sign in with')),
        scopes: z._default(z.array(Text).check(z.maxLength(50)), []),
      })
      .check(
        z.refine(({ client_id, use_idp_credentials }) => use_idp_credentials || client_id !== null, {
          path: ['client_id'],
          error: because('exchange_without_client'),
        }),
      ),
    z.transform((sent, context) => {
      const isKept = originOf(sent.authorization_server_url) === originOf(kept.exchange?.at ?? null);
      const secret =
        sent.client_secret && unmasked(sent.client_secret, isKept ? kept.exchange?.secret : undefined);
      if (sent.client_secret && !secret) {
        const message = because('mask_for_another');
        context.issues.push({ code: 'custom', input: sent, path: ['client_secret'], message });
      }
      return { ...sent, client_secret: secret };
    }),
  );
}

const originOf = (url: string | null) => (url === null ? null : new URL(url).origin);

/** Header values an administrator sets. */
export const staticHeaders = ({ kept }: Basis) =>
  z
    .optional(headerValues(kept.headers))
    .check(z.describe('Accept `env.NAME`; shown masked; a mask sent back keeps the value'));

/** How the gateway is an OAuth client there. */
export const oauthConfig = ({ kept, allowLoopback }: Basis) =>
  z.optional(oauthConfigChange(allowLoopback, kept.client));

/** The settings of an auth type that takes the members of `shape`. All of them read as optional, so that the types have one form. */
export function only(
  shape: { [Member in keyof AuthMembers]?: z.ZodMiniType<AuthMembers[Member] | undefined> },
): AuthSettings {
  return z.object(shape) as unknown as AuthSettings;
}
