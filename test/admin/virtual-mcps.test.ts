import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Browser } from '../support/browser';
import { McpCaller } from '../support/caller';
import { faulty } from '../support/faults';
import { admin, configure, ISSUER, newKey } from '../support/gate';
import { McpClient } from '../support/mcp-client';
import { addressOf, Upstream } from '../support/upstream';

const PATH = '/mcp/virtual-mcps';
type Toolset = {
  id: string;
  name: string;
  endpoint_slug: string;
  description: string;
  enabled: boolean;
  tools: { mcp_client_id: string; tool_names: string[] }[];
  virtual_key_ids: string[];
};
type One = {
  message: string;
  virtual_mcp: Toolset;
  error: { type: string; message: string; field?: string };
};
type List = { virtual_mcps: Toolset[]; count: number; total_count: number };

const fresh = () => `set ${crypto.randomUUID().slice(0, 8)}`;
const create = (body: object = {}) => admin<One>('POST', PATH, { name: fresh(), tools: [], ...body });
const change = (id: string, body: object) => admin<One>('PUT', `${PATH}/${id}`, body);
const find = async (id: string) => (await admin<One>('GET', `${PATH}/${id}`)).virtual_mcp;
const closed = { registration: { allow_on_all_virtual_keys: false } };
const at = (slug: string, value: string) => new McpCaller({ 'x-bf-vk': value }, '2025', `/mcp/${slug}`);

let docs: Upstream;
let mail: Upstream;
beforeAll(async () => {
  docs = await Upstream.start(['read', 'write'], closed);
  mail = await Upstream.start(['send', 'list'], closed);
});

/** A toolset of these tools, and a key that has it. */
async function granted(tools: Toolset['tools'], servers: string[] = []) {
  const key = await newKey(servers);
  const { virtual_mcp } = await create({ tools, virtual_key_ids: [key.id] });
  return { key, toolset: virtual_mcp };
}

describe('making a Virtual MCP (CONTRACT §8)', () => {
  it('has an address from its name, and everything it was told', async () => {
    const key = await newKey();
    const tools = [
      { mcp_client_id: docs.id, tool_names: ['*'] },
      { mcp_client_id: mail.id, tool_names: [] },
    ];
    const name = `On  Call! ${crypto.randomUUID().slice(0, 4)}`;

    const { status, message, virtual_mcp: made } = await create({ name, tools, virtual_key_ids: [key.id] });

    expect(status).toBe(200);
    expect(made).toMatchObject({ name, description: '', enabled: true, tools, virtual_key_ids: [key.id] });
    expect(made.endpoint_slug).toMatch(/^on-call-[0-9a-f]{4}$/);
    expect(message).toContain(`/mcp/${made.endpoint_slug}`);
    expect(await find(made.id)).toEqual(made);
    const { virtual_mcps } = await admin<List>(
      'GET',
      `${PATH}?search=${encodeURIComponent(name.toUpperCase())}`,
    );
    expect(virtual_mcps).toEqual([made]);
  });

  it('finds a free address beside servers and others of its kind', async () => {
    const ending = crypto.randomUUID().slice(0, 8);
    const names = [`Two ${ending}`, `two-${ending}`, `two ${ending}!`];

    const slugs = [];
    for (const name of names) slugs.push((await create({ name })).virtual_mcp.endpoint_slug);
    const besideServer = await create({ name: docs.name });
    const nameless = await create({ name: '工具' });

    expect(slugs).toEqual(['', '-2', '-3'].map((n) => `two-${ending}${n}`));
    expect(besideServer.virtual_mcp.endpoint_slug).toBe(`${docs.slug}-2`);
    expect(nameless.virtual_mcp.endpoint_slug).toBe('toolset');
  });

  it('refuses a name or an explicit address that is taken', async () => {
    const { virtual_mcp: made } = await create();

    expect(await create({ name: made.name.toUpperCase() })).toMatchObject({
      status: 409,
      error: { field: 'name' },
    });
    for (const endpoint_slug of [made.endpoint_slug, docs.slug]) {
      expect(await create({ endpoint_slug })).toMatchObject({
        status: 409,
        error: { field: 'endpoint_slug' },
      });
    }
  });

  it('leaves its address to no server', async () => {
    const { virtual_mcp: made } = await create({ name: `s ${crypto.randomUUID().slice(0, 8)}` });
    const name = made.endpoint_slug.replaceAll('-', '_');

    const refused = await admin<One>('POST', '/mcp/client', {
      name,
      connection_type: 'http',
      connection_string: addressOf(name),
    });

    expect(refused).toMatchObject({ status: 409, error: { field: 'name' } });
  });

  it.each([
    ['name', { name: ' ' }],
    ['tools', { tools: undefined }],
    ['tools.0.tool_names', { tools: [{ mcp_client_id: 'x' }] }],
    ['tools.0.mcp_client_id', { tools: [{ mcp_client_id: 'nowhere', tool_names: [] }] }],
    ['virtual_key_ids.0', { virtual_key_ids: ['nowhere'] }],
    ['endpoint_slug', { endpoint_slug: 'No Slug' }],
    ['enabled', { enabled: 'yes' }],
  ])('refuses a bad %s', async (field, body) => {
    expect(await create(body)).toMatchObject({ status: 400, error: { type: 'invalid_request', field } });
  });

  it('refuses a server named twice, and takes tools nobody lists yet', async () => {
    const one = { mcp_client_id: docs.id, tool_names: ['comes_later'] };

    expect(await create({ tools: [one, one] })).toMatchObject({
      status: 400,
      error: { field: 'tools.1.mcp_client_id' },
    });
    expect(await create({ tools: [one] })).toMatchObject({ status: 200 });
  });
});

