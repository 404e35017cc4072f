import { formsOf } from '../../demo/consent';
import { AuthorizationServer } from '../support/authorization-server';
import { Browser } from '../support/browser';
import { McpCaller } from '../support/caller';
import { authorizeAs, beginAuthorizing, enterHeaders } from '../support/connected';
import { configure, gate, ISSUER, newKey } from '../support/gate';
import { McpClient, post, register } from '../support/mcp-client';
import { accountServer } from '../support/own-accounts';
import { Provider, personOf } from '../support/provider';
import { addressOf, Upstream } from '../support/upstream';

/** A good request of one operation. @param path as the document has it; of an older name its own. */
type Call = (path: string) => Promise<Response>;

function administrator(method: string, path: string, body?: unknown): Promise<Response> {
  return gate(path, {
    method,
    headers: {
      authorization: 'Bearer test-admin-token-of-32-characters',
      'content-type': 'application/json',
    },
    body: body === undefined ? null : JSON.stringify(body),
  });
}

const get: Call = (path) => administrator('GET', path);
const publicly: Call = (path) => gate(path);

/** The call with the id of what `make` makes in its path. */
function about(make: () => Promise<string>, method: string, body?: unknown): Call {
  return async (path) => administrator(method, path.replace('{id}', encodeURIComponent(await make())), body);
}

const server = async () => (await Upstream.start(['echo'])).id;
/** A server with everyone's own accounts, and what is needed to authorize it. */
async function pending(auth_type = 'per_user_oauth') {
  const provider = await AuthorizationServer.start();
  const registration = { auth_type };
  const { id } = await Upstream.start(['whoami'], { demands: { issuer: provider.issuer }, registration });
  const authorize = async () => {
    const begun = await beginAuthorizing(id);
    await authorizeAs(provider, begun);
    return { id, config: begun.oauth_config_id };
  };
  return { id, authorize };
}
const pendingServer = async () => (await pending()).id;
const authorizedShared = async () => (await (await pending('oauth')).authorize()).id;
const authorizedConfig = async () => (await (await pending()).authorize()).config;

async function headerServer(): Promise<string> {
  const registration = {
    auth_type: 'per_user_headers',
    per_user_header_keys: ['X-Key'],
    user_headers: { 'X-Key': 'of the administrator' },
  };
  return (await Upstream.start(['whoami'], { demandsHeaders: ['x-key'], registration })).id;
}

/** An account that an access key has connected. */
async function account(): Promise<string> {
  const server = await headerServer();
  await enterHeaders(server, `vk:${await key()}`, { 'X-Key': 'of the key' });
  const answer = await administrator('GET', `/api/mcp/sessions?mcp_client_id=${server}`);
  const { sessions } = (await answer.json()) as { sessions: { id: string }[] };
  return sessions[0]?.id ?? '';
}

const key = async () => (await newKey()).id;
const client = async () => (await McpClient.register()).clientId;

async function grant(): Promise<string> {
  const { access_token } = await (await McpClient.register()).obtainGrant();
  const claims = JSON.parse(
    atob((access_token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/')),
  );
  return claims.grant_id;
}

async function toolset(): Promise<string> {
  const tools = [{ mcp_client_id: await server(), tool_names: ['*'] }];
  const name = `set ${crypto.randomUUID()}`;
  const made = await administrator('POST', '/api/mcp/virtual-mcps', { name, tools });
  return ((await made.json()) as { virtual_mcp: { id: string } }).virtual_mcp.id;
}

async function person(): Promise<string> {
  const provider = await Provider.start();
  const email = `${crypto.randomUUID().slice(0, 8)}@acme.example`;
  await provider.signIn(new Browser(), email);
  return (await personOf(email)).id;
}

const registering: Call = (path) =>
  gate(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name: 'Described',
      redirect_uris: ['http://127.0.0.1/callback'],
      token_endpoint_auth_method: 'client_secret_basic',
    }),
  });

const authorizing: Call = async (path) => {
  const url = new URL(await (await McpClient.register()).authorizeUrl());
  return gate(path + url.search);
};

const authorizingByForm: Call = async (path) => {
  const url = new URL(await (await McpClient.register()).authorizeUrl());
  return gate(path, { method: 'POST', body: url.searchParams });
};

const redeeming: Call = async (path) => {
  const client = await McpClient.register();
  const { clientId: client_id, redirectUri: redirect_uri, verifier: code_verifier } = client;
  const code = await client.obtainCode();
  return post(path, { grant_type: 'authorization_code', client_id, redirect_uri, code, code_verifier });
};

async function atConsent() {
  const browser = new Browser();
  const page = await browser.open(await (await McpClient.register()).authorizeUrl());
  if (!page) throw new Error('no consent was asked for');
  const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ');
  return { page, cookie };
}

