import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { AdminApi } from '../admin-api.ts';
import { type DevFacts, DevState, ROOT } from '../dev/state.ts';
import { run, Stop } from '../stop.ts';
import { findChromium, launchChromium } from './chromium.ts';
import { type Furniture, furnish, newLink } from './furnish.ts';
import { adminPages, connectPages, peoplePages, problemPages, type Shot } from './pages.ts';

/** Of a long list the beginning is enough. Pixels. */
const MOST_HEIGHT = 2000;
const FOLDER = join(ROOT, 'docs/screenshots');
const LOOKS: Record<string, BrowserContextOptions> = {
  light: { colorScheme: 'light', viewport: { width: 1200, height: 760 } },
  dark: { colorScheme: 'dark', viewport: { width: 1200, height: 760 } },
  narrow: { colorScheme: 'light', viewport: { width: 390, height: 760 }, isMobile: true, hasTouch: true },
};

/** `npm run screenshots`, while `npm run dev` runs: every page a person meets, light, dark and 390 px wide. */
await run(async () => {
  const facts = new DevState(process.env).facts();
  if (!facts) throw new Stop('Start `npm run dev` in another terminal first.');
  const executable = await findChromium();
  if (!executable)
    throw new Stop('There is no Chromium on this machine. Install Chrome, or set CHROME_PATH.');
  mkdirSync(FOLDER, { recursive: true });

  const furniture = await furnish(new AdminApi(facts.url, facts.admin_token), facts.demo_server.url);
  const browser = await launchChromium(executable);
  try {
    for (const [look, options] of Object.entries(LOOKS)) {
      await photographConsent(browser, look, options, facts);
      await photographPages(browser, look, options, facts, furniture);
    }
  } finally {
    await browser.close();
  }
  console.log(`Written to ${FOLDER}`);
});

/** Consent, as large as the README shows it. */
async function photographConsent(
  browser: Browser,
  look: string,
  options: BrowserContextOptions,
  facts: DevFacts,
): Promise<void> {
  const viewport = look === 'narrow' ? options.viewport : { width: 720, height: 760 };
  const context = await browser.newContext({
    ...options,
    viewport: viewport ?? null,
    deviceScaleFactor: 1.5,
  });
  const page = await context.newPage();
  const shoot = (name: string) => photograph(page, `consent-${name}-${look}`);

  await page.goto(await authorizationUrl(facts.issuer));
  await shoot('identity');
  await page.getByLabel('Access key').fill('sk-bf-this-is-no-key');
  await page.getByRole('button', { name: 'Continue' }).click();
  await shoot('refused');
  await page.getByLabel('Access key').fill(facts.virtual_key);
  await page.getByRole('button', { name: 'Continue' }).click();
  await shoot('services');
  await page.getByRole('radio', { name: 'Let me choose' }).check();
  await openTools(page);
  await page.locator('.tools').waitFor();
  await shoot('chosen');
  await page.goto(`${facts.issuer}/oauth/consent?flow_id=AAAAAAAAAAAAAAAAAAAAAA`);
  await shoot('too-late');
  await context.close();
}

/** Every other page: to no one in particular, to the holder of a key, to an administrator. */
async function photographPages(
  browser: Browser,
  look: string,
  options: BrowserContextOptions,
  { url, admin_token }: DevFacts,
  furniture: Furniture,
): Promise<void> {
  const someone = await (await browser.newContext(options)).newPage();
  const page = await (await browser.newContext(options)).newPage();
  const shootAll = async (shots: Shot[], page: Page) => {
    for (const { name, path, act } of shots) {
      await page.goto(url + path);
      await act?.(page);
      await photograph(page, `${name}-${look}`);
    }
  };

  const link = await newLink(url, furniture.value);
  await shootAll([{ name: 'me-entrance', path: '/me' }, ...connectPages(link, furniture)], someone);
  await page.goto(`${url}/me`);
  await page.getByLabel('Access key').fill(furniture.value);
  await page.getByRole('button', { name: 'Continue' }).click();
  await shootAll(peoplePages(furniture), page);
  await shootAll([{ name: 'sign-in', path: '/admin' }], page);
  await page.getByLabel('Administrator token').fill(admin_token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await shootAll([...adminPages(furniture), ...problemPages], page);
  await Promise.all([someone, page].map((one) => one.context().close()));
}

/** As WebP, which Playwright does not write: a fifth of a PNG. */
async function photograph(page: Page, name: string): Promise<void> {
  const view = page.viewportSize();
  const whole = (await page.locator('html').boundingBox()) ?? { width: 0, height: 0 };
  // As high as the page, so that what stays in view at its foot stands there.
  if (view && whole.height > view.height)
    await page.setViewportSize({ ...view, height: Math.min(Math.ceil(whole.height), MOST_HEIGHT) });
  const clip = { x: 0, y: 0, width: whole.width, height: Math.min(whole.height, MOST_HEIGHT), scale: 1 };
  const devtools = await page.context().newCDPSession(page);
  const { data } = await devtools.send('Page.captureScreenshot', {
    format: 'webp',
    quality: 85,
    captureBeyondViewport: true,
    clip,
  });
  await devtools.detach();
  if (view) await page.setViewportSize(view);
  writeFileSync(join(FOLDER, `${name}.webp`), Buffer.from(data, 'base64'));
}

/** Shows the first tools of the first server, which is what a person looks at. */
async function openTools(page: Page): Promise<void> {
  await page.locator('summary').first().click();
}

async function authorizationUrl(issuer: string): Promise<string> {
  const redirect_uri = 'http://localhost:54321/callback';
  const answer = await fetch(`${issuer}/oauth2/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_name: 'Claude Code', redirect_uris: [redirect_uri] }),
  });
  const { client_id } = (await answer.json()) as { client_id: string };
  const code_challenge = createHash('sha256').update(randomBytes(32)).digest('base64url');
  const request = {
    response_type: 'code',
    client_id,
    redirect_uri,
    code_challenge,
    code_challenge_method: 'S256',
  };
  return `${issuer}/oauth2/authorize?${new URLSearchParams(request)}`;
}
