import { Hono } from 'hono';
import * as z from 'zod';
import { by } from '../audit';
import type { App } from '../config';
import { namesOfVirtualKeys } from '../governance/virtual-keys';
import { findGrant, type Grant, grantObject, listGrants, recordEnd } from '../grants/store';
import { parseSubject } from '../protocol/subject';
import { namesOfServers } from '../upstreams/summaries';
import { listed, rfc3339 } from './answer';
import { ApiError, unknown } from './error';
import { accept, Page } from './request';

/** A comma-separated list; absent and empty are none. */
const CommaList = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean),
  )
  .optional();
const KINDS = ['user', 'vk', 'session'];

const Query = Page.extend({
  q: z.string().max(200, 'must be at most 200 characters').default(''),
  bf_mode: CommaList.refine(
    (kinds) => kinds?.every((kind) => KINDS.includes(kind)) ?? true,
    'must name only user, vk and session',
  ),
  virtual_key_id: CommaList,
  user_id: CommaList,
  client_id: CommaList,
});

/** The grants that stand (CONTRACT §8): what people allowed apps to do, and its end. */
export const grants = new Hono<App>()
  .get('/', async (c) => {
    const query = accept(Query, c.req.query());
    const subjects = [
      ...(query.virtual_key_id ?? []).map((id) => `vk:${id}`),
      ...(query.user_id ?? []).map((id) => `user:${id}`),
    ];
    const filter = {
      clientName: query.q,
      kinds: orNull(query.bf_mode),
      subjects: orNull(subjects),
      clientIds: orNull(query.client_id),
    };
    const found = await listGrants(c.env.DB, filter, query, Math.floor(Date.now() / 1000));
    const [keys, servers] = await Promise.all([
      namesOfVirtualKeys(
        c.env.DB,
        found.grants.map(({ subject }) => parseSubject(subject).id),
      ),
      namesOfServers(c.env.DB),
    ]);
    const rows = found.grants.map((grant) => shown(grant, keys, servers));
    return c.json(listed('sessions', rows, found.total, query));
  })

  .delete('/:id', async (c) => {
    const now = Math.floor(Date.now() / 1000);
    const grant = await findGrant(c.env.DB, c.req.param('id'));
    const stands = grant && grant.endedAt === null && (grant.expiresAt === null || grant.expiresAt > now);
    if (!stands) throw unknown('session');

    const reason = 'revoked_by_administrator';
    const recorded = await grantObject(c.env.GRANTS, grant.grantId)?.end(reason, by(c));
    if (recorded === false) {
      throw new ApiError(
        'temporarily_unavailable',
        'The session has ended, but the list could not be told yet. Try again.',
      );
    }
    await recordEnd(c.env.DB, grant.grantId, reason, by(c), now); // a grant that never opened has no object that would
    return c.body(null, 204);
  });

function orNull(list: string[] | undefined): string[] | null {
  return list?.length ? list : null;
}

function shown(grant: Grant, keys: ReadonlyMap<string, string>, servers: ReadonlyMap<string, string>) {
  const { kind, id } = parseSubject(grant.subject);
  return {
    id: grant.grantId,
    client_id: grant.clientId,
    client_name: grant.clientName,
    bf_mode: kind,
    bf_sub: id,
    identity_name: kind === 'vk' ? (keys.get(id) ?? null) : null,
    scope: grant.scope,
    resource: grant.resource,
    services: grant.servers?.flatMap((server) => servers.get(server) ?? []),
    created_at: rfc3339(grant.createdAt),
    expires_at: rfc3339(grant.expiresAt),
    last_used_at: rfc3339(grant.lastUsedAt),
  };
}
