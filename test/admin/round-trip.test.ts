import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { authTypes } from '../../src/accounts/auth/index';
import { serverMembers } from '../../src/admin/api/servers/request';
import { UserChangeRequest } from '../../src/admin/api/users';
import { keyChange, NewKey } from '../../src/admin/api/virtual-key-terms';
import { NewVirtualMcp, VirtualMcpChange } from '../../src/admin/api/virtual-mcps';
import { forgetDeployment } from '../../src/config';
import { recordSignIn } from '../../src/governance/users';
import type { VirtualKey } from '../../src/governance/virtual-keys';
import { tokenExchangeTerms } from '../../src/servers/auth-settings';
import { oauthConfigMembers } from '../../src/servers/oauth-config';
import { SETTINGS } from '../../src/settings';
import { admin, newKey } from '../support/gate';
import { addressOf } from '../support/upstream';

type Members = Record<string, unknown>;
type Shown = { status: number; error?: { message: string } } & Record<string, unknown>;

/** Of each member: the value it is made with, which is not the default, and the one it is changed to. */
type Values = Record<string, [made: unknown, changed: unknown]>;

const made = (values: Values) =>
  Object.fromEntries(Object.entries(values).map(([name, [value]]) => [name, value]));
const changed = (values: Values) =>
  Object.fromEntries(Object.entries(values).map(([name, [, value]]) => [name, value]));
const only = (members: Members, names: readonly string[]) =>
  Object.fromEntries(Object.entries(members).filter(([name]) => names.includes(name)));
const fresh = () => `n_${crypto.randomUUID().slice(0, 8)}`;
const ANYWHERE = { kept: { headers: {} }, allowLoopback: true };

/** The answer, or an error with the server's words. */
async function ask(method: string, path: string, body?: object): Promise<Shown> {
  const answer = await admin<Shown>(method, path, body);
  if (answer.status === 200) return answer;
  throw new Error(`${method} ${path} answered ${answer.status}: ${answer.error?.message}`);
}

/** What another isolate reads: this one forgets all it knew. */
async function elsewhere(path: string, noun: string): Promise<Members> {
  forgetDeployment();
  return (await ask('GET', path))[noun] as Members;
}

/**
 * Makes one with every member, and one with those that are `required` only, to know the defaults; then changes every member.
 * @param post the path to make it at, and `noun` its name in answers
 * @param shownAs how answers show what was sent, where that is something else
 */
async function roundTrip(
  {
    post,
    noun,
    idOf = (answer) => String((answer[noun] as Members).id),
  }: { post: string; noun: string; idOf?: (answer: Shown) => string },
  {
    values,
    required,
    never = [],
    shownAs = (sent) => sent,
  }: {
    values: Values;
    required: Members;
    /** Members that a change leaves as they are. */
    never?: readonly string[];
    shownAs?: (sent: Members) => Members;
  },
): Promise<void> {
  const at = (answer: Shown) => `${post}/${idOf(answer)}`;
  const bare = await elsewhere(at(await ask('POST', post, required)), noun);
  const path = at(await ask('POST', post, made(values)));
  const first = await elsewhere(path, noun);
  const change = Object.fromEntries(
    Object.entries(changed(values)).filter(([name]) => !never.includes(name)),
  );
  const answered = (await ask('PUT', path, change))[noun] as Members;
  const second = await elsewhere(path, noun);

  expect(first).toMatchObject(shownAs(made(values)));
  expect(second).toMatchObject(shownAs({ ...made(values), ...change }));
  expect(answered).toMatchObject(shownAs(change));
  for (const [name, value] of Object.entries(shownAs(made(values)))) {
    if (!(name in required)) expect({ [name]: bare[name] }).not.toEqual({ [name]: value });
    if (!never.includes(name)) expect({ [name]: second[name] }).not.toEqual({ [name]: value });
  }
}

const reading = (tool: string) => ({ allow_resources: tool === 'one', allow_prompts: tool !== 'one' });
const access = (name: string, tool: string) => [
  { mcp_client_name: name, tools_to_execute: [tool], ...reading(tool) },
];
let servers: { id: string; name: string }[];
beforeAll(async () => {
  servers = await Promise.all(
    [1, 2].map(async () => {
      const body = {
        name: fresh(),
        connection_type: 'http',
        connection_string: addressOf('round_disabled'),
        enabled: false,
      };
      return (await ask('POST', '/mcp/client', body)).client as { id: string; name: string };
    }),
  );
});
const server = (at: number) => servers[at] as { id: string; name: string };
const person = (subject: string) =>
  recordSignIn(
    env.DB,
    { issuer: 'https://id.example', subject, email: `${subject}@acme.example`, name: subject },
    1_700_000_000,
  );

