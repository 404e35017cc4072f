import { beforeAll, describe, expect, it } from 'vitest';
import { Browser, type Page } from '../../support/browser';
import { admin, newKey } from '../../support/gate';
import { McpClient } from '../../support/mcp-client';

let browser: Browser;
beforeAll(async () => {
  browser = await Browser.administrator();
});

async function open(query: Record<string, string> = {}): Promise<Page> {
  const page = await browser.open(`/admin/audit?${new URLSearchParams(query)}`);
  if (!page) throw new Error('the audit led elsewhere');
  return page;
}

/** The sentences of a page, newest first. */
const sentences = ({ html }: Page) => [...html.matchAll(/<tr><td>([^<]+)<\/td>/g)].map(([, said]) => said);

describe('the audit', () => {
  it('tells what happened in sentences, newest first, with the names of things', async () => {
    const key = await newKey();
    await admin('POST', `/governance/virtual-keys/${key.id}/rotate`, { reason: 'leaked' });
    await admin('PUT', '/config', { display_name: 'Renamed' });
    await admin('PUT', '/config', { display_name: null });

    expect(sentences(await open({ actor: 'administrator' })).slice(0, 4)).toEqual([
      'Settings were changed: Name of this gateway',
      'Settings were changed: Name of this gateway',
      `The key ${key.name} got a new value, because it had leaked`,
      `The key ${key.name} was made`,
    ]);
  });

  it('finds what belongs to a code, however it is typed', async () => {
    const client = await McpClient.register({ client_name: 'Told app' });
    await client.obtainGrant();
    const [, code = ''] = /code=(F-[2-9A-Z]{4})/.exec((await open({ act: 'consent.allowed' })).html) ?? [];

    const found = await open({ code: ` ${code.toLowerCase()} ` });

    expect(sentences(found)).toEqual([
      'Told app picked up its access',
      'Told app was allowed access to everything',
    ]);
  });

  it('says beside the field when a code is none', async () => {
    const page = await open({ code: 'nonsense' });

    expect(page.status).toBe(400);
    expect(page.html).toMatch(/id="code-error"[^>]*>A code looks like F-7K2Q\./);
    expect(page.html).toContain('value="nonsense"');
  });

  it('is narrowed by act and outcome, and pages', async () => {
    for (let i = 0; i < 52; i++) await newKey();
    const filter = { act: 'virtual_key.created', outcome: 'done' };

    const first = await open(filter);
    const second = await open({ ...filter, offset: '50' });

    expect(sentences(first)).toHaveLength(50);
    expect(first.html).toContain(
      'href="/admin/audit?act=virtual_key.created&amp;outcome=done&amp;offset=50"',
    );
    expect(sentences(second).length).toBeGreaterThan(0);
    expect(sentences(await open({ ...filter, outcome: 'failed' }))).toEqual([]);
  });
});
