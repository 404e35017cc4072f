import { waitUntil } from 'cloudflare:workers';
import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import type { SealedValue } from './crypto/reseal';
import { open, seal } from './crypto/secrets';
import type { SigningSetup } from './crypto/signing-keys';
import { type Question, question } from './database';
import { BadVariable, effectiveSettings } from './effective-settings';
import type { RequestId } from './protocol/mcp';
import { Memory } from './protocol/memory';
import { SharedWork } from './protocol/patience';
import { isLoopback } from './protocol/public-url';
import type { Actor } from './protocol/subject';
import { fromText } from './protocol/variable-values';
import { lacksTable, NewerDatabase, newest, upgrade } from './schema/upgrade';
import { isSecret } from './setting';
import { SETTINGS, type Settings } from './settings';
import type { Gateway } from './ui/layout';

/**
 * What wrangler.toml binds (worker-configuration.d.ts, made by `npm run bindings`), and variables it may leave out. Settings
 * stand among `[vars]` under their own names.
 */
export interface Env extends Cloudflare.Env {
  ALLOW_LOOPBACK_UPSTREAMS?: unknown;
  RATE_LIMITS?: unknown;
  METRICS?: AnalyticsEngineDataset;
}

/** What is known of a request, as far as it has come. */
type Known = {
  settings: Settings;
  /** Our origin, without a trailing slash: from the settings, or on loopback the request's own. Null: not set yet. */
  issuer: string | null;
  /** Names of saved secrets that no entry of `ENCRYPTION_KEY` opens: they count as not saved. */
  lostSecrets: ReadonlySet<string>;
  /** Names of settings whose value cannot be read, in part or in whole. */
  refusedSettings: ReadonlySet<string>;
  /** Names this deployment in `/health`: random, made with the database. */
  deploymentId: string;
  /** Counts changes to servers, their lists and Virtual MCPs. */
  revision: number;
  requestId: string;
  /** The grant of the flow or token this request belongs to, once that is known: what its short code is made of. */
  grantId?: string;
  /** The id of the JSON-RPC request this is, once that is known. */
  messageId?: RequestId | null;
  /** Whether an administrator makes this request, and who does, once that is known. */
  isAdministrators?: true;
  actor?: Actor;
  /** 32 bytes, base64url: what one secret that this request's form makes is made of (SECURITY 32). */
  formSecret?: string;
};

/** The type of a handler's context. */
export type App = { Bindings: Env; Variables: Known };

/** A request on its way, by whichever road it came: every handler's context is one. */
export type RequestContext = {
  env: Env;
  var: Readonly<Known>;
  req: { raw: Request; url: string; path: string; routePath: string };
  set<Name extends keyof Known>(name: Name, value: Known[Name]): void;
};

/** Where a saved secret is sealed to. */
const sealContextOf = (name: string) => `setting/${name}/value`;

/** Where the servers stand that everyone who signs in may use: a list of names, as keys and people have one. */
export const DEFAULT_ACCESS = {
  table: 'setting',
  column: 'value',
  rows: "setting.name = 'default_user_access'",
} as const;

/**
 * Saves settings by dotted name; null returns one to its variable. In effect at once in this isolate.
 * @returns all that are now in effect.
 */
export async function saveSettings(env: Env, changes: ReadonlyMap<string, unknown>): Promise<Settings> {
  const upsert =
    'INSERT INTO setting (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value';
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
  return setting && isSecret(setting) ? seal(env.ENCRYPTION_KEY, sealContextOf(name), String(value)) : value;
}

/** Saved settings with their secrets opened. One that no longer opens is as if it were not saved, and named in `lost`. */
async function opened(
  env: Env,
  saved: Map<string, unknown>,
): Promise<{ saved: Map<string, unknown>; lost: Set<string> }> {
  const lost = new Set<string>();
  for (const { name } of SETTINGS.filter(isSecret)) {
    if (!saved.has(name)) continue;
    const text = await open(env.ENCRYPTION_KEY, sealContextOf(name), String(saved.get(name)));
    if (text !== null) saved.set(name, text);
    else if (saved.delete(name)) lost.add(name);
  }
  return { saved, lost };
}

