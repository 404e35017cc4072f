import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AdminApi, type VirtualKey } from '../../scripts/admin-api.ts';
import { violationsOf } from '../../scripts/journeys/axe.ts';
import { misfitsOf } from '../../scripts/journeys/fits.ts';
import { NAMES } from '../../scripts/journeys/names.ts';
import { Person, pointer } from '../../scripts/journeys/person.ts';
import { App } from './support/app.ts';
import { closePages, executable, sharedChromium } from './support/chromium.ts';
import { crawl } from './support/crawl.ts';
import { DevSession, StateFolder } from './support/dev-session.ts';
import { furnishHostile, HostilePeer } from './support/hostile.ts';
import { walkEverywhere } from './support/hostile-walk.ts';

/** Pixels, each in light. */
const WIDTHS = [1440, 320, 390, 768, 2560];
/** Each in the dark: what windows of those have at 200 % zoom. */
const ZOOMED = [1280, 720, 384, 195, 160];

/** Deny and Allow, where one has to scroll for them on a phone at these widths, and what does not fit the last of them. */
async function outOfSight(page: Page, widths: readonly number[]): Promise<string[]> {
  const found: string[] = [];
  for (const width of widths) {
    await page.setViewportSize({ width, height: 420 });
    for (const name of ['Deny', 'Allow']) {
      const box = await page.getByRole('button', { name, exact: true }).boundingBox();
      if (!box || box.y < 0 || box.y + box.height > 420) found.push(`${width} px: ${name} is out of sight`);
    }
  }
  return [...found, ...(await misfitsOf(page, widths.slice(-1)))];
}

