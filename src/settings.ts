import * as z from 'zod/mini';
import { SIGNING_ALGORITHMS } from './crypto/signing-algorithms';
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
import { type Setting, settingsIn } from './setting';

/**
 * Every setting, its default and what it does (CONTRACT §1). The names of `[vars]`, the shape of `/api/config`, the README's
 * table and the settings page are made from this, in this order: `group` is where the page has it, `label` what people call
 * it, `type` what it takes (of a number its unit first), `means` what the page says where `does` has names of the wire,
 * `changes` what follows from changing it. `ofUrls`: its items may hold commas. `wasWider`: the version before took values that
 * this one refuses. `unread`: what holds while a saved value cannot be read, which is never wider than any value could be: a
 * value, 'none', or 'default' where it was as if nothing were saved. `closes`: no value is the narrowest, so that apps are
 * refused meanwhile.
 */
export const Settings = z.object({
  display_name: z._default(plainText().check(z.minLength(1)), 'Toolgate').register(z.globalRegistry, {
    group: 'gateway',
    label: 'Gateway name',
    type: 'text',
    unread: 'default',
    does: 'The name people see at consent and on error pages, and clients see as `resource_name` and `serverInfo.title`',
    means: 'Shown when people allow an app, on error pages, and to apps that connect',
    changes: 'Pages show it at once, apps when they reconnect',
  }),
  support_text: z._default(plainText(), '').register(z.globalRegistry, {
    group: 'gateway',
    label: 'Support contact',
    type: 'text',
    unread: 'default',
    does: 'Whom to ask, shown under error pages and consent',
    means: 'Who to ask for help. Shown on error pages and when people allow an app',
  }),
  mcp_server_auth_mode: z
    ._default(z.enum(['headers', 'both', 'oauth']), 'headers')
    .register(z.globalRegistry, {
      group: 'apps',
      label: 'How apps connect',
      type: '`headers`, `both` or `oauth`',
      unread: 'default',
      closes: true,
      does: 'Which credentials `/mcp` takes: keys, keys and tokens, tokens only. `headers` turns the OAuth surface off. The shipped wrangler.toml sets `both`',
      means: '',
      changes:
        'Apps this rules out are refused within seconds. What people allowed is kept, and works again if you change this back',
    }),
  enforce_auth_on_inference: z._default(flag(), true).register(z.globalRegistry, {
    group: 'apps',
    label: 'Require sign-in or a key',
    type: 'true or false',
    unread: true,
    does: 'When true there is no anonymous access and no anonymous identity at consent',
    means: 'Off: anyone who knows the address can use tools that are open to everyone',
    changes: 'Turned on, anonymous access is refused within seconds',
  }),
  oauth2_server_config: z.object({
    issuer_url: z.optional(Origin).register(z.globalRegistry, {
      group: 'gateway',
      label: 'Gateway address',
      type: 'https origin',
      unread: 'none',
      does: "Issuer, and base of every URL printed. Needed except on a loopback host, where the request's own origin serves. Changing it ends every token",
      means: 'Where people and apps reach this gateway. Every link starts with it',
      changes: 'If you change it, every app must reconnect at the new address. You confirm that first',
    }),
    access_token_ttl: z._default(number(60, 86_400), 600).register(z.globalRegistry, {
      group: 'times',
      label: 'Access token lifetime',
      type: 'seconds, 60 to 86400',
      unread: 60,
      does: 'Life of an access token',
      means: 'How long an app works before it renews its token. 5 to 60 minutes suits most',
      changes: 'Applies to new tokens',
    }),
    refresh_token_ttl: z._default(number(0, 315_360_000), 7_776_000).register(z.globalRegistry, {
      group: 'times',
      label: 'Unused apps lose access after',
      type: 'seconds, 0 = none',
      unread: 0,
      closes: true,
      does: 'Idle life of a grant',
      means: 'Someone has to allow the app again then. 0 means never',
      changes: 'Applies to each app from its next renewal',
    }),
    auth_code_ttl: z._default(number(60, 900), 300).register(z.globalRegistry, {
      group: 'times',
      label: 'Apps pick up their access within',
      type: 'seconds, 60 to 900',
      unread: 60,
      does: 'Life of an authorization code',
      means: 'How long after Allow an app can still connect',
    }),
    refresh_reuse_interval: z._default(number(0, 300), 60).register(z.globalRegistry, {
      group: 'times',
      label: 'Tolerate a repeated renewal for',
      type: 'seconds, 0 to 300',
      unread: 0,
      closes: true,
      does: 'How long a replaced refresh token is still answered once its successor is in use',
      means: 'For apps that lose an answer on the way. 0 ends access on any repeat',
    }),
    disable_vk_identity: z._default(flag(), false).register(z.globalRegistry, {
      group: 'apps',
      label: 'People sign in to allow an app',
      type: 'true or false',
      unread: true,
      does: 'When true access keys identify no one at consent, and what they allowed is refused until it is false again. Needs a sign-in provider and the mode `oauth`',
      means: 'A key isn’t enough then. Needs a sign-in provider, and “Sign-in only” above',
      changes:
        'Turned on, access allowed with keys is refused within seconds. It works again when you turn this off',
    }),
    allowed_redirect_uris: z._default(list(HttpsUrl, true), []).register(z.globalRegistry, {
      group: 'apps',
      label: 'Web apps that can connect',
      type: 'list, empty = any https',
      ofUrls: true,
      unread: ['https://none.invalid/'],
      does: 'The exact https addresses apps may send people back to. Loopback and private-use schemes stay allowed',
      means:
        'The exact addresses web apps return to, one per line. Empty: any https address. Apps on people’s own computers always can',
      changes: 'Once there is one here, other web apps can’t be allowed. Access they have stays',
    }),
    signing_alg: z._default(z.enum(SIGNING_ALGORITHMS), 'RS256').register(z.globalRegistry, {
      group: 'keys',
      label: 'Token signature',
      type: '`RS256` or `ES256`',
      unread: 'default',
      does: 'What new signing keys are made for. A change makes the next key; tokens of both kinds are valid meanwhile. `ES256` keys fit the CPU limit of the free plan and sign about 29 times cheaper; verifying costs 2.5 times as much, once a token and isolate',
      means: '',
      changes:
        'If you change it, a new key is made and starts signing after ten minutes. Tokens signed before stay valid until they expire',
    }),
    client_id_metadata_documents: z._default(flag(), true).register(z.globalRegistry, {
      group: 'apps',
      label: 'Apps that publish their own description',
      type: 'true or false',
      unread: false,
      does: 'Whether an https address serves as `client_id` (a Client ID Metadata Document), and discovery says so. When false, such apps are refused at authorize; what was allowed before goes on',
      means: 'Such an app names itself with a web address instead of registering here',
      changes: 'Turned off, these apps must register. Access they have stays',
    }),
  }),
  default_user_access: z._default(z.pipe(z.transform(fromJson), McpConfigs), []).register(z.globalRegistry, {
    group: 'everyone',
    label: 'Access for people',
    type: 'list as `mcp_configs`, in a variable as JSON',
    unread: [],
    closes: true,
    does: 'What a signed-in person may use beyond their own list and their keys',
    means:
      'What everyone who signs in can use, besides what you give each person and their keys. To open a server to all keys too, use its Used by page',
    changes: 'Applies within seconds to everyone who is signed in, and to their apps',
  }),
  revocation_lag: z._default(number(0, 60), 10).register(z.globalRegistry, {
    group: 'times',
    label: 'Changes apply within',
    type: 'seconds, 0 to 60',
    unread: 0,
    does: 'How long `/mcp` goes on from what it knows of a caller',
    means: 'How long a revoked key or app can still get through. Less means more work for the database',
  }),
  vk_rotation_cooldown: z._default(number(0, 2_592_000), 0).register(z.globalRegistry, {
    group: 'times',
    label: 'Keep a rotated key working for',
    type: 'seconds, 0 to 2592000',
    unread: 0,
    does: "How long a rotated key's old value goes on working",
    means:
      'So you can replace it everywhere. 0 stops the old key at once, as with a key that may have leaked',
    changes: 'Applies to keys you rotate from now on',
  }),
  mcp_tool_execution_timeout: z._default(number(1, 300), 60).register(z.globalRegistry, {
    group: 'servers',
    label: 'Stop a tool call without a response after',
    type: 'seconds, 1 to 300',
    unread: 'default',
    does: 'How long a tool call may go on without progress',
    means: 'Progress counts as a response. A server can have its own limit',
  }),
  mcp_tool_sync_interval: z._default(number(1, 10_080), 10).register(z.globalRegistry, {
    group: 'servers',
    label: 'Refresh tools every',
    type: 'minutes',
    unread: 'default',
    does: 'How often tool lists are asked again',
    means: 'New tools appear then. A server can have its own interval',
  }),
  log_tool_calls: z._default(z.enum(['all', 'failed', 'none']), 'all').register(z.globalRegistry, {
    group: 'servers',
    label: 'Tool calls in the log',
    type: '`all`, `failed` or `none`',
    unread: 'default',
    does: 'Which tool calls are a log line. All are counted',
    means: 'Each line costs. All calls are counted either way',
  }),
  allowed_origins: z._default(list(BrowserOrigin, true), []).register(z.globalRegistry, {
    group: 'apps',
    label: 'Web pages that can call tools',
    type: 'list of origins',
    ofUrls: true,
    unread: [],
    wasWider: true,
    does: 'Browser origins that may call `/mcp`, besides our own and loopback',
    means:
      'Their origins, one per line, such as https://app.example.com. This gateway and pages on people’s own computers always can',
  }),
  mcp_external_server_url: z.optional(Origin).register(z.globalRegistry, {
    group: 'accounts',
    label: 'Address in connect links',
    type: 'https origin',
    unread: 'none',
    does: 'Base of the links that connect an account; the issuer when unset. Must reach this Worker',
    means: 'Empty: the gateway address. Another address must lead here too',
  }),
  mcp_external_client_url: z.optional(Origin).register(z.globalRegistry, {
    group: 'accounts',
    label: 'Address that providers return to',
    type: 'https origin',
    unread: 'none',
    does: 'Base of the redirect URI registered with providers (`…/api/oauth/callback`); the issuer when unset. Must reach this Worker',
    means: 'Empty: the gateway address. Another address must lead here too',
    changes:
      'If you change it, register the new address with every provider, or people can’t connect accounts there',
  }),
  mcp_enable_temp_token_auth: z._default(flag(), false).register(z.globalRegistry, {
    group: 'accounts',
    label: 'A link is enough to connect an account',
    type: 'true or false',
    unread: false,
    does: "When true a link that connects an account is enough for anyone who opens it. That gives up MCP's rule against phishing: an account connected through a forwarded link is then the sender's",
    means:
      'Anyone who opens a connect link can connect an account without proving who they are. If it was forwarded, the sender can then use that account: this is how phishing works',
  }),
  oidc: z.object({
    issuer: z.optional(ProviderIssuer).register(z.globalRegistry, {
      group: 'sign-in',
      label: 'Sign-in provider',
      type: 'https URL',
      unread: 'none',
      does: 'The OpenID Connect provider people and administrators sign in with',
      means:
        'Where people and administrators sign in, such as https://accounts.google.com. We check it before it is saved',
      changes:
        'If you change it, everyone counts as a new person. What they allowed stops within seconds, and works again if you change this back',
    }),
    client_id: z.optional(z.string().check(z.minLength(1), z.maxLength(500))).register(z.globalRegistry, {
      group: 'sign-in',
      label: 'Client ID',
      type: 'text',
      unread: 'none',
      does: 'Our client id there',
      means: 'The provider shows it when you register this gateway there',
    }),
    client_secret: z
      .optional(z.string().check(z.minLength(1), z.maxLength(2000)))
      .register(z.globalRegistry, {
        group: 'sign-in',
        label: 'Client secret',
        type: 'secret',
        unread: 'none',
        isSecret: true,
        does: 'Our client secret there: `npx wrangler secret put OIDC_CLIENT_SECRET`, or saved (sealed)',
        means: 'The provider shows it once. We store it encrypted',
      }),
    scopes: z._default(list(), ['openid', 'email', 'profile']).register(z.globalRegistry, {
      group: 'sign-in',
      label: 'What to ask the provider for',
      type: 'list',
      unread: 'default',
      does: 'What is asked of the provider; `openid` always is',
      means: 'One scope per line. openid is always included',
    }),
    allowed_domains: z._default(domains(), []).register(z.globalRegistry, {
      group: 'sign-in',
      label: 'E-mail domains that can sign in',
      type: 'list of domains',
      unread: [],
      wasWider: true,
      does: 'Domains whose verified e-mail addresses may sign in. Empty: only `admin_emails`',
      means: 'One per line. People need a verified address there. Empty: administrators only',
      changes:
        'Apps of people with other addresses stop within seconds, and work again if you change this back',
    }),
    admin_emails: z._default(emails(), []).register(z.globalRegistry, {
      group: 'sign-in',
      label: 'Administrators',
      type: 'list of addresses',
      unread: [],
      wasWider: true,
      does: 'Verified e-mail addresses whose people are administrators',
      means: 'Verified e-mail addresses, one per line. They can change everything here',
      changes: 'Applies within seconds',
    }),
  }),
  user_reauth_days: z._default(number(0, 3650), 30).register(z.globalRegistry, {
    group: 'sign-in',
    label: 'People sign in again after',
    type: 'days, 0 = never',
    unread: 1,
    does: "A person's grants are refused at refresh once their last sign-in is older than this; signing in again lifts that",
    means: 'Their apps pause until they do. 0 means never',
  }),
  access: z.object({
    team_domain: z.optional(TeamDomain).register(z.globalRegistry, {
      group: 'sign-in',
      label: 'Cloudflare Access team',
      type: 'host name',
      unread: 'none',
      does: 'Cloudflare Access as the provider: `<team>.cloudflareaccess.com`. Its policy says who may sign in',
      means:
        'Such as acme.cloudflareaccess.com, if Access protects this gateway. Its policy decides who can sign in',
    }),
    aud: z.optional(z.string().check(z.minLength(1), z.maxLength(200))).register(z.globalRegistry, {
      group: 'sign-in',
      label: 'Application audience tag',
      type: 'text',
      unread: 'none',
      does: "The Access application's audience tag",
      means: 'Cloudflare shows it for the Access application',
    }),
  }),
});
export type Settings = z.infer<typeof Settings>;

/** Every setting, in the order of the table. */
export const SETTINGS: readonly Setting[] = settingsIn(Settings);

/** True when people can sign in here: with OpenID Connect, or through Cloudflare Access. */
export function hasProvider({ oidc, access }: Settings): boolean {
  return Boolean(oidc.issuer || access.team_domain);
}
