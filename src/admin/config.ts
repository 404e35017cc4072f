import { type Context, Hono } from 'hono';
import { audit } from '../audit';
import { type App, readVariable, SETTINGS, type Setting, type Settings, saveSettings } from '../config';
import { isLoopback } from '../protocol/public-url';
import { ApiError } from './error';
import { fault, readJson } from './request';

type Members = Record<string, unknown>;

/** Settings (CONTRACT §1): every one in effect, as the shape their dotted names make. None of them is a secret yet. */
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
      if (sent !== undefined)
        changes.set(setting.name, sent === null ? returned(c.env, setting) : read(setting, sent));
    }
    if (endsTokens(c, changes) && !layers.some(isConfirmed)) throw unconfirmed(c.var.issuer);

    const settings = await saveSettings(c.env, changes);
    audit(c, { act: 'setting.changed', settings: [...changes.keys()].join(' ') });
    return c.json(shown(settings));
  });

/** A setting that is nothing is null, so that sending all of this back changes nothing. */
function shown(settings: Settings) {
  const { oauth2_server_config: server } = settings;
  return { ...settings, oauth2_server_config: { ...server, issuer_url: server.issuer_url ?? null } };
}

/** @throws ApiError when `value` is not a JSON object. */
function membersOf(value: unknown, field: string): Members {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Members;
  throw new ApiError('invalid_request', `${field || 'The body'} must be a JSON object.`, field || undefined);
}

/** What `layer` says of a setting; undefined: nothing. @throws ApiError when a member on the way there is no object. */
function memberAt(layer: Members, name: string): unknown {
  const path = name.split('.');
  const last = path.pop() as string;
  let members = layer;
  for (const member of path) {
    if (members[member] === undefined) return undefined;
    members = membersOf(members[member], member);
  }
  return Object.hasOwn(members, last) ? members[last] : undefined;
}

/** @throws ApiError naming the setting. */
function read({ name, schema }: Setting, value: unknown): unknown {
  const result = schema.safeParse(value);
  if (!result.success) throw fault(result.error, name);
  return result.data;
}

/** Null, which returns the setting to its variable. @throws ApiError when that cannot be read: every request would fail. */
function returned(env: App['Bindings'], setting: Setting): null {
  if (readVariable(env, setting).success) return null;
  const message = `${setting.name} cannot go back to the variable ${setting.variable}, whose value cannot be read.`;
  throw new ApiError('invalid_request', message, setting.name);
}

const ISSUER = 'oauth2_server_config.issuer_url';

/** True when another issuer than the one in effect would be: tokens stand for the issuer that signed them. */
function endsTokens(c: Context<App>, changes: ReadonlyMap<string, unknown>): boolean {
  if (!changes.has(ISSUER) || c.var.issuer === null) return false;
  const { origin, hostname } = new URL(c.req.url);
  const setting = SETTINGS.find(({ name }) => name === ISSUER) as Setting;
  const next =
    changes.get(ISSUER) ?? readVariable(c.env, setting).data ?? (isLoopback(hostname) ? origin : null);
  return next !== c.var.issuer;
}

function isConfirmed(layer: Members): boolean {
  const { oauth2_server_config: server } = layer;
  return layer.confirm === true || (server as Members | undefined)?.confirm === true;
}

function unconfirmed(issuer: string | null): ApiError {
  const message = `${ISSUER} is ${issuer} now. Changing it ends every token, and every app has to connect again: send confirm: true with it.`;
  return new ApiError('invalid_request', message, ISSUER);
}

function split(): ApiError {
  const message =
    'mcp_external_base_url was split in two: mcp_external_server_url is the base of connect links, mcp_external_client_url of the redirect URI registered with providers. Set those.';
  return new ApiError('invalid_request', message, 'mcp_external_base_url');
}
