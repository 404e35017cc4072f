import { Hono } from 'hono';
import { raw } from 'hono/html';
import type { App } from '../../config';
import { Address } from '../../ui/address';
import { referencePage } from '../../ui/layout';
import type { ApiReference } from './assets';
import type { Document } from './document';

const CACHED = 'public, max-age=300';

/** The API described, by the schemas that validate it (CONTRACT §8): for programs, and for people. */
export const openapi = new Hono<App>()
  .get('/openapi.json', async (c) => {
    const document = await read<Document>(c.env.ASSETS, 'api-description.json');
    const servers = [{ url: c.var.issuer ?? '/' }];
    return c.json({ ...document, servers }, 200, { 'cache-control': CACHED });
  })
  .get('/docs', async (c) => {
    const { display_name: displayName, support_text: supportText } = c.var.settings;
    const { issuer } = c.var;
    const { origin, pages } = await read<ApiReference>(c.env.ASSETS, 'api-reference.json');
    const { title, ways, body } = new Map(Object.entries(pages)).get(c.req.query('noun') ?? '') ?? pages[''];
    const placed = body
      .join('\n')
      .replaceAll(`${origin}/`, () => `${issuer ?? ''}/`)
      .replaceAll(origin, () => (issuer ? String(Address({ of: issuer })) : '/'));
    const shown = { ways: raw(ways), body: raw(placed) };
    const response = referencePage({ displayName, supportText, issuer }, title, shown);
    response.headers.set('cache-control', CACHED);
    return response;
  });

/** What `npm run api` wrote. */
async function read<Asset>(assets: Fetcher, name: string): Promise<Asset> {
  const asset = await assets.fetch(`https://assets.local/${name}`);
  if (!asset.ok) throw new Error(`The asset ${name} answers ${asset.status}`);
  return asset.json<Asset>();
}