describe('every member of a server', () => {
  const common = (): Values => ({
    name: [fresh(), fresh()],
    connection_string: [addressOf('round_one'), addressOf('round_two')],
    tools_to_execute: [['one'], ['two', 'three']],
    allow_resources: [true, false],
    allow_prompts: [false, true],
    allow_on_all_virtual_keys: [true, false],
    enabled: [false, true],
    pass_baggage: [true, false],
    pass_instructions: [false, true],
    tool_execution_timeout: [11, 12],
    tool_sync_interval: [13, 14],
  });
  const at = new URL(addressOf('round_provider')).origin; // nothing it answers counts: what is configured is not discovered
  const oauthConfig: Values = {
    client_id: ['client-1', 'client-2'],
    client_secret: ['env.FIRST', 'env.SECOND'],
    authorize_url: [`${at}/authorize-1`, `${at}/authorize-2`],
    token_url: [`${at}/token-1`, `${at}/token-2`],
    registration_url: [`${at}/register-1`, `${at}/register-2`],
    server_url: [`${at}/server-1`, `${at}/server-2`],
    resource: ['https://one.example', 'https://two.example'],
    scopes: [['one'], ['two', 'three']],
    issuer: [`${at}/issuer-1`, `${at}/issuer-2`],
  };
  const exchange: Values = {
    audience: ['one', 'two'],
    use_idp_credentials: [true, false],
    client_id: ['client-1', 'client-2'],
    client_secret: ['env.FIRST', 'env.SECOND'],
    authorization_server_url: [null, `${at}/issuer-2`],
    scopes: [['one'], ['two']],
  };
  const ofAuthType: Values = {
    headers: [{ 'x-one': 'env.FIRST' }, { 'x-two': 'env.SECOND' }],
    per_user_header_keys: [['x-mine'], ['x-mine', 'x-other']],
    oauth_config: [made(oauthConfig), changed(oauthConfig)],
    token_exchange: [made(exchange), changed(exchange)],
  };
  /** Tried at the server and kept with the gateway's own account, not with the server. */
  const NOT_OF_THE_SERVER = ['user_headers'];

  it.each([...authTypes])('with %s comes back as it was sent', async (auth_type, { settings }) => {
    const taken = Object.keys(settings(ANYWHERE).shape).filter((name) => !NOT_OF_THE_SERVER.includes(name));
    const members = [...Object.keys(serverMembers(true).shape), ...taken];
    const values = { ...common(), ...(only(ofAuthType, taken) as Values) };

    expect(Object.keys(values).sort()).toEqual(members.sort());
    const type = { connection_type: 'http', auth_type };
    const smallest: Members = {
      per_user_header_keys: ['x-least'],
      oauth_config: { client_id: 'least', authorize_url: `${at}/a`, token_url: `${at}/t` },
      token_exchange: { audience: 'least', client_id: 'least' },
    };
    const required = {
      ...type,
      name: fresh(),
      connection_string: addressOf('round_least'),
      enabled: true,
      ...only(smallest, taken),
    };
    await roundTrip(
      {
        post: '/mcp/client',
        noun: 'client',
        idOf: (answer) => String(answer.mcp_client_id ?? (answer.client as Members).id),
      },
      {
        values: { ...values, connection_type: ['http', 'http'], auth_type: [auth_type, auth_type] },
        required,
        never: ['connection_type', 'auth_type'],
      },
    );
  });

  it('is given here: those within oauth_config and token_exchange too', () => {
    expect(Object.keys(oauthConfig).sort()).toEqual(Object.keys(oauthConfigMembers(true).shape).sort());
    expect(Object.keys(exchange).sort()).toEqual(
      Object.keys(tokenExchangeTerms(ANYWHERE).def.in.shape).sort(),
    );
  });
});

describe('every member of a virtual key', () => {
  it('comes back as it was sent', async () => {
    const [ada, bob] = await Promise.all([person('ada'), person('bob')]);
    const values: Values = {
      name: ['key one', 'key two'],
      description: ['first', 'second'],
      is_active: [false, true],
      expires_at: ['2098-01-31T12:00:00Z', '2099-01-31T12:00:00Z'],
      delete_after_expire: [true, false],
      owner_user_id: [ada.id, bob.id],
      shared: [true, false],
      mcp_configs: [access(server(0).name, 'one'), access(server(1).name, 'two')],
      limits: [[{ calls: 1, window_seconds: 2 }], [{ calls: 3, window_seconds: 4 }]],
      value: ['sk-bf-brought-along-0123456789', 'sk-bf-••••6789'],
    };

    expect(Object.keys(values).sort()).toEqual(Object.keys(NewKey.shape).sort());
    expect(Object.keys(values).sort()).toEqual(Object.keys(keyChange({} as VirtualKey).shape).sort());
    await roundTrip(
      { post: '/governance/virtual-keys', noun: 'virtual_key' },
      {
        values,
        required: { name: 'bare key' },
        never: ['value'],
        shownAs: (sent) => ('value' in sent ? { ...sent, value: 'sk-bf-••••6789' } : sent),
      },
    );
  });
});

