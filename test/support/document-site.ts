import { inject } from 'vitest';
import { Browser, type Page } from './browser';
import { McpClient } from './mcp-client';
import { control } from './upstream';

/** Where the clients of these sites send people back to. */
export const CALLBACK = 'https://app.example/callback';

/** A site that serves a client's metadata document (support/upstream-setup.ts). */
export class Site {
  readonly name = `site-${crypto.randomUUID()}`;
  readonly url = `${inject('upstreamOrigin')}/${this.name}/client.json`;

  static async serving(change: Record<string, unknown> = {}, headers: Record<string, string> = {}) {
    const site = new Site();
    await site.serve(change, headers);
    return site;
  }

  /** Serves a good document with `change` on top. */
  serve(change: Record<string, unknown> = {}, headers: Record<string, string> = {}): Promise<unknown> {
    const document = {
      client_id: this.url,
      client_name: 'Described app',
      redirect_uris: [CALLBACK],
      ...change,
    };
    return this.answer({ body: JSON.stringify(document), headers });
  }

  answer({
    status = 200,
    headers = {},
    body,
  }: {
    status?: number;
    headers?: Record<string, string>;
    body: string | null;
  }): Promise<unknown> {
    return control(this.name, 'set', {
      document: { status, headers: { 'content-type': 'application/json', ...headers }, body },
    });
  }

  async fetches(): Promise<number> {
    return (await control(this.name, 'seen')).seen.length;
  }

  get client(): McpClient {
    return McpClient.described(this.url, [CALLBACK]);
  }
}

/** Where authorize leads a browser: a page, in any case. */
export async function authorize(
  client: McpClient,
  changes: Record<string, string | null> = {},
): Promise<Page> {
  const browser = new Browser();
  const page = await browser.open(await client.authorizeUrl(changes));
  if (!page) throw new Error(`authorize led to ${browser.callback}`);
  return page;
}
