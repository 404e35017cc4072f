import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Person, pointer } from '../../scripts/journeys/person.ts';
import { App } from './support/app.ts';
import { closePages, executable, sharedChromium } from './support/chromium.ts';
import { type SharedDev, sharedDev } from './support/shared-dev.ts';

describe.skipIf(!executable)(
  `Back in a browser without JavaScript${executable ? '' : ' (skipped: no Chromium here, set CHROME_PATH)'}`,
  () => {
    let dev: SharedDev;
    let browser: Browser;
    beforeAll(async () => {
      [dev, browser] = await Promise.all([sharedDev(), sharedChromium()]);
    });
    afterAll(async () => closePages(browser));

    const begin = async (): Promise<Page> =>
      (await browser.newContext({ javaScriptEnabled: false })).newPage();

    /** What the page says, however it is laid out by now. */
    const words = (page: Page) => page.locator('main').textContent();

    /** Follows a link away from an answer, comes Back to it and reloads it: each time it is the same page. */
    async function comesBack(page: Page): Promise<void> {
      const before = await words(page);
      await page.locator('a.brand').click();
      expect(await words(page)).not.toBe(before);
      await page.goBack();
      expect(await words(page)).toBe(before);
      await page.reload();
      expect(await words(page)).toBe(before);
    }

    it('comes to the answer of every form of administration, with what was typed', async () => {
      const page = await begin();
      const person = new Person(page, pointer);
      const { type, press } = person;
      await page.goto(`${dev.facts.url}/admin/keys/new`);

      await type('Administrator token', 'wrong');
      await press('button', 'Sign in');
      await page.getByRole('alert').filter({ hasText: 'isn’t the administrator token' }).waitFor();
      await comesBack(page);
      await type('Administrator token', dev.facts.admin_token);
      await press('button', 'Sign in');

      await page.goto(`${dev.facts.url}/admin/keys/new`);
      await type('Name', 'Comes back');
      await press('button', 'Create key');
      await page.getByText(/^sk-bf-/).waitFor();
      await comesBack(page);
      await page.getByText(/^sk-bf-/).waitFor();

      await page.goto(`${dev.facts.url}/admin/keys/new`);
      await type('Name', 'Comes back');
      await type('Add a server', 'tickets');
      await press('button', 'Add');
      await page.getByRole('combobox', { name: /^tickets/ }).waitFor();
      await comesBack(page);
      await press('button', 'Create key');
      await page.getByRole('alert').first().waitFor();
      await comesBack(page);
      expect(await page.getByLabel('Name', { exact: true }).inputValue()).toBe('Comes back');
      await page.getByRole('combobox', { name: /^tickets/ }).waitFor();

      await page.goto(`${dev.facts.url}/admin/servers/new`);
      await type('Paste anything that describes it', dev.facts.demo_server.url);
      await press('button', 'Check');
      await person.sees('status', 'without asking for a sign-in');
      await comesBack(page);
      await type('Name', 'back');
      await press('button', 'Add server');
      await press('link', 'Try echo');
      await type('message required', 'hello from a page');
      await press('button', 'Run');
      await person.sees('region', 'Echo: hello from a page');
      await comesBack(page);
      await page.context().close();
    });

    it('comes to every step of consent', async () => {
      const page = await begin();
      const { type, press } = new Person(page, pointer);
      const app = await App.register(dev.facts.url, 'http://127.0.0.1:9/callback');
      await page.goto(app.authorizationUrl);

      await type('Access key', 'sk-bf-wrong');
      await press('button', 'Continue');
      await page.getByRole('alert').filter({ hasText: 'doesn’t work here' }).waitFor();
      await comesBack(page);
      const other = await page.context().newPage();
      await other.goto(page.url());
      await type('Access key', dev.facts.virtual_key);
      await press('button', 'Continue');
      await page.getByRole('heading', { name: 'What can Claude Code use?' }).waitFor();
      await comesBack(page);

      const late = new Person(other, pointer);
      await late.type('Access key', dev.facts.virtual_key);
      await late.press('button', 'Continue');
      await late.sees('heading', 'This form is out of date');
      await comesBack(other);
      await page.context().close();
    });
  },
);
