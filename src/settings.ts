import * as z from 'zod/mini';
import { SIGNING_ALGORITHMS } from './crypto/signing-algorithms';
import { fault, type ValueFault } from './protocol/faults/fault';
import { McpConfigs } from './protocol/mcp-config';
import {
  BrowserOrigin,
  domains,
  emails,
  flag,
  fromJson,
  HttpsUrl,
  list,
  number,
  Origin,
  ProviderIssuer,
  plainText,
  TeamDomain,
} from './protocol/variable-values';

/**
 * Every setting, its default and what it does (CONTRACT §1). The names of `[vars]`, the shape of `/api/config`, the README's
 * table and the settings page are made from this, in this order: `group` is where the page has it, `label` what people call
 * it, `type` what it takes (of a number its unit first), `means` what the page says where `does` has names of the wire,
 * `changes` what follows from changing it. `wasWider`: the version before took values that this one refuses.
 */
export const Settings = z.object({
  display_name: z._default(plainText().check(z.minLength(1)), 'Toolgate').register(z.globalRegistry, {
    group: 'gateway',
    label: 'Name of this gateway',
    type: 'text',
    does: 'The name people see at consent and on error pages, and clients see as `resource_name` and `serverInfo.title`',
    means: 'The name people see at consent and on error pages, and apps when they connect',
    changes: 'Pages have the new name at once, apps when they connect again',
  }),
  support_text: z._default(plainText(), '').register(z.globalRegistry, {
    group: 'gateway',
    label: 'Whom to ask',
    type: 'text',
    does: 'Whom to ask, shown under error pages and consent',
  }),
  mcp_server_auth_mode: z
    ._default(z.enum(['headers', 'both', 'oauth']), 'headers')
    .register(z.globalRegistry, {
      group: 'apps',
      label: 'How apps get in',
      type: '`headers`, `both` or `oauth`',
      does: 'Which credentials `/mcp` takes: keys, keys and tokens, tokens only. `headers` turns the OAuth surface off. The shipped wrangler.toml sets `both`',
      means: 'With an access key, by a person who signs in with a browser, or either way',
      changes:
        'What no longer gets in is refused within seconds. What people allowed is kept, and works again when you change this back',
    }),
  enforce_auth_on_inference: z._default(flag(), true).register(z.globalRegistry, {
    group: 'apps',
    label: 'Everyone must identify themselves',
    type: 'true or false',
    does: 'When true there is no anonymous access and no anonymous identity at consent',
    means: 'Off, anybody who knows the address may use the servers that are open to everyone',
    changes: 'Turned on, what was allowed anonymously is refused within seconds',
  }),
  oauth2_server_config: z.object({
    issuer_url: z.optional(Origin).register(z.globalRegistry, {
      group: 'gateway',
      label: 'Address of this gateway',
      type: 'https origin',
      does: "Issuer, and base of every URL printed. Needed except on a loopback host, where the request's own origin serves. Changing it ends every token",
      means: 'Where people and apps reach it: every link it prints begins so',
      changes: 'Every app has to connect again, at the new address. You are asked before that happens',
    }),
    access_token_ttl: z._default(number(60, 86_400), 600).register(z.globalRegistry, {
      group: 'times',
      label: 'Life of an access token',
      type: 'seconds, 60 to 86400',
      does: 'Life of an access token',
      means: 'How long an app goes on before it renews its access by itself, which nobody notices',
      changes: 'Holds for tokens given from now on',
    }),
    refresh_token_ttl: z._default(number(0, 315_360_000), 7_776_000).register(z.globalRegistry, {
      group: 'times',
      label: 'Unused access ends after',
      type: 'seconds, 0 = none',
      does: 'Idle life of a grant',
      means: 'An app that was not used for so long has to be allowed again. 0: never',
      changes: 'Holds for each app from the next time it renews its access',
    }),
    auth_code_ttl: z._default(number(60, 900), 300).register(z.globalRegistry, {
      group: 'times',
      label: 'Time to finish connecting',
      type: 'seconds, 60 to 900',
      does: 'Life of an authorization code',
      means: 'How long an app has to come back for its access once a person allowed it',
    }),
    refresh_reuse_interval: z._default(number(0, 300), 60).register(z.globalRegistry, {
      group: 'times',
      label: 'Grace for a lost answer',
      type: 'seconds, 0 to 300',
      does: 'How long a replaced refresh token is still answered once its successor is in use',
      means:
        'How long an app may renew its access with what it used before. After that, somebody else may have it, and its access ends',
    }),
    disable_vk_identity: z._default(flag(), false).register(z.globalRegistry, {
      group: 'apps',
      label: 'No access keys at consent',
      type: 'true or false',
      does: 'When true access keys identify no one at consent, and what they allowed is refused until it is false again. Needs a sign-in provider and the mode `oauth`',
      means:
        'People sign in to allow an app; a key does not identify them. Needs somewhere to sign in, and browser sign-in only',
      changes:
        'What was allowed with keys is refused within seconds, kept, and works again when you turn this off',
    }),
    allowed_redirect_uris: z._default(list(HttpsUrl), []).register(z.globalRegistry, {
      group: 'apps',
      label: 'Web apps that may connect',
      type: 'list, empty = any https',
      does: 'The exact https addresses apps may send people back to. Loopback and private-use schemes stay allowed',
      means:
        'The exact addresses web apps may send people back to. Empty: any https address. Apps on people’s own computers are always allowed',
      changes: 'Other web apps cannot be allowed from now on. What they were allowed before stays',
    }),
    signing_alg: z._default(z.enum(SIGNING_ALGORITHMS), 'RS256').register(z.globalRegistry, {
      group: 'gateway',
      label: 'Signature of access tokens',
      type: '`RS256` or `ES256`',
      does: 'What new signing keys are made for. A change makes the next key; tokens of both kinds are valid meanwhile. `ES256` keys fit the CPU limit of the free plan and sign about 29 times cheaper; verifying costs 2.5 times as much, once a token and isolate',
      means: 'What keys that sign the access of apps are made for. ES256 costs the Worker less',
      changes:
        'A new key is made, and signs in ten minutes. What older keys signed stays good until it expires',
    }),
    client_id_metadata_documents: z._default(flag(), true).register(z.globalRegistry, {
      group: 'apps',
      label: 'Apps that describe themselves at a web address',
      type: 'true or false',
      does: 'Whether an https address serves as `client_id` (a Client ID Metadata Document), and discovery says so. When false, such apps are refused at authorize; what was allowed before goes on',
      means:
        'Some apps name themselves with the address of their description instead of registering here. On: such apps may connect',
      changes: 'Turned off, such apps have to register instead. What they were allowed goes on',
    }),
  }),
  default_user_access: z._default(z.pipe(z.transform(fromJson), McpConfigs), []).register(z.globalRegistry, {
    group: 'everyone',
    label: 'What everyone who signs in may use',
    type: 'list as `mcp_configs`, in a variable as JSON',
    does: 'What a signed-in person may use beyond their own list and their keys',
    means: 'Beyond what you give each person, and what their keys may use',
    changes: 'Within seconds, for everyone who is signed in and the apps they allowed',
  }),
  revocation_lag: z._default(number(0, 60), 10).register(z.globalRegistry, {
    group: 'times',
    label: 'Changes take hold within',
    type: 'seconds, 0 to 60',
    does: 'How long `/mcp` goes on from what it knows of a caller',
    means: 'How long a key or app you stopped may still get through. Less means more work for the database',
  }),
  vk_rotation_cooldown: z._default(number(0, 2_592_000), 0).register(z.globalRegistry, {
    group: 'times',
    label: 'A key’s old value works for',
    type: 'seconds, 0 to 2592000',
    does: "How long a rotated key's old value goes on working",
    means: 'After it was given a new one in the course of time. One that leaked stops at once',
    changes: 'Holds for keys that get a new value from now on',
  }),
  mcp_tool_execution_timeout: z._default(number(1, 300), 60).register(z.globalRegistry, {
    group: 'servers',
    label: 'A tool may be silent for',
    type: 'seconds, 1 to 300',
    does: 'How long a tool call may go on without progress',
    means: 'A call without any progress for so long is given up. A server may have its own limit',
  }),
  mcp_tool_sync_interval: z._default(number(1, 10_080), 10).register(z.globalRegistry, {
    group: 'servers',
    label: 'Servers are asked for their tools every',
    type: 'minutes',
    does: 'How often tool lists are asked again',
    means: 'So that new tools appear. A server may have its own interval',
  }),
  log_tool_calls: z._default(z.enum(['all', 'failed', 'none']), 'all').register(z.globalRegistry, {
    group: 'servers',
    label: 'Tool calls in the log',
    type: '`all`, `failed` or `none`',
    does: 'Which tool calls are a log line. All are counted',
    means: 'Each line costs. Calls are counted, whichever are lines',
  }),
  allowed_origins: z._default(list(BrowserOrigin), []).register(z.globalRegistry, {
    group: 'apps',
    label: 'Web pages that may call tools',
    type: 'list of origins',
    wasWider: true,
    does: 'Browser origins that may call `/mcp`, besides our own and loopback',
    means:
      'Addresses of pages whose scripts may use this gateway, besides its own and those on people’s own computers',
  }),
  mcp_external_server_url: z.optional(Origin).register(z.globalRegistry, {
    group: 'accounts',
    label: 'Base of links that connect an account',
    type: 'https origin',
    does: 'Base of the links that connect an account; the issuer when unset. Must reach this Worker',
    means: 'The address of this gateway when empty. Another address must lead here too',
  }),
  mcp_external_client_url: z.optional(Origin).register(z.globalRegistry, {
    group: 'accounts',
    label: 'Base of the address providers send people back to',
    type: 'https origin',
    does: 'Base of the redirect URI registered with providers (`…/api/oauth/callback`); the issuer when unset. Must reach this Worker',
    means: 'The address of this gateway when empty. Another address must lead here too',
    changes: 'Register the new address with every provider, or nobody can connect an account there',
  }),
  mcp_enable_temp_token_auth: z._default(flag(), false).register(z.globalRegistry, {
    group: 'accounts',
    label: 'A link alone connects an account',
    type: 'true or false',
    does: "When true a link that connects an account is enough, whoever opens it. That gives up MCP's rule against phishing: an account connected through a forwarded link is then the sender's",
    means:
      'Whoever opens the link need not prove who they are. That gives up MCP’s rule against phishing: an account connected through a forwarded link is then the sender’s',
  }),
  oidc: z.object({
    issuer: z.optional(ProviderIssuer).register(z.globalRegistry, {
      group: 'sign-in',
      label: 'Provider',
      type: 'https URL',
      does: 'The OpenID Connect provider people and administrators sign in with',
      means: 'Where people and administrators sign in, such as https://accounts.google.com',
      changes:
        'People who signed in elsewhere are new people here. What they allowed stops within seconds, and works again when you change this back',
    }),
    client_id: z.optional(z.string().check(z.minLength(1), z.maxLength(500))).register(z.globalRegistry, {
      group: 'sign-in',
      label: 'Client ID',
      type: 'text',
      does: 'Our client id there',
      means: 'Of this gateway, as the provider shows it',
    }),
    client_secret: z
      .optional(z.string().check(z.minLength(1), z.maxLength(2000)))
      .register(z.globalRegistry, {
        group: 'sign-in',
        label: 'Client secret',
        type: 'secret',
        isSecret: true,
        does: 'Our client secret there: `npx wrangler secret put OIDC_CLIENT_SECRET`, or saved (sealed)',
        means: 'Of this gateway, as the provider showed it. Kept sealed, never shown again',
      }),
    scopes: z._default(list(), ['openid', 'email', 'profile']).register(z.globalRegistry, {
      group: 'sign-in',
      label: 'What is asked of the provider',
      type: 'list',
      does: 'What is asked of the provider; `openid` always is',
      means: 'Its names for it; openid always is asked',
    }),
    allowed_domains: z._default(domains(), []).register(z.globalRegistry, {
      group: 'sign-in',
      label: 'E-mail domains that may sign in',
      type: 'list of domains',
      wasWider: true,
      does: 'Domains whose verified e-mail addresses may sign in. Empty: only `admin_emails`',
      means: 'People with a verified address at one of them. Empty: administrators only',
      changes:
        'What people with other addresses allowed stops within seconds, and works again when you change this back',
    }),
    admin_emails: z._default(emails(), []).register(z.globalRegistry, {
      group: 'sign-in',
      label: 'Administrators',
      type: 'list of addresses',
      wasWider: true,
      does: 'Verified e-mail addresses whose people are administrators',
      means: 'Verified e-mail addresses. They may do everything on these pages',
      changes: 'Within seconds, whether or not they are signed in',
    }),
  }),
  user_reauth_days: z._default(number(0, 3650), 30).register(z.globalRegistry, {
    group: 'sign-in',
    label: 'People sign in again after',
    type: 'days, 0 = never',
    does: "A person's grants are refused at refresh once their last sign-in is older than this; signing in again lifts that",
    means: 'Apps of a person who did not sign in for so long stop, and go on once they do. 0: never',
  }),
  access: z.object({
    team_domain: z.optional(TeamDomain).register(z.globalRegistry, {
      group: 'sign-in',
      label: 'Cloudflare Access team',
      type: 'host name',
      does: 'Cloudflare Access as the provider: `<team>.cloudflareaccess.com`. Its policy says who may sign in',
      means: 'As in acme.cloudflareaccess.com, when Access stands in front. Its policy says who may sign in',
    }),
    aud: z.optional(z.string().check(z.minLength(1), z.maxLength(200))).register(z.globalRegistry, {
      group: 'sign-in',
      label: 'Application audience tag',
      type: 'text',
      does: "The Access application's audience tag",
      means: 'As Cloudflare shows it for the Access application',
    }),
  }),
});
export type Settings = z.infer<typeof Settings>;

