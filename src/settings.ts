import * as z from 'zod';
import { McpConfigs } from './protocol/mcp-config';
import { isLoopback } from './protocol/public-url';

const number = (least: number, most: number) => z.preprocess(fromText, z.number().int().min(least).max(most));
const flag = () => z.preprocess(fromText, z.boolean());
const list = (item = z.string().min(1).max(2000)) =>
  z.preprocess(
    (value) => (typeof value === 'string' ? value.split(',').map((part) => part.trim()) : value),
    z.array(item).max(100),
  );
const plainText = () =>
  z
    .string()
    .max(200)
    .regex(/^[^\p{C}<>]*$/u, 'must be plain characters');

/** TOML and shells both have strings only for some of us: `"600"` and `"true"` mean what they look like. */
export function fromText(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (/^(true|false)$/.test(value)) return value === 'true';
  return /^\d+$/.test(value) ? Number(value) : value;
}

/** A list given as JSON, as a variable has to. */
const fromJson = (value: unknown) => {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
};

/** E-mail addresses or their domains, which compare without regard to case. */
const lowerCased = () => list(z.string().min(1).max(2000).toLowerCase());

/** An identity provider's issuer (OpenID Connect Discovery §3): compared as a string, so kept as it is written. */
const ProviderIssuer = z.string().refine((value) => {
  if (!URL.canParse(value)) return false;
  const { protocol, hostname, search, hash, username } = new URL(value);
  if (search || hash || username) return false;
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
}, 'must be an https URL without a query, such as https://accounts.google.com');

/** Cloudflare Access' own name: `<team>.cloudflareaccess.com`. Loopback, with a port, is for development. */
const TeamDomain = z
  .string()
  .regex(
    /^(?:[a-z0-9-]+(?:\.[a-z0-9-]+)+|(?:localhost|127\.0\.0\.1)(?::\d+)?)$/,
    'must be a host name, such as acme.cloudflareaccess.com',
  );

const Origin = z.string().refine((value) => {
  if (!URL.canParse(value)) return false;
  const { origin, protocol, hostname } = new URL(value);
  return origin === value && (protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname)));
}, 'must be an https origin without a path or trailing slash, such as https://tools.example.com');

/**
 * Every setting, its default and what it does (CONTRACT §1). The names of `[vars]`, the shape of `/api/config` and the
 * README's table are made from this.
 */
