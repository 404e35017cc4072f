import { createMiddleware } from 'hono/factory';
import * as z from 'zod';
import type { SealedValue } from './crypto/reseal';
import { encryptionKeys, open, seal } from './crypto/secrets';
import { applySchema, lacksSchema } from './database';
import { McpConfigs } from './protocol/mcp-config';
import { Memory } from './protocol/memory';
import { faultOf } from './protocol/params';
import { isLoopback } from './protocol/public-url';
import type { Actor } from './protocol/subject';

/** What wrangler.toml binds and `wrangler secret put` sets. Settings stand among `[vars]` under their own names. */
export interface Env {
  DB: D1Database;
  KV: KVNamespace;
  GRANTS: DurableObjectNamespace;
  KEYS: DurableObjectNamespace;
  REGISTRATIONS: RateLimit;
  KEY_ATTEMPTS_PER_FLOW: RateLimit;
  KEY_ATTEMPTS_PER_ADDRESS: RateLimit;
  SIGN_IN_ATTEMPTS: RateLimit;
  ENCRYPTION_KEY: string;
  ADMIN_TOKEN: string;
  ALLOW_LOOPBACK_UPSTREAMS?: unknown;
  RATE_LIMITS?: unknown;
}

/** The type of a handler's context. */
export type App = {
  Bindings: Env;
  Variables: {
    settings: Settings;
    /** Our origin, without a trailing slash: from the settings, or on loopback the request's own. Null: not set yet. */
    issuer: string | null;
    /** Counts changes to servers, their lists and Virtual MCPs. */
    revision: number;
    requestId: string;
    /** The grant of the flow or token this request belongs to, once that is known: what its short code is made of. */
    grantId?: string;
    /** Who makes this request, once that is known. */
    actor?: Actor;
  };
};

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
function fromText(value: unknown): unknown {
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

/** A variable of wrangler.toml that does not read as its setting. */
export class BadVariable extends Error {
  override readonly name = 'BadVariable';
}

/**
 * The settings in effect: saved, else from the variables, else the default.
 * @throws BadVariable naming the variable that cannot be read.
 */
function effectiveSettings(env: Env, saved: ReadonlyMap<string, unknown>): Settings {
  const values = new Map<string, unknown>();
  for (const setting of SETTINGS) {
    const { name, variable, schema } = setting;
    const result = saved.has(name) ? schema.safeParse(saved.get(name)) : readVariable(env, setting);
    if (!result.success)
      throw new BadVariable(`The variable ${variable} cannot be used: ${faultOf(result.error)}.`);
    values.set(name, result.data);
  }
  const settings = treeOf(values) as Settings;
  const fault = incoherence(settings);
  if (fault)
    throw new BadVariable(`The variable ${variableOf(fault.name)} cannot be used: ${fault.message}.`);
  return settings;
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

function variableOf(name: string): string {
  return name.toUpperCase().replaceAll('.', '_');
}

/** True for a setting that is sealed where it is saved, and shown as a mask. */
export function isSecret({ schema }: Setting): boolean {
  return schema.meta()?.isSecret === true;
}

/** Where a saved secret is sealed to. */
const placeOf = (name: string) => `setting/${name}/value`;

/** What the setting is when nothing is saved: its variable's value, or the default. */
export function readVariable(env: Env, { variable, schema }: Setting): z.ZodSafeParseResult<unknown> {
  const value = (env as unknown as Record<string, unknown>)[variable];
  return schema.safeParse(value === '' ? undefined : value);
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

/**
 * Saves settings by dotted name; null returns one to its variable. In effect at once in this isolate.
 * @returns all that are now in effect.
 */
export async function saveSettings(env: Env, changes: ReadonlyMap<string, unknown>): Promise<Settings> {
  const upsert =
    'INSERT INTO setting VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value';
  const statements = await Promise.all(
    [...changes].map(async ([name, value]) =>
      value === null
        ? env.DB.prepare('DELETE FROM setting WHERE name = ?1').bind(name)
        : env.DB.prepare(upsert).bind(name, JSON.stringify(await sealed(env, name, value))),
    ),
  );
  if (statements.length) await env.DB.batch(statements);
  forgetDeployment();
  return (await deployment(env)).settings;
}

/** The value as it is kept: a secret sealed, anything else as it is. */
async function sealed(env: Env, name: string, value: unknown): Promise<unknown> {
  const setting = SETTINGS.find((setting) => setting.name === name);
  return setting && isSecret(setting) ? seal(env.ENCRYPTION_KEY, placeOf(name), String(value)) : value;
}

/** Saved settings with their secrets opened. One that no longer opens is as if it were not saved. */
async function opened(env: Env, saved: Map<string, unknown>): Promise<Map<string, unknown>> {
  for (const { name } of SETTINGS.filter(isSecret)) {
    const value = saved.get(name);
    const text = value === undefined ? null : await open(env.ENCRYPTION_KEY, placeOf(name), String(value));
    if (text === null) saved.delete(name);
    else saved.set(name, text);
  }
  return saved;
}

/** The saved secrets as they are kept, for `reseal` of crypto/reseal.ts. */
export async function sealedSettings(db: D1Database): Promise<SealedValue[]> {
  const { results } = await db
    .prepare('SELECT name, value FROM setting WHERE name IN (SELECT value FROM json_each(?1))')
    .bind(JSON.stringify(SETTINGS.filter(isSecret).map(({ name }) => name)))
    .all<{ name: string; value: string }>();
  return results.map(({ name, value }) => ({
    place: placeOf(name),
    sealed: String(JSON.parse(value)),
    replace: (by) =>
      db
        .prepare('UPDATE setting SET value = ?3 WHERE name = ?1 AND value = ?2')
        .bind(name, value, JSON.stringify(by))
        .run(),
  }));
}

type Deployment = { settings: Settings | BadVariable; revision: number };

const deployments = new Memory<Deployment>(1);
/** `revocation_lag` as last read, in milliseconds. */
let lag = 0;

/** Settings and the catalogue's revision, read from D1 at most once in `revocation_lag`. */
async function deployment(env: Env): Promise<{ settings: Settings; revision: number }> {
  const known = await deployments.recall('', lag, async () => {
    const [saved, revision] = await readDeployment(env.DB);
    return { settings: settingsOrFault(env, await opened(env, saved)), revision };
  });
  const { settings, revision } = known as Deployment;
  if (settings instanceof BadVariable) throw settings;
  lag = settings.revocation_lag * 1000;
  return { settings, revision };
}

function settingsOrFault(env: Env, saved: ReadonlyMap<string, unknown>): Settings | BadVariable {
  try {
    return effectiveSettings(env, saved);
  } catch (error) {
    if (error instanceof BadVariable) return error;
    throw error;
  }
}

async function readDeployment(db: D1Database): Promise<[Map<string, unknown>, number]> {
  const read = () =>
    db.batch<{ name: string; value: string; n: number }>([
      db.prepare('SELECT name, value FROM setting'),
      db.prepare("SELECT n FROM revision WHERE name = 'catalog'"),
    ]);
  const [saved, revision] = await read().catch(async (error: unknown) => {
    if (!lacksSchema(error)) throw error;
    await applySchema(db);
    return read();
  });
  return [
    new Map((saved?.results ?? []).map(({ name, value }) => [name, JSON.parse(value)])),
    revision?.results[0]?.n ?? 0,
  ];
}

/** Makes this isolate read settings and revision again at its next request, after it has changed them. */
export function forgetDeployment(): void {
  deployments.forget('');
}

/** Gives every handler the settings in effect and our issuer. */
export const withSettings = createMiddleware<App>(async (c, next) => {
  const { settings, revision } = await deployment(c.env);
  const { origin, hostname } = new URL(c.req.url);
  c.set('settings', settings);
  c.set('revision', revision);
  c.set('issuer', settings.oauth2_server_config.issuer_url ?? (isLoopback(hostname) ? origin : null));
  await next();
});

/** The secrets that are missing or malformed, each with the command that sets it. Empty when all is well. */
export function missingSecrets(env: Env): { name: string; command: string }[] {
  const missing = [];
  if (!encryptionKeys(env.ENCRYPTION_KEY)) {
    missing.push({
      name: 'ENCRYPTION_KEY',
      command: 'openssl rand 32 | basenc --base64url | npx wrangler secret put ENCRYPTION_KEY',
    });
  }
  if (!env.ADMIN_TOKEN) {
    missing.push({
      name: 'ADMIN_TOKEN',
      command: 'openssl rand -hex 32 | npx wrangler secret put ADMIN_TOKEN',
    });
  }
  return missing;
}

/** The provider's secret, when one is needed and not there; with the command that sets it. */
export function missingProviderSecret({ oidc }: Settings): { name: string; command: string } | null {
  if (!oidc.issuer || oidc.client_secret) return null;
  return { name: 'OIDC_CLIENT_SECRET', command: 'npx wrangler secret put OIDC_CLIENT_SECRET' };
}

/** True when servers and providers may live on http loopback: local development only. */
export function allowsLoopback(env: Env): boolean {
  return fromText(env.ALLOW_LOOPBACK_UPSTREAMS) === true;
}

/** True when `limit` still lets the holder of `key` through, or limits are off (`RATE_LIMITS`). */
export async function withinLimit(env: Env, limit: RateLimit, key: string): Promise<boolean> {
  return env.RATE_LIMITS === 'off' || (await limit.limit({ key })).success;
}