/** A value as it is stored: null, which no setting takes, where it is no JSON. */
function storedValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The saved secrets as they are stored, for `reseal` of crypto/reseal.ts. */
export function sealedSettings(db: D1Database): Question<SealedValue[]> {
  const statement = db
    .prepare('SELECT name, value FROM setting WHERE name IN (SELECT value FROM json_each(?1))')
    .bind(JSON.stringify(SETTINGS.filter(isSecret).map(({ name }) => name)));
  return question<{ name: string; value: string }, SealedValue[]>(statement, (rows) =>
    rows.map(({ name, value }) => ({
      place: sealContextOf(name),
      sealed: String(storedValue(value)),
      replace: (by) =>
        db
          .prepare('UPDATE setting SET value = ?3 WHERE name = ?1 AND value = ?2')
          .bind(name, value, JSON.stringify(by))
          .run(),
    })),
  );
}

/** The names of the settings that are saved, which go before their variables. */
export function savedNamesQuestion(db: D1Database): Question<ReadonlySet<string>> {
  return question<{ name: string }, ReadonlySet<string>>(
    db.prepare('SELECT name FROM setting'),
    (rows) => new Set(rows.map(({ name }) => name)),
  );
}

/** How access tokens are signed here (CONTRACT §5). */
export function signingSetup(
  env: Env,
  { oauth2_server_config: { signing_alg: alg } }: Settings,
): SigningSetup {
  return { db: env.DB, encryptionKey: env.ENCRYPTION_KEY, alg };
}

/** What keeps every request from being served, kept as a value: it does not pass by itself. */
type Fault = BadVariable | NewerDatabase;
type Deployment = {
  settings: Settings | Fault;
  lostSecrets: ReadonlySet<string>;
  refusedSettings: ReadonlySet<string>;
  id: string;
  revision: number;
};
type Settled = Deployment & { settings: Settings };

const deployments = new Memory<Deployment>(1);
/** `revocation_lag` as last read, in milliseconds. */
let lag = 0;

/** Settings and the catalogue's revision, read from D1 at most once in `revocation_lag`. @param age the most, milliseconds */
async function deployment(env: Env, age = lag): Promise<Settled> {
  const known = await deployments.recall('', age, async () => {
    const read = await readDeployment(env.DB);
    const refusedSettings = new Set<string>();
    if (read instanceof NewerDatabase)
      return { settings: read, lostSecrets: refusedSettings, refusedSettings, id: '', revision: 0 };
    const [stored, revision, id] = read;
    const { saved, lost } = await opened(env, stored);
    const settings = settingsOrFault(env, saved, refusedSettings);
    return { settings, lostSecrets: lost, refusedSettings, id, revision };
  });
  const { settings } = known as Deployment;
  if (settings instanceof BadVariable || settings instanceof NewerDatabase) throw settings;
  lag = settings.revocation_lag * 1000;
  return known as Settled;
}

/** The settings in effect, for what runs outside a request. @throws BadVariable, NewerDatabase */
export async function currentSettings(env: Env): Promise<Settings> {
  return (await deployment(env)).settings;
}

/** The same and the catalogue's revision, for what looks by itself. @param age how old they may be, milliseconds */
export async function deploymentNow(
  env: Env,
  age: number,
): Promise<{ settings: Settings; revision: number }> {
  return deployment(env, age);
}

/** When this isolate read what it knows of settings and revision, epoch milliseconds. */
export function deploymentReadAt(): number {
  return deployments.readAt('');
}

function settingsOrFault(
  env: Env,
  saved: ReadonlyMap<string, unknown>,
  refused: Set<string>,
): Settings | BadVariable {
  try {
    return effectiveSettings(env, saved, refused);
  } catch (error) {
    if (error instanceof BadVariable) return error;
    throw error;
  }
}

/** True once this isolate found the schema it knows. A newer one is for isolates of newer code; an older one was restored. */
let isUpgraded = false;

