import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { app } from '../../src/app';
import { SETTINGS } from '../../src/settings';
import { leadsHere, unknownHost } from '../support/domain';
import { admin, gate, ISSUER, read } from '../support/gate';

type Config = Record<string, unknown> & { oauth2_server_config: Record<string, unknown> };
type Refusal = { error: { type: string; message: string; field?: string } };

const get = () => admin<Config>('GET', '/config');
const put = <T = Config>(body: unknown) => admin<T>('PUT', '/config', body);

/** Every setting back to its variable. */
afterEach(async () => {
  vi.restoreAllMocks();
  const nothing: Record<string, unknown> = { confirm: true, oauth2_server_config: {} };
  for (const { name } of SETTINGS) {
    const [group = '', member] = name.split('.');
    if (member) nothing[group] = { ...(nothing[group] as object), [member]: null };
    else nothing[name] = null;
  }
  expect(await put(nothing)).toMatchObject({ status: 200 });
});

describe('reading the settings (CONTRACT §1)', () => {
  it('answers every one in effect, by its name', async () => {
    const { status, ...settings } = await get();

    expect(status).toBe(200);
    expect(settings).toEqual({
      display_name: 'Toolgate',
      support_text: '',
      mcp_server_auth_mode: 'both',
      oauth2_server_config: {
        issuer_url: ISSUER,
        auth_code_ttl: 300,
        access_token_ttl: 600,
        refresh_token_ttl: 7_776_000,
        refresh_reuse_interval: 60,
        disable_vk_identity: false,
        allowed_redirect_uris: [],
        signing_alg: 'RS256',
        client_id_metadata_documents: true,
      },
      enforce_auth_on_inference: true,
      default_user_access: [],
      user_reauth_days: 30,
      revocation_lag: 0,
      vk_rotation_cooldown: 0,
      log_tool_calls: 'all',
      mcp_tool_execution_timeout: 60,
      mcp_tool_sync_interval: 10,
      allowed_origins: [],
      mcp_external_server_url: null,
      mcp_external_client_url: null,
      mcp_enable_temp_token_auth: false,
      oidc: {
        issuer: null,
        client_id: null,
        client_secret: null,
        scopes: ['openid', 'email', 'profile'],
        allowed_domains: [],
        admin_emails: [],
      },
      access: { team_domain: null, aud: null },
    });
  });

  it('names every setting of the table', async () => {
    const settings = await get();

    for (const { name } of SETTINGS) {
      const value = name
        .split('.')
        .reduce<unknown>((at, member) => (at as Record<string, unknown>)[member], settings);
      expect([name, value]).not.toEqual([name, undefined]);
    }
  });
});

