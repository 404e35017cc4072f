import { beforeAll, describe, expect, it } from 'vitest';
import { admin, gate, newKey } from '../support/gate';
import { Upstream } from '../support/upstream';
import { ZOD } from '../support/words';

type Body = Record<string, unknown>;
type Answer = { status: number; error?: { type: string; message: string; field?: string } };

/** Of every kind that JSON has, too long, too little, and none of what an enum takes. */
const WRONG: unknown[] = [
  ...[null, true, 7, -1, 1.5, '', 'no-such', 'x'.repeat(9_000), '\u0007'],
  ...[[7], [{}], Array(1_001).fill('x'), {}, { x: 7 }, { toString: 1 }, [{ toString: 1 }]],
];

let server: string;
let shared: string;
let personal: string;
let exchanging: string;
let key: string;
let toolset: string;

beforeAll(async () => {
  const id = async (auth_type: string, rest: Body = {}) => {
    const registration = { auth_type, enabled: false, ...rest };
    return (await Upstream.start([], { registration })).id;
  };
  server = await id('none');
  shared = await id('headers', { headers: { 'X-Key': 'value' } });
  const named = { authorize_url: 'https://idp.example/authorize', token_url: 'https://idp.example/token' };
  personal = await id('per_user_oauth', { oauth_config: { client_id: 'ours', ...named } });
  const token_exchange = { audience: 'files', use_idp_credentials: true };
  exchanging = await id('token_exchange', { token_exchange });
  key = (await newKey()).id;
  const terms = { name: `set ${crypto.randomUUID()}`, tools: [{ mcp_client_id: server, tool_names: ['*'] }] };
  toolset = (await admin<{ virtual_mcp: { id: string } }>('POST', '/mcp/virtual-mcps', terms)).virtual_mcp.id;
});

/** Where a member may be wrong: what is sent with it besides, and the members, nested ones by dots. */
const bodies: [string, string, () => string, Body, string[]][] = [
  [
    'a new server',
    'POST',
    () => '/mcp/client',
    { connection_type: 'http', connection_string: 'http://127.0.0.1:9/mcp', enabled: false },
    [
      ...['name', 'connection_string', 'connection_type', 'auth_type', 'enabled', 'tools_to_execute'],
      ...['allow_on_all_virtual_keys', 'tool_execution_timeout', 'tool_sync_interval', 'headers'],
      ...['per_user_header_keys', 'user_headers', 'oauth_config', 'token_exchange'],
    ],
  ],
  [
    'a server',
    'PUT',
    () => `/mcp/client/${server}`,
    {},
    ['name', 'connection_string', 'tools_to_execute', 'auth_type'],
  ],
  [
    'a server with headers',
    'PUT',
    () => `/mcp/client/${shared}`,
    {},
    ['headers', 'headers.X-Key', 'oauth_config'],
  ],
  [
    'a server with a provider',
    'PUT',
    () => `/mcp/client/${personal}`,
    {},
    [
      ...['client_id', 'client_secret', 'authorize_url', 'token_url', 'registration_url', 'server_url'],
      ...['resource', 'scopes', 'issuer'],
    ].map((member) => `oauth_config.${member}`),
  ],
  [
    'a server that exchanges',
    'PUT',
    () => `/mcp/client/${exchanging}`,
    {},
    [
      ...[
        'audience',
        'use_idp_credentials',
        'client_id',
        'client_secret',
        'authorization_server_url',
        'scopes',
      ],
    ].map((member) => `token_exchange.${member}`),
  ],
  [
    'a key',
    'PUT',
    () => `/governance/virtual-keys/${key}`,
    {},
    [
      ...['name', 'description', 'is_active', 'expires_at', 'delete_after_expire', 'owner_user_id', 'shared'],
      ...['mcp_configs', 'limits', 'value'],
    ],
  ],
  ['a new key', 'POST', () => '/governance/virtual-keys', { name: 'once' }, ['value', 'limits']],
  ['a rotation', 'POST', () => `/governance/virtual-keys/${key}/rotate`, {}, ['reason']],
  [
    'a toolset',
    'PUT',
    () => `/mcp/virtual-mcps/${toolset}`,
    {},
    ['name', 'description', 'enabled', 'tools', 'virtual_key_ids'],
  ],
  ['a new toolset', 'POST', () => '/mcp/virtual-mcps', { name: 'once', tools: [] }, ['endpoint_slug']],
  [
    'the settings',
    'PUT',
    () => '/config',
    {},
    [
      ...['display_name', 'mcp_server_auth_mode', 'revocation_lag', 'allowed_origins', 'default_user_access'],
      ...['oauth2_server_config.access_token_ttl', 'oauth2_server_config.allowed_redirect_uris'],
      ...['oidc.issuer', 'oidc.admin_emails', 'access.team_domain', 'mcp_external_server_url'],
    ],
  ],
];

