import { describe, expect, it } from 'vitest';
import { BadVariable, closing, effectiveSettings } from '../src/effective-settings';
import { valueIn } from '../src/protocol/dotted';
import { SETTINGS } from '../src/settings';

/** Variables that allow more than anything that may have been saved over them. */
const OPEN = {
  ENFORCE_AUTH_ON_INFERENCE: 'false',
  MCP_ENABLE_TEMP_TOKEN_AUTH: 'true',
  OAUTH2_SERVER_CONFIG_ISSUER_URL: 'https://gate.example',
  OAUTH2_SERVER_CONFIG_ACCESS_TOKEN_TTL: '86400',
  OAUTH2_SERVER_CONFIG_REFRESH_REUSE_INTERVAL: '300',
  VK_ROTATION_COOLDOWN: '2592000',
  REVOCATION_LAG: '60',
  ALLOWED_ORIGINS: 'https://open.example',
  OIDC_ISSUER: 'https://id.example',
  OIDC_CLIENT_ID: 'gate',
  OIDC_ALLOWED_DOMAINS: 'open.example',
  OIDC_ADMIN_EMAILS: 'eve@open.example',
  USER_REAUTH_DAYS: '0',
};

/** What holds of each setting while its saved value cannot be read; `default`: its variable, else its default. */
const UNREAD: Record<string, unknown> = {
  display_name: 'default',
  support_text: 'default',
  mcp_server_auth_mode: 'apps are refused',
  enforce_auth_on_inference: true,
  'oauth2_server_config.issuer_url': undefined,
  'oauth2_server_config.access_token_ttl': 60,
  'oauth2_server_config.refresh_token_ttl': 'apps are refused',
  'oauth2_server_config.auth_code_ttl': 60,
  'oauth2_server_config.refresh_reuse_interval': 'apps are refused',
  'oauth2_server_config.disable_vk_identity': true,
  'oauth2_server_config.allowed_redirect_uris': ['https://none.invalid/'],
  'oauth2_server_config.signing_alg': 'default',
  'oauth2_server_config.client_id_metadata_documents': false,
  default_user_access: 'apps are refused',
  revocation_lag: 0,
  vk_rotation_cooldown: 0,
  mcp_tool_execution_timeout: 'default',
  mcp_tool_sync_interval: 'default',
  log_tool_calls: 'default',
  allowed_origins: [],
  mcp_external_server_url: undefined,
  mcp_external_client_url: undefined,
  mcp_enable_temp_token_auth: false,
  'oidc.issuer': undefined,
  'oidc.client_id': undefined,
  'oidc.client_secret': undefined,
  'oidc.scopes': 'default',
  'oidc.allowed_domains': [],
  'oidc.admin_emails': [],
  user_reauth_days: 1,
  'access.team_domain': undefined,
  'access.aud': undefined,
};

/** The settings with these saved, and what is refused of them. */
function withSaved(saved: Record<string, unknown>, env: object = OPEN) {
  const refused = new Set<string>();
  const settings = effectiveSettings(env, new Map(Object.entries(saved)), refused);
  return { settings, refused };
}

describe('a saved value that cannot be read (CONTRACT §1)', () => {
  const unsaved = withSaved({}).settings;

  it.each(SETTINGS)('opens nothing: $name', ({ name }) => {
    for (const value of [{ not: 'a value' }, null]) {
      const { settings, refused } = withSaved({ [name]: value });

      const isClosed = closing(refused)?.name === name;
      const rule = UNREAD[name] === 'default' ? valueIn(unsaved, name) : UNREAD[name];
      expect([...refused]).toEqual([name]);
      expect(isClosed ? 'apps are refused' : valueIn(settings, name)).toEqual(rule);
    }
  });

  it('leaves of a list what can be read', () => {
    const name = 'oauth2_server_config.allowed_redirect_uris';
    const { settings, refused } = withSaved({ [name]: ['http://a.example/', 'https://b.example/'] });

    expect(valueIn(settings, name)).toEqual(['https://b.example/']);
    expect([...refused]).toEqual([name]);
  });

  it('leaves of access for everyone nothing: an item may close a server', () => {
    const { settings, refused } = withSaved({ default_user_access: [{ mcp_client_name: 'a' }, 7] });

    expect(settings.default_user_access).toEqual([]);
    expect(closing(refused)?.name).toBe('default_user_access');
  });

  it('ends no access that is unused: the shortest life would', () => {
    const { settings } = withSaved({ 'oauth2_server_config.refresh_token_ttl': 'long' });

    expect(settings.oauth2_server_config.refresh_token_ttl).toBe(0); // none, for the sweep
  });

  it.each([
    ['oidc.client_id', 'oidc.issuer'],
    ['access.aud', 'access.team_domain'],
  ])('closes the provider that needs it: %s', (name, other) => {
    const env = { ...OPEN, ACCESS_TEAM_DOMAIN: 'acme.cloudflareaccess.com', ACCESS_AUD: 'tag' };
    const { settings } = withSaved({ [name]: 7 }, env);

    expect(valueIn(settings, other)).toBeUndefined();
  });
});

describe('settings that do not agree (CONTRACT §1)', () => {
  const env = { ACCESS_TEAM_DOMAIN: 'acme.cloudflareaccess.com' };

  it('are an error of the variables while nothing is saved', () => {
    expect(() => withSaved({}, env)).toThrow(BadVariable);
  });

  it('leave out the half that is there once something is saved, so that it can be corrected', () => {
    const { settings, refused } = withSaved({ support_text: 'Ask Ada' }, env);

    expect(settings.access).toEqual({ team_domain: undefined, aud: undefined });
    expect([...refused]).toEqual(['access.aud']);
  });
});
