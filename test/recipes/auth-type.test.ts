import { describe, expect, it } from 'vitest';
import type { UpstreamAuth } from '../../src/accounts/auth/auth';
import { authTypes } from '../../src/accounts/auth/index';
import { describeApi } from '../../src/admin/openapi/document';
import { AUTH_MEMBERS } from '../../src/servers/auth-settings';
import { Browser, type Page } from '../support/browser';
import { McpCaller } from '../support/caller';
import { admin, newKey } from '../support/gate';
import { shown } from '../support/identity-places';
import { McpClient } from '../support/mcp-client';
import { addressOf, control, Upstream } from '../support/upstream';
import { houseName } from './examples/house-name';
import { pin } from './examples/pin';

const names = [...authTypes.keys()];

// The one line of each, which src/accounts/auth/index.ts would have.
(authTypes as Map<string, UpstreamAuth>).set('pin', pin);
(authTypes as Map<string, UpstreamAuth>).set('house_name', houseName);

const SAMPLE = { 'x-pin': "the administrator's" };

/** A server that takes PINs, and refuses those that begin with `wrong`. */
const pinServer = () =>
  Upstream.start(['whoami'], {
    demandsHeaders: ['x-pin'],
    registration: { auth_type: 'pin', user_headers: SAMPLE },
  });

type Client = Record<string, unknown> & { id: string };
type Account = Record<string, unknown> & { id: string };
const clientAt = async (id: string) => (await admin<{ client: Client }>('GET', `/mcp/client/${id}`)).client;
const accountsAt = async ({ id }: Upstream) =>
  (await admin<{ sessions: Account[] }>('GET', `/mcp/sessions?mcp_client_id=${id}`)).sessions;

/** A person with a key, whose app calls `server` alone. */
async function personAt(server: Upstream) {
  const key = await newKey();
  const app = await new McpCaller({ 'x-bf-vk': key.value }, '2025', `/mcp/${server.slug}`).initialized();
  const whoami = async () => {
    const { body } = await app.call('whoami');
    return body.result?.content?.[0]?.text ?? JSON.stringify(body);
  };
  return { key, whoami, browser: new Browser() };
}
type Person = Awaited<ReturnType<typeof personAt>>;

/** Opens the link that a call is answered with, and proves to hold the key. */
async function toForm({ key, whoami, browser }: Person): Promise<Page> {
  const [link = ''] = /https:\/\/\S+\/connect\/[A-Za-z0-9_-]{22}/.exec(await whoami()) ?? [];
  const proof = shown(await browser.open(link));
  return shown(await browser.submit(proof, { virtual_key: key.value, decision: 'continue' }));
}

async function enter(person: Person, server: Upstream, value: string): Promise<Page> {
  const form = await toForm(person);
  return shown(await person.browser.submit(form, { [`header.${server.id}.x-pin`]: value }));
}