async function deciding(): Promise<Response> {
  const { page, cookie } = await atConsent();
  const form = formsOf(page.html).find(({ controls }) => controls.some(({ name }) => name === 'decision'));
  const body = new URLSearchParams({ decision: 'deny' });
  for (const { name, value, isSent } of form?.controls ?? [])
    if (isSent && name !== 'decision') body.append(name, value);
  return gate('/oauth/consent', { method: 'POST', body, headers: { cookie, origin: ISSUER } });
}

/** A browser that is sent back by a provider, and stops there. */
class Returning extends Browser {
  override async open(url: string | URL) {
    if (!this.callback) return super.open(url);
    this.callback = new URL(url);
    return null;
  }
}

async function returning(): Promise<Response> {
  const provider = await Provider.start();
  const browser = new Returning();
  await provider.signIn(browser, 'ada@acme.example');
  const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ');
  return gate(browser.callback?.href ?? '', { headers: { cookie } });
}

/** A link for someone with a key, and that key. */
async function link(): Promise<{ id: string; server: string; key: string }> {
  const upstream = await accountServer(await AuthorizationServer.start());
  const { value } = await newKey();
  const { body } = await new McpCaller({ 'x-bf-vk': value }, '2025', `/mcp/${upstream.slug}`).call('whoami');
  const [, id = ''] = /\/connect\/([A-Za-z0-9_-]{22})/.exec(JSON.stringify(body)) ?? [];
  return { id, server: upstream.id, key: value };
}

const connecting: Call = async (path) => {
  const { id, server } = await link();
  return gate(`${path}?${new URLSearchParams({ mcp_client_id: server, handoff_id: id })}`);
};

const connectingByForm: Call = async (path) => {
  const browser = new Browser();
  const { html } = await (await McpClient.register()).toServices(browser);
  return submitted(browser, html, path, { mcp_client_id: 'any' });
};

const usingLink: Call = async (path) => {
  const { id, key } = await link();
  const browser = new Browser();
  const page = await browser.open(path.replace('{id}', id));
  return submitted(browser, page?.html ?? '', path.replace('{id}', id), { virtual_key: key });
};

/** The form of a page, sent to `path` with the hidden fields it has. */
function submitted(
  { cookies }: Browser,
  html: string,
  path: string,
  fields: Record<string, string>,
): Promise<Response> {
  const form = formsOf(html).find(({ controls }) => controls.some(({ name }) => name === 'form'));
  const body = new URLSearchParams(fields);
  for (const { name, value, isSent } of form?.controls ?? [])
    if (isSent && !(name in fields)) body.append(name, value);
  const cookie = [...cookies].map((pair) => pair.join('=')).join('; ');
  return gate(path, { method: 'POST', body, headers: { cookie, origin: ISSUER } });
}

async function signedOut(): Promise<Response> {
  return gate('/api/session', { method: 'DELETE' });
}

