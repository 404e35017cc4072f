import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { AuthorizationServer } from '../support/authorization-server';
import { McpCaller, modern } from '../support/caller';
import { wait } from '../support/clock';
import { admin, configure, ISSUER, newKey } from '../support/gate';
import { accountServer, headerServer } from '../support/own-accounts';
import { Upstream } from '../support/upstream';

afterEach(() => vi.useRealTimers());

const OPENS_URLS = { elicitation: { form: {}, url: {} } };
const LINK = new RegExp(`^${ISSUER}/connect/([A-Za-z0-9_-]{22})$`);

type Required = { kind: string; mcp_client: string; url: string; message: string };
type Answer = Awaited<ReturnType<McpCaller['call']>>['body'];
type Link = { id: string; subject: string; server_ids: string; client_name: string };

let provider: AuthorizationServer;
let linear: Upstream;

beforeAll(async () => {
  provider = await AuthorizationServer.start();
  linear = await accountServer(provider);
});

/** Someone with a key of their own, at one server. */
async function caller(era: '2025' | '2026' = '2025', upstream = linear): Promise<McpCaller> {
  return McpCaller.withKey(era, `/mcp/${upstream.slug}`);
}

/** A request of a client of 2026-07-28 that can show its person an address. */
function asking(params: Record<string, unknown> = {}): Record<string, unknown> {
  return modern(params, { 'io.modelcontextprotocol/clientCapabilities': OPENS_URLS });
}

/** What an answer says of the account that is needed. */
function requiredIn({ result }: Answer, member: '_meta' | 'structuredContent' = '_meta'): Required {
  return (result?.[member] as { mcp_auth_required: Required } | undefined)?.mcp_auth_required as Required;
}

async function linkOf(url: string): Promise<Link> {
  const id = LINK.exec(url)?.[1] ?? url;
  const row = await env.DB.prepare('SELECT * FROM connect_link WHERE id = ?1').bind(id).first<Link>();
  if (!row) throw new Error(`there is no link ${url}`);
  return row;
}

const callsSeen = async (upstream: Upstream) => (await upstream.seen('tools/call')).length;

describe('a tool whose server wants an account the caller has not connected (CONTRACT §6)', () => {
  it('is not run: the result says which server, and carries one link', async () => {
    const { body } = await (await caller()).call('whoami');

    const required = requiredIn(body, 'structuredContent');
    expect(required.url).toMatch(LINK);
    const message = `Authentication required for ${linear.name}. Open this URL to connect your account: ${required.url}`;
    expect(required).toEqual({ kind: 'oauth', mcp_client: linear.name, url: required.url, message });
    expect(body.result).toEqual({
      content: [{ type: 'text', text: message }],
      isError: true,
      structuredContent: { mcp_auth_required: required },
      _meta: { mcp_auth_required: required },
    });
    expect(await callsSeen(linear)).toBe(0);
  });

  it('says so of header values in other words', async () => {
    const sentry = await headerServer();

    const { body } = await (await caller('2025', sentry)).call('whoami');

    const { kind, url, message } = requiredIn(body);
    expect(kind).toBe('headers');
    expect(message).toBe(
      `Authentication required for ${sentry.name}. Open this URL to submit the required headers: ${url}`,
    );
    expect(await callsSeen(sentry)).toBe(0);
  });

  it('gives a client of 2025-11-25 that opens addresses the error −32042 (MCP 2025-11-25, URL Elicitation Required)', async () => {
    const client = await (await caller()).initialized(OPENS_URLS);

    const { status, body } = await client.call('whoami');

    const elicitations = body.error?.data?.elicitations as
      | { url: string; elicitationId: string }[]
      | undefined;
    const elicitation = elicitations?.[0];
    expect(status).toBe(200);
    expect(body.error?.code).toBe(-32042);
    expect(elicitation).toEqual({
      mode: 'url',
      elicitationId: LINK.exec(elicitation?.url ?? '')?.[1],
      url: expect.stringMatching(LINK),
      message: `Authentication required for ${linear.name}. Open the page to connect your account.`,
    });
  });

  it('gives a client of 2026-07-28 that opens addresses `input_required` (MCP 2026-07-28, Multi Round-Trip Requests)', async () => {
    const client = await caller('2026');

    const { body } = await client.ask('tools/call', asking({ name: 'whoami' }));

    const elicitationId = /connect\/([\w-]+)/.exec(JSON.stringify(body))?.[1];
    expect(elicitationId).toBeTruthy();
    expect(body.result).toMatchObject({
      resultType: 'input_required',
      inputRequests: {
        'toolgate/connect': {
          method: 'elicitation/create',
          params: {
            mode: 'url',
            url: expect.stringMatching(LINK),
            elicitationId, // not of this revision: Copilot CLI reads no question without it (CONTRACT §6)
            message: `Authentication required for ${linear.name}. Open the page to connect your account.`,
          },
        },
      },
    });
    expect(body.result).not.toHaveProperty('content');
  });

  it.each([
    ['2026-07-28 without capabilities', {}],
    ['2026-07-28 that fills in forms only', { elicitation: {} }],
    ['2026-07-28 that says nonsense', { elicitation: { url: true } }],
  ])('never asks a client of %s to open one', async (_, capabilities) => {
    const client = await caller('2026');
    const params = modern({ name: 'whoami' }, { 'io.modelcontextprotocol/clientCapabilities': capabilities });

    const { body } = await client.ask('tools/call', params);

    expect(body.error).toBeUndefined();
    expect(body.result).toMatchObject({ resultType: 'complete', isError: true });
    expect(body.result?._meta).toHaveProperty('mcp_auth_required');
  });

  it('never asks a client of the 2025 era that did not say so at `initialize` of 2025-11-25', async () => {
    const without = await (await caller()).initialized({ elicitation: {} });
    const { headers } = await (await caller()).ask('initialize', {
      protocolVersion: '2025-06-18',
      capabilities: OPENS_URLS,
      clientInfo: { name: 'old', version: '1' },
    });
    const older = (await caller()).with({ 'mcp-session-id': headers.get('mcp-session-id') ?? '' });

    for (const client of [without, older]) {
      const { body } = await client.call('whoami');
      expect(body.error).toBeUndefined();
      expect(body.result?.isError).toBe(true);
    }
  });

  it('keeps to the schema of the results of a tool that has one (MCP, Output Schema)', async () => {
    const tool = { name: 'typed', inputSchema: { type: 'object' }, outputSchema: { type: 'object' } };
    const typed = await accountServer(provider, { tools: [tool] });

    const { body } = await (await caller('2025', typed)).call('typed');

    expect(body.result).not.toHaveProperty('structuredContent');
    expect(body.result?._meta).toHaveProperty('mcp_auth_required');
  });
});

