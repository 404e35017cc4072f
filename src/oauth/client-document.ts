import { Hono } from 'hono';
import type { App } from '../config';
import type { ClientIdMetadataDocument } from '../protocol/oauth-answers';
import { documentUrlOf, introductionOf, ourMetadata } from '../providers/registration';
import { issuerOf, surface } from './surface';

/**
 * Who the gateway is to the providers of its servers: our own Client ID Metadata Document
 * (draft-ietf-oauth-client-id-metadata-document). Its address is our `client_id` there.
 */
export const clientDocument = new Hono<App>().use(surface).get('/', (c) => {
  const { settings } = c.var;
  const issuer = issuerOf(c.var.issuer);
  const document: ClientIdMetadataDocument = {
    client_id: documentUrlOf(settings, issuer),
    ...ourMetadata(introductionOf(settings, issuer)),
  };
  return c.json(document, 200, { 'cache-control': 'public, max-age=3600' });
});
