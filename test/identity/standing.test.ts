import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { recordSignIn } from '../../src/governance/users';
import { newSessionValue } from '../../src/identity/session';
import { Browser, type Page } from '../support/browser';
import { configure, newKey } from '../support/gate';
import { type Answers, answersTo, shown, type World } from '../support/identity-places';
import { McpClient, type Tokens } from '../support/mcp-client';
import { headerServer } from '../support/own-accounts';
import { Provider, personOf } from '../support/provider';
import type { Upstream } from '../support/upstream';

const USUAL = {
  enforce_auth_on_inference: false,
  mcp_server_auth_mode: null,
  oauth2_server_config: { disable_vk_identity: null },
};
const seconds = () => Math.floor(Date.now() / 1000);

let provider: Provider;
let server: Upstream;
let changed = false;
beforeAll(async () => {
  provider = await Provider.start();
  await configure(USUAL);
  server = await headerServer();
});
afterEach(async () => {
  if (changed) await configure(USUAL);
  changed = false;
});

const setTo = async (settings: Record<string, unknown>) => {
  changed = true;
  await configure(settings);
};
const update = (table: 'virtual_key' | 'person', id: string, change: string) =>
  env.DB.prepare(`UPDATE ${table} SET ${change} WHERE id = ?1`).bind(id).run();
const remove = (table: 'virtual_key' | 'person', id: string) =>
  env.DB.prepare(`DELETE FROM ${table} WHERE id = ?1`).bind(id).run();

/** Allows everything on the services form, and takes the tokens. */
async function allowed(client: McpClient, browser: Browser, services: Page): Promise<Tokens> {
  await browser.submit(services, { decision: 'allow' });
  const { status, body } = await client.redeem(browser.callback?.searchParams.get('code') ?? '');
  if (status !== 200) throw new Error(`the code was refused: ${JSON.stringify(body)}`);
  return body;
}

async function withKey(): Promise<World> {
  const [client, key] = await Promise.all([McpClient.register(), newKey()]);
  const browser = new Browser();
  const tokens = await allowed(client, browser, await client.toServices(browser, { key: key.value }));
  return {
    subject: `vk:${key.id}`,
    id: key.id,
    browser,
    client,
    tokens,
    headers: { 'x-bf-vk': key.value },
    serverId: server.id,
  };
}

/** A person, with a key that they own. */
async function asPerson(): Promise<World> {
  const [client, key] = await Promise.all([McpClient.register(), newKey()]);
  const browser = new Browser();
  const email = `p${crypto.randomUUID()}@acme.example`;
  const first = shown(await browser.open(await client.authorizeUrl()));
  await browser.submit(first, { identity: 'user', decision: 'continue' });
  const tokens = await allowed(client, browser, shown(await provider.approve(browser, email)));
  const { id } = await personOf(email);
  await update('virtual_key', key.id, `owner_user_id = '${id}'`);
  return {
    subject: `user:${id}`,
    id,
    browser,
    client,
    tokens,
    headers: { 'x-bf-vk': key.value },
    serverId: server.id,
  };
}

async function anonymous(): Promise<World> {
  const client = await McpClient.register();
  const browser = new Browser();
  const first = shown(await browser.open(await client.authorizeUrl()));
  const services = shown(await browser.submit(first, { identity: 'session', decision: 'continue' }));
  const tokens = await allowed(client, browser, services);
  const { sub } = JSON.parse(
    atob(tokens.access_token.split('.')[1]?.replace(/-/g, '+').replace(/_/g, '/') ?? ''),
  );
  const headers = { 'x-bf-mcp-session-id': await newSessionValue(env.ENCRYPTION_KEY) };
  return { subject: sub, id: '', browser, client, tokens, headers, serverId: server.id };
}

const VALID = {
  consent: 'known',
  token: '200',
  header: '200',
  connect: 'open',
  me: 'known',
  quota: 'active',
  account: 'theirs',
  refresh: 'renewed',
};
const GONE = {
  consent: 'asked',
  token: '401 invalid_token',
  header: '403 inactive',
  connect: '410',
  me: 'asked',
  quota: 'inactive',
  account: 'orphaned',
  refresh: 'invalid_grant, ended',
};
/** A value that is no key's any more. */
const UNKNOWN = { header: '401 invalid_token', quota: '401' };

