import { type RenderedPage, renderApi } from './docs';
import { type Document, describeApi } from './document';
import { ORIGIN, referenceOf } from './reference';

/**
 * The API's description for people, in HTML: pages by what stands in their address, each with the ways to the others, and its body
 * in lines. `origin` stands for the gateway's.
 */
export type ApiReference = { origin: string; pages: { '': Page } & Record<string, Page> };

type Page = Omit<RenderedPage, 'body'> & { body: string[] };

/** What `npm run api` writes to `public/`. Of the HTML, an operation or a schema is a line: a change of one is a small change. */
export function makeAssets(): { 'api-description.json': Document; 'api-reference.json': ApiReference } {
  const document = describeApi();
  const pages = [...renderApi(referenceOf(document))].map(([id, { body, ...page }]) => {
    const lines = body.replaceAll(/<\/(details|li)>/g, '$&\n').split('\n');
    return [id, { ...page, body: lines }] as const;
  });
  return {
    'api-description.json': document,
    'api-reference.json': { origin: ORIGIN, pages: Object.fromEntries(pages) as ApiReference['pages'] },
  };
}
