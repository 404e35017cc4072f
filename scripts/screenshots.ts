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
  try {
    for (const [look, options] of Object.entries(LOOKS)) await photograph(browser, look, options, facts);
  } finally {
    await browser.close();
  }
  console.log(`Written to ${FOLDER}`);
});

async function photograph(
  browser: Browser,
  look: string,
  options: BrowserContextOptions,
  facts: { issuer: string; mcp_url: string; virtual_key: string },
): Promise<void> {
  const context = await browser.newContext({ ...options, deviceScaleFactor: 1.5 });
  const page = await context.newPage();
  const shoot = async (name: string) => {
    await page.screenshot({ path: join(FOLDER, `${name}-${look}.png`), fullPage: true });
  };

  await page.goto(await authorizationUrl(facts.issuer));
  await shoot('consent-identity');
  await page.getByLabel('Access key').fill('sk-bf-this-is-no-key');
  await page.getByRole('button', { name: 'Continue' }).click();
  await shoot('consent-refused');
  await page.getByLabel('Access key').fill(facts.virtual_key);
  await page.getByRole('button', { name: 'Continue' }).click();
  await openTools(page);
  await shoot('consent-services');
  await page.goto(`${facts.issuer}/oauth/consent?flow_id=AAAAAAAAAAAAAAAAAAAAAA`);
  await shoot('consent-too-late');

  await page.goto(await connectLink(facts));
  await shoot('connect-proof');
  await page.getByLabel('Access key').fill(facts.virtual_key);
  await page.getByRole('button', { name: 'Continue' }).click();
  await shoot('connect-accounts');
  await context.close();
}

/** Shows the tools of the server that has some worth looking at. */
async function openTools(page: Page): Promise<void> {
  await page.locator('.server', { hasText: 'demo' }).locator('summary').click();
}

/** The link that Claude Code gets for a tool whose server wants an account that the demo's key has not connected. */
async function connectLink({
  mcp_url,
  virtual_key,
}: {
  mcp_url: string;
  virtual_key: string;
}): Promise<string> {
  const post = (method: string, params: object, session: Record<string, string> = {}) =>
    fetch(mcp_url, {
      method: 'POST',
      headers: {
        'x-bf-vk': virtual_key,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...session,
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
  const clientInfo = { name: 'Claude Code', version: '1.0.0' };
  const begun = await post('initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo });
  const session = { 'mcp-session-id': begun.headers.get('mcp-session-id') ?? '' };
  const answer = await post('tools/call', { name: 'calendar-whoami', arguments: {} }, session);
  const [link] = /https?:[^" ]+\/connect\/[\w-]+/.exec(await answer.text()) ?? [];
  if (!link)
    throw new Stop('The demo key has an account at the calendar already. Disconnect it, then try again.');
  return link;
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