/** Gives a key to a person who is then changed, or deleted. */
async function giveAway(id: string, change: string | null): Promise<void> {
  const account = { issuer: provider.issuer, subject: id, email: `${id}@acme.example`, name: 'Owner' };
  const owner = await recordSignIn(env.DB, account, seconds());
  await update('virtual_key', id, `owner_user_id = '${owner.id}'`);
  await (change === null ? remove('person', owner.id) : update('person', owner.id, change));
}

const newHash = () => `value_hash = '${crypto.randomUUID()}', previous_hash = value_hash`;

const KEYS: [string, (id: string) => Promise<unknown>, Answers][] = [
  ['valid', async () => null, VALID],
  ['inactive', (id) => update('virtual_key', id, 'is_active = 0'), GONE],
  ['expired', (id) => update('virtual_key', id, 'expires_at = 1'), { ...GONE, header: '403 expired' }],
  [
    'rotated, in its cooldown',
    (id) => update('virtual_key', id, `${newHash()}, previous_until = ${seconds() + 60}`),
    VALID,
  ],
  [
    'rotated, its cooldown over',
    (id) => update('virtual_key', id, `${newHash()}, previous_until = 1`),
    { ...VALID, ...UNKNOWN },
  ],
  [
    'rotated because it leaked',
    (id) => update('virtual_key', id, `${newHash()}, generation = generation + 1`),
    { ...GONE, ...UNKNOWN, account: 'theirs' },
  ],
  ['given to a person', (id) => giveAway(id, 'is_active = 1'), { ...GONE, header: '200', quota: 'active' }],
  ['given to a person who is blocked', (id) => giveAway(id, 'is_active = 0'), GONE],
  ['given to a person who was deleted', (id) => giveAway(id, null), GONE],
  ['deleted', (id) => remove('virtual_key', id), { ...GONE, ...UNKNOWN }],
  [
    'refused as an identity (disable_vk_identity)',
    () => setTo({ mcp_server_auth_mode: 'oauth', oauth2_server_config: { disable_vk_identity: true } }),
    { ...GONE, header: '401 token_required', quota: 'active', refresh: 'invalid_grant, kept' },
  ],
];

const PEOPLE: [string, (id: string) => Promise<unknown>, Answers][] = [
  ['valid', async () => null, VALID],
  ['blocked', (id) => update('person', id, 'is_active = 0, generation = generation + 1'), GONE],
  [
    'no longer blocked',
    (id) => update('person', id, 'generation = generation + 1'),
    { ...GONE, header: '200', quota: 'active', account: 'theirs' },
  ],
  ['deleted', (id) => remove('person', id), GONE],
  ...['issuer = "https://elsewhere.example"', 'email = "ada@evil.example"'].map(
    (change): [string, (id: string) => Promise<unknown>, Answers] => [
      `who may not sign in here: ${change.replaceAll('"', '')}`,
      (id) => update('person', id, change.replaceAll('"', "'")),
      {
        ...VALID,
        consent: 'asked',
        token: GONE.token,
        header: '403 suspended',
        connect: 'sign in',
        me: 'asked',
        quota: 'inactive',
        refresh: 'invalid_grant, kept',
      },
    ],
  ),
  [
    'who has to sign in again (user_reauth_days)',
    (id) => update('person', id, 'last_signed_in_at = 1'),
    { ...VALID, consent: 'asked', connect: 'sign in', me: 'asked', refresh: 'invalid_grant, kept' },
  ],
];

describe('whether an identity may be acted for, at every place that asks (CONTRACT §§4-6)', () => {
  it.each(KEYS)('a key, %s', async (_, change, answers) => {
    const world = await withKey();

    await change(world.id);

    expect(await answersTo(world)).toEqual(answers);
  });

  it.each(PEOPLE)('a person, %s', async (_, change, answers) => {
    const world = await asPerson();

    await change(world.id);

    expect(await answersTo(world)).toEqual(answers);
  });

  it.each([
    ['valid', async () => null, { ...VALID, quota: '401' }],
    [
      'refused by enforcement',
      () => setTo({ enforce_auth_on_inference: true }),
      { ...GONE, header: '401 virtual_key_required', quota: '401', refresh: 'invalid_grant, kept' },
    ],
  ])('an anonymous session, %s', async (_, change, answers) => {
    const world = await anonymous();

    await change();

    expect(await answersTo(world)).toEqual(answers);
  });
});
