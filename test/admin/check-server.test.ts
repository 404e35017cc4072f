import { describe, expect, inject, it, vi } from 'vitest';
import { readPasted } from '../../src/admin/api/servers/pasted';
import { AuthorizationServer } from '../support/authorization-server';
import { admin, administer } from '../support/gate';
import { SseServer } from '../support/sse-server';
import { control } from '../support/upstream';

type Checked = {
  message: string;
  found: string;
  tools: number | null;
  client: null | {
    name: string;
    connection_type: string;
    connection_string: string;
    auth_type: string;
    headers: Record<string, string>;
  };
};
type Added = {
  message: string;
  client: { connection_string: string; state: string; last_failure: null | { message: string } };
};
type Paths = Record<string, { status: number; headers?: Record<string, string>; body?: string | null }>;

const origin = () => inject('upstreamOrigin');
const check = (input: string) => administer<Checked>('POST', '/mcp/client/check', { input });
const add = (connection_string: string, more: object = {}) =>
  administer<Added>('POST', '/mcp/client', {
    name: fresh(),
    connection_type: 'http',
    connection_string,
    ...more,
  });
const fresh = () => `s_${crypto.randomUUID().slice(0, 8)}`;
const to = (location: string, status = 308) => ({ status, headers: { location } });
const stream = (body: string | null) => ({
  status: 200,
  headers: { 'content-type': 'text/event-stream' },
  body,
});
const html = { status: 200, headers: { 'content-type': 'text/html' }, body: '<p>Hello</p>' };

/** A server at `/<name>/mcp`, and what else its origin answers. */
async function site(paths: (name: string) => Paths = () => ({}), behaviour: object = {}): Promise<string> {
  const name = fresh();
  const tools = [{ name: 'echo', inputSchema: { type: 'object' } }];
  await control(name, 'set', { tools, paths: paths(name), ...behaviour });
  return name;
}

