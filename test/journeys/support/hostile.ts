import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { consent } from '../../../demo/consent.ts';
import type { AdminApi, VirtualKey } from '../../../scripts/admin-api.ts';
import { NAMES } from '../../../scripts/journeys/names.ts';
import type { Furniture } from '../../../scripts/screenshots/furnish.ts';
import { App } from './app.ts';

const [LONG, WIDE] = NAMES;
/** 249 characters: no host is longer than 253. */
const HOST = `${`${'w'.repeat(61)}.`.repeat(4)}x`;
const SERVER = 'W'.repeat(64);

/** An MCP server whose tools have hostile names and words, and an OpenID provider where a person of that kind signs in at once. */
export class HostilePeer {
  readonly origin: string;
  private readonly server: Server;

  private constructor(server: Server) {
    this.server = server;
    this.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(): Promise<HostilePeer> {
    const { privateKey, publicKey } = await generateKeyPair('RS256');
    const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'RS256', use: 'sig' };
    let nonce = '';
    const server = createServer(async (request, response) => {
      const url = new URL(request.url ?? '', peer.origin);
      const body = await text(request);
      const json = (value: unknown) =>
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
      switch (url.pathname) {
        case '/mcp': {
          const { id, method } = JSON.parse(body || '{}') as { id?: number; method?: string };
          if (id === undefined) return response.writeHead(202).end();
          return json({ jsonrpc: '2.0', id, result: RESULTS[method ?? ''] ?? {} });
        }
        case '/.well-known/openid-configuration':
          return json(providerAt(peer.origin));
        case '/jwks':
          return json({ keys: [jwk] });
        case '/authorize': {
          const back = new URL(url.searchParams.get('redirect_uri') ?? '');
          nonce = url.searchParams.get('nonce') ?? '';
          back.searchParams.set('code', 'code');
          back.searchParams.set('state', url.searchParams.get('state') ?? '');
          back.searchParams.set('iss', peer.origin);
          return response.writeHead(302, { location: back.href }).end();
        }
        default: {
          const id_token = await new SignJWT({ ...PERSON, nonce })
            .setProtectedHeader({ alg: 'RS256', kid: 'one' })
            .setIssuer(peer.origin)
            .setAudience('toolgate')
            .setIssuedAt()
            .setExpirationTime('1h')
            .sign(privateKey);
          return json({ token_type: 'Bearer', access_token: 'opaque', expires_in: 60, id_token });
        }
      }
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const peer = new HostilePeer(server);
    return peer;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

const DOMAIN = `${'w'.repeat(60)}.${'w'.repeat(60)}.example`;
const PERSON = {
  sub: 'one',
  name: LONG,
  email: `${'w'.repeat(64)}@${DOMAIN}`,
  email_verified: true,
};

const TOOL = `${'W'.repeat(60)}_${'w'.repeat(60)}`;
const text4000 = WIDE.repeat(4);
const tool = (name: string, hints: object) => ({
  name,
  title: WIDE,
  description: text4000,
  annotations: hints,
  inputSchema: {
    type: 'object',
    required: [LONG.slice(0, 100)],
    properties: {
      [LONG.slice(0, 100)]: { type: 'string', title: WIDE, description: text4000 },
      choice: { enum: [LONG, 'short'], description: LONG },
      group: { type: 'object', title: LONG, properties: { yes: { type: 'boolean', description: LONG } } },
    },
  },
});
const RESULTS: Record<string, unknown> = {
  initialize: {
    protocolVersion: '2025-06-18',
    capabilities: { tools: {} },
    serverInfo: { name: WIDE, title: LONG, version: '1'.repeat(100) },
    instructions: text4000,
  },
  'tools/list': { tools: [tool(TOOL, { readOnlyHint: true }), tool(`${TOOL}_2`, {})] },
  'tools/call': {
    content: [
      { type: 'text', text: text4000 },
      { type: 'resource_link', uri: `https://${HOST}/`, name: LONG },
    ],
    structuredContent: { [WIDE]: WIDE },
  },
};

function providerAt(issuer: string) {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    authorization_response_iss_parameter_supported: true,
  };
}

/** Where hostile names are to be seen. */
export type HostileFurniture = Furniture & {
  /** A tool of `server`. */
  tool: string;
  /** How the name begins of a server where everyone has an account of their own. */
  own: string;
  /** Where an app of each of {@link NAMES} sends people to be asked. */
  apps: string[];
};

/** Calls servers, keys, toolsets, apps, the gateway and a person as in {@link NAMES}. Everything is the first in its list. */
export async function furnishHostile(api: AdminApi, peer: HostilePeer): Promise<HostileFurniture> {
  await api.send('PUT', '/api/config', {
    display_name: WIDE,
    support_text: `${LONG}`,
    oidc: {
      issuer: peer.origin,
      client_id: 'toolgate',
      client_secret: 'a-secret-between-the-two',
      allowed_domains: [DOMAIN],
    },
  });
  const server = await add(api, { name: SERVER, connection_string: `${peer.origin}/mcp`, auth_type: 'none' });
  const own = await add(api, {
    name: `A${SERVER.slice(1)}`,
    connection_string: `${peer.origin}/mcp`,
    auth_type: 'per_user_headers',
    per_user_header_keys: [`X-${'W'.repeat(60)}`],
    user_headers: { [`X-${'W'.repeat(60)}`]: 'one' },
  });
  await add(api, {
    name: `Z${SERVER.slice(1)}`,
    connection_string: `https://${HOST}/mcp`,
    auth_type: 'none',
    enabled: false,
  }).catch(() => null);
  const mcp_configs = [server, own].map(({ name }) => ({ mcp_client_name: name, tools_to_execute: ['*'] }));
  const keys: VirtualKey[] = [];
  for (const name of [...NAMES].reverse()) {
    const { virtual_key } = await api.send<{ virtual_key: VirtualKey }>(
      'POST',
      '/api/governance/virtual-keys',
      { name, description: text4000, mcp_configs, limits: [{ calls: 1e9, window_seconds: 86_400 }] },
    );
    keys.unshift(virtual_key);
    await api.send('POST', '/api/mcp/virtual-mcps', {
      name,
      endpoint_slug: `w${keys.length}${'w'.repeat(62)}`,
      description: text4000,
      tools: [{ mcp_client_id: server.id, tool_names: [TOOL] }],
      virtual_key_ids: [virtual_key.id],
    });
  }
  const [key] = keys as [VirtualKey];
  const { virtual_mcps } = await api.get<{ virtual_mcps: { id: string; name: string }[] }>(
    '/api/mcp/virtual-mcps',
  );
  const apps: string[] = [];
  for (const name of [...NAMES].reverse()) {
    const app = await App.register(api.url, `https://${HOST}/callback`, name);
    await consent(app.authorizationUrl, { identity: 'virtual_key', virtual_key: key.value });
    apps.unshift(app.authorizationUrl);
  }
  const { sessions } = await api.get<{ sessions: { id: string; client_id: string }[] }>(
    '/api/oauth2/sessions',
  );
  return {
    server: server.id,
    toolset: virtual_mcps.find(({ name }) => name === LONG)?.id ?? '',
    key: key.id,
    value: key.value,
    grant: sessions[0]?.id ?? '',
    client: sessions[0]?.client_id ?? '',
    tool: TOOL,
    own: own.name.slice(0, 50), // longer names of tools are cut (CONTRACT §6)
    apps,
  };
}

async function add(api: AdminApi, server: { name: string } & Record<string, unknown>) {
  await api.send('POST', '/api/mcp/client', { connection_type: 'http', tools_to_execute: ['*'], ...server });
  const { clients } = await api.get<{ clients: { id: string; name: string }[] }>(
    `/api/mcp/clients?search=${server.name}`,
  );
  return { name: server.name, id: clients[0]?.id ?? '' };
}
