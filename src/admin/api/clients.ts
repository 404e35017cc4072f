import { Hono } from 'hono';
import type * as z from 'zod/mini';
import { by } from '../../audit';
import { isDocumentUrl } from '../../clients/metadata-document';
import { type Client, clientQuestion, clientsQuestion, idsOfClients } from '../../clients/store';
import type { App } from '../../config';
import { ask, theseIds } from '../../database';
import { standingByClientQuestion } from '../../grants/list';
import { removeClient } from '../../removal/clients';
import { listed, rfc3339 } from './answer';
import type { ShownClient } from './answers/client';
import { unknown } from './error';
import { accept, Page } from './request';

/**
 * The apps that registered, or that a metadata document describes (CONTRACT §8). `id` is the `client_id`; of a document
 * its address, percent-encoded in the path.
 */
export const clients = new Hono<App>()
  .get('/', async (c) => {
    const { DB } = c.env;
    const query = accept(Page, c.req.query());
    const now = Math.floor(Date.now() / 1000);
    const [{ clients, total }, grants] = await ask(
      DB,
      clientsQuestion(DB, query),
      standingByClientQuestion(DB, idsOfClients(query), { now, issuer: c.var.issuer }),
    );
    const rows = clients.map((client) => shown(client, grants));
    return c.json(listed('clients', rows, total, query));
  })

  .get('/:id', async (c) => {
    const { DB } = c.env;
    const id = c.req.param('id');
    const now = Math.floor(Date.now() / 1000);
    const [client, grants] = await ask(
      DB,
      clientQuestion(DB, id),
      standingByClientQuestion(DB, theseIds([id]), { now, issuer: c.var.issuer }),
    );
    if (!client) throw unknown('client');
    return c.json({ client: shown(client, grants) });
  })

  .delete('/:id', async (c) => {
    const removed = await removeClient(c.env, c.req.param('id'), by(c));
    if (!removed) throw unknown('client');
    const message = removed.isOver
      ? 'The client was deleted, and everything it was allowed has ended.'
      : 'The client was deleted. What it was allowed is refused from now on, and is being ended in the background.';
    return c.json({ message });
  });

function shown(
  { clientId, metadata, createdAt }: Client,
  grants: ReadonlyMap<string, number>,
): z.infer<typeof ShownClient> {
  return {
    id: clientId,
    client_id: clientId,
    client_name: metadata.client_name ?? null,
    registration: isDocumentUrl(clientId) ? 'metadata_document' : 'dynamic',
    redirect_uris: metadata.redirect_uris,
    grant_types: metadata.grant_types,
    response_types: metadata.response_types,
    token_endpoint_auth_method: metadata.token_endpoint_auth_method,
    scope: metadata.scope,
    session_count: grants.get(clientId) ?? 0,
    created_at: rfc3339(createdAt),
  };
}