/** The body with `value` at a dotted name. */
function withMember(body: Body, member: string, value: unknown): Body {
  const [first = '', ...rest] = member.split('.');
  return { ...body, [first]: rest.length ? withMember({}, rest.join('.'), value) : value };
}

describe('a value the API does not take (CONTRACT §8)', () => {
  it.each(bodies)('of %s is named, in words of the API', async (_, method, path, body, members) => {
    const refused = new Set<string>();
    for (const member of members) {
      for (const value of WRONG) {
        const sent = withMember(
          method === 'POST' && 'connection_type' in body ? unnamed(body) : body,
          member,
          value,
        );
        const { status, error } = await admin<Answer>(method, path(), sent);
        const what = [member, JSON.stringify(value).slice(0, 40), status, error?.message];
        expect(what, String(what)).toEqual([...what.slice(0, 3), expectedOf(status)]);
        if (status !== 400 || !error) continue;
        refused.add(member);
        expect(`${error.field}.`, String(what)).toContain(`${member.split('.')[0]}.`);
      }
    }

    expect([...refused]).toEqual(members);
  });

  it.each([[null], [[]], ['text'], [7]])('is the whole body when that is %j', async (body) => {
    const { error } = await admin<Answer>('PUT', `/governance/virtual-keys/${key}`, body);

    expect(error).toEqual({ type: 'invalid_request', message: 'The body must be a JSON object.' });
  });

  it('is one that is missing', async () => {
    const { error } = await admin<Answer>('POST', '/governance/virtual-keys', {});

    expect(error).toEqual({ type: 'invalid_request', message: 'name is required.', field: 'name' });
  });

  it.each([
    ['/audit', ['outcome', 'code', 'since', 'until', 'limit']],
    ['/oauth2/sessions', ['status', 'bf_mode', 'unused_since', 'offset']],
    ['/mcp/sessions', ['kind', 'auth_mode', 'limit']],
  ])('is a parameter of %s', async (path, names) => {
    for (const name of names) {
      const { status, error } = await admin<Answer>('GET', `${path}?${name}=no+such`);

      expect([name, status, error?.field]).toEqual([name, 400, name]);
      expect(error?.message).not.toMatch(ZOD);
    }
  });
});

const unnamed = (body: Body): Body => ({ name: `s_${crypto.randomUUID().slice(0, 8)}`, ...body });

/** A sentence, or no refusal at all; never zod's. */
function expectedOf(status: number): unknown {
  if (status < 300) return undefined;
  expect(status).toBeLessThan(500);
  return expect.not.stringMatching(ZOD);
}

describe('client metadata that is not taken (RFC 7591 §3.2.2, CONTRACT §3)', () => {
  const members = ['client_name', 'grant_types', 'response_types', 'token_endpoint_auth_method', 'scope'];

  it.each([...members, 'redirect_uris'])(
    '%s is named in a sentence a developer can act on',
    async (member) => {
      let refused = 0;
      for (const value of WRONG) {
        const sent = { redirect_uris: ['http://127.0.0.1/callback'], [member]: value };
        const response = await gate('/oauth2/register', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(sent),
        });
        if (response.status < 300) continue;
        refused++;
        const { error_description } = (await response.json()) as { error_description: string };
        expect(error_description).toContain(member);
        expect(error_description).not.toMatch(ZOD);
      }

      expect(refused).toBeGreaterThan(3);
    },
  );
});
