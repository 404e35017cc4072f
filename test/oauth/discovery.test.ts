import { describe, expect, it } from 'vitest';
import { configure, gate, ISSUER, read } from '../support/gate';

describe('discovery (RFC 9728, RFC 8414)', () => {
  it.each(['', '/mcp', '/mcp/some-slug'])(
    'describes the protected resource at …/oauth-protected-resource%s',
    async (path) => {
      const { status, body } = await read(await gate(`/.well-known/oauth-protected-resource${path}`));

      expect(status).toBe(200);
      expect(body).toEqual({
        resource: `${ISSUER}${path || '/mcp'}`,
        authorization_servers: [ISSUER],
        scopes_supported: ['mcp:read', 'mcp:write'],
        bearer_methods_supported: ['header'],
        resource_name: 'Toolgate',
      });
    },
  );

  it.each(['', '/mcp', '/mcp/some-slug'])(
    'describes the authorization server at …/oauth-authorization-server%s',
    async (path) => {
      const { status, body } = await read(await gate(`/.well-known/oauth-authorization-server${path}`));

      expect(status).toBe(200);
      expect(body).toEqual({
        issuer: ISSUER,
        authorization_endpoint: `${ISSUER}/oauth2/authorize`,
        token_endpoint: `${ISSUER}/oauth2/token`,
        registration_endpoint: `${ISSUER}/oauth2/register`,
        revocation_endpoint: `${ISSUER}/oauth2/revoke`,
        jwks_uri: `${ISSUER}/.well-known/jwks.json`,
        response_types_supported: ['code'],
        grant_types_supported: ['authorization_code', 'refresh_token'],
        code_challenge_methods_supported: ['S256'],
        token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
        revocation_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
        scopes_supported: ['mcp', 'mcp:read', 'mcp:write'],
        authorization_response_iss_parameter_supported: true,
        client_id_metadata_document_supported: true,
      });
    },
  );

  it('names metadata documents only while they are taken (CONTRACT §2)', async () => {
    await configure({ oauth2_server_config: { client_id_metadata_documents: false } });
    const { body } = await read(await gate('/.well-known/oauth-authorization-server'));
    await configure({ oauth2_server_config: { client_id_metadata_documents: null } });

    expect(body).not.toHaveProperty('client_id_metadata_document_supported');
  });

  it('publishes one RSA key to begin with, without its private half', async () => {
    const response = await gate('/.well-known/jwks.json');
    const { keys } = (await response.json()) as { keys: Record<string, string>[] };

    expect(response.headers.get('cache-control')).toContain('max-age=300');
    expect(keys).toHaveLength(1);
    expect(Object.keys(keys[0] ?? {}).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use']);
  });

  it.each([
    '/.well-known/openid-configuration',
    '/.well-known/openid-configuration/mcp',
    '/mcp/.well-known/openid-configuration',
    '/any/where/.well-known/openid-configuration',
    '/.well-known/oauth-protected-resource/other',
    '/.well-known/oauth-protected-resource/mcp/Not_A_Slug',
    '/.well-known/oauth-authorization-server/mcp/a/b',
    '/.well-known/anything',
    '/v1/chat/completions',
    '/oauth2/unknown',
  ])('answers the probe %s with a JSON 404, even to a browser', async (path) => {
    const response = await gate(path, { headers: { accept: 'text/html' } });

    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toContain('application/json');
  });

  it('answers HEAD and a browser preflight without authentication', async () => {
    const head = await gate('/.well-known/oauth-authorization-server', { method: 'HEAD' });
    const preflight = await gate('/.well-known/oauth-protected-resource/mcp', {
      method: 'OPTIONS',
      headers: {
        origin: 'https://claude.ai',
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'mcp-protocol-version',
      },
    });

    expect(head.status).toBe(200);
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*');
    expect(preflight.headers.get('access-control-allow-credentials')).toBeNull();
    expect(preflight.headers.get('access-control-allow-headers')?.toLowerCase()).toContain(
      'mcp-protocol-version',
    );
  });

  it('takes the issuer from the settings, never from a header', async () => {
    const { body } = await read<{ issuer: string }>(
      await gate('/.well-known/oauth-authorization-server', {
        headers: { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http' },
      }),
    );

    expect(body.issuer).toBe(ISSUER);
  });

  it('is off, in JSON, when the gateway takes keys only', async () => {
    await configure({ mcp_server_auth_mode: 'headers' });

    const read = [
      '/.well-known/oauth-protected-resource',
      '/.well-known/oauth-protected-resource/mcp',
      '/.well-known/oauth-authorization-server',
      '/.well-known/jwks.json',
    ];
    const opened = [
      '/oauth2/authorize?client_id=x',
      '/authorize',
      '/api/oauth/per-user/authorize',
      '/oauth/consent?flow_id=x',
    ];
    const sent = [
      '/oauth2/register',
      '/oauth2/token',
      '/oauth2/revoke',
      '/oauth/consent',
      '/register',
      '/token',
    ];
    const answers = await Promise.all([
      ...read.map((path) => gate(path, { headers: { accept: 'text/html' } })),
      ...opened.map((path) => gate(path)),
      ...sent.map((path) => gate(path, { method: 'POST' })),
    ]);
    const pages = await Promise.all(opened.map((path) => gate(path, { headers: { accept: 'text/html' } })));
    await configure({ mcp_server_auth_mode: null });

    for (const response of answers) {
      expect(response.status).toBe(404);
      expect(response.headers.get('content-type')).toContain('application/json');
    }
    for (const page of pages) {
      expect(page.status).toBe(404);
      expect(await page.text()).toContain('This gateway takes access keys only');
    }
  });
});