export const Settings = z.object({
  display_name: plainText().min(1).default('Toolgate').meta({
    type: 'text',
    does: 'The name people see at consent and on error pages, and clients see as `resource_name` and `serverInfo.title`',
  }),
  support_text: plainText()
    .default('')
    .meta({ type: 'text', does: 'Whom to ask, shown under error pages and consent' }),
  mcp_server_auth_mode: z.enum(['headers', 'both', 'oauth']).default('headers').meta({
    type: '`headers`, `both` or `oauth`',
    does: 'Which credentials `/mcp` takes: keys, keys and tokens, tokens only. `headers` turns the OAuth surface off. The shipped wrangler.toml sets `both`',
  }),
  oauth2_server_config: z.object({
    issuer_url: Origin.optional().meta({
      type: 'https origin',
      does: "Issuer, and base of every URL printed. Needed except on a loopback host, where the request's own origin serves. Changing it ends every token",
    }),
    auth_code_ttl: number(60, 900)
      .default(300)
      .meta({ type: 'seconds, 60 to 900', does: 'Life of an authorization code' }),
    access_token_ttl: number(60, 86_400)
      .default(600)
      .meta({ type: 'seconds, 60 to 86400', does: 'Life of an access token' }),
    refresh_token_ttl: number(0, 315_360_000)
      .default(7_776_000)
      .meta({ type: 'seconds, 0 = none', does: 'Idle life of a grant' }),
    refresh_reuse_interval: number(0, 300).default(60).meta({
      type: 'seconds, 0 to 300',
      does: 'How long a replaced refresh token is still answered once its successor is in use',
    }),
    allowed_redirect_uris: list(
      z
        .string()
        .max(2000)
        .regex(/^https:\/\/[^\s#]+$/, 'must be https URLs'),
    )
      .default([])
      .meta({
        type: 'list, empty = any https',
        does: 'The exact https addresses apps may send people back to. Loopback and private-use schemes stay allowed',
      }),
    disable_vk_identity: flag().default(false).meta({
      type: 'true or false',
      does: 'When true access keys identify no one at consent, and what they allowed is refused until it is false again. Needs a sign-in provider and the mode `oauth`',
    }),
  }),
  enforce_auth_on_inference: flag().default(true).meta({
    type: 'true or false',
    does: 'When true there is no anonymous access and no anonymous identity at consent',
  }),
  default_user_access: z.preprocess(fromJson, McpConfigs).default([]).meta({
    type: 'list as `mcp_configs`, in a variable as JSON',
    does: 'What a signed-in person may use beyond their own list and their keys',
  }),
  user_reauth_days: number(0, 3650).default(30).meta({
    type: 'days, 0 = never',
    does: "A person's grants are refused at refresh once their last sign-in is older than this; signing in again mends it",
  }),
  revocation_lag: number(0, 60)
    .default(10)
    .meta({ type: 'seconds, 0 to 60', does: 'How long `/mcp` goes on from what it knows of a caller' }),
  vk_rotation_cooldown: number(0, 2_592_000).default(0).meta({
    type: 'seconds, 0 to 2592000',
    does: "How long a rotated key's old value goes on working",
  }),
  mcp_tool_execution_timeout: number(1, 300)
    .default(60)
    .meta({ type: 'seconds, 1 to 300', does: 'How long a tool call may go on without progress' }),
  mcp_tool_sync_interval: number(1, 10_080)
    .default(10)
    .meta({ type: 'minutes', does: 'How often tool lists are asked again' }),
  allowed_origins: list()
    .default([])
    .meta({ type: 'list', does: 'Browser origins that may call `/mcp`, besides our own and loopback' }),
  mcp_external_server_url: Origin.optional().meta({
    type: 'https origin',
    does: 'Base of the links that connect an account; the issuer when unset. Must reach this Worker',
  }),
  mcp_external_client_url: Origin.optional().meta({
    type: 'https origin',
    does: 'Base of the redirect URI registered with providers (`…/api/oauth/callback`); the issuer when unset. Must reach this Worker',
  }),
  mcp_enable_temp_token_auth: flag().default(false).meta({
    type: 'true or false',
    does: "When true a link that connects an account is enough, whoever opens it. That gives up MCP's rule against phishing: an account connected through a forwarded link is then the sender's",
  }),
  oidc: z.object({
    issuer: ProviderIssuer.optional().meta({
      type: 'https URL',
      does: 'The OpenID Connect provider people and administrators sign in with',
    }),
    client_id: z.string().min(1).max(500).optional().meta({ type: 'text', does: 'Our client id there' }),
    client_secret: z.string().min(1).max(2000).optional().meta({
      type: 'secret',
      isSecret: true,
      does: 'Our client secret there: `npx wrangler secret put OIDC_CLIENT_SECRET`, or saved (sealed)',
    }),
    scopes: list()
      .default(['openid', 'email', 'profile'])
      .meta({ type: 'list', does: 'What is asked of the provider; `openid` always is' }),
    allowed_domains: lowerCased().default([]).meta({
      type: 'list',
      does: 'Domains whose verified e-mail addresses may sign in. Empty: only `admin_emails`',
    }),
    admin_emails: lowerCased()
      .default([])
      .meta({ type: 'list', does: 'Verified e-mail addresses whose people are administrators' }),
  }),
  access: z.object({
    team_domain: TeamDomain.optional().meta({
      type: 'host name',
      does: 'Cloudflare Access as the provider: `<team>.cloudflareaccess.com`. Its policy says who may sign in',
    }),
    aud: z.string().min(1).max(200).optional().meta({
      type: 'text',
      does: "The Access application's audience tag",
    }),
  }),
});
export type Settings = z.infer<typeof Settings>;

/** One setting: its dotted name, the variable that sets it, and the schema that reads it. */
export type Setting = { name: string; variable: string; schema: z.ZodType };

/** Every setting, in the order of the table. */
export const SETTINGS: readonly Setting[] = leaves(Settings, []);

function leaves(schema: z.ZodObject, path: string[]): Setting[] {
  return Object.entries(schema.shape).flatMap(([member, inner]) => {
    const name = [...path, member];
    if (inner instanceof z.ZodObject) return leaves(inner, name);
    const dotted = name.join('.');
    return [{ name: dotted, variable: variableOf(dotted), schema: inner as z.ZodType }];
  });
}

/** A setting that the others do not let stand, and why; null when they agree. */
export function incoherence(settings: Settings): { name: string; message: string } | null {
  const { oidc, access, oauth2_server_config: server, mcp_server_auth_mode: mode } = settings;
  if (oidc.issuer && !oidc.client_id)
    return { name: 'oidc.client_id', message: 'is needed beside oidc.issuer' };
  if (access.team_domain && !access.aud)
    return { name: 'access.aud', message: 'is needed beside access.team_domain' };
  if (server.disable_vk_identity && (mode !== 'oauth' || !hasProvider(settings))) {
    const message =
      'needs the mode oauth and a provider to sign in with (oidc or access): else nobody could identify themselves';
    return { name: 'oauth2_server_config.disable_vk_identity', message };
  }
  return null;
}

/** True when people can sign in here: with OpenID Connect, or through Cloudflare Access. */
export function hasProvider({ oidc, access }: Settings): boolean {
  return Boolean(oidc.issuer || access.team_domain);
}

/** The variable of wrangler.toml that sets a setting. */
export function variableOf(name: string): string {
  return name.toUpperCase().replaceAll('.', '_');
}

/** True for a setting that is sealed where it is saved, and shown as a mask. */
export function isSecret({ schema }: Setting): boolean {
  return schema.meta()?.isSecret === true;
}

/** Values by dotted name, as the shape the names make. */
export function treeOf(values: ReadonlyMap<string, unknown>): Record<string, unknown> {
  const tree = {};
  for (const [name, value] of values) put(tree, name.split('.'), value);
  return tree;
}

function put(tree: Record<string, unknown>, [head = '', ...rest]: string[], value: unknown): void {
  if (!rest.length) {
    tree[head] = value;
    return;
  }
  tree[head] ??= {};
  put(tree[head] as Record<string, unknown>, rest, value);
}