describe('where a server is found (PROTOCOL §7)', () => {
  it.each([
    ['as given', '/mcp', {}],
    ['behind the path given', '', {}],
    ['behind the path given, with a slash', '/', {}],
    ['in place of /sse', '/sse', {}],
    ['where the address redirects', '/old', { 'POST /old': to('/mcp') }],
    ['where the address redirects with 301', '/old', { 'POST /old': to('mcp', 301) }],
    ['behind a page for people', '', { 'POST ': html, 'GET ': html }],
    ['behind what refuses POST', '', { 'POST ': { status: 405 } }],
    ['behind what wants a session in plain words', '', { 'POST ': { status: 400, body: 'No session' } }],
  ] as [string, string, Paths][])('%s', async (_, path, paths) => {
    const name = await site((own) =>
      Object.fromEntries(
        Object.entries(paths).map(([place, answer]) => {
          const location = answer.headers?.location?.replace(/^\//, `/${own}/`);
          const moved = location ? { ...answer, headers: { location } } : answer;
          return [place.replace(' ', ` /${own}`), moved];
        }),
      ),
    );
    const [given, found] = [`${origin()}/${name}${path}`, `${origin()}/${name}/mcp`];

    const checked = await check(given);
    const added = await add(given);

    expect(checked).toMatchObject({ found: 'open', tools: 1, client: { connection_string: found } });
    expect(added.client).toMatchObject({ connection_string: found, state: 'healthy' });
    const said = `It was found at ${found}, not at ${given}.`;
    for (const { message } of [checked, added]) expect(message.includes(said), message).toBe(given !== found);
  });

  it.each([
    ['none', 'where it redirects', '/old', { 'POST /old': to('mcp') }],
    ['none', 'behind the path given', '', {}],
    ['per_user_oauth', 'where it redirects', '/old', { 'POST /old': to('mcp', 301) }],
    ['per_user_oauth', 'behind the path given', '', {}],
  ] as [string, string, string, Paths][])(
    'also when its address is changed: %s, %s',
    async (auth_type, _, path, paths) => {
      const { issuer } = await AuthorizationServer.start();
      const demands = auth_type === 'none' ? null : { issuer };
      const name = await site(
        (own) =>
          Object.fromEntries(
            Object.entries(paths).map(([at, answer]) => [at.replace(' ', ` /${own}`), answer]),
          ),
        { demands },
      );
      const [given, found] = [`${origin()}/${name}${path}`, `${origin()}/${name}/mcp`];
      const before = `${origin()}/${await site(undefined, { demands })}/mcp`;
      const added = await administer<{ mcp_client_id?: string; client?: { id: string } }>(
        'POST',
        '/mcp/client',
        {
          name: fresh(),
          connection_type: 'http',
          connection_string: before,
          auth_type,
        },
      );
      const id = added.client?.id ?? added.mcp_client_id;
      const put = (connection_string: string) =>
        administer<Added>('PUT', `/mcp/client/${id}`, { connection_string });

      const changed = await put(given);
      const again = await put(found);

      expect(changed.client.connection_string).toBe(found);
      expect(changed.message).toContain(`It was found at ${found}, not at ${given}.`);
      expect(again.client.connection_string).toBe(found);
      expect(again.message).not.toContain('was found');
    },
  );

  it('keeps a changed address where nothing is found, and asks a disabled server nothing', async () => {
    const [name, absent] = [await site(), await site(() => ({}), { fault: 404 })];
    const { client } = await administer<{ client: { id: string } }>('POST', '/mcp/client', {
      name: fresh(),
      connection_type: 'http',
      connection_string: `${origin()}/${name}/mcp`,
    });
    const given = `${origin()}/${absent}/elsewhere`;
    const put = (change: object) => administer<Added>('PUT', `/mcp/client/${client.id}`, change);

    const changed = await put({ connection_string: given });
    const seen = async () => (await control(absent, 'seen')).seen.length;
    const asked = await seen();
    const disabled = await put({ connection_string: `${origin()}/${absent}/other`, enabled: false });

    expect(changed.client.connection_string).toBe(given);
    expect(changed.message).toContain('but it could not be asked for its tools');
    expect(disabled.client.connection_string).toBe(`${origin()}/${absent}/other`);
    expect(await seen()).toBe(asked);
  });

  it('in place of the path /', async () => {
    const name = await site((own) => ({ 'POST /mcp': to(`/${own}/mcp`) }));

    expect((await check(origin())).client?.connection_string).toBe(`${origin()}/${name}/mcp`);
    await control(name, 'set', { paths: {} });
  });

  it('where a refusal names a way in, also before a server that is authorized is saved', async () => {
    const { issuer } = await AuthorizationServer.start();
    const name = await site(undefined, { demands: { issuer } });
    const found = `${origin()}/${name}/mcp`;

    const checked = await check(`${origin()}/${name}`);
    const added = await administer<{ message: string; mcp_client_id: string }>('POST', '/mcp/client', {
      name: fresh(),
      connection_type: 'http',
      connection_string: `${origin()}/${name}`,
      auth_type: 'per_user_oauth',
    });
    const { client } = await administer<Added>('GET', `/mcp/client/${added.mcp_client_id}`);

    expect(checked).toMatchObject({ found: 'oauth', client: { connection_string: found } });
    expect(checked.client?.auth_type).toBe('per_user_oauth');
    expect(added.message).toContain(`It was found at ${found}`);
    expect(client.connection_string).toBe(found);
  });

  it('by no credentials: header values go to the address given, and to another once it has answered', async () => {
    const register = { auth_type: 'headers', headers: { 'x-key': 'a-secret-value' } };
    const absent = { status: 404 };
    const found = await site((own) => ({ [`POST /${own}`]: absent }), { demandsHeaders: ['x-key'] });
    const none = await site((own) => ({
      [`POST /${own}`]: absent,
      [`POST /${own}/mcp`]: absent,
      [`POST /${own}/sse`]: absent,
    }));
    for (const name of [found, none]) await add(`${origin()}/${name}`, register);

    const sent = async (name: string, place?: string) =>
      (await control(name, 'seen')).seen
        .filter(({ message: { method } }) => (place ? method === place : !/^[A-Z]+ /.test(method ?? '')))
        .map(({ headers }) => headers['x-key']);
    const [first, ...later] = await sent(found);

    expect(await sent(none, `POST /${none}`)).toContain('a-secret-value');
    for (const end of ['mcp', 'sse'])
      expect(new Set(await sent(none, `POST /${none}/${end}`))).toEqual(new Set([undefined]));
    expect([first, later.at(-1)]).toEqual([undefined, 'a-secret-value']);
  });

  it('by the transport of 2024-11-05, as given and at /sse', async () => {
    const server = await SseServer.start(['echo']);
    const checked = [await check(server.address), await check(server.site)];
    const added = await add(server.site);

    for (const { found, client, message } of checked) {
      expect(found).toBe('open');
      expect(client).toMatchObject({ connection_type: 'sse', connection_string: server.address });
      expect(message).toContain('It speaks the older HTTP+SSE transport (MCP 2024-11-05)');
    }
    expect(added.message).toContain(`It was found at ${server.address}`);
    expect(added.client).toMatchObject({ connection_type: 'sse', connection_string: server.address });
  });

  it('by that transport where the stream demands a sign-in, and messages are taken nowhere', async () => {
    const demanding = { status: 401, headers: { 'www-authenticate': 'Bearer' } };
    const name = await site((own) => ({
      [`GET /${own}/sse`]: demanding,
      [`POST /${own}/sse`]: { status: 405 },
      [`POST /${own}/mcp`]: { status: 404 },
    }));
    const { found, client } = await check(`${origin()}/${name}`);

    expect(found).toBe('credentials');
    expect(client).toMatchObject({ connection_type: 'sse', connection_string: `${origin()}/${name}/sse` });
  });

  it('waits 5 seconds for the event of that transport', async () => {
    const name = await site((own) => ({
      [`GET /${own}`]: stream(null),
      [`POST /${own}/mcp`]: { status: 404 },
    }));
    const limits: number[] = [];
    const limit = AbortSignal.timeout.bind(AbortSignal);
    vi.spyOn(AbortSignal, 'timeout').mockImplementation((time) => {
      limits.push(time);
      return limit(time / 25);
    });
    const checked = await check(`${origin()}/${name}`);
    vi.restoreAllMocks();

    expect(checked.found).toBe('failed');
    expect(limits).toContain(5000);
  });

  it.each([
    [
      'a website',
      (own: string) => ({ [`POST /${own}`]: { status: 405 }, [`GET /${own}`]: html }),
      'website',
      'is a website, not an MCP server',
    ],
    [
      'another host',
      (own: string) => ({ [`POST /${own}`]: to('https://other.example/mcp?a=b', 301) }),
      'elsewhere',
      'redirects to https://other.example/mcp, on another host',
    ],
    [
      'nothing',
      (own: string) => ({ [`POST /${own}`]: { status: 404 } }),
      'failed',
      'no MCP endpoint at its address',
    ],
  ] as [string, (own: string) => Paths, string, string][])(
    'tells %s from a server',
    async (_, paths, found, words) => {
      const name = await site((own) => ({ [`POST /${own}/mcp`]: { status: 404 }, ...paths(own) }));
      const checked = await check(`${origin()}/${name}`);

      expect(checked.found).toBe(found);
      expect(checked.message).toContain(words);
      expect(checked.message).not.toContain('dministrator');
    },
  );

  it('keeps what was given where nothing is found, and asks a disabled server nothing', async () => {
    const name = await site(() => ({}), { fault: 404 });
    const given = `${origin()}/${name}/mcp`;
    const added = await add(given);
    const before = (await control(name, 'seen')).seen.length;
    await add(given, { enabled: false });

    expect(added.client.connection_string).toBe(given);
    expect(added.message).toContain('no MCP endpoint at its address (HTTP 404). Correct its address');
    expect(added.client.last_failure?.message).not.toContain('An administrator of this gateway');
    expect((await control(name, 'seen')).seen).toHaveLength(before);
  });

  it.each(['https://10.0.0.1/mcp', 'ftp://files.example', 'https://', 'http://public.example/mcp'])(
    'asks nobody at %s',
    async (input) => {
      const { status, error } = await admin<{ error: { field: string } }>('POST', '/mcp/client/check', {
        input,
      });

      expect([status, error.field]).toEqual([400, 'input']);
    },
  );
});

const URL_ = 'https://mcp.example.com/mcp';
const address = (more: object = {}) => ({
  kind: 'address',
  address: URL_,
  name: '',
  headers: {},
  lacking: [],
  ...more,
});
/** As configurations name what is entered elsewhere. */
const variable = (name: string) => `\${${name}}`;
const SECRET = 'Bearer 0123456789abcdef';

describe('what an administrator pastes', () => {
  it.each([
    [URL_, address()],
    [`  ${URL_}\n`, address()],
    [`Server URL: ${URL_}`, address()],
    [{ mcpServers: { docs: { url: URL_ } } }, address({ name: 'docs' })],
    [
      { mcpServers: { docs: { type: 'http', url: URL_, headers: { Authorization: SECRET } } } },
      address({ name: 'docs', headers: { Authorization: SECRET } }),
    ],
    [{ mcpServers: { docs: { serverUrl: URL_ } } }, address({ name: 'docs' })],
    [
      { mcpServers: { docs: { httpUrl: URL_, headers: { Accept: 'text/plain', 'X-Key': 'a' } } } },
      address({ name: 'docs', headers: { 'X-Key': 'a' } }),
    ],
    [{ servers: { docs: { type: 'sse', url: URL_ } }, inputs: [] }, address({ name: 'docs' })],
    [{ mcp: { servers: { docs: { url: URL_ } } } }, address({ name: 'docs' })],
    [{ docs: { url: URL_ } }, address({ name: 'docs' })],
    [{ url: URL_ }, address()],
    [{ name: 'docs', url: URL_ }, address({ name: 'docs' })],
    [{ url: URL_, requestInit: { headers: { 'X-Key': 'a' } } }, address({ headers: { 'X-Key': 'a' } })],
    [`"docs": {"url": "${URL_}"},`, address({ name: 'docs' })],
    [
      `{ // of the team\n "mcpServers": {"docs": {"url": "${URL_}", /* one */ }, } }`,
      address({ name: 'docs' }),
    ],
    [
      { url: URL_, headers: { Authorization: `Bearer ${variable('input:token')}`, 'X-Key': '<YOUR_KEY>' } },
      address({ lacking: ['Authorization', 'X-Key'] }),
    ],
    [
      { url: URL_, headers: { Authorization: 'Bearer YOUR_TOKEN_HERE' } },
      address({ lacking: ['Authorization'] }),
    ],
    [
      { mcpServers: { docs: { command: 'npx', args: ['-y', 'mcp-remote', URL_] } } },
      address({ name: 'docs' }),
    ],
    [
      {
        d: {
          command: 'npx',
          args: ['mcp-remote@latest', URL_, '--header', `Authorization:${variable('AUTH')}`],
          env: { AUTH: SECRET },
        },
      },
      address({ name: 'd', headers: { Authorization: SECRET } }),
    ],
    [`npx -y mcp-remote ${URL_}`, address()],
    [
      `claude mcp add --transport http docs ${URL_} --header "Authorization: ${SECRET}"`,
      address({ name: 'docs', headers: { Authorization: SECRET } }),
    ],
    [`code --add-mcp '{"name":"docs","type":"http","url":"${URL_}"}'`, address({ name: 'docs' })],
    [{ mcpServers: { a: { command: 'npx', args: ['x'] }, docs: { url: URL_ } } }, address({ name: 'docs' })],
    [{ mcpServers: { a: { url: URL_ }, b: { url: URL_ } } }, { kind: 'several', names: ['a', 'b'] }],
    [
      { mcpServers: { fs: { command: 'npx', args: ['-y', 'a-server', '/home'], env: { KEY: SECRET } } } },
      { kind: 'command', runner: 'npx' },
    ],
    [
      { command: 'uvx', args: ['a-server'] },
      { kind: 'command', runner: 'uvx' },
    ],
    [
      { command: 'cmd', args: ['/c', 'npx', 'a-server'] },
      { kind: 'command', runner: 'npx' },
    ],
    [
      { command: 'C:\\Program Files\\nodejs\\node.exe', args: ['a.js'] },
      { kind: 'command', runner: 'node' },
    ],
    [
      { servers: { a: { type: 'stdio', command: '/opt/bin/a-server' } } },
      { kind: 'command', runner: 'a-server' },
    ],
    ['npx -y a-server /home', { kind: 'command', runner: 'npx' }],
    ['npx a-server --api https://api.example.com', { kind: 'command', runner: 'npx' }],
    ['$ uvx a-server', { kind: 'command', runner: 'uvx' }],
    [`KEY=${SECRET.slice(7)} node ./a.js`, { kind: 'command', runner: 'node' }],
    ['docker run -i --rm \\\n  -e KEY=a an/image', { kind: 'command', runner: 'docker' }],
    ['claude mcp add fs -- npx -y a-server', { kind: 'command', runner: 'npx' }],
    ['npx', { kind: 'command', runner: 'npx' }],
    ['a-server --port 80', { kind: 'command', runner: 'a-server' }],
    ['hello there', { kind: 'unreadable' }],
    ['{"url":', { kind: 'unreadable' }],
    ['[]', { kind: 'unreadable' }],
    ['"a"', address({ address: 'a' })],
    [{ mcpServers: {} }, { kind: 'unreadable' }],
    [{ mcpServers: { a: null, b: 7, c: { url: 7 } } }, { kind: 'unreadable' }],
  ] as [unknown, object][])('%j', (input, expected) => {
    expect(readPasted(typeof input === 'string' ? input : JSON.stringify(input))).toEqual(expected);
  });

  it('gives an address and headers, which are never answered in clear', async () => {
    const name = await site(undefined, { demandsHeaders: ['authorization'] });
    const url = `${origin()}/${name}`;
    const entry = { url, headers: { Authorization: SECRET, 'X-Team': variable('input:team') } };

    const checked = await check(JSON.stringify({ mcpServers: { 'my docs': entry } }));

    expect(checked).toMatchObject({
      found: 'credentials',
      client: {
        name: 'my_docs',
        connection_string: `${url}/mcp`,
        auth_type: 'headers',
        headers: { Authorization: '••••cdef', 'X-Team': '' },
      },
    });
    expect(JSON.stringify(checked)).not.toContain(SECRET);
  });

  it.each(['npx', 'uvx', 'docker', 'node'])(
    'tells what a gateway can do about %s, and repeats no secret',
    async (command) => {
      for (const input of [
        `${command} a-server --key ${SECRET}`,
        JSON.stringify({ command, env: { KEY: SECRET } }),
      ]) {
        const checked = await check(input);

        expect(checked).toMatchObject({ found: 'command', client: null });
        for (const words of [
          `starts a program on your own computer, with ${command}`,
          'reach over the internet',
          'paste that web address',
          'behind a bridge, such as supergateway or mcp-proxy',
        ])
          expect(checked.message).toContain(words);
        expect(checked.message).not.toContain('0123456789');
      }
    },
  );
});
