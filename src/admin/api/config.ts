import { type Context, Hono } from 'hono';
import { audit } from '../../audit';
import { type App, allowsLoopback, saveSettings, signingSetup } from '../../config';
import { rotateSigningKeyWhenDue } from '../../crypto/signing-keys';
import { metAt } from '../../deployment';
import { incoherence, readVariable } from '../../effective-settings';
import { providerAt } from '../../identity/provider';
import { missingProviderSecret } from '../../missing-secrets';
import { treeOf } from '../../protocol/dotted';
import { fault } from '../../protocol/faults/fault';
import type { McpConfig } from '../../protocol/mcp-config';
import { isLoopback, targetFault } from '../../protocol/public-url';
import { isSecret, type Setting } from '../../setting';
import { SETTINGS, type Settings } from '../../settings';
import { type ApiError, refusal } from './error';
import { readJson, refusedValue } from './request';
import { knownServers } from './servers/known';

type Members = Record<string, unknown>;

/** Settings (CONTRACT §1): every one in effect, as the shape their dotted names make; a secret as its mask. */
export const config = new Hono<App>()
  .get('/', (c) => c.json(shown(c.var.settings)))

  .put('/', async (c) => {
    const body = membersOf(await readJson(c), '');
    const layers = [membersOf(body.client_config ?? {}, 'client_config'), body];
    if (layers.some((layer) => 'mcp_external_base_url' in layer)) throw split();

    const changes = new Map<string, unknown>();
    for (const setting of SETTINGS) {
      const sent = layers
        .map((layer) => memberAt(layer, setting.name))
        .findLast((value) => value !== undefined);
      if (sent !== undefined && !isMask(c.var.settings, setting, sent))
        changes.set(setting.name, sent === null ? returned(c.env, setting) : read(setting, sent));
    }
    const access = changes.get('default_user_access');
    if (access) {
      const known = await knownServers(c.env.DB, access as McpConfig[], 'default_user_access');
      changes.set('default_user_access', known);
    }
    refuseIncoherent(c, changes);
    const confirmation = layers.map(confirmationIn).find(Boolean);
    if (confirmation !== 'unreachable') await refuseProvider(c, changes);
    await refuseIssuer(c, changes, confirmation);

    const settings = await saveSettings(c.env, changes);
    audit(c, { act: 'setting.changed', settings: [...changes.keys()].join(' ') });
    if (changes.has(SIGNING_ALG)) await makeNextKey(c, settings);
    return c.json(shown(settings));
  });

/** A setting that is nothing is null and a secret is its mask, so that sending all of this back changes nothing. */
function shown(settings: Settings): Members {
  const shownAs = (setting: Setting) => {
    const value = memberAt(settings, setting.name) ?? null;
    return isSecret(setting) && value !== null ? maskOfSetting(String(value)) : value;
  };
  return treeOf(new Map(SETTINGS.map((setting) => [setting.name, shownAs(setting)])));
}

/** A secret as it is shown: no more of it than tells it from another. */
function maskOfSetting(secret: string): string {
  return `••••${secret.length >= 16 ? secret.slice(-4) : ''}`;
}

/** True when what was sent of a secret is only what is shown of it: it stays as it is. @throws ApiError for the mask of another */
function isMask(settings: Settings, setting: Setting, sent: unknown): boolean {
  if (!isSecret(setting) || typeof sent !== 'string' || !sent.startsWith('••••')) return false;
  const current = memberAt(settings, setting.name);
  if (typeof current === 'string' && sent === maskOfSetting(current)) return true;
  throw refusal('value', { fault: fault('mask_of_nothing') }, setting.name);
}

/** @throws ApiError naming a setting that the others, as they would then be, do not let stand. */
function refuseIncoherent(c: Context<App>, changes: ReadonlyMap<string, unknown>): void {
  const settings = settingsAfter(c.env, c.var.settings, changes);
  const { issuer } = settings.oidc;
  const refused = issuer && changes.has(PROVIDER) ? targetFault(issuer, allowsLoopback(c.env)) : null;
  if (refused) throw refusal('value', { fault: fault(refused) }, PROVIDER);
  const wrong = incoherence(settings);
  const wasWrong = wrong?.name === incoherence(c.var.settings)?.name; // since a value cannot be read: others may be saved
  if (wrong && (!wasWrong || changes.has(wrong.name)))
    throw refusal('value', { fault: wrong.fault }, wrong.name);
  const missing = changes.has(PROVIDER) && missingProviderSecret(settings);
  if (missing) throw refusal('no_provider_secret', { command: missing.command }, 'oidc.client_secret');
}