describe('an auth type is a file and one line (CONTRIBUTING, Add a thing)', () => {
  it('is taken by the API, which lists the tools with a sample of it', async () => {
    const { id, name } = await pinServer();

    const client = await clientAt(id);
    const { status } = await admin('PUT', `/mcp/client/${id}`, client);
    const foreign = await admin('PUT', `/mcp/client/${id}`, { per_user_header_keys: ['x-other'] });
    const caller = await McpCaller.withKey();

    expect(client).toMatchObject({ auth_type: 'pin', state: 'healthy', per_user_header_keys: ['x-pin'] });
    expect([status, foreign.status]).toEqual([200, 400]);
    expect(await caller.toolNames()).toContain(`${name}-whoami`);
  });

  it('waits for a sample without one, and keeps none that the server refuses', async () => {
    const server = await Upstream.start(['whoami'], {
      demandsHeaders: ['x-pin'],
      registration: { auth_type: 'pin' },
    });
    const verify = (value: string) =>
      admin('POST', `/mcp/client/${server.id}/verify-headers`, { user_headers: { 'x-pin': value } });

    const before = await clientAt(server.id);
    const refused = await verify('wrong');
    const taken = await verify('1234');

    expect(before.state).toBe('pending_verification');
    expect([refused.status, taken.status]).toEqual([422, 200]);
    expect((await clientAt(server.id)).state).toBe('healthy');
  });

  it('is described by the API', () => {
    const { MCPAuthType, NewServer } = describeApi().components.schemas;

    expect(MCPAuthType).toMatchObject({ enum: expect.arrayContaining(['pin', 'house_name']) });
    expect(JSON.stringify(MCPAuthType)).toContain('`pin`: everyone, with a PIN');
    expect(JSON.stringify(NewServer)).toContain('"const":"pin"');
  });

  it('is a choice of the page that adds a server, with its words, and tried there', async () => {
    const browser = await Browser.administrator();
    const name = `s_${crypto.randomUUID().slice(0, 8)}`;
    const tools = [{ name: 'whoami', inputSchema: { type: 'object' } }];
    await control(name, 'set', { tools, demandsHeaders: ['x-pin'] });

    const beginning = shown(await browser.open('/admin/servers/new'));
    const address = { connection_string: addressOf(name) };
    const form = shown(await browser.submit(beginning, address, undefined, 'connection_string'));
    const answers = { auth_type: 'pin', name, open: 'on' };
    const server = shown(await browser.submit(form, answers, undefined, 'auth_type'));
    const tried = shown(await browser.submit(server, { 'value.0': '1234' }, undefined, 'value.0'));
    const list = shown(await browser.open('/admin/servers'));

    expect(form.html).toMatch(/<option value="pin"[^>]*>Everyone’s PIN: the one they were sent/);
    expect(server.html).toMatch(/<label for="[^"]*">PIN</);
    expect(tried.html).toContain('lists 1 tool');
    expect(tried.html).toContain('<dt>Authentication</dt>');
    expect(list.html).toContain('Everyone’s PIN');
  });

  it('lets a person connect by its own form, and calls with what they entered', async () => {
    const server = await pinServer();
    const ann = await personAt(server);
    const asked = await ann.whoami();

    const form = await toForm(ann);
    const field = `header.${server.id}.x-pin`;
    const empty = shown(await ann.browser.submit(form, {}));
    const wrong = shown(await ann.browser.submit(empty, { [field]: 'wrong' }));
    const done = shown(await ann.browser.submit(wrong, { [field]: '4711' }));

    expect(asked).toContain('Open this URL to enter your PIN');
    expect(form.html).toMatch(/<label for="[^"]*">PIN <small.*The four digits from your letter\./s);
    expect(form.html).toContain('Save the PIN');
    expect(empty.html).toContain('Enter PIN.');
    expect(wrong.html).toContain('doesn’t accept this PIN');
    expect(done.html).toContain('All connected');
    expect(await ann.whoami()).toBe('4711');
  });

  it('has its form at consent', async () => {
    const server = await pinServer();
    const [key, client, browser] = [await newKey(), await McpClient.register(), new Browser()];

    const first = shown(await browser.open(await client.authorizeUrl()));
    const proof = { identity: 'virtual_key', virtual_key: key.value, decision: 'continue' };
    const services = shown(await browser.submit(first, proof));
    const typed = { [`header.${server.id}.x-pin`]: '4711', decision: 'continue' };
    await browser.submit(services, typed);

    expect(services.html).toContain(`aria-label="Save the PIN for ${server.name}"`);
    expect(await accountsAt(server)).toMatchObject([{ status: 'active', virtual_key: { id: key.id } }]);
  });

  it('is listed for the person and for administrators, and disconnected', async () => {
    const server = await pinServer();
    const ann = await personAt(server);
    await enter(ann, server, '4711');

    const me = shown(await ann.browser.open('/me'));
    const [account, ...more] = await accountsAt(server);
    const path = `/me/accounts/${account?.id}/disconnect`;
    const confirm = shown(await ann.browser.open(path));
    const after = shown(await ann.browser.submit(confirm, {}, undefined, path));

    expect(me.html).toMatch(new RegExp(`Change the PIN\\s*<span class="unseen">\\s*${server.name}`));
    expect(account).toMatchObject({ kind: 'header', auth_kind: 'headers', status: 'active' });
    expect(more).toEqual([]);
    expect(after.html).toMatch(new RegExp(`Enter the PIN\\s*<span class="unseen">\\s*${server.name}`));
    expect(await accountsAt(server)).toEqual([]);
    expect(await ann.whoami()).toContain('enter your PIN');
  });

  it('may be shared: then everyone calls with the same, and connects nothing', async () => {
    const registration = { auth_type: 'house_name' };
    const server = await Upstream.start(['whoami'], { demandsHeaders: ['x-house'], registration });
    const ann = await personAt(server);

    expect((await clientAt(server.id)).state).toBe('healthy');
    expect(await ann.whoami()).toBe('toolgate');
    expect(await accountsAt(server)).toEqual([]);
  });

  it('does not compile when people could not connect', () => {
    // @ts-expect-error a form without an administrator's sample
    const unlisted: UpstreamAuth = { ...pin, own: pin.own, authorization: null };
    // @ts-expect-error a personal type that does not say how people connect
    const wayless: UpstreamAuth = { ...houseName, own: {} };

    expect([unlisted, wayless]).toHaveLength(2);
  });
});

const sources = import.meta.glob<string>('../../src/**/*.{ts,tsx}', {
  query: '?raw',
  import: 'default',
  eager: true,
});

/** Where a name is data: well-known servers say their type, and a setting and its column have the name of one. */
const DATA = /\/src\/(?:providers\/presets|servers\/(?:auth-settings|row))\.ts$/;

describe('the names of auth types (docs/architecture.md)', () => {
  const others = Object.entries(sources).filter(([path]) => !path.includes('/accounts/auth/'));
  const among = (lines: RegExp, files = others) =>
    files.flatMap(([path, text]) =>
      text
        .split('\n')
        .filter((line) => lines.test(line))
        .map((line) => `${path.replace('../../src/', '')}: ${line.trim()}`),
    );

  it('are compared nowhere outside accounts/auth', () => {
    const any = names.join('|');
    const compared = new RegExp(
      `\\b(?:authType|auth_type|type)\\b['"\`)\\]]*\\s*(?:===?|!==?|\\?\\?|IN)\\s*\\(?\\s*['"\`](?:${any})['"\`]`,
    );
    const asked =
      /\b(?:authType|auth_type)\b\)?\??\.(?:startsWith|endsWith|includes|match)|\.includes\(\w*\.?authType/;

    expect(others.length).toBeGreaterThan(300);
    expect(among(compared)).toEqual([]);
    expect(among(asked)).toEqual([]);
  });

  it('are listed nowhere outside accounts/auth', () => {
    const long = names.filter((name) => name.includes('_')); // the short ones are words of other vocabularies too
    const keys = long.filter((name) => !AUTH_MEMBERS.some((member) => member === name));
    const quoted = new RegExp(`'(?:${long.join('|')})'|^\\s*(?:${keys.join('|')}): [{'\`]`);
    const files = others.filter(([path]) => !DATA.test(path));

    expect(long.length).toBeGreaterThan(2);
    expect(among(quoted, files)).toEqual([]);
  });
});