describe('changing the settings (CONTRACT §1)', () => {
  it('takes any part of what it answers, keeps the rest and answers the whole', async () => {
    const changed = await put({
      display_name: 'Acme tools',
      oauth2_server_config: { auth_code_ttl: 90 },
      nonsense: 1,
    });

    expect(changed).toMatchObject({ status: 200, display_name: 'Acme tools', mcp_server_auth_mode: 'both' });
    expect(changed.oauth2_server_config).toMatchObject({
      issuer_url: ISSUER,
      auth_code_ttl: 90,
      access_token_ttl: 600,
    });
    expect(changed).not.toHaveProperty('nonsense');
    expect(await get()).toEqual(changed);
  });

  it('takes them inside client_config too, where what stands outside wins', async () => {
    const changed = await put({
      client_config: {
        support_text: 'inside',
        display_name: 'inside',
        oauth2_server_config: { auth_code_ttl: 90 },
      },
      display_name: 'outside',
    });

    expect(changed).toMatchObject({ support_text: 'inside', display_name: 'outside' });
    expect(changed.oauth2_server_config).toMatchObject({ auth_code_ttl: 90 });
  });

  it('is in effect for the next request', async () => {
    await put({ mcp_server_auth_mode: 'headers' });

    expect((await gate('/.well-known/oauth-authorization-server')).status).toBe(404);
  });

  it('returns a setting to its variable with null', async () => {
    await put({ mcp_server_auth_mode: 'oauth', revocation_lag: 5 });

    const returned = await put({ mcp_server_auth_mode: null, revocation_lag: null, display_name: null });

    expect(returned).toMatchObject({
      mcp_server_auth_mode: 'both',
      revocation_lag: 0,
      display_name: 'Toolgate',
    });
  });

  it('changes nothing when all of its answer is sent back', async () => {
    const { status: _, ...settings } = await get();

    expect(await put(settings)).toEqual({ status: 200, ...settings });
  });

  it('reads numbers and booleans written as text, as wrangler.toml may', async () => {
    const changed = await put({
      revocation_lag: '7',
      enforce_auth_on_inference: 'false',
      allowed_origins: 'https://a.example, https://b.example',
    });

    expect(changed).toMatchObject({
      revocation_lag: 7,
      enforce_auth_on_inference: false,
      allowed_origins: ['https://a.example', 'https://b.example'],
    });
  });

  it.each([
    ['mcp_server_auth_mode', { mcp_server_auth_mode: 'open' }],
    ['revocation_lag', { revocation_lag: 61 }],
    ['revocation_lag', { revocation_lag: -1 }],
    ['revocation_lag', { revocation_lag: 1.5 }],
    ['enforce_auth_on_inference', { enforce_auth_on_inference: 'no' }],
    ['display_name', { display_name: '<b>Toolgate</b>' }],
    ['display_name', { display_name: '' }],
    ['display_name', { display_name: 'x'.repeat(201) }],
    ['mcp_tool_execution_timeout', { client_config: { mcp_tool_execution_timeout: 0 } }],
    ['oauth2_server_config.access_token_ttl', { oauth2_server_config: { access_token_ttl: 59 } }],
    ['oauth2_server_config.auth_code_ttl', { oauth2_server_config: { auth_code_ttl: 901 } }],
    [
      'oauth2_server_config.refresh_reuse_interval',
      { oauth2_server_config: { refresh_reuse_interval: '301' } },
    ],
    [
      'oauth2_server_config.issuer_url',
      { confirm: true, oauth2_server_config: { issuer_url: 'https://other.example/' } },
    ],
    [
      'oauth2_server_config.issuer_url',
      { confirm: true, oauth2_server_config: { issuer_url: 'http://other.example' } },
    ],
    ['oauth2_server_config', { oauth2_server_config: 'https://other.example' }],
    ['oauth2_server_config', { oauth2_server_config: null }],
    ['client_config', { client_config: [] }],
    ['allowed_origins.1', { allowed_origins: ['https://a.example', 7] }],
  ])('refuses a bad value of %s: %j', async (field, body) => {
    const before = await get();

    const refused = await put<Refusal>({ support_text: 'Ask Ada', ...body });

    expect(refused.status).toBe(400);
    expect(refused.error).toMatchObject({ type: 'invalid_request', field });
    expect(refused.error.message).toMatch(new RegExp(`^${field} .*\\.$`));
    expect(await get()).toEqual(before); // nothing is saved unless all is valid
  });

  it('explains that mcp_external_base_url was split', async () => {
    for (const body of [
      { mcp_external_base_url: ISSUER },
      { client_config: { mcp_external_base_url: ISSUER } },
    ]) {
      const { status, error } = await put<Refusal>({ support_text: 'Ask Ada', ...body });

      expect([status, error.field]).toEqual([400, 'mcp_external_base_url']);
      expect(error.message).toMatch(/mcp_external_server_url.*mcp_external_client_url/);
    }
    expect(await get()).toMatchObject({ support_text: '' });
  });
});

