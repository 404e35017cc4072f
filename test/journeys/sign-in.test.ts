import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import OidcProvider, { errors } from 'oidc-provider';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveWhoami } from '../../demo/accounts-server.ts';
import { AdminApi } from '../../scripts/admin-api.ts';
import { App, callTool } from './support/app.ts';
import { closePages, executable, sharedChromium } from './support/chromium.ts';
import { DevSession, StateFolder } from './support/dev-session.ts';
import { everythingStored, filesWith } from './support/stored.ts';

type Answer = { session: { is_administrator: boolean; csrf: string } };

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const AUDIENCE = 'crm';
/** Every token the provider has issued. */
const issued = new Set<string>();

const CALLBACK = 'http://127.0.0.1:9/callback';

describe.skipIf(!executable)(
  `signing in with a real provider${executable ? '' : ' (skipped: no Chromium here, set CHROME_PATH)'}`,
  () => {
    const state = new StateFolder();
    let dev: DevSession;
    let provider: Server;
    let api: AdminApi;
    let browser: Browser;

    beforeAll(async () => {
      dev = await DevSession.start(state);
      [browser, provider] = await Promise.all([sharedChromium(), startProvider(dev.facts.issuer)]);
      api = new AdminApi(dev.facts.url, dev.facts.admin_token);
      await api.send('PUT', '/api/config', {
        oidc: {
          issuer: originOf(provider),
          client_id: 'toolgate',
          client_secret: 'a-secret-between-the-two',
          allowed_domains: ['acme.example'],
          admin_emails: ['root@acme.example'],
        },
      });
    });
    afterAll(async () => {
      await closePages(browser);
      provider?.close();
      await dev?.stop();
      state.remove();
    });

    /** A page of its own browser, which stays on this machine. */
    async function newPage(): Promise<Page> {
      const page = await (await browser.newContext()).newPage();
      await page.route(/^https:/, (route) => route.abort());
      return page;
    }

    /** Says who one is to oidc-provider's own pages: any name will do, with any password. */
    async function signInAs(page: Page, name: string): Promise<void> {
      await page.locator('input[name=login]').fill(name);
      await page.locator('input[name=password]').fill('x');
      await page.locator('button[type=submit]').click();
      await page.getByRole('button', { name: 'Continue' }).click();
    }

    /** The token of an app that someone allowed, having signed in at consent. */
    async function allowAs(name: string, shownAs: string): Promise<string> {
      const app = await App.register(dev.facts.url, CALLBACK);
      const page = await newPage();
      await page.goto(app.authorizationUrl);
      await page.getByRole('button', { name: `Sign in with ${new URL(originOf(provider)).host}` }).click();
      await signInAs(page, name);
      await page.getByRole('heading', { name: 'What can Claude Code use?' }).waitFor();
      expect(await page.getByText('It acts as').textContent()).toContain(shownAs);

      const sentBack = page.waitForRequest((sent) => sent.url().startsWith(CALLBACK));
      await page.getByRole('button', { name: 'Allow' }).click();
      return (await app.redeem((await sentBack).url())).access_token;
    }

    it('lets a person sign in at consent and come back to the same flow', async () => {
      const token = await allowAs('ada', 'Ada of Acme');
      const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());

      expect(claims.sub).toMatch(/^user:[0-9a-f-]{36}$/);
    });

    it('makes of a sign-in the token of a server that knows the same people (RFC 8693)', async () => {
      const { mcp_url, virtual_key } = dev.facts;
      await api.send('POST', '/api/mcp/client', {
        name: 'crm',
        connection_type: 'http',
        connection_string: `${originOf(provider)}/crm/mcp`,
        auth_type: 'token_exchange',
        token_exchange: { audience: AUDIENCE, use_idp_credentials: true },
        allow_on_all_virtual_keys: true,
      });
      const tokens = [await allowAs('ada', 'Ada of Acme'), await allowAs('ben', 'Ben of Acme')];

      const said = [];
      for (const token of [...tokens, virtual_key]) {
        said.push(await callTool(mcp_url, { authorization: `Bearer ${token}` }, 'crm-whoami'));
      }

      expect(said).toEqual([
        { isError: false, text: 'You are ada.' },
        { isError: false, text: 'You are ben.' },
        { isError: true, text: expect.stringContaining('subject_token_missing') },
      ]);
      expect(issued.size).toBeGreaterThanOrEqual(4); // of two sign-ins, and what was exchanged for them
      const stored = everythingStored(state);
      expect([...issued].filter((token) => filesWith(stored, token).length)).toEqual([]);
    });

    it('lets an administrator manage with nothing but the browser they signed in with', async () => {
      const page = await newPage();
      await page.goto(`${dev.facts.url}/oauth/sign-in?return_to=/health`);
      await signInAs(page, 'root');
      await page.waitForURL(`${dev.facts.url}/health`);

      const managed = await page.evaluate(async () => {
        const { session } = (await (await fetch('/api/session')).json()) as Answer;
        const put = async (headers: Record<string, string>) =>
          (await fetch('/api/config', { method: 'PUT', headers, body: '{"support_text":"Ask Ada"}' })).status;
        return [session.is_administrator, await put({}), await put({ 'x-csrf-token': session.csrf })];
      });
      const signedOut = await page.evaluate(async () => {
        const { session } = (await (await fetch('/api/session')).json()) as Answer;
        await fetch('/api/session', { method: 'DELETE', headers: { 'x-csrf-token': session.csrf } });
        return (await fetch('/api/config')).status;
      });

      expect(managed).toEqual([true, 403, 200]);
      expect(signedOut).toBe(401);
    });
  },
);

function originOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** oidc-provider with one client, the gateway at `issuer`; everybody is someone of acme.example. */
async function startProvider(issuer: string): Promise<Server> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const provider = new OidcProvider(originOf(server), {
    clients: [
      {
        client_id: 'toolgate',
        client_secret: 'a-secret-between-the-two',
        redirect_uris: [`${issuer}/api/oauth/callback`],
        grant_types: ['authorization_code', 'refresh_token', TOKEN_EXCHANGE],
      },
    ],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    findAccount: (_, sub) => ({
      accountId: sub,
      claims: () => ({
        sub,
        email: `${sub}@acme.example`,
        email_verified: true,
        name: `${sub[0]?.toUpperCase()}${sub.slice(1)} of Acme`,
      }),
    }),
  });
  provider.registerGrantType(
    TOKEN_EXCHANGE,
    async (ctx) => {
      const { params, client } = ctx.oidc;
      const subject = await provider.AccessToken.find(String(params?.subject_token));
      if (!subject || !client || params?.audience !== AUDIENCE)
        throw new errors.InvalidGrant('not exchanged');
      const { accountId, grantId } = subject;
      const token = new provider.AccessToken({
        accountId,
        grantId,
        client,
        gty: 'token_exchange',
        scope: '',
      });
      token.setAudience(AUDIENCE);
      ctx.body = {
        access_token: await token.save(),
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        token_type: 'Bearer',
        expires_in: token.expiration,
      };
    },
    ['subject_token', 'subject_token_type', 'requested_token_type', 'audience', 'scope', 'resource'],
  );
  // What stands for an opaque token.
  provider.on('access_token.saved', ({ jti }) => issued.add(jti));
  provider.on('refresh_token.saved', ({ jti }) => issued.add(jti));
  const answer = provider.callback();
  server.on('request', async (request, response) => {
    if (request.url !== '/crm/mcp') return answer(request, response);
    const [, value = ''] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '') ?? [];
    const token = value ? await provider.AccessToken.find(value) : undefined;
    if (token?.aud === AUDIENCE) return serveWhoami('crm', token.accountId, request, response);
    return response.writeHead(401).end();
  });
  return server;
}
