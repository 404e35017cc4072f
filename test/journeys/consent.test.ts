import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findChromium, launchChromium } from '../../scripts/chromium.ts';
import { DevSession, StateFolder } from './support/dev-session.ts';

const executable = await findChromium();
const verifier = 'a-verifier-of-enough-unreserved-characters-0123456789';

describe.skipIf(!executable)(
  `consent in a real browser${executable ? '' : ' (skipped: no Chromium here, set CHROME_PATH)'}`,
  () => {
    const state = new StateFolder();
    let dev: DevSession;
    let browser: Browser;
    let client: Server;
    let callback: string;

    beforeAll(async () => {
      dev = await DevSession.start(state);
      browser = await launchChromium(executable ?? '');
      client = createServer((_, response) =>
        response.setHeader('content-type', 'text/html').end('<h1>Back in the app</h1>'),
      );
      await new Promise<void>((resolve) => client.listen(0, '127.0.0.1', resolve));
      callback = `http://127.0.0.1:${(client.address() as AddressInfo).port}/callback`;
    });
    afterAll(async () => {
      await browser?.close();
      client?.close();
      await dev?.stop();
      state.remove();
    });

    /** A page of its own browser, at the beginning of a flow. */
    async function begin(
      options: { javaScriptEnabled?: boolean } = {},
    ): Promise<{ page: Page; clientId: string }> {
      const answer = await fetch(`${dev.facts.url}/oauth2/register`, {
        method: 'POST',
        body: JSON.stringify({ client_name: 'Claude Code', redirect_uris: [callback] }),
      });
      const { client_id } = (await answer.json()) as { client_id: string };
      const code_challenge = createHash('sha256').update(verifier).digest('base64url');
      const request = {
        response_type: 'code',
        client_id,
        redirect_uri: callback,
        code_challenge,
        code_challenge_method: 'S256',
        state: 's',
      };
      const page = await (await browser.newContext(options)).newPage();
      await page.goto(`${dev.facts.url}/oauth2/authorize?${new URLSearchParams(request)}`);
      return { page, clientId: client_id };
    }

    it('goes from authorize to the callback by keyboard alone', async () => {
      const { page, clientId } = await begin();
      const requests: string[] = [];
      page.on('request', (request) => requests.push(new URL(request.url()).origin));

      await page.getByLabel('Access key').and(page.locator(':focus')).waitFor();
      await page.keyboard.type(dev.facts.virtual_key);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'What may Claude Code use?' }).waitFor();
      const allow = page.getByRole('button', { name: 'Allow' });
      for (let presses = 0; presses < 20; presses++) {
        await page.keyboard.press('Tab');
        if (await allow.and(page.locator(':focus')).count()) break;
      }
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Back in the app' }).waitFor();

      const back = new URL(page.url());
      expect(back.origin + back.pathname).toBe(callback);
      expect(back.searchParams.get('state')).toBe('s');
      expect(back.searchParams.get('iss')).toBe(dev.facts.issuer);
      expect(new Set(requests)).toEqual(new Set([dev.facts.url, back.origin]));
      const tokens = await fetch(`${dev.facts.url}/oauth2/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'authorization_code',
          code: back.searchParams.get('code') ?? '',
          code_verifier: verifier,
          client_id: clientId,
        }),
      });
      expect(tokens.status).toBe(200);
    });

    it('works without JavaScript, and Enter in the key field never means Deny', async () => {
      const { page } = await begin({ javaScriptEnabled: false });

      await page.getByLabel('Access key').fill('sk-bf-wrong');
      await page.getByLabel('Access key').press('Enter');

      expect(await page.getByRole('alert').textContent()).toContain('not active here');
      await page.getByRole('button', { name: 'Deny' }).click();
      await page.getByRole('heading', { name: 'Back in the app' }).waitFor();
      expect(new URL(page.url()).searchParams.get('error')).toBe('access_denied');
    });

    it('survives going back in the browser', async () => {
      const { page } = await begin();
      await page.getByLabel('Access key').fill(dev.facts.virtual_key);
      await page.getByRole('button', { name: 'Continue' }).click();
      await page.getByRole('heading', { name: 'What may Claude Code use?' }).waitFor();

      await page.goBack();
      await page.goForward();
      for (const server of ['calendar', 'demo', 'tickets']) {
        await page.getByRole('checkbox', { name: server }).uncheck();
      }
      await page.getByRole('button', { name: 'Allow' }).click();
      expect(await page.getByRole('alert').textContent()).toContain('Tick at least one');
      await page.getByRole('checkbox', { name: 'demo' }).check();
      await page.getByRole('button', { name: 'Allow' }).click();

      await page.getByRole('heading', { name: 'Back in the app' }).waitFor();
    });
  },
);
