import { Hono } from 'hono';
import type { App } from '../../config';
import { docsPage } from './docs';
import { describeApi } from './document';

const CACHED = { 'cache-control': 'public, max-age=300' };

/** The API described, by the schemas that validate it (CONTRACT §8): for programs, and for people. */
export const openapi = new Hono<App>()
  .get('/openapi.json', (c) => c.json(describeApi(c.var.issuer), 200, CACHED))
  .get('/docs', (c) => {
    const { display_name: displayName, support_text: supportText } = c.var.settings;
    const { issuer } = c.var;
    return docsPage({ displayName, supportText, issuer }, describeApi(issuer), CACHED);
  });
