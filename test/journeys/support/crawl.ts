import type { Page } from 'playwright-core';

/** What stands in an address for one thing of many: ids, codes, names. */
const ONE = /(?<=\/)([0-9a-f]{64}|[0-9a-f-]{36}|[A-Za-z0-9_-]{22})(?=\/|$)/;

/** Opens every page that links of this gateway lead to, one of each kind, and does `look` at each. */
export async function crawl(
  page: Page,
  starts: readonly string[],
  look: (path: string) => Promise<void>,
): Promise<string[]> {
  const { origin } = new URL(starts[0] as string);
  const kinds = new Set<string>();
  const ahead = [...starts];
  for (let url = ahead.shift(); url; url = ahead.shift()) {
    const { pathname, search } = new URL(url);
    const kind = pathname.replace(ONE, ':id') + (search && '?');
    if (kinds.has(kind) || search.includes('format=')) continue; // a file is no page
    kinds.add(kind);
    const response = await page.goto(url);
    if (!response?.headers()['content-type']?.startsWith('text/html')) continue;
    await look(kind);
    const links = await page.evaluate<string[]>('[...document.links].map(({ href }) => href)');
    ahead.push(...links.filter((link) => link.startsWith(`${origin}/`)));
  }
  return [...kinds];
}