describe('changing a Virtual MCP', () => {
  it('merges, puts lists in place of lists, and never moves the address', async () => {
    const [one, two] = [await newKey(), await newKey()];
    const { virtual_mcp: made } = await create({ virtual_key_ids: [one.id], description: 'before' });

    const renamed = await change(made.id, { name: fresh(), endpoint_slug: 'elsewhere', enabled: false });
    const tools = [{ mcp_client_id: mail.id, tool_names: ['send'] }];
    const rearranged = await change(made.id, { tools, virtual_key_ids: [two.id] });

    expect(renamed.virtual_mcp).toMatchObject({
      endpoint_slug: made.endpoint_slug,
      description: 'before',
      enabled: false,
      virtual_key_ids: [one.id],
    });
    expect(rearranged.virtual_mcp).toMatchObject({ tools, virtual_key_ids: [two.id] });
    expect(await find(made.id)).toEqual(rearranged.virtual_mcp);
    expect(await change(made.id, { tools: [{ mcp_client_id: 'nowhere', tool_names: [] }] })).toMatchObject({
      status: 400,
    });
    expect(await find(made.id)).toEqual(rearranged.virtual_mcp);
  });

  it('is changed whole or not at all: keys stay when the name is taken, whichever call of storage fails', async () => {
    const [one, two] = [await newKey(), await newKey()];
    const { virtual_mcp: other } = await create();
    const { virtual_mcp: made } = await create({ virtual_key_ids: [one.id] });
    const taken = await change(made.id, { name: other.name, virtual_key_ids: [two.id] });

    expect(taken.status).toBe(409);
    expect(await find(made.id)).toMatchObject({ name: made.name, virtual_key_ids: [one.id] });
    for (let nth = 1, failed = true; failed; nth++) {
      const name = fresh();
      const before = await find(made.id);
      const keys = before.virtual_key_ids[0] === one.id ? [two.id] : [one.id];
      const asked = () => change(made.id, { name, virtual_key_ids: keys });
      failed = (await faulty({ nth, isOnwards: true, isLost: false }, asked)).failed;

      const { name: named, virtual_key_ids } = await find(made.id);
      const after = [name, keys];
      expect([[before.name, before.virtual_key_ids], after]).toContainEqual([named, virtual_key_ids]);
      if (!failed) expect([named, virtual_key_ids]).toEqual(after);
    }
  });

  it('attaches and detaches one key, and forgets keys and servers that are deleted', async () => {
    const server = await Upstream.start(['x'], closed);
    const [one, two] = [await newKey(), await newKey()];
    const { virtual_mcp: made } = await create({ tools: [{ mcp_client_id: server.id, tool_names: ['*'] }] });
    const key = (method: string, id: string) => admin<One>(method, `${PATH}/${made.id}/virtual-keys/${id}`);

    const attached = [await key('POST', one.id), await key('POST', one.id), await key('POST', two.id)];
    const detached = [await key('DELETE', one.id), await key('DELETE', one.id)];
    await admin('DELETE', `/governance/virtual-keys/${two.id}`);
    await admin('DELETE', `/mcp/client/${server.id}`);

    expect(attached.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect([...(attached[2]?.virtual_mcp.virtual_key_ids ?? [])].sort()).toEqual([one.id, two.id].sort());
    expect(detached.map(({ status }) => status)).toEqual([200, 404]);
    expect(await find(made.id)).toMatchObject({ tools: [], virtual_key_ids: [] });
    expect((await key('POST', 'nowhere')).status).toBe(404);
  });

  it('is unknown on every verb once deleted', async () => {
    const key = await newKey();
    const { virtual_mcp: made } = await create({ virtual_key_ids: [key.id] });
    await admin('DELETE', `${PATH}/${made.id}`);

    const attachment = `${PATH}/${made.id}/virtual-keys/${key.id}`;
    const answers = [
      await admin('GET', `${PATH}/${made.id}`),
      await change(made.id, {}),
      await admin('DELETE', `${PATH}/${made.id}`),
      await admin('POST', attachment),
      await admin('DELETE', attachment),
    ];

    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404]);
  });
});