/** One call of each operation, by its id. */
export const calls: Readonly<Record<string, Call>> = {
  getProtectedResourceAtRoot: publicly,
  getProtectedResource: publicly,
  getProtectedResourceOfSlug: (path) => gate(path.replace('{slug}', 'docs')),
  getAuthorizationServer: publicly,
  getAuthorizationServerOfMcp: publicly,
  getAuthorizationServerOfSlug: (path) => gate(path.replace('{slug}', 'docs')),
  getSigningKeys: publicly,
  getClientDocument: publicly,
  registerClient: registering,
  registerClientPerUser: registering,
  registerClientAtRoot: registering,
  authorize: authorizing,
  authorizePerUser: authorizing,
  authorizeAtRoot: authorizing,
  authorizeByForm: authorizingByForm,
  authorizePerUserByForm: authorizingByForm,
  authorizeAtRootByForm: authorizingByForm,
  getToken: redeeming,
  getTokenPerUser: redeeming,
  getTokenAtRoot: redeeming,
  revokeToken: async () => {
    const client = await McpClient.register();
    return client.revoke((await client.obtainGrant()).refresh_token);
  },
  showConsent: async () => {
    const { page, cookie } = await atConsent();
    return gate(page.url, { headers: { cookie } });
  },
  showConsentTools: async () => {
    const { name } = await Upstream.start(['one']);
    const browser = new Browser();
    const page = await (await McpClient.register()).toServices(browser);
    const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ');
    return gate(page.url.replace('?', '/tools?').concat(`&server=${name}`), { headers: { cookie } });
  },
  decide: deciding,

  sendMessage: async () => {
    await Upstream.start(['echo']);
    return (await McpCaller.withKey()).send('tools/list');
  },
  sendMessageToSlug: async () => {
    const { slug } = await Upstream.start(['echo']);
    return (await McpCaller.withKey('2026', `/mcp/${slug}`)).send('tools/list');
  },
  beginAnonymousSession: async (path) => {
    await configure({ enforce_auth_on_inference: false });
    const answer = await gate(path, { method: 'POST' });
    await configure({ enforce_auth_on_inference: null });
    return answer;
  },

  listServers: async (path) => {
    await Upstream.start([
      { name: 'look', title: 'Look', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } },
      { name: 'x'.repeat(70_000), inputSchema: { type: 'object' } },
    ]);
    const down = { name: 'down', connection_type: 'http', connection_string: 'http://127.0.0.1:9/mcp' };
    await administrator('POST', '/api/mcp/client', down);
    return get(path);
  },
  checkServer: (path) => administrator('POST', path, { input: addressOf('described') }),
  createServer: (path) =>
    administrator('POST', path, {
      name: 'described',
      connection_type: 'http',
      connection_string: addressOf('described'),
      auth_type: 'headers',
      headers: { 'X-Token': 'a-value-to-mask' },
    }),
  listPresets: get,
  getServer: about(server, 'GET'),
  changeServer: about(server, 'PUT', { tools_to_execute: ['echo'] }),
  deleteServer: about(server, 'DELETE'),
  verifyHeaders: about(headerServer, 'POST', { user_headers: { 'X-Key': 'another' } }),
  authorizeServer: about(pendingServer, 'POST'),
  reauthorizeServer: about(authorizedShared, 'POST'),
  reregisterServer: about(authorizedShared, 'POST'),
  completeAuthorization: about(authorizedConfig, 'POST'),
  getAuthorizationStatus: about(authorizedConfig, 'GET'),
  revokeAuthorization: about(authorizedConfig, 'DELETE'),
  listAccounts: async (path) => {
    await account();
    return get(path);
  },
  getAccount: about(account, 'GET'),
  disconnectAccount: about(account, 'DELETE'),
  reconnectAccount: about(account, 'POST'),
  reconnectServer: about(server, 'POST'),
  refreshTools: about(server, 'POST'),

  listToolsets: async (path) => {
    await toolset();
    return get(path);
  },
  createToolset: async (path) =>
    administrator('POST', path, { name: 'Described', tools: [], virtual_key_ids: [await key()] }),
  getToolset: about(toolset, 'GET'),
  changeToolset: about(toolset, 'PUT', { enabled: false }),
  deleteToolset: about(toolset, 'DELETE'),
  attachKey: async (path) => about(toolset, 'POST')(path.replace('{vkId}', await key())),
  detachKey: async (path) => {
    const [set, vk] = [await toolset(), await key()];
    const ours = path.replace('{id}', set).replace('{vkId}', vk);
    await administrator('POST', ours);
    return administrator('DELETE', ours);
  },

  listKeys: async (path) => {
    await key();
    return get(path);
  },
  createKey: (path) =>
    administrator('POST', path, {
      name: 'described',
      expires_at: '2999-01-01T00:00:00Z',
      delete_after_expire: true,
      limits: [{ calls: 5, window_seconds: 60 }],
    }),
  getKey: about(key, 'GET'),
  changeKey: about(key, 'PUT', { is_active: false }),
  deleteKey: about(key, 'DELETE'),
  rotateKey: about(key, 'POST', { reason: 'leaked' }),
  getQuota: async (path) => {
    const terms = { name: `limited ${crypto.randomUUID()}`, limits: [{ calls: 5, window_seconds: 60 }] };
    const made = await administrator('POST', '/api/governance/virtual-keys', terms);
    const { virtual_key } = (await made.json()) as { virtual_key: { value: string } };
    await new McpCaller({ 'x-bf-vk': virtual_key.value }).call('nothing');
    return gate(path, { headers: { 'x-bf-vk': virtual_key.value } });
  },

  listUsers: async (path) => {
    await person();
    return get(path);
  },
  getUser: about(person, 'GET'),
  changeUser: about(person, 'PUT', { is_active: false }),
  deleteUser: about(person, 'DELETE'),
  listClients: async (path) => {
    await register({ redirect_uris: ['http://127.0.0.1/nameless'] });
    return get(path);
  },
  getClient: about(client, 'GET'),
  deleteClient: about(client, 'DELETE'),
  listGrants: async (path) => {
    await administrator('DELETE', `/api/oauth2/sessions/${await grant()}`);
    await grant();
    return get(path);
  },
  getGrant: about(grant, 'GET'),
  changeGrant: about(grant, 'PUT', { read_only: true }),
  endGrant: about(grant, 'DELETE'),
  listEvents: async (path) => {
    await grant();
    return get(path);
  },

  getEncryptionKeys: get,
  getHealth: get,
  getSettings: get,
  changeSettings: async (path) => {
    await Provider.start(); // so that there is a secret to mask
    return administrator('PUT', path, {
      display_name: 'Described',
      oauth2_server_config: { auth_code_ttl: null },
    });
  },
  rotateSigningKey: (path) => administrator('POST', path),
  reseal: (path) => administrator('POST', path),
  signIn: (path) => administrator('POST', path, { token: 'test-admin-token-of-32-characters' }),
  getSession: get,
  signOut: signedOut,
  beginSignIn: async (path) => {
    await Provider.start();
    return gate(path);
  },
  completeSignIn: returning,
  connectAccount: connecting,
  connectAccountByForm: connectingByForm,
  showLink: async (path) => gate(path.replace('{id}', (await link()).id)),
  useLink: usingLink,
  getDescription: publicly,
  getDocs: publicly,
};
