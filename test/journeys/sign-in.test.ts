import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import OidcProvider from 'oidc-provider';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AdminApi } from '../../scripts/admin-api.ts';
import { findChromium, launchChromium } from '../../scripts/chromium.ts';
import { DevSession, StateFolder } from './support/dev-session.ts';

const executable = await findChromium();
type Answer = { session: { is_administrator: boolean; csrf: string } };

const verifier = 'a-verifier-of-enough-unreserved-characters-0123456789';

describe.skipIf(!executable)(
  `signing in with a real provider${executable ? '' : ' (skipped: no Chromium here, set CHROME_PATH)'}`,
  () => {
    const state = new StateFolder();
    let dev: DevSession;
    let provider: Server;
    let browser: Browser;

    beforeAll(async () => {
      dev = await DevSession.start(state);
      [browser, provider] = await Promise.all([
        launchChromium(executable ?? ''),
        startProvider(dev.facts.issuer),
      ]);
      await new AdminApi(dev.facts.url, dev.facts.admin_token).send('PUT', '/api/config', {
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
      await browser?.close();
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

    it('lets a person sign in at consent and come back to the same flow', async () => {
      const callback = 'http://127.0.0.1:9/callback';
      const registered = await fetch(`${dev.facts.url}/oauth2/register`, {
        method: 'POST',
        body: JSON.stringify({ client_name: 'Claude Code', redirect_uris: [callback] }),
      });
      const { client_id } = (await registered.json()) as { client_id: string };
      const page = await newPage();
      const code_challenge = createHash('sha256').update(verifier).digest('base64url');
      const request = {
        response_type: 'code',
        client_id,
        redirect_uri: callback,
        code_challenge,
        code_challenge_method: 'S256',
      };
      await page.goto(`${dev.facts.url}/oauth2/authorize?${new URLSearchParams(request)}`);
      await page.getByRole('radio', { name: 'Sign in' }).check();
      await page.getByRole('button', { name: 'Continue' }).click();
      await signInAs(page, 'ada');
      await page.getByRole('heading', { name: 'What may Claude Code use?' }).waitFor();
      expect(await page.getByText('It acts as').textContent()).toContain('Ada of Acme');

      const sentBack = page.waitForRequest((sent) => sent.url().startsWith(callback));
      await page.getByRole('button', { name: 'Allow' }).click();
      const code = new URL((await sentBack).url()).searchParams.get('code') ?? '';
      const answer = await fetch(`${dev.facts.url}/oauth2/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'authorization_code',
          code,
          code_verifier: verifier,
          client_id,
        }),
      });
      const { access_token = '' } = (await answer.json()) as { access_token?: string };
      const claims = JSON.parse(Buffer.from(access_token.split('.')[1] ?? '', 'base64url').toString());

      expect(claims.sub).toMatch(/^user:[0-9a-f-]{36}$/);
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

/** oidc-provider with one client, the gateway at `issuer`; everybody is somebody of acme.example. */
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
  server.on('request', provider.callback());
  return server;
}
