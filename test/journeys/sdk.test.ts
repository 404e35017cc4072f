import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OAuthMemory, SDK_CLIENTS } from '../../demo/clients.ts';
import { consent } from '../../demo/consent.ts';
import { everythingServer } from '../../demo/servers.ts';
import { walkWithConsent, walkWithKey } from '../../demo/walk.ts';
import { Child } from '../../scripts/child.ts';
import { freePort } from '../../scripts/dev/ports.ts';
import { DocumentSite } from './support/document-site.ts';
import { walkWithLibrary } from './support/oauth-library.ts';
import { type SharedDev, sharedDev } from './support/shared-dev.ts';
import { changeDatabase } from './support/stored.ts';

const REVISIONS = ['2025-11-25', '2025-11-25', '2026-07-28'];

describe.each(SDK_CLIENTS.map((client, place) => ({ client, revision: REVISIONS[place] })))(
  '$client.name',
  ({ client, revision }) => {
    it('gets from the MCP URL to tool results, as the person who allowed it, and refreshes', async () => {
      const steps = new Map<string, string>();
      const answers = { identity: 'virtual_key', virtual_key: dev.facts.virtual_key };

      await walkWithConsent(client, dev.facts.mcp_url, answers, (step, outcome) => steps.set(step, outcome));

      expect(steps.get('connected')).toBe(`MCP ${revision}`);
      expect(steps.get('called demo-echo')).toBe('Echo: hello through the gateway');
      expect(steps.get('called a long tool')).toContain('completed');
      expect(steps.get('called again')).toBe('Echo: the new token works');
    });

    it('does the same with a metadata document in place of a registration', async () => {
      const steps = new Map<string, string>();
      const { clientMetadata } = new OAuthMemory('Described');
      const site = await DocumentSite.serving(clientMetadata);
      const answers = { identity: 'virtual_key', virtual_key: dev.facts.virtual_key };

      await walkWithConsent(
        client,
        dev.facts.mcp_url,
        answers,
        (step, outcome) => steps.set(step, outcome),
        new OAuthMemory('Described', site.url),
      ).finally(() => site.stop());

      expect(steps.get('described')).toBe(`as client ${site.url}`);
      expect(steps.get('called again')).toBe('Echo: the new token works');
      expect(site.fetches).toBe(1);
    });

    it('gets to tool results with an access key alone', async () => {
      const steps = new Map<string, string>();

      await walkWithKey(client, dev.facts.mcp_url, dev.facts.virtual_key, (step, outcome) =>
        steps.set(step, outcome),
      );

      expect(steps.get('called demo-echo')).toBe('Echo: hello through the gateway');
    });

    it('hears that the person said no', async () => {
      const memory = new OAuthMemory('Journey');
      await expect(client.connect(dev.facts.mcp_url, memory)).rejects.toThrow();

      const callback = await consent(memory.authorizationUrl ?? '', { decision: 'deny' });

      await expect(async () => client.finishAuth(dev.facts.mcp_url, memory, callback)).rejects.toThrow(
        /access_denied/,
      );
    });
  },
);

/** From now on this signs access tokens: the next key need not wait its ten minutes. */
async function signWith(signing_alg: 'ES256' | null): Promise<void> {
  const headers = { authorization: `Bearer ${dev.facts.admin_token}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ oauth2_server_config: { signing_alg } });
  await fetch(new URL('/api/config', dev.facts.mcp_url), { method: 'PUT', headers, body });
  changeDatabase(dev.state, 'UPDATE signing_key SET active_at = unixepoch() WHERE active_at > unixepoch()');
  await fetch(new URL('/health', dev.facts.mcp_url), { headers }); // reads the keys
}

const algorithmOf = (token = '') =>
  (JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { alg: string }).alg;

/** What a client and a resource server written with `oauth4webapi` make of the tokens (RFC 9068). */
async function expectLibraryTakes(alg: string): Promise<void> {
  const answers = { identity: 'virtual_key', virtual_key: dev.facts.virtual_key };

  const walked = await walkWithLibrary(dev.facts.mcp_url, answers);

  expect(walked).toMatchObject({
    alg,
    claims: { scope: 'mcp', aud: dev.facts.mcp_url },
    refreshed: { token_type: 'bearer', scope: 'mcp' },
    afterRevocation: 400,
  });
}

describe('access tokens of RS256', () => {
  it('are what oauth4webapi expects', () => expectLibraryTakes('RS256'));
});

describe('access tokens of ES256', () => {
  beforeAll(() => signWith('ES256'));
  afterAll(() => signWith(null));

  it.each(SDK_CLIENTS)('serve $name, which refreshes them', async (client) => {
    const memory = new OAuthMemory('Signed');
    const answers = { identity: 'virtual_key', virtual_key: dev.facts.virtual_key };

    await walkWithConsent(client, dev.facts.mcp_url, answers, () => {}, memory);

    expect(algorithmOf(memory.tokens()?.access_token)).toBe('ES256');
  });

  it('are what oauth4webapi expects', () => expectLibraryTakes('ES256'));
});

describe('the everything server over HTTP+SSE of 2024-11-05', () => {
  let server: Child;
  let address: string;
  let mcpUrl: string;
  let added: string;
  beforeAll(async () => {
    const { args, env, port } = everythingServer(await freePort());
    server = new Child({ args: [...args.slice(0, -1), 'sse'], env });
    address = `http://127.0.0.1:${port}`;
    await server.comesUp('The server', () =>
      fetch(address).then(
        () => true,
        () => false,
      ),
    );
    const answer = await fetch(new URL('/api/mcp/client', dev.facts.mcp_url), {
      method: 'POST',
      headers: { authorization: `Bearer ${dev.facts.admin_token}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        name: 'older',
        connection_type: 'http',
        connection_string: address,
        allow_on_all_virtual_keys: true,
      }),
    });
    const { client, message } = (await answer.json()) as Added;
    expect(message).toContain('HTTP+SSE');
    expect(client).toMatchObject({
      connection_type: 'sse',
      connection_string: `${address}/sse`,
      state: 'healthy',
    });
    added = client.id;
    mcpUrl = `${dev.facts.mcp_url}/${client.endpoint_slug}`;
  });
  afterAll(async () => {
    const headers = { authorization: `Bearer ${dev.facts.admin_token}` };
    await fetch(new URL(`/api/mcp/client/${added}`, dev.facts.mcp_url), { method: 'DELETE', headers });
    await server?.stop();
  });

  it.each(SDK_CLIENTS)('is listed and called by $name, with progress', async (client) => {
    const access = { authorization: `Bearer ${dev.facts.virtual_key}` };
    const connection = await client.connect(mcpUrl, access);
    const steps: number[] = [];

    const tools = await connection.listTools();
    const echo = await connection.callTool('echo', { message: 'over the older transport' });
    const long = await connection.callTool(
      'trigger-long-running-operation',
      { duration: 1, steps: 4 },
      (step) => steps.push(step),
    );
    await connection.close();

    expect(tools).toContain('echo');
    expect(echo.text).toBe('Echo: over the older transport');
    expect(long.text).toContain('completed');
    expect(steps).toEqual([1, 2, 3, 4]);
  });
});

type Added = {
  message: string;
  client: {
    id: string;
    endpoint_slug: string;
    connection_type: string;
    connection_string: string;
    state: string;
  };
};

let dev: SharedDev;
beforeAll(async () => {
  dev = await sharedDev();
});
