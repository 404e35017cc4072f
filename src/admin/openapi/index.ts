import { Hono } from 'hono';
import type { App } from '../../config';
import { docsPage } from './docs';
import type { ApiDescription, Served } from './document';

const CACHED = { 'cache-control': 'public, max-age=300' };

/** The API described, by the schemas that validate it (CONTRACT §8): for programs, and for people. */
export const openapi = new Hono<App>()
  .get('/openapi.json', async (c) => c.json((await served(c.env.ASSETS, c.var.issuer)).document, 200, CACHED))
  .get('/docs', async (c) => {
    const { display_name: displayName, support_text: supportText } = c.var.settings;
    const { issuer } = c.var;
    return docsPage({ displayName, supportText, issuer }, await served(c.env.ASSETS, issuer), CACHED);
  });

/** What `npm run api` wrote, with where we are. @param issuer null: not known yet. */
async function served(assets: Fetcher, issuer: string | null): Promise<ApiDescription<Served>> {
  const asset = await assets.fetch('https://assets.local/api-description.json');
  if (!asset.ok) throw new Error(`The asset api-description.json answers ${asset.status}`);
  const { asked, document } = await asset.json<ApiDescription>();
  return { asked, document: { ...document, servers: [{ url: issuer ?? '/' }] } };
}