describe('a prompt or resource of such a server', () => {
  let docs: Upstream;
  beforeAll(async () => {
    docs = await accountServer(provider, {
      prompts: [{ name: 'greet' }],
      resources: [{ uri: 'docs://one', name: 'one' }],
    });
  });

  it.each([
    ['prompts/get', { name: 'greet' }],
    ['resources/read', { uri: 'docs://one' }],
  ])('meets %s with the error of its era', async (method, params) => {
    const plain = await (await caller('2025', docs)).ask(method, params);
    const opening = await (await (await caller('2025', docs)).initialized(OPENS_URLS)).ask(method, params);
    const modernPlain = await (await caller('2026', docs)).ask(method, params);
    const modernOpening = await (await caller('2026', docs)).ask(method, asking(params));

    for (const { body } of [plain, modernPlain]) {
      expect(body.error?.code).toBe(-32603);
      expect(body.error?.data).toMatchObject({
        type: 'mcp_auth_required',
        mcp_auth_required: { kind: 'oauth', mcp_client: docs.name, message: body.error?.message },
      });
    }
    expect(opening.body.error?.code).toBe(-32042);
    expect(modernOpening.body.result?.resultType).toBe('input_required');
  });
});

describe('repeating the call', () => {
  it('gives the same link while nobody used it, to calls made side by side too', async () => {
    const client = await caller();

    const answers = await Promise.all([1, 2, 3, 4].map(() => client.call('whoami')));
    const later = await client.call('whoami');

    const texts = [...answers, later].map(({ body }) => body.result?.content?.[0]?.text);
    expect(new Set(texts).size).toBe(1);
  });

  it('gives another once little of its time is left, and to another client', async () => {
    const key = (await newKey()).value;
    const client = await new McpCaller({ 'x-bf-vk': key }, '2025', `/mcp/${linear.slug}`).initialized();
    const other = await new McpCaller({ 'x-bf-vk': key }, '2025', `/mcp/${linear.slug}`);

    const first = (await client.call('whoami')).body.result?.content?.[0]?.text;
    const elsewhere = (await other.call('whoami')).body.result?.content?.[0]?.text;
    wait(601);
    const later = (await client.call('whoami')).body.result?.content?.[0]?.text;

    expect(new Set([first, elsewhere, later]).size).toBe(3);
  });

  it('asks a client of 2026-07-28 again while nothing was connected, but not one whose person said no', async () => {
    const client = await caller('2026');
    const answered = (action: string) =>
      client.ask(
        'tools/call',
        asking({ name: 'whoami', inputResponses: { 'toolgate/connect': { action } } }),
      );

    const accepted = await answered('accept');
    const declined = await answered('decline');
    const cancelled = await answered('cancel');

    expect(accepted.body.result?.resultType).toBe('input_required');
    for (const { body } of [declined, cancelled]) {
      expect(body.result).toMatchObject({ resultType: 'complete', isError: true });
    }
  });

  it('keeps what answers our own question from the server, and passes on what does not', async () => {
    const server = await Upstream.start(['echo'], { era: '2026' });
    const client = await caller('2026', server);

    const ours = { 'toolgate/connect': { action: 'accept' } };
    await client.ask('tools/call', { name: 'echo', inputResponses: ours });
    await client.ask('tools/call', {
      name: 'echo',
      inputResponses: { ...ours, theirs: { action: 'accept' } },
    });

    const [first, second] = (await server.seen('tools/call')).map(({ message }) => message.params ?? {});
    expect(first).not.toHaveProperty('inputResponses');
    expect(second).toMatchObject({ inputResponses: { theirs: { action: 'accept' } } });
    expect(second?.inputResponses).not.toHaveProperty('toolgate/connect');
  });
});