/** One setting: its dotted name, the variable that sets it, the schema that reads it, and what is said of it. */
export type Setting = {
  name: string;
  variable: string;
  schema: z.ZodMiniType;
  meta: Record<string, unknown>;
};

/** Every setting, in the order of the table. */
export const SETTINGS: readonly Setting[] = settingsIn(Settings);

/** The settings of a table. */
export function settingsIn(schema: z.ZodMiniObject, path: readonly string[] = []): Setting[] {
  return Object.entries(schema.shape).flatMap(([member, inner]) => {
    const name = [...path, member];
    if (inner instanceof z.ZodMiniObject) return settingsIn(inner, name);
    const dotted = name.join('.');
    const schema = inner as z.ZodMiniType;
    return [{ name: dotted, variable: variableOf(dotted), schema, meta: z.globalRegistry.get(schema) ?? {} }];
  });
}

/** A setting that the others do not let stand, and why; null when they agree. */
export function incoherence(settings: Settings): { name: string; fault: ValueFault } | null {
  const { oidc, access, oauth2_server_config: server, mcp_server_auth_mode: mode } = settings;
  if (oidc.issuer && !oidc.client_id)
    return { name: 'oidc.client_id', fault: fault('needed_beside', { other: 'oidc.issuer' }) };
  if (access.team_domain && !access.aud)
    return { name: 'access.aud', fault: fault('needed_beside', { other: 'access.team_domain' }) };
  if (server.disable_vk_identity && (mode !== 'oauth' || !hasProvider(settings))) {
    return { name: 'oauth2_server_config.disable_vk_identity', fault: fault('needs_sign_in') };
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
export function isSecret({ meta }: Setting): boolean {
  return meta.isSecret === true;
}
