import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const EVERYTHING = "axe.run({ resultTypes: ['violations'], selectors: false })";
const CONTRAST = "axe.run({ resultTypes: ['violations'], selectors: false, runOnly: ['color-contrast'] })";

/**
 * What axe-core finds serious or critical on a page as it stands, light and dark. It is evaluated, not loaded: the page's
 * policy stays on.
 */
export async function violationsOf(page: Page): Promise<string[]> {
  await inject(page);
  const light = await page.evaluate<AxeResults>(EVERYTHING);
  await page.emulateMedia({ colorScheme: 'dark' });
  const dark = await page.evaluate<AxeResults>(CONTRAST);
  await page.emulateMedia({ colorScheme: 'light' });
  return seriousIn([light, dark]);
}

/** The same of contrast alone, in the colours the page has now. */
export async function contrastFaultsOf(page: Page): Promise<string[]> {
  await inject(page);
  return seriousIn([await page.evaluate<AxeResults>(CONTRAST)]);
}

/** Evaluates axe-core in the page. The driver's `evaluate` would evaluate a script of its own first, which takes as long again. */
async function inject(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send('Runtime.evaluate', { expression: source });
  await session.detach();
}

function seriousIn(results: readonly AxeResults[]): string[] {
  return results
    .flatMap(({ violations }) => violations)
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' and ')}`);
}