describe('what a link is for', () => {
  it('is the identity that asked, and every server here it has yet to connect', async () => {
    const notion = await accountServer(provider);
    const key = await newKey();
    const client = new McpCaller({ 'x-bf-vk': key.value }, '2025', '/mcp');
    const named = await client.initialized();
    const onlyTwo = named.with({ 'x-bf-mcp-include-clients': `${linear.name},${notion.name}` });

    const { body } = await onlyTwo.call(`${notion.name}-whoami`);

    const { url, mcp_client } = requiredIn(body);
    const link = await linkOf(url);
    expect(mcp_client).toBe(notion.name);
    expect(link).toMatchObject({ subject: `vk:${key.id}`, client_name: 'test' });
    expect(JSON.parse(link.server_ids)).toEqual([linear.id, notion.id].sort());
  });

  it('stands on mcp_external_server_url when that is set', async () => {
    await configure({ mcp_external_server_url: 'https://links.example' });
    const { body } = await (await caller()).call('whoami');
    await configure({ mcp_external_server_url: null });

    expect(body.result?.content?.[0]?.text).toContain('https://links.example/connect/');
  });

  it('is told in the audit once, with ids and no address', async () => {
    const key = await newKey();
    const client = new McpCaller({ 'x-bf-vk': key.value }, '2025', `/mcp/${linear.slug}`);

    const { body } = await client.call('whoami');
    await client.call('whoami');

    const { url } = requiredIn(body);
    const { events } = await admin<{ events: { actor: string; detail: object }[] }>(
      'GET',
      `/audit?act=credential.link_given&actor=vk:${key.id}`,
    );
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ actor: `vk:${key.id}` });
    expect(JSON.stringify(events)).not.toContain(LINK.exec(url)?.[1]);
  });
});

describe('those whom no link could help (CONTRACT §6)', () => {
  it('refuses a key that several people share', async () => {
    const { virtual_key } = await admin<{ virtual_key: { name: string; value: string } }>(
      'POST',
      '/governance/virtual-keys',
      { name: `shared ${crypto.randomUUID()}`, shared: true },
    );

    const client = new McpCaller({ 'x-bf-vk': virtual_key.value }, '2026', `/mcp/${linear.slug}`);
    const { body } = await client.ask('tools/call', asking({ name: 'whoami' }));

    expect(body.result).toMatchObject({ resultType: 'complete', isError: true });
    expect(body.result?.content?.[0]?.text).toBe(
      `Authentication required for ${linear.name} (own_identity_needed): the access key "${virtual_key.name}" is shared by several people. Use your own key or sign in.`,
    );
    expect(JSON.stringify(body)).not.toContain('/connect/');
  });

  it('refuses nobody in particular, and gives an anonymous session a link of its own', async () => {
    await configure({ enforce_auth_on_inference: false });
    const { session: made } = await admin<{ session: { id: string } }>('POST', '/mcp/session');
    const nobody = await new McpCaller({}, '2025', `/mcp/${linear.slug}`).call('whoami');
    const session = new McpCaller({ 'x-bf-mcp-session-id': made.id }, '2025', `/mcp/${linear.slug}`);
    const someone = await session.call('whoami');
    await configure({ enforce_auth_on_inference: true });

    expect(nobody.body.result?.content?.[0]?.text).toContain('it is not known who is calling');
    expect(JSON.stringify(nobody.body)).not.toContain('/connect/');
    expect(someone.body.result?.content?.[0]?.text).toContain('/connect/');
  });
});
