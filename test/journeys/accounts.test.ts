import { setTimeout as delay } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AdminApi } from '../../scripts/admin-api.ts';
import { authorizeAsAdministrator } from '../../scripts/dev/setup.ts';
import { AccountsPeer } from './support/accounts-peer.ts';
import { App, callTool, read } from './support/app.ts';
import { closePages, executable, sharedChromium } from './support/chromium.ts';
import { type SharedDev, sharedDev } from './support/shared-dev.ts';
import { everythingStored, filesWith } from './support/stored.ts';

/** Seconds. The gateway renews a token before it ends, so with this one nearly every call. */
const TOKEN_LIFE = 2;

describe.skipIf(!executable)(
  `accounts of one's own in real browsers${executable ? '' : ' (skipped: no Chromium here, set CHROME_PATH)'}`,
  () => {
    /** What someone should find nowhere: every token, key, code and header value that was seen. */
    const secrets = new Set<string>();
    let dev: SharedDev;
    let api: AdminApi;
    let peer: AccountsPeer;
    let browser: Browser;
    let ada: Person;
    let ben: Person;

    beforeAll(async () => {
      dev = await sharedDev();
      api = new AdminApi(dev.facts.url, dev.facts.admin_token);
      [peer, browser] = await Promise.all([AccountsPeer.start(TOKEN_LIFE), sharedChromium()]);
      await addServers();
      [ada, ben] = [await newPerson('Ada'), await newPerson('Ben')];
    });
    afterAll(async () => {
      await closePages(browser);
      peer?.stop();
    });

    type Person = { name: string; keyId: string; key: string; page: Page };

    /** Two servers of which everybody needs an account: an administrator authorizes the one, and shows the other a key. */
    async function addServers(): Promise<void> {
      const { authorize_url } = await api.send<{ authorize_url: string }>('POST', '/api/mcp/client', {
        name: 'agenda',
        connection_type: 'http',
        connection_string: `${peer.origin}/calendar/mcp`,
        auth_type: 'per_user_oauth',
      });
      await authorizeAsAdministrator(api, authorize_url, 'Root');
      await api.send('POST', '/api/mcp/client', {
        name: 'notes',
        connection_type: 'http',
        connection_string: `${peer.origin}/tickets/mcp`,
        auth_type: 'per_user_headers',
        per_user_header_keys: ['x-tickets-key'],
        user_headers: { 'x-tickets-key': secret('key-of-Root') },
      });
      await api.send('POST', '/api/mcp/client', {
        name: 'elsewhere',
        connection_type: 'http',
        connection_string: `${peer.origin}/calendar/mcp`,
        auth_type: 'oauth',
        oauth_config: { client_id: 'by-hand', client_secret: secret('a-client-secret-set-by-hand') },
        enabled: false,
      });
    }

    /** Someone with a key and a browser of their own, which stays on this machine. */
    async function newPerson(name: string): Promise<Person> {
      const mcp_configs = ['agenda', 'notes'].map((server) => ({
        mcp_client_name: server,
        tools_to_execute: ['*'],
      }));
      const { virtual_key } = await api.send<{ virtual_key: { id: string; value: string } }>(
        'POST',
        '/api/governance/virtual-keys',
        { name: `key of ${name}`, mcp_configs },
      );
      const page = await (await browser.newContext()).newPage();
      await page.route(/^https:/, (route) => route.abort());
      return { name, keyId: virtual_key.id, key: secret(virtual_key.value), page };
    }

    function secret(value: string): string {
      secrets.add(value);
      return value;
    }

    const ask = ({ key }: Person, tool: string) =>
      callTool(dev.facts.mcp_url, { authorization: `Bearer ${key}` }, tool);

    /** The link in the answer to a call that wants an account. */
    async function linkFor(person: Person, tool: string): Promise<string> {
      const { isError, text } = await ask(person, tool);
      const [link] = /https?:\S+\/connect\/\S+/.exec(text) ?? [];
      expect([isError, link]).toEqual([true, expect.any(String)]);
      return link ?? '';
    }

    /** Says who one is at the provider of the agenda. */
    async function signIn({ page, name }: Person): Promise<void> {
      await page.getByLabel('Your name').fill(name);
      await page.getByRole('button', { name: 'Allow' }).click();
    }

    /** Where the provider of the agenda would send a person's browser back to, which stays where it is. */
    async function heldBack({ page, name }: Person): Promise<string> {
      const { request } = page.context();
      const form = { login: name, decision: 'allow' };
      const answered = await request.post(page.url(), { form, maxRedirects: 0 });
      const { location = '' } = answered.headers();
      return (await request.get(location, { maxRedirects: 0 })).headers().location ?? '';
    }

    async function disconnect({ key }: Person, server: string): Promise<void> {
      const headers = { 'x-bf-vk': key };
      const listed = await fetch(`${dev.facts.url}/api/mcp/sessions`, { headers });
      const { sessions } = await read<{ sessions: { id: string; mcp_client: { name: string } }[] }>(listed);
      const row = sessions.find(({ mcp_client }) => mcp_client.name === server);
      const ended = await fetch(`${dev.facts.url}/api/mcp/sessions/${row?.id}`, {
        method: 'DELETE',
        headers,
      });
      if (!ended.ok) throw new Error(`DELETE of ${server} answered ${ended.status}: ${await ended.text()}`);
    }

    it('connects one person at consent and another by a link, and each is themselves', async () => {
      const callback = 'http://127.0.0.1:9/callback';
      const app = await App.register(dev.facts.url, callback);
      const { page } = ada;
      await page.goto(app.authorizationUrl);
      await page.getByLabel('Access key').fill(ada.key);
      await page.getByRole('button', { name: 'Continue' }).click();
      await page.getByRole('button', { name: 'Connect your account at agenda' }).click();
      await signIn(ada);
      await page.getByRole('heading', { name: /^What can/ }).waitFor();
      await page.getByText('Connected: agenda').waitFor();
      expect(await page.getByRole('button', { name: 'Connect your account at agenda' }).count()).toBe(0);
      const sentBack = page.waitForRequest((request) => request.url().startsWith(callback));
      await page.getByRole('button', { name: 'Allow' }).click();
      const back = (await sentBack).url();
      const tokens = await app.redeem(back);
      for (const value of [tokens.access_token, tokens.refresh_token]) secret(value);
      secret(new URL(back).searchParams.get('code') ?? '');

      await ben.page.goto(await linkFor(ben, 'agenda-whoami'));
      await ben.page.getByLabel('Access key').fill(ben.key);
      await ben.page.getByRole('button', { name: 'Continue' }).click();
      await ben.page.getByRole('button', { name: 'Continue to agenda' }).click();
      await signIn(ben);
      await ben.page.getByLabel('Your notes key').fill(secret('key-of-Ben'));
      await ben.page.getByRole('button', { name: 'Save' }).click();
      await ben.page.getByRole('heading', { name: 'All connected' }).waitFor();

      const asAda = { authorization: `Bearer ${tokens.access_token}` };
      expect(await callTool(dev.facts.mcp_url, asAda, 'agenda-whoami')).toEqual(said('You are Ada.'));
      expect(await ask(ada, 'agenda-whoami')).toEqual(said('You are Ada.'));
      expect(await ask(ben, 'agenda-whoami')).toEqual(said('You are Ben.'));
      expect(await ask(ben, 'notes-whoami')).toEqual(said('You are Ben.'));
    });

    it('refuses a link to whoever it is not for, and works once for whom it is', async () => {
      const link = await linkFor(ada, 'notes-whoami');

      await ben.page.goto(link);
      await ben.page.getByLabel('Access key').fill(ben.key);
      await ben.page.getByRole('button', { name: 'Continue' }).click();
      expect(await ben.page.getByRole('alert').textContent()).toContain('work for this link');

      await ada.page.goto(link);
      await ada.page.getByRole('button', { name: 'Continue as key of Ada' }).click();
      await ben.page.goto(link);
      expect(await ben.page.getByRole('heading').textContent()).toContain('used in another browser');
      await ada.page.getByLabel('Your notes key').fill('a-wrong-key');
      await ada.page.getByRole('button', { name: 'Save' }).click();
      expect(await ada.page.getByRole('alert').textContent()).toContain('must hold key-of- and a name');
      await ada.page.getByLabel('Your notes key').fill(secret('key-of-Ada'));
      await ada.page.getByRole('button', { name: 'Save' }).click();
      await ada.page.getByRole('heading', { name: 'All connected' }).waitFor();

      expect(await ask(ada, 'notes-whoami')).toEqual(said('You are Ada.'));
      expect(await ask(ben, 'notes-whoami')).toEqual(said('You are Ben.'));
    });

    it('connects nothing for a browser that comes back in place of the one that was sent', async () => {
      await disconnect(ada, 'agenda');
      const { page } = ada;
      await page.goto(await linkFor(ada, 'agenda-whoami'));
      await page.getByRole('button', { name: 'Continue as key of Ada' }).click();
      await page.getByRole('button', { name: 'Continue to agenda' }).click();
      await page.getByLabel('Your name').waitFor();
      const back = await heldBack(ada);

      const stolen = await ben.page.goto(back);
      expect(stolen?.status()).toBe(403);
      expect(await ben.page.getByRole('heading').textContent()).toContain('in the browser where you started');
      expect(await ask(ben, 'agenda-whoami')).toEqual(said('You are Ben.'));
      expect((await ask(ada, 'agenda-whoami')).isError).toBe(true);

      await page.goto(back);
      await page.getByRole('heading', { name: 'All connected' }).waitFor();
      expect(await ask(ada, 'agenda-whoami')).toEqual(said('You are Ada.'));
    });

    it('loses nothing when the authorization server dies during a refresh', async () => {
      peer.killAuthorizationServer();
      const heard = peer.tokenRequests;

      const failed = await failure(() => ask(ada, 'agenda-whoami'));
      const stillConnected = await fetch(`${dev.facts.url}/api/mcp/sessions`, {
        headers: { 'x-bf-vk': ada.key },
      });
      peer.bringBack();

      expect(peer.tokenRequests).toBeGreaterThan(heard);
      expect(failed.text).toMatch(/again/);
      expect(failed.text).not.toContain('/connect/');
      expect(await stillConnected.json()).toMatchObject({
        sessions: [{ status: 'active' }, { status: 'active' }],
      });
      await expect
        .poll(() => ask(ada, 'agenda-whoami'), { timeout: 30_000, interval: 500 })
        .toEqual(said('You are Ada.'));
    });

    it('keeps nothing of all that in the clear: in D1, KV or objects', async () => {
      for (const value of peer.secrets) secret(value);
      for (const value of [dev.facts.admin_token, dev.facts.virtual_key]) secret(value);
      for (const cookie of await ada.page.context().cookies()) secret(cookie.value);

      const stored = everythingStored(dev.state);
      const found = [...secrets].filter((value) => filesWith(stored, value).length);

      expect(peer.secrets.size).toBeGreaterThan(8); // access and refresh tokens, rotated, and codes
      expect(secrets.size).toBeGreaterThan(16);
      expect(found).toEqual([]);
      for (const [store, known] of [
        ['d1', 'key of Ada'],
        ['kv', 'codeChallenge'],
        ['do', `vk:${ada.keyId}`],
      ] as const) {
        expect(filesWith(stored, known)).toContainEqual(expect.stringContaining(`/v3/${store}/`));
      }
    });
  },
);

const said = (text: string) => ({ isError: false, text });

/** The first answer that is an error, once the token in use has ended. */
async function failure<Answer extends { isError: boolean }>(ask: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    const answer = await ask();
    if (answer.isError) return answer;
    await delay(100);
  }
}
