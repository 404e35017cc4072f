import { createMiddleware } from 'hono/factory';
import * as z from 'zod';
import { encryptionKeys } from './crypto/secrets';
import { applySchema, lacksSchema } from './database';
import { Memory } from './protocol/memory';
import { faultOf } from './protocol/params';
import { isLoopback } from './protocol/public-url';
import type { Actor } from './protocol/subject';

/** What wrangler.toml binds and `wrangler secret put` sets. Settings stand among `[vars]` under their own names. */
export interface Env {
  DB: D1Database;
  KV: KVNamespace;
  GRANTS: DurableObjectNamespace;
  REGISTRATIONS: RateLimit;
  KEY_ATTEMPTS_PER_FLOW: RateLimit;
  KEY_ATTEMPTS_PER_ADDRESS: RateLimit;
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
    /** Counts changes to servers and their lists. */
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
const list = () =>
  z.preprocess(
    (value) => (typeof value === 'string' ? value.split(',').map((item) => item.trim()) : value),
    z.array(z.string().min(1).max(2000)).max(100),
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
  }),
  enforce_auth_on_inference: flag().default(true).meta({
    type: 'true or false',
    does: 'When true there is no anonymous access and no anonymous identity at consent',
  }),
  revocation_lag: number(0, 60)
    .default(10)
    .meta({ type: 'seconds, 0 to 60', does: 'How long `/mcp` goes on from what it knows of a caller' }),
  mcp_tool_execution_timeout: number(1, 300)
    .default(60)
    .meta({ type: 'seconds, 1 to 300', does: 'How long a tool call may go on without progress' }),
  mcp_tool_sync_interval: number(1, 10_080)
    .default(10)
    .meta({ type: 'minutes', does: 'How often tool lists are asked again' }),
  allowed_origins: list()
    .default([])
    .meta({ type: 'list', does: 'Browser origins that may call `/mcp`, besides our own and loopback' }),
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
    return [
      { name: dotted, variable: dotted.toUpperCase().replaceAll('.', '_'), schema: inner as z.ZodType },
    ];
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
export function effectiveSettings(env: Env, saved: ReadonlyMap<string, unknown>): Settings {
  const tree = {};
  for (const setting of SETTINGS) {
    const { name, variable, schema } = setting;
    const result = saved.has(name) ? schema.safeParse(saved.get(name)) : readVariable(env, setting);
    if (!result.success)
      throw new BadVariable(`The variable ${variable} cannot be used: ${faultOf(result.error)}.`);
    put(tree, name.split('.'), result.data);
  }
  return tree as Settings;
}

/** What the setting is when nothing is saved: its variable's value, or the default. */
export function readVariable(env: Env, { variable, schema }: Setting): z.ZodSafeParseResult<unknown> {
  const value = (env as unknown as Record<string, unknown>)[variable];
  return schema.safeParse(value === '' ? undefined : value);
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
  const statements = [...changes].map(([name, value]) =>
    value === null
      ? env.DB.prepare('DELETE FROM setting WHERE name = ?1').bind(name)
      : env.DB.prepare(upsert).bind(name, JSON.stringify(value)),
  );
  if (statements.length) await env.DB.batch(statements);
  forgetDeployment();
  return (await deployment(env)).settings;
}

type Deployment = { settings: Settings | BadVariable; revision: number };

const deployments = new Memory<Deployment>(1);
/** `revocation_lag` as last read, in milliseconds. */
let lag = 0;

/** Settings and the catalogue's revision, read from D1 at most once in `revocation_lag`. */
async function deployment(env: Env): Promise<{ settings: Settings; revision: number }> {
  const known = await deployments.recall('', lag, async () => {
    const [saved, revision] = await readDeployment(env.DB);
    return { settings: settingsOrFault(env, saved), revision };
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

/** True when servers and providers may live on http loopback: local development only. */
export function allowsLoopback(env: Env): boolean {
  return fromText(env.ALLOW_LOOPBACK_UPSTREAMS) === true;
}

/** True when `limit` still lets the holder of `key` through, or limits are off (`RATE_LIMITS`). */
export async function withinLimit(env: Env, limit: RateLimit, key: string): Promise<boolean> {
  return env.RATE_LIMITS === 'off' || (await limit.limit({ key })).success;
}