async function readDeployment(
  db: D1Database,
): Promise<[saved: Map<string, unknown>, revision: number, id: string] | NewerDatabase> {
  const read = () =>
    db.batch<{ name: string; value: string; n: number; id: string }>([
      db.prepare('SELECT name, value FROM setting'),
      db.prepare("SELECT n FROM revision WHERE name = 'catalog'"),
      db.prepare('SELECT max(n) AS n FROM schema_step'),
      db.prepare('SELECT id FROM deployment'),
    ]);
  let results = await read().catch((error: unknown) => {
    if (!lacksTable(error)) throw error;
    isUpgraded = false;
    return null;
  });
  const schema = results?.[2]?.results[0]?.n ?? 0;
  if (schema < newest() || (!isUpgraded && schema !== newest())) {
    const fault = await upgrade(db).then(() => null, newerDatabase);
    if (fault) return fault;
    results = await read();
  }
  isUpgraded = true;
  const [saved, revision, , deployed] = results ?? [];
  return [
    new Map((saved?.results ?? []).map(({ name, value }) => [name, storedValue(value)])),
    revision?.results[0]?.n ?? 0,
    deployed?.results[0]?.id ?? '',
  ];
}

function newerDatabase(error: unknown): NewerDatabase {
  if (error instanceof NewerDatabase) return error;
  throw error;
}

/** Makes this isolate read settings and revision again at its next request, after it has changed them. */
export function forgetDeployment(): void {
  deployments.forget('');
}

/** How long a request waits for the revision that another one reads. Milliseconds. */
const PATIENCE = 2_000;
const freshReadings = new SharedWork<number>(PATIENCE, waitUntil);

/** The catalogue's revision as it is now, for what was not found by the one that was known. One is read at a time, for all who ask. */
export function freshRevision(env: Env): Promise<number> {
  return freshReadings.join('', async () => (await deployment(env, 0)).revision);
}

/** What pages say of the place they stand in. */
export function gatewayOf({ var: { settings, issuer } }: Context<App>): Gateway {
  return { displayName: settings.display_name, supportText: settings.support_text, issuer };
}

/** Tells a request the settings in effect and our issuer. */
export async function settle(context: RequestContext): Promise<void> {
  const known = deployments.fresh('', lag);
  const isKnown = known && !(known.settings instanceof Error);
  const { settings, lostSecrets, refusedSettings, id, revision } = isKnown
    ? (known as Settled)
    : await deployment(context.env);
  context.set('settings', settings);
  context.set('lostSecrets', lostSecrets);
  context.set('refusedSettings', refusedSettings);
  context.set('deploymentId', id);
  context.set('revision', revision);
  context.set('issuer', settings.oauth2_server_config.issuer_url ?? loopbackOrigin(context.req.url));
}

/** What {@link loopbackOrigin} last found, by what stands before the path. */
let lastOrigin: { before: string; origin: string | null } | null = null;

/** The origin a request was sent to, on loopback; null elsewhere. */
function loopbackOrigin(url: string): string | null {
  const before = url.slice(0, url.indexOf('/', 8));
  if (lastOrigin?.before === before) return lastOrigin.origin;
  const { origin, hostname } = new URL(url);
  lastOrigin = { before, origin: isLoopback(hostname) ? origin : null };
  return lastOrigin.origin;
}

/** Gives every handler the settings in effect and our issuer. */
export const withSettings = createMiddleware<App>(async (c, next) => {
  await settle(c);
  await next();
});

/** True when servers and providers may live on http loopback: local development only. */
export function allowsLoopback(env: Env): boolean {
  return fromText(env.ALLOW_LOOPBACK_UPSTREAMS) === true;
}

/** True unless limits are off (`RATE_LIMITS`). */
export function limitsAttempts(env: Env): boolean {
  return env.RATE_LIMITS !== 'off';
}

/** True when `limit` still lets the holder of `key` through, or limits are off. */
export async function withinLimit(env: Env, limit: RateLimit, key: string): Promise<boolean> {
  return !limitsAttempts(env) || (await limit.limit({ key })).success;
}