describe.skipIf(!executable)(
  `the pages in a real browser${executable ? '' : ' (skipped: no Chromium here, set CHROME_PATH)'}`,
  () => {
    const state = new StateFolder();
    let dev: DevSession;
    let browser: Browser;

    beforeAll(async () => {
      [dev, browser] = await Promise.all([
        DevSession.start(state, { REVOCATION_LAG: '2', RATE_LIMITS: 'off' }),
        sharedChromium(),
      ]);
    });
    afterAll(async () => {
      await closePages(browser);
      await dev?.stop();
      state.remove();
    });

    it('keep what is done while a step of the picker is taken, and go on where it led', async () => {
      const page = await (await browser.newContext()).newPage();
      const person = new Person(page, pointer);
      const { type, press, tick } = person;
      await page.goto(`${dev.facts.url}/admin/keys/new`);
      await type('Administrator token', dev.facts.admin_token);
      await press('button', 'Sign in');
      await page.getByRole('heading', { name: 'Create key' }).waitFor();
      await page.route('**/admin/keys/new', async (route) => {
        await new Promise((resolve) => setTimeout(resolve, 200));
        await route.continue();
      });

      await type('Name', 'picked in a hurry');
      await type('Add a server', 'demo: echo');
      await press('button', 'Add');
      await page.locator('input[value=echo]:focus').waitFor();
      await type('Find a tool of demo', 'get-');
      await press('button', 'None of demo');
      await tick(['get-sum']);
      await type('Add a server', 'tickets');
      await press('button', 'Add');
      await press('button', 'Create key');
      await person.reads(/^sk-bf-/);

      const { virtual_keys } = await new AdminApi(dev.facts.url, dev.facts.admin_token).get<{
        virtual_keys: VirtualKey[];
      }>('/api/governance/virtual-keys?search=hurry');
      expect(virtual_keys[0]?.mcp_configs).toMatchObject([
        { mcp_client_name: 'demo', tools_to_execute: ['get-sum'] },
        { mcp_client_name: 'tickets', tools_to_execute: ['*'] },
      ]);
      await page.context().close();
    });

    it('keep what is changed of a server that the step under way folds', async () => {
      const page = await (await browser.newContext()).newPage();
      const pageWith = (row: string) =>
        `<!doctype html><title>Fold</title><script src="/toolgate.js" defer></script><form method="post" action="/fold">
         <section class="picker"><ul><li class="pick" id="pick-A">${row}</li>
         <li class="pick" id="pick-B"><button name="again" value="edit.B">Edit B</button></li></ul></section></form>`;
      const whole = `<select name="pick.A"><option value="some">Some</option></select><small data-of="2"></small>
        <div class="of-some"><ul class="tools"><li><label><input type="checkbox" name="tool.A" value="one"> one</label></li></ul></div>`;
      await page.route('**/fold', async (route) => {
        const isStep = route.request().method() === 'POST';
        if (isStep) await new Promise((resolve) => setTimeout(resolve, 200));
        const row = isStep ? '<input type="hidden" name="pick.A" value="some"><b id="after">A</b>' : whole;
        await route.fulfill({ contentType: 'text/html', body: pageWith(row) });
      });
      await page.goto(`${dev.facts.url}/fold`);

      const answered = page.waitForResponse((response) => response.request().method() === 'POST');
      await page.getByRole('button', { name: 'Edit B' }).click();
      await page.getByLabel('one').check();
      await answered;
      await page.locator('form:not([aria-busy])').waitFor();

      expect(await page.getByLabel('one').isChecked()).toBe(true);
      expect(await page.locator('#after').count()).toBe(0);
      await page.context().close();
    });

    it('are found without a fault by axe-core, every one that a link leads to, and what forms lead to', async () => {
      const page = await (await browser.newContext()).newPage();
      const administrator = new Person(page, pointer);
      await page.goto(`${dev.facts.url}/me`);
      await administrator.type('Access key', dev.facts.virtual_key);
      await administrator.press('button', 'Continue');
      await page.goto(`${dev.facts.url}/admin/sign-in`);
      await administrator.type('Administrator token', dev.facts.admin_token);
      await administrator.press('button', 'Sign in');
      await page.getByRole('heading', { level: 1 }).waitFor();

      const found: Record<string, string[]> = {};
      const look = async (name: string) => {
        const faults = await violationsOf(page);
        if (faults.length) found[name] = faults;
      };
      const kinds = await crawl(page, [`${dev.facts.url}/admin`, `${dev.facts.url}/`], look);

      const { type, press, mark } = administrator;
      await page.goto(`${dev.facts.url}/admin/servers/new`);
      await type('Paste anything that describes it', dev.facts.demo_server.url);
      await press('button', 'Check');
      await administrator.sees('status', 'without asking for a sign-in');
      await look('a server that was found');
      await page.goto(`${dev.facts.url}/admin/keys/new`);
      await type('Name', 'seen by axe');
      await press('button', 'Create key');
      await administrator.reads(/^sk-bf-/);
      await look('a key that was created');
      const app = await App.register(dev.facts.url, 'http://127.0.0.1:9/', 'Seen by axe');
      await page.context().clearCookies();
      await page.goto(app.authorizationUrl);
      await look('consent, who');
      await type('Access key', dev.facts.virtual_key);
      await press('button', 'Continue');
      await administrator.sees('heading', 'What can');
      await look('consent, what');
      await mark('Let me choose');
      await page.getByRole('checkbox').first().waitFor();
      await look('consent, what of it');

      expect(found).toEqual({});
      expect(kinds.length).toBeGreaterThan(30);
    }, 180_000);

    it('cut a long name, and show the whole of it without JavaScript and without moving a button', async () => {
      const context = await browser.newContext({ javaScriptEnabled: false });
      const page = await context.newPage();
      const app = await App.register(dev.facts.url, 'http://127.0.0.1:9/', NAMES[0]);
      await page.goto(app.authorizationUrl);
      const title = page.getByRole('heading', { level: 1 });
      const button = page.getByRole('button', { name: 'Continue' });
      const before = await button.boundingBox();

      expect(await title.innerText()).toMatch(/^Llanfair[a-z]{40,60}\s*…\s*wants to use your tools$/i);
      await title.getByRole('button', { name: 'Show the whole name' }).press('Enter');
      await page.getByText(NAMES[0], { exact: true }).waitFor();

      expect(await button.boundingBox()).toEqual(before);
      await context.close();
    });

    it('change colours alone in the dark, so that what fits in light fits there', () => {
      const styles = readFileSync(join(import.meta.dirname, '../../public/toolgate.css'), 'utf8');
      expect(styles).toContain('light-dark('); // which gives a colour, and nothing else (CSS Color 5)
      expect(styles).not.toContain('prefers-color-scheme');
    });

    it('keep every button in view and every word whole, whatever strangers call things (SECURITY 31)', async () => {
      const peer = await HostilePeer.start();
      const furniture = await furnishHostile(new AdminApi(dev.facts.url, dev.facts.admin_token), peer);

      const found: Record<string, string[]> = {};
      const painted: string[] = [];
      let pages = 0;
      let decided = 0;
      await walkEverywhere(browser, dev.facts, furniture, async (name, page) => {
        pages++;
        const misfits = await misfitsOf(page, WIDTHS);
        await page.emulateMedia({ colorScheme: 'dark' });
        misfits.push(...(await misfitsOf(page, ZOOMED)));
        await page.emulateMedia({ colorScheme: 'light' });
        if (name.startsWith('consent, what')) {
          decided++;
          misfits.push(...(await outOfSight(page, [160, 195, 390])));
        }
        if (misfits.length) found[name] = misfits;
        if (/\p{M}{5}/u.test(await page.evaluate<string>('document.body.innerText'))) painted.push(name); // marks over the lines above
      });
      peer.stop();

      expect(found).toEqual({});
      expect(painted).toEqual([]);
      expect(pages).toBeGreaterThan(60);
      expect(decided).toBe(2);
    }, 120_000);

    it('break a long address of the gateway between its names alone, on a phone at 200 %, too', async () => {
      const host = 'mcp-for-everyone.internal-infrastructure.acme-company.workers.dev:8443';
      const api = new AdminApi(dev.facts.url, dev.facts.admin_token);
      await api.send('PUT', '/api/config', {
        confirm: 'unreachable',
        oauth2_server_config: { issuer_url: `https://${host}` },
      });
      const page = await (await browser.newContext()).newPage();
      await page.route(`https://${host}/**`, async (route) => {
        const { pathname, search } = new URL(route.request().url());
        const response = await route.fetch({ url: dev.facts.url + pathname + search, headers: { host } });
        await route.fulfill({ response });
      });

      const found: Record<string, string[]> = {};
      for (const path of ['/?app=claude-code', '/?app=vscode&by=key', '/api/docs', '/admin/sign-in']) {
        await page.goto(`https://${host}${path}`);
        expect(await page.evaluate<string>('document.body.textContent')).toContain(host);
        const misfits = await misfitsOf(page, [1440, 390, 320, 195, 160]);
        if (misfits.length) found[path] = misfits;
      }
      expect(found).toEqual({});
      await page.context().close();
    });
  },
);