describe('changing the issuer (CONTRACT §1)', () => {
  const OTHER = 'https://other.example';
  const other = { oauth2_server_config: { issuer_url: OTHER } };

  it('needs confirm, and says why', async () => {
    const { status, error } = await put<Refusal>({ support_text: 'Ask Ada', ...other });

    expect([status, error.field]).toEqual([400, 'oauth2_server_config.issuer_url']);
    expect(error.message).toMatch(/ends every token.*confirm: true/);
    expect(await get()).toMatchObject({ support_text: '', oauth2_server_config: { issuer_url: ISSUER } });
  });

  it.each([
    { confirm: true, ...other },
    { client_config: { confirm: true, ...other } },
    { oauth2_server_config: { confirm: true, ...other.oauth2_server_config } },
  ])('is done with it when the new address leads here: %j', async (body) => {
    leadsHere([OTHER]);

    expect(await put(body)).toMatchObject({ status: 200, oauth2_server_config: { issuer_url: OTHER } });
  });

  it('needs it to return to the variable as well', async () => {
    await put({ confirm: 'unreachable', ...other });

    expect(await put({ oauth2_server_config: { issuer_url: null } })).toMatchObject({ status: 400 });
  });

  it.each<[string, (request: Request) => Response | Promise<Response>]>([
    ['nothing answered', unknownHost],
    ['the answer had status 302', () => Response.redirect('https://login.example/')],
    ['the answer had status 404', () => Response.json({ error: 'not_found' }, { status: 404 })],
    ['something else answered', () => new Response('<h1>Welcome</h1>')],
    ['something else answered', () => Response.json({ status: 'ok', version: '1' })],
    ['something else answered', () => Response.json({ deployment: 'x'.repeat(20_000) })],
    ['another deployment of the gateway answered', () => Response.json({ deployment: '0'.repeat(32) })],
  ])('is refused when at the new address %s', async (met, instead) => {
    leadsHere([OTHER], instead);

    const { status, error } = await put<Refusal>({ support_text: 'Ask Ada', confirm: true, ...other });

    expect([status, error.type, error.field]).toEqual([
      400,
      'issuer_unreachable',
      'oauth2_server_config.issuer_url',
    ]);
    expect(error.message).toContain(`at ${OTHER}/health ${met}.`);
    expect(error.message).toContain('confirm: "unreachable"');
    expect(await get()).toMatchObject({ support_text: '', oauth2_server_config: { issuer_url: ISSUER } });
    expect(await put({ confirm: 'unreachable', ...other })).toMatchObject({ status: 200 });
  });

  it('asks once, without a credential, for five seconds at most', async () => {
    const asked: Request[] = [];
    const limit = vi.spyOn(AbortSignal, 'timeout');
    leadsHere([OTHER], (request) => {
      asked.push(request);
      return gate(request);
    });

    await put({ confirm: true, ...other });

    expect(asked.map(({ method, url }) => `${method} ${url}`)).toEqual([`GET ${OTHER}/health`]);
    expect(asked[0]?.headers.get('authorization')).toBeNull();
    expect(asked[0]?.redirect).toBe('manual');
    expect(limit).toHaveBeenCalledWith(5_000);
  });

  it('sends nothing to an address that is not public', async () => {
    const asked = vi.fn(() => Response.json({}));
    leadsHere(['https://10.0.0.1'], asked);

    const { error } = await put<Refusal>({
      confirm: true,
      oauth2_server_config: { issuer_url: 'https://10.0.0.1' },
    });

    expect(error.message).toContain('no request is sent there, for it must be on a public host.');
    expect(asked).not.toHaveBeenCalled();
  });

  it('takes nothing but true for a yes', async () => {
    expect(await put({ confirm: 'yes', ...other })).toMatchObject({ status: 400 });
  });

  it('needs none when it stays what it is', async () => {
    expect(await put({ oauth2_server_config: { issuer_url: ISSUER } })).toMatchObject({ status: 200 });
  });
});

describe('a deployment of another kind', () => {
  const headers = { authorization: 'Bearer test-admin-token-of-32-characters' };
  const send = (url: string, bindings: object, body: unknown) =>
    app.request(url, { method: 'PUT', headers, body: JSON.stringify(body) }, { ...env, ...bindings });

  it('saves as its first issuer the address it is asked at, without confirm', async () => {
    const body = { oauth2_server_config: { issuer_url: 'https://fresh.example' } };
    const unset = { OAUTH2_SERVER_CONFIG_ISSUER_URL: undefined };

    leadsHere(['https://fresh.example'], unknownHost);
    const elsewhere = await send('https://fresh.workers.dev/api/config', unset, body);
    const response = await send('https://fresh.example/api/config', unset, body);

    expect(await read<Refusal>(elsewhere)).toMatchObject({
      status: 400,
      body: { error: { type: 'issuer_unreachable' } },
    });
    expect(response.status).toBe(200);
  });

  it('asks for confirm on loopback, where the address itself is the issuer', async () => {
    const unset = { OAUTH2_SERVER_CONFIG_ISSUER_URL: undefined };
    const set = (issuer_url: string) =>
      send('http://localhost:8787/api/config', unset, { oauth2_server_config: { issuer_url } });

    expect((await set('https://fresh.example')).status).toBe(400);
    expect((await set('http://localhost:8787')).status).toBe(200);
  });

  it('changes nothing on loopback when all of its answer is sent back', async () => {
    const unset = { ...env, OAUTH2_SERVER_CONFIG_ISSUER_URL: undefined };
    const response = await app.request('http://localhost:8787/api/config', { headers }, unset);
    const settings = await response.json<Config>();

    const sentBack = await send('http://localhost:8787/api/config', unset, settings);

    expect(settings.oauth2_server_config.issuer_url).toBeNull();
    expect(await read(sentBack)).toEqual({ status: 200, body: settings });
  });

  it('never goes back to a variable that cannot be read', async () => {
    await put({ revocation_lag: 0 });
    const broken = { REVOCATION_LAG: 'soon' };

    const response = await send(`${ISSUER}/api/config`, broken, { revocation_lag: null });

    expect(await read<Refusal>(response)).toMatchObject({
      status: 400,
      body: { error: { field: 'revocation_lag' } },
    });
  });
});
