import { describe, expect, it } from 'vitest';
import { gate, read } from '../support/gate';
import { register } from '../support/mcp-client';

const callback = 'https://app.example/callback';
const json = { 'content-type': 'application/json' };

describe('registration (RFC 7591)', () => {
  it('keeps what it was told, fills in the defaults and echoes both', async () => {
    const { status, body } = await register({
      redirect_uris: [callback],
      client_name: 'Claude Code',
      logo_uri: 'https://x.example/l.png',
    });

    expect(status).toBe(201);
    expect(body).toEqual({
      client_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      client_id_issued_at: expect.closeTo(Date.now() / 1000, -1),
      client_name: 'Claude Code',
      redirect_uris: [callback],
      grant_types: ['authorization_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      scope: 'mcp',
    });
  });

  it('answers no-store, and the older paths too', async () => {
    for (const path of ['/oauth2/register', '/register', '/api/oauth/per-user/register']) {
      const response = await gate(path, {
        method: 'POST',
        headers: json,
        body: JSON.stringify({ redirect_uris: [callback] }),
      });

      expect(response.status).toBe(201);
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
    }
  });

  it.each(['client_secret_basic', 'client_secret_post'])(
    'gives a secret to a client that authenticates by %s, and to no other',
    async (method) => {
      const confidential = await register({ redirect_uris: [callback], token_endpoint_auth_method: method });
      const open = await register({ redirect_uris: [callback], token_endpoint_auth_method: 'none' });

      expect(confidential.body).toMatchObject({
        client_secret: expect.stringMatching(/^[\w-]{43}$/),
        client_secret_expires_at: 0,
      });
      expect(open.body).not.toHaveProperty('client_secret');
      expect(open.body).not.toHaveProperty('client_secret_expires_at');
    },
  );

  it.each([
    'https://vscode.dev/redirect',
    'https://app.example:8443/cb?x=1',
    'http://127.0.0.1/',
    'http://127.0.0.1:33418/',
    'http://localhost:54321/callback',
    'http://[::1]:9000/cb',
    'cursor://anysphere.cursor-mcp/oauth/callback',
    'vscode://vscode.github-authentication/did-authenticate',
    'com.example.app:/cb',
    'com.example.app:/a..b/...;x/cb?next=/../x',
    'https://app.example/cb;v=1/it%20is',
    "https://app.example/cb'",
    'msauth.com.example.app://auth',
    'searchlight://cb',
  ])('takes the redirect URI %s', async (uri) => {
    expect((await register({ redirect_uris: [uri], application_type: 'web' })).status).toBe(201);
  });

  it.each([
    'http://app.example/cb',
    'http://127.0.0.1.example/cb',
    'http://localhost.example/cb',
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    'java\tscript:alert(1)',
    ' https://app.example/cb',
    'data:text/html,x',
    'file:///etc/passwd',
    'blob:https://app.example/x',
    'vbscript:x',
    'about:blank',
    'view-source:https://app.example',
    'filesystem:https://app.example/x',
    'intent://x#Intent;end',
    'ws://app.example',
    'wss://app.example',
    'ftp://app.example/x',
    'mailto:x@app.example',
    'tel:1',
    'sms:1',
    'chrome://settings',
    'jar:https://app.example/x!/',
    'https://app.example/cb#fragment',
    'https://app.example/cb#',
    'https://user:pass@app.example/cb',
    'https://@app.example/cb',
    'https://user@app.example/cb',
    'https://app.example\\cb/cb',
    'https://app.example/a/../cb',
    'https://app.example/a/%2e%2e/cb',
    'https://app.example/./cb',
    'https://app.example/a/..',
    'https://app.example/a/..;/cb',
    'https://app.example/a/..;x=1/cb',
    'https://app.example/a/.;/cb',
    'https://app.example/a/%2E%2e;/cb',
    'https://app.example/a/..%3B/cb',
    'https://app.example/a/%252e%252e/cb',
    'https://app.example/a/%25252e%25252e%25253b/cb',
    `https://app.example/a/%${'25'.repeat(900)}2e/cb`,
    'https://app.example/a/..%2fcb',
    'https://app.example/a%5c..%5ccb',
    'https://app.example/a/..%00/cb',
    'com.example.app:/a/..;/cb',
    'com.example.app:..',
    'ms-msdt:/id',
    'MS-officecmd:x',
    'ms-settings:privacy',
    'search-ms:query=x',
    'search:query=x',
    'shell:startup',
    'itms-services://?action=download-manifest',
    'jnlp://app.example/x',
    'ssh://app.example',
    'com.example.app:/cb"',
    "com.example.app:/cb'",
    'com.example.app:/cb`',
    'com.example.app:/<cb',
    'com.example.app:/cb>',
    'com.example.app:/c b',
    'com.example.app:/c\u00a0b',
    'com.example.app:/cb\u200b',
    'https://*.example/cb',
    'https:/app.example',
    'https:\\\\app.example',
    '//app.example/cb',
    '/callback',
    'callback',
    '',
    `https://app.example/${'a'.repeat(2000)}`,
  ])('refuses the redirect URI %j', async (uri) => {
    const { status, body } = await register({ redirect_uris: [callback, uri] });

    expect({ status, error: body.error }).toEqual({ status: 400, error: 'invalid_redirect_uri' });
    expect(body.error_description).toMatch(/^redirect_uris/);
  });

  it.each([
    [{ redirect_uris: undefined }, 'invalid_redirect_uri'],
    [{ redirect_uris: [] }, 'invalid_redirect_uri'],
    [{ redirect_uris: callback }, 'invalid_redirect_uri'],
    [{ redirect_uris: Array(21).fill(callback) }, 'invalid_redirect_uri'],
    [{ redirect_uris: [7] }, 'invalid_redirect_uri'],
    [{ grant_types: ['password'] }, 'invalid_client_metadata'],
    [{ grant_types: ['password', 'client_credentials'] }, 'invalid_client_metadata'],
    [{ grant_types: 'authorization_code' }, 'invalid_client_metadata'],
    [{ response_types: ['token'] }, 'invalid_client_metadata'],
    [{ response_types: ['code token', 'id_token'] }, 'invalid_client_metadata'],
    [{ response_types: [7] }, 'invalid_client_metadata'],
    [{ token_endpoint_auth_method: 'private_key_jwt' }, 'invalid_client_metadata'],
    [{ client_name: 'x'.repeat(1025) }, 'invalid_client_metadata'],
    [{ client_name: 7 }, 'invalid_client_metadata'],
    [{ scope: 'x'.repeat(2001) }, 'invalid_client_metadata'],
  ])('refuses %j as %s, naming the member', async (change, error) => {
    const { status, body } = await register({ redirect_uris: [callback], ...change });

    expect({ status, error: body.error }).toEqual({ status: 400, error });
    expect(body.error_description).toContain(Object.keys(change)[0]);
  });

  it.each(['{', '[]', '"x"', 'null', ''])('refuses the body %j', async (body) => {
    const answer = await read(await gate('/oauth2/register', { method: 'POST', headers: json, body }));

    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_client_metadata' } });
  });

  it.each([
    ['authorization_code', 'refresh_token'],
    ['implicit', 'refresh_token', 'authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'],
    ['refresh_token'],
    ['refresh_token', 'client_credentials'],
  ])(
    'leaves out grant and response types it does not serve (RFC 7591 §3.2.1): %j',
    async (...grant_types) => {
      const response_types = ['none', 'code', 'code id_token'];
      const { status, body } = await register({ redirect_uris: [callback], grant_types, response_types });

      expect(status).toBe(201);
      expect(body.grant_types).toEqual(['authorization_code', 'refresh_token']);
      expect(body.response_types).toEqual(['code']);
    },
  );

  it('takes 20 redirect URIs', async () => {
    const uris = Array.from({ length: 20 }, (_, n) => `${callback}/${n}`);

    expect((await register({ redirect_uris: uris })).body.redirect_uris).toEqual(uris);
  });

  it.each(['application/json', 'Application/JSON ; charset=utf-8'])('reads %s', async (type) => {
    const headers = { 'content-type': type };
    const body = JSON.stringify({ redirect_uris: [callback] });

    expect((await gate('/oauth2/register', { method: 'POST', headers, body })).status).toBe(201);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', 'application/jwt', ''])(
    'answers 415 to a body of the type %j',
    async (type) => {
      const headers = { 'content-type': type };
      const body = JSON.stringify({ redirect_uris: [callback] });
      const answer = await read(await gate('/oauth2/register', { method: 'POST', headers, body }));

      expect(answer).toMatchObject({ status: 415, body: { error: 'invalid_client_metadata' } });
      expect(answer.body.error_description).toContain('application/json');
    },
  );

  it('answers 415 to a body of no type', async () => {
    const body = new TextEncoder().encode(JSON.stringify({ redirect_uris: [callback] }));

    expect((await gate('/oauth2/register', { method: 'POST', body })).status).toBe(415);
  });

  it('reads a body of 64 levels, and refuses a deeper one', async () => {
    const nested = (levels: number) =>
      `{"redirect_uris":["${callback}"],"x":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;
    const ask = async (body: string) =>
      read(await gate('/oauth2/register', { method: 'POST', headers: json, body }));

    expect((await ask(nested(64))).status).toBe(201);
    expect(await ask(nested(65))).toMatchObject({ status: 400, body: { error: 'invalid_client_metadata' } });
  });

  it.each([
    ['a\u00a0\u00a0 \t\n b', 'a b'],
    ['\u3000a\u2003\u202f\u205fb\u2028c\u2800', 'a b c'],
    ['a \u200b b', 'a b'],
    ['Clau\ufeffde', 'Claude'],
  ])('makes one blank of a run of white space in a name: %j', async (client_name, shown) => {
    expect((await register({ redirect_uris: [callback], client_name })).body.client_name).toBe(shown);
  });

  it('refuses a body over 16 KiB', async () => {
    const { status, body } = await register({ redirect_uris: [callback], client_uri: 'x'.repeat(17_000) });

    expect({ status, error: body.error }).toEqual({ status: 400, error: 'invalid_client_metadata' });
  });

  it('takes empty and null members as absent', async () => {
    const { body } = await register({
      redirect_uris: [callback],
      client_name: null,
      grant_types: [],
      response_types: null,
      token_endpoint_auth_method: '',
      scope: '',
    });

    expect(body).toMatchObject({
      grant_types: ['authorization_code'],
      token_endpoint_auth_method: 'none',
      scope: 'mcp',
    });
  });

  it('drops scopes it does not know, and keeps the first 200 visible characters of a name', async () => {
    const { body } = await register({
      redirect_uris: [callback],
      scope: 'openid mcp:read offline_access',
      client_name: `Cla\u202Eude\u200B\u0000 ${'x'.repeat(900)}`,
    });

    expect(body.scope).toBe('mcp:read');
    expect(body.client_name).toBe(`Claude ${'x'.repeat(193)}`);
  });

  it('takes a name that shows as nothing for no name', async () => {
    const { body } = await register({
      redirect_uris: [callback],
      client_name: '\u2800\u034F\u3164\uFE0F \uD800',
    });

    expect(body).not.toHaveProperty('client_name');
  });

  it('picks its own ids and ignores flags of trust', async () => {
    const { body } = await register({
      redirect_uris: [callback],
      client_id: 'mine',
      client_secret: 'mine',
      trusted: true,
      software_statement: 'x',
    });

    expect(body.client_id).not.toBe('mine');
    expect(body).not.toHaveProperty('client_secret');
    expect(body).not.toHaveProperty('trusted');
  });
});