describe('using a Virtual MCP (CONTRACT §6)', () => {
  it('serves its tools at its address, under the names they have on /mcp', async () => {
    const tools = [
      { mcp_client_id: docs.id, tool_names: ['read'] },
      { mcp_client_id: mail.id, tool_names: ['*'] },
    ];
    const { key, toolset } = await granted(tools);
    const caller = at(toolset.endpoint_slug, key.value);

    const names = [`${docs.name}-read`, `${mail.name}-list`, `${mail.name}-send`];
    expect((await caller.toolNames()).sort()).toEqual(names.sort());
    expect((await caller.call(`${docs.name}-read`)).body.result?.content?.[0]?.text).toBe('read ran');
    expect((await caller.call(`${docs.name}-write`)).body.error).toMatchObject({ code: -32602 });
    expect((await caller.call('read')).body.error).toMatchObject({ code: -32602 });
  });

  it('adds its tools to what the key may use on plain /mcp', async () => {
    const { key, toolset } = await granted([{ mcp_client_id: docs.id, tool_names: ['read'] }], [mail.name]);
    const plain = new McpCaller({ 'x-bf-vk': key.value });

    const union = [`${docs.name}-read`, `${mail.name}-list`, `${mail.name}-send`];
    expect((await plain.toolNames()).sort()).toEqual(union.sort());
    expect((await plain.call(`${docs.name}-read`)).body.result?.isError).toBeUndefined();
    expect((await plain.call(`${docs.name}-write`)).body.error).toMatchObject({ code: -32602 });
    expect(await at(toolset.endpoint_slug, key.value).toolNames()).toEqual([`${docs.name}-read`]);
  });

  it('holds back there what the key may otherwise use of the same server', async () => {
    const { key, toolset } = await granted([{ mcp_client_id: docs.id, tool_names: ['read'] }], [docs.name]);
    const caller = at(toolset.endpoint_slug, key.value);

    expect(await caller.toolNames()).toEqual([`${docs.name}-read`]);
    expect((await caller.call(`${docs.name}-write`)).body.error).toMatchObject({ code: -32602 });
  });

  it('is narrowed by the server as everything is', async () => {
    const server = await Upstream.start(['a', 'b'], closed);
    const { key, toolset } = await granted([{ mcp_client_id: server.id, tool_names: ['*'] }]);
    await server.change({ tools_to_execute: ['a'] });

    expect(await at(toolset.endpoint_slug, key.value).toolNames()).toEqual([`${server.name}-a`]);
  });

  it('shows nothing there of servers that are open to everyone', async () => {
    const open = await Upstream.start(['everywhere']);
    const { key, toolset } = await granted([{ mcp_client_id: docs.id, tool_names: ['read'] }]);

    expect(await at(toolset.endpoint_slug, key.value).toolNames()).toEqual([`${docs.name}-read`]);
    expect(await new McpCaller({ 'x-bf-vk': key.value }).toolNames()).toContain(`${open.name}-everywhere`);
    await open.change({ enabled: false });
  });

  it('answers 403 to a key that does not have it, and 404 while it is disabled', async () => {
    const { key, toolset } = await granted([{ mcp_client_id: docs.id, tool_names: ['*'] }]);
    const stranger = await newKey([docs.name]);
    const statuses = async () => [
      (await at(toolset.endpoint_slug, key.value).ask('tools/list')).status,
      (await at(toolset.endpoint_slug, stranger.value).ask('tools/list')).status,
    ];

    const enabled = await statuses();
    await change(toolset.id, { enabled: false });
    const disabled = await statuses();
    const plain = await new McpCaller({ 'x-bf-vk': key.value }).toolNames();

    expect([enabled, disabled]).toEqual([
      [200, 403],
      [404, 404],
    ]);
    expect(plain).not.toContain(`${docs.name}-read`);
  });

  it('gives and takes with an attachment', async () => {
    const key = await newKey();
    const { virtual_mcp: made } = await create({ tools: [{ mcp_client_id: docs.id, tool_names: ['*'] }] });
    const caller = at(made.endpoint_slug, key.value);
    const status = async () => (await caller.ask('tools/list')).status;

    const before = await status();
    await admin('POST', `${PATH}/${made.id}/virtual-keys/${key.id}`);
    const between = await status();
    await admin('DELETE', `${PATH}/${made.id}/virtual-keys/${key.id}`);

    expect([before, between, await status()]).toEqual([403, 200, 403]);
  });
});