/** The settings as they would be: what is sent, else what is in effect; null is the variable. */
function settingsAfter(
  env: App['Bindings'],
  current: Settings,
  changes: ReadonlyMap<string, unknown>,
): Settings {
  const after = (setting: Setting) => {
    const next = changes.get(setting.name);
    if (next === undefined) return memberAt(current, setting.name);
    return next ?? readVariable(env, setting).data;
  };
  return treeOf(new Map(SETTINGS.map((setting) => [setting.name, after(setting)]))) as Settings;
}

/** @throws ApiError when `value` is not a JSON object. */
function membersOf(value: unknown, field: string): Members {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Members;
  throw refusal('value', { fault: fault('not_object') }, field);
}

/** What `layer` says of a setting; undefined: nothing. `oidc` may be null as a whole. @throws ApiError when a member on the way there is no object. */
function memberAt(layer: Members, name: string): unknown {
  const path = name.split('.');
  const last = path.pop() as string;
  let members = layer;
  for (const member of path) {
    if (members[member] === undefined) return undefined;
    if (members[member] === null && member === 'oidc') return null;
    members = membersOf(members[member], member);
  }
  return Object.hasOwn(members, last) ? members[last] : undefined;
}

/** @throws ApiError naming the setting. */
function read({ name, schema }: Setting, value: unknown): unknown {
  const result = schema.safeParse(value, { reportInput: true });
  if (!result.success) throw refusedValue(result.error, name);
  return result.data;
}

/** Null, which returns the setting to its variable. @throws ApiError when that cannot be read: every request would fail. */
function returned(env: App['Bindings'], setting: Setting): null {
  if (readVariable(env, setting).success) return null;
  throw refusal('unreadable_variable', { variable: setting.variable }, setting.name);
}

const ISSUER = 'oauth2_server_config.issuer_url';

/**
 * Tokens stand for the issuer that signed them, so another one than that in effect has to be confirmed, and has to lead here
 * (CONTRACT §1). A request that came by way of it has shown that it does.
 * @throws ApiError
 */
async function refuseIssuer(
  c: Context<App>,
  changes: ReadonlyMap<string, unknown>,
  confirmation: Confirmation | undefined,
): Promise<void> {
  const { issuer, deploymentId } = c.var;
  const next = issuerAfter(c, changes);
  if (next === issuer) return;
  if (issuer !== null && !confirmation) throw refusal('unconfirmed_issuer', { issuer }, ISSUER);
  if (next === null || confirmation === 'unreachable' || next === new URL(c.req.url).origin) return;
  const met = await metAt(next, deploymentId, allowsLoopback(c.env));
  if (met) throw refusal('issuer_unreachable', { issuer: next, met }, ISSUER);
}

/** Tries a provider before people are sent there. @throws ApiError with what answered in its place */
async function refuseProvider(c: Context<App>, changes: ReadonlyMap<string, unknown>): Promise<void> {
  const issuer = changes.get(PROVIDER);
  if (!issuer || issuer === c.var.settings.oidc.issuer) return;
  const met = await providerAt(String(issuer), allowsLoopback(c.env));
  if (met) throw refusal('no_provider', { met }, PROVIDER);
}

const PROVIDER = 'oidc.issuer';

/** The issuer that would be in effect; null: none. */
function issuerAfter(c: Context<App>, changes: ReadonlyMap<string, unknown>): string | null {
  if (!changes.has(ISSUER)) return c.var.issuer;
  const { origin, hostname } = new URL(c.req.url);
  const setting = SETTINGS.find(({ name }) => name === ISSUER) as Setting;
  const next = changes.get(ISSUER) ?? readVariable(c.env, setting).data;
  return next ? String(next) : isLoopback(hostname) ? origin : null;
}

const SIGNING_ALG = 'oauth2_server_config.signing_alg';

/** The next signing key, when the newest is not of the algorithm now set. Repeatable; the cron does what a fault left undone. */
async function makeNextKey(c: Context<App>, settings: Settings): Promise<void> {
  const next = await rotateSigningKeyWhenDue(signingSetup(c.env, settings), Math.floor(Date.now() / 1000));
  if (next) audit(c, { act: 'signing_key.rotated', kid: next.kid });
}

/** `unreachable`: also where the address does not lead here, or no provider answers. */
type Confirmation = true | 'unreachable';

function confirmationIn({ confirm, oauth2_server_config: server }: Members): Confirmation | undefined {
  const sent = [confirm, (server as Members | undefined)?.confirm];
  return sent.find((one): one is Confirmation => one === true || one === 'unreachable');
}

function split(): ApiError {
  return refusal('mcp_base_split', {}, 'mcp_external_base_url');
}
