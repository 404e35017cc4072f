import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { findChromium, launchChromium } from './chromium.ts';
import { DevState, ROOT } from './dev-state.ts';
import { run, Stop } from './stop.ts';

const FOLDER = join(ROOT, 'docs/screenshots');
const LOOKS: Record<string, BrowserContextOptions> = {
  light: { colorScheme: 'light', viewport: { width: 720, height: 760 } },
  dark: { colorScheme: 'dark', viewport: { width: 720, height: 760 } },
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

  const browser = await launchChromium(executable);
  for (const [look, options] of Object.entries(LOOKS)) await photograph(browser, look, options, facts);
  await browser.close();
  console.log(`Written to ${FOLDER}`);
});

async function photograph(
  browser: Browser,
  look: string,
  options: BrowserContextOptions,
  facts: { issuer: string; virtual_key: string },
): Promise<void> {
  const context = await browser.newContext({ ...options, deviceScaleFactor: 1.5 });
  const page = await context.newPage();
  const shoot = async (name: string) => {
    await page.screenshot({ path: join(FOLDER, `consent-${name}-${look}.png`), fullPage: true });
  };

  await page.goto(await authorizationUrl(facts.issuer));
  await shoot('identity');
  await page.getByLabel('Access key').fill('sk-bf-this-is-no-key');
  await page.getByRole('button', { name: 'Continue' }).click();
  await shoot('refused');
  await page.getByLabel('Access key').fill(facts.virtual_key);
  await page.getByRole('button', { name: 'Continue' }).click();
  await openTools(page);
  await shoot('services');
  await page.goto(`${facts.issuer}/oauth/consent?flow_id=AAAAAAAAAAAAAAAAAAAAAA`);
  await shoot('too-late');
  await context.close();
}

/** Shows the first tools of the first server, which is what a person looks at. */
async function openTools(page: Page): Promise<void> {
  await page.locator('summary').first().click();
}

async function authorizationUrl(issuer: string): Promise<string> {
  const redirect_uri = 'http://localhost:54321/callback';
  const answer = await fetch(`${issuer}/oauth2/register`, {
    method: 'POST',
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