describe('tokens and a Virtual MCP (RFC 8707, CONTRACT §6)', () => {
  afterEach(() => configure({ enforce_auth_on_inference: null }));

  it('takes a token for /mcp there, and one for its address only there', async () => {
    const { key, toolset } = await granted([{ mcp_client_id: docs.id, tool_names: ['read'] }], [mail.name]);
    const client = await McpClient.register();
    const everywhere = await client.obtainGrant({ key: key.value });
    const resource = `${ISSUER}/mcp/${toolset.endpoint_slug}`;
    const here = await client.obtainGrant({ key: key.value, changes: { resource } });
    const caller = ({ access_token }: { access_token: string }, path: string) =>
      new McpCaller({ authorization: `Bearer ${access_token}` }, '2025', path);

    const path = `/mcp/${toolset.endpoint_slug}`;
    expect(await caller(everywhere, path).toolNames()).toEqual([`${docs.name}-read`]);
    expect(await caller(here, path).toolNames()).toEqual([`${docs.name}-read`]);
    expect((await caller(here, '/mcp').ask('tools/list')).status).toBe(401);
    expect((await caller(here, `/mcp/${mail.slug}`).ask('tools/list')).status).toBe(401);
  });

  it('shows at consent for its address only what it holds', async () => {
    const { key, toolset } = await granted([{ mcp_client_id: docs.id, tool_names: ['read'] }], [mail.name]);
    const client = await McpClient.register();
    const shownAt = async (resource: string) =>
      (await client.toServices(new Browser(), { key: key.value, changes: { resource } })).html;

    const here = await shownAt(`${ISSUER}/mcp/${toolset.endpoint_slug}`);
    const everywhere = await shownAt(`${ISSUER}/mcp`);

    expect(here).toContain(`value="${docs.name}"`);
    expect(here).toContain('read');
    expect(here).not.toContain(mail.name);
    expect(here).not.toMatch(/>write</);
    expect(everywhere).toContain(`value="${docs.name}"`);
    expect(everywhere).toContain(`value="${mail.name}"`);
  });

  it('shows nothing at consent of one the key does not have', async () => {
    const { toolset } = await granted([{ mcp_client_id: docs.id, tool_names: ['read'] }]);
    const stranger = await newKey([docs.name]);
    const changes = { resource: `${ISSUER}/mcp/${toolset.endpoint_slug}` };

    const { html } = await (await McpClient.register()).toServices(new Browser(), {
      key: stranger.value,
      changes,
    });

    expect(html).not.toContain(`value="${docs.name}"`);
  });

  it('is closed to anonymous callers', async () => {
    await configure({ enforce_auth_on_inference: false });
    const { toolset } = await granted([{ mcp_client_id: docs.id, tool_names: ['read'] }]);

    const anonymous = new McpCaller({}, '2025', `/mcp/${toolset.endpoint_slug}`);

    expect((await anonymous.ask('tools/list')).status).toBe(403);
  });
});

describe('listing Virtual MCPs', () => {
  it('reads no more rows than it has to, however many there are', async () => {
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
       INSERT INTO virtual_mcp SELECT 'many-' || i, printf('many %05d', i), 'many-' || i, '', 1, '[]', 0, 0 FROM n`,
    ).run();

    const second = await admin<List>('GET', `${PATH}?search=MANY&limit=2&offset=2`);

    expect(second).toMatchObject({ count: 2, total_count: 2000 });
    expect(second.virtual_mcps.map(({ name }) => name)).toEqual(['many 00003', 'many 00004']);
  });
});