describe('every member of a Virtual MCP', () => {
  it('comes back as it was sent', async () => {
    const [one, two] = await Promise.all([newKey(), newKey()]);
    const tools = (at: number) => [
      { mcp_client_id: server(at).id, tool_names: ['one'], ...reading(at ? 'two' : 'one') },
    ];
    const values: Values = {
      name: ['toolset one', 'toolset two'],
      description: ['first', 'second'],
      enabled: [false, true],
      tools: [tools(0), tools(1)],
      virtual_key_ids: [[one.id], [two.id]],
      endpoint_slug: ['an-address', 'an-address'],
    };

    expect(Object.keys(values).sort()).toEqual(Object.keys(NewVirtualMcp.shape).sort());
    expect([...Object.keys(VirtualMcpChange.shape), 'endpoint_slug'].sort()).toEqual(
      Object.keys(values).sort(),
    );
    await roundTrip(
      { post: '/mcp/virtual-mcps', noun: 'virtual_mcp' },
      { values, required: { name: 'bare', tools: [] }, never: ['endpoint_slug'] },
    );
  });
});

describe('every member of a person', () => {
  it('comes back as it was sent', async () => {
    const { id } = await person('cyd');
    const path = `/users/${id}`;
    const sent = { is_active: false, mcp_configs: access(server(0).name, 'one') };
    const before = await elsewhere(path, 'user');

    expect(Object.keys(sent).sort()).toEqual(Object.keys(UserChangeRequest.shape).sort());
    expect((await ask('PUT', path, sent)).user).toMatchObject(sent);
    expect(await elsewhere(path, 'user')).toMatchObject(sent);
    expect(before).toMatchObject({ is_active: true, mcp_configs: [] });
  });
});

describe('every setting', () => {
  const OTHER = 'https://other.example';
  const values = (): Values => ({
    display_name: ['One', 'Two'],
    support_text: ['ask one', 'ask two'],
    mcp_server_auth_mode: ['oauth', 'headers'],
    'oauth2_server_config.issuer_url': [OTHER, 'https://another.example'],
    'oauth2_server_config.auth_code_ttl': [61, 62],
    'oauth2_server_config.access_token_ttl': [63, 64],
    'oauth2_server_config.refresh_token_ttl': [65, 66],
    'oauth2_server_config.refresh_reuse_interval': [67, 68],
    'oauth2_server_config.allowed_redirect_uris': [['https://one.example/cb'], ['https://two.example/cb']],
    'oauth2_server_config.signing_alg': ['ES256', 'RS256'],
    'oauth2_server_config.client_id_metadata_documents': [false, true],
    'oauth2_server_config.disable_vk_identity': [true, false],
    enforce_auth_on_inference: [false, true],
    default_user_access: [access(server(0).name, 'one'), access(server(1).name, 'two')],
    user_reauth_days: [1, 2],
    revocation_lag: [1, 2],
    vk_rotation_cooldown: [3, 4],
    mcp_tool_execution_timeout: [5, 6],
    log_tool_calls: ['failed', 'none'],
    mcp_tool_sync_interval: [7, 8],
    allowed_origins: [['https://one.example'], ['https://two.example']],
    mcp_external_server_url: ['https://one.example', 'https://two.example'],
    mcp_external_client_url: ['https://three.example', 'https://four.example'],
    mcp_enable_temp_token_auth: [true, false],
    'oidc.issuer': ['https://id-1.example', 'https://id-2.example'],
    'oidc.client_id': ['client-1', 'client-2'],
    'oidc.client_secret': ['the-first-secret-0001', 'the-second-secret-0002'],
    'oidc.scopes': [
      ['openid', 'one'],
      ['openid', 'two'],
    ],
    'oidc.allowed_domains': [['one.example'], ['two.example']],
    'oidc.admin_emails': [['ada@one.example'], ['bob@two.example']],
    'access.team_domain': ['one.cloudflareaccess.com', 'two.cloudflareaccess.com'],
    'access.aud': ['aud-1', 'aud-2'],
  });
  const tree = (flat: Members) => {
    const body: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(flat)) {
      const [group = '', member] = name.split('.');
      if (member) body[group] = { ...(body[group] as object), [member]: value };
      else body[name] = value;
    }
    return body;
  };
  const masked = (flat: Members) => {
    const secret = String(flat['oidc.client_secret']);
    return tree({ ...flat, 'oidc.client_secret': `••••${secret.slice(-4)}` });
  };
  const get = async () => {
    forgetDeployment();
    const { status: _, ...settings } = await ask('GET', '/config');
    return settings;
  };

  it('comes back as it was sent, and goes back to its variable', async () => {
    const before = await get();
    const [first, second] = [made(values()), changed(values())];

    expect(Object.keys(first).sort()).toEqual(SETTINGS.map(({ name }) => name).sort());
    for (const flat of [first, second]) {
      expect(await ask('PUT', '/config', { ...tree(flat), confirm: 'unreachable' })).toMatchObject(
        masked(flat),
      );
      expect(await get()).toEqual(masked(flat));
    }
    const nothing = Object.fromEntries(SETTINGS.map(({ name }) => [name, null]));
    await ask('PUT', '/config', { ...tree(nothing), confirm: 'unreachable' });
    expect(await get()).toEqual(before);
    for (const [name, value] of Object.entries(first)) {
      const [group = '', member] = name.split('.');
      const was = member ? (before[group] as Members)[member] : before[group];
      expect({ [name]: was }).not.toEqual({ [name]: value });
      expect({ [name]: second[name] }).not.toEqual({ [name]: value });
    }
  });
});
