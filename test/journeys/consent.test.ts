import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AdminApi } from '../../scripts/admin-api.ts';
import { violationsOf } from '../../scripts/journeys/axe.ts';
import { misfitsOf } from '../../scripts/journeys/fits.ts';
import { App } from './support/app.ts';
import { closePages, executable, sharedChromium } from './support/chromium.ts';
import { type SharedDev, sharedDev } from './support/shared-dev.ts';

describe.skipIf(!executable)(
  `consent in a real browser${executable ? '' : ' (skipped: no Chromium here, set CHROME_PATH)'}`,
  () => {
    let dev: SharedDev;
    let browser: Browser;
    let client: Server;
    let callback: string;

    beforeAll(async () => {
      dev = await sharedDev();
      browser = await sharedChromium();
      client = createServer((_, response) =>
        response.setHeader('content-type', 'text/html').end('<h1>Back in the app</h1>'),
      );
      await new Promise<void>((resolve) => client.listen(0, '127.0.0.1', resolve));
      callback = `http://127.0.0.1:${(client.address() as AddressInfo).port}/callback`;
    });
    afterAll(async () => {
      await closePages(browser);
      client?.close();
    });

    /** A page of its own browser, at the beginning of a flow. */
    async function begin(options: { javaScriptEnabled?: boolean } = {}): Promise<{ page: Page; app: App }> {
      const app = await App.register(dev.facts.url, callback);
      const page = await (await browser.newContext(options)).newPage();
      await page.goto(app.authorizationUrl);
      return { page, app };
    }

    it('goes from authorize to the callback by keyboard alone', async () => {
      const { page, app } = await begin();
      const requests: string[] = [];
      page.on('request', (request) => requests.push(new URL(request.url()).origin));

      await page.getByLabel('Access key').and(page.locator(':focus')).waitFor();
      await page.keyboard.type(dev.facts.virtual_key);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'What can Claude Code use?' }).waitFor();
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
      expect(await app.redeem(back)).toMatchObject({ token_type: 'Bearer' });
    });

    it('works without JavaScript, and Enter in the key field never means Deny', async () => {
      const { page } = await begin({ javaScriptEnabled: false });

      await page.getByLabel('Access key').fill('sk-bf-wrong');
      await page.getByLabel('Access key').press('Enter');

      expect(await page.getByRole('alert').textContent()).toContain('doesn’t work here');
      await page.getByRole('button', { name: 'Deny' }).click();
      await page.getByRole('heading', { name: 'Back in the app' }).waitFor();
      expect(new URL(page.url()).searchParams.get('error')).toBe('access_denied');
    });

    it('survives going back in the browser', async () => {
      const { page } = await begin();
      await page.getByLabel('Access key').fill(dev.facts.virtual_key);
      await page.getByRole('button', { name: 'Continue' }).click();
      const services = page.getByRole('heading', { name: 'What can Claude Code use?' });
      await services.waitFor();
      await page.waitForLoadState();

      await page.goBack();
      await services.waitFor();
      await page.waitForLoadState();
      await page.goForward();
      await services.waitFor();
      await page.getByRole('radio', { name: 'Let me choose' }).check();
      for (const server of ['calendar', 'demo', 'tickets']) {
        await page.getByRole('checkbox', { name: server }).uncheck();
      }
      await page.getByRole('button', { name: 'Allow' }).click();
      expect(await page.getByRole('alert').textContent()).toContain('Select at least one');
      await page.getByRole('checkbox', { name: 'demo' }).check();
      await page.getByRole('button', { name: 'Allow' }).click();

      await page.getByRole('heading', { name: 'Back in the app' }).waitFor();
    });

    it('shows after Back what the gateway knows, not what the browser restores', async () => {
      const { page } = await begin();
      await page.getByLabel('Access key').fill(dev.facts.virtual_key);
      await page.getByRole('button', { name: 'Continue' }).click();
      await page.getByRole('radio', { name: 'Let me choose' }).check();
      await page.getByRole('button', { name: 'None' }).click();
      await page.getByRole('checkbox', { name: 'demo', exact: true }).check();
      await page.getByRole('link', { name: 'Switch' }).click();
      await page.getByLabel('Access key').waitFor();

      await page.goBack();
      await page.getByRole('heading', { name: 'What can Claude Code use?' }).waitFor();
      await page.waitForLoadState();

      expect(await page.getByRole('radio', { name: 'Let me choose' }).isChecked()).toBe(false);
    });

    it('comes Back from anywhere to a page, never to an error of the browser', async () => {
      const { page } = await begin();
      const form = await page.locator('input[name=form]').first().getAttribute('value');
      await page
        .locator('input[name=form]')
        .first()
        .evaluate((field: { value: string }) => {
          field.value = 'of-an-earlier-step';
        });
      await page.getByLabel('Access key').fill('sk-bf-x');
      await page.getByRole('button', { name: 'Continue' }).click();
      await page.getByRole('heading', { name: 'This form is out of date' }).waitFor();
      await page.getByRole('link', { name: 'Home' }).click();
      await page.getByRole('heading', { level: 1 }).waitFor();

      await page.goBack();
      await page.getByRole('heading', { name: 'Claude Code wants to use your tools' }).waitFor();
      await page.reload();

      expect(form).not.toBe('of-an-earlier-step');
      await page.getByRole('heading', { name: 'Claude Code wants to use your tools' }).waitFor();
    });

    it('says that an app with a scheme of its own is connected, and gives it no second code', async () => {
      const app = await App.register(dev.facts.url, 'cursor://anysphere.cursor-mcp/oauth/callback');
      const page = await (await browser.newContext()).newPage();
      await page.goto(app.authorizationUrl);
      await page.getByLabel('Access key').fill(dev.facts.virtual_key);
      await page.getByRole('button', { name: 'Continue' }).click();
      await page.getByRole('button', { name: 'Allow' }).click();
      await page.getByRole('heading', { name: 'Claude Code is connected' }).waitFor();
      const back = await page.getByRole('link', { name: 'Open Claude Code' }).getAttribute('href');
      expect(await violationsOf(page)).toEqual([]);
      expect(await misfitsOf(page, [1440, 390])).toEqual([]);

      await page.goBack();

      await page.getByRole('heading', { name: 'You already allowed Claude Code' }).waitFor();
      expect(await app.redeem(back ?? '')).toMatchObject({ token_type: 'Bearer' });
    });

    it('keeps on a phone the tools of a server beside its name, and an address on one line', async () => {
      const { page } = await begin();
      await page.setViewportSize({ width: 390, height: 760 });
      await page.getByLabel('Access key').fill(dev.facts.virtual_key);
      await page.getByRole('button', { name: 'Continue' }).click();
      await page.getByRole('radio', { name: 'Let me choose' }).check();
      const edges = (of: Locator) =>
        of.evaluateAll((all) =>
          all.map((one) => one.getBoundingClientRect()).map((box) => [box.top, box.bottom]),
        );
      const counts = await edges(page.locator('#servers summary'));
      const names = await edges(page.locator('#servers .thing .cut'));
      expect(names.length).toBeGreaterThan(1);
      for (const [at, [top = 0, bottom = 0]] of names.entries()) {
        expect(counts[at]?.[0]).toBeLessThan(bottom);
        expect(counts[at]?.[1]).toBeGreaterThan(top);
      }

      await page.goto(dev.facts.url);
      const address = page.locator('.copy code').first();
      const heightOf = async (text: string) => {
        await address.evaluate((code, text) => code.replaceChildren(text), text);
        return (await edges(address.locator('xpath=.'))).map(([top = 0, bottom = 0]) => bottom - top);
      };
      expect(await heightOf('https://toolgate.example.com/mcp/')).toEqual(await heightOf('h'));
    });

    it.each([
      ['with', true],
      ['without', false],
    ])('lets someone choose servers and tools %s a script', async (_, javaScriptEnabled) => {
      const { page, app } = await begin({ javaScriptEnabled });
      const faults: string[] = [];
      page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
      await page.getByLabel('Access key').fill(dev.facts.virtual_key);
      await page.getByRole('button', { name: 'Continue' }).click();

      await page.getByRole('radio', { name: 'Let me choose' }).check();
      const servers = page.getByRole('list', { name: 'Servers' });
      await page.getByRole('button', { name: 'None' }).click();
      await page.getByRole('checkbox', { checked: true }).first().waitFor({ state: 'detached' });
      const row = servers.getByRole('listitem').filter({ hasText: 'demo' });
      await row.locator('summary').click();
      if (!javaScriptEnabled) await row.getByRole('button', { name: /^Show the/ }).click();
      const tools = servers.getByRole('list', { name: 'Tools of demo' });
      await tools.waitFor();
      if (!javaScriptEnabled) {
        await row.getByRole('button', { name: 'None' }).click();
        await row.getByRole('checkbox', { name: 'demo', exact: true }).check();
      }
      await tools.getByRole('checkbox', { name: /^echo/ }).check();

      if (javaScriptEnabled) {
        expect(await row.getByRole('checkbox', { name: 'demo', exact: true }).isChecked()).toBe(true);
        expect(await page.locator('output').textContent()).toMatch(/^1 of \d+ servers, 1 tool, /);
        expect(await violationsOf(page)).toEqual([]);
        expect(await misfitsOf(page, [1440, 390])).toEqual([]);
      }
      await page.getByRole('button', { name: 'Allow' }).click();
      await page.getByRole('heading', { name: 'Back in the app' }).waitFor();
      await app.redeem(new URL(page.url()));
      const api = new AdminApi(dev.facts.url, dev.facts.admin_token);
      const { sessions } = await api.get<{ sessions: { mcp_configs: unknown }[] }>(
        `/api/oauth2/sessions?client_id=${app.clientId}`,
      );

      expect(sessions[0]?.mcp_configs).toMatchObject([
        { mcp_client_name: 'demo', tools_to_execute: ['echo'] },
      ]);
      expect(faults).toEqual([]);
    });
  },
);
