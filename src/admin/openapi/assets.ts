import { ORIGIN, renderApi } from './docs';
import { type Document, describeApi } from './document';

/** The API's description for people, in HTML: the ways to its parts, and the parts in lines. `origin` stands for the gateway's. */
export type ApiReference = { origin: string; ways: string; body: string[] };

/** What `npm run api` writes to `public/`. Of the HTML, an operation or a schema is a line: a change of one is a small change. */
export function makeAssets(): { 'api-description.json': Document; 'api-reference.json': ApiReference } {
  const document = describeApi();
  const { ways, body } = renderApi(document);
  const lines = body.replaceAll('</details>', '</details>\n').split('\n');
  return { 'api-description.json': document, 'api-reference.json': { origin: ORIGIN, ways, body: lines } };
}
