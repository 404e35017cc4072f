import { Hono } from 'hono';
import * as z from 'zod';
import { type Entry, listAudit } from '../audit';
import type { App } from '../config';
import { listed, rfc3339, Time } from './answer';
import { accept, Page } from './request';

/** A moment as RFC 3339 writes it, to epoch seconds. */
const Moment = z.iso
  .datetime({ offset: true, error: 'must be a time as RFC 3339 writes it, such as 2027-01-31T12:00:00Z' })
  .transform((text) => Math.floor(Date.parse(text) / 1000));
const Id = z.string().min(1).max(2000);

/** What the audit may be narrowed to: each exactly, `since` and `until` as a span without its end. */
export const AuditQuery = Page.omit({ search: true }).extend({
  act: Id.optional(),
  actor: Id.optional(),
  client_id: Id.optional(),
  grant_id: Id.optional(),
  outcome: z.enum(['done', 'refused', 'failed'], { error: 'must be done, refused or failed' }).optional(),
  code: z
    .string()
    .transform((code) => code.trim().toUpperCase())
    .pipe(z.string().regex(/^F-[2-9A-Z]{4}$/, 'must look like F-7K2Q'))
    .optional(),
  since: Moment.optional(),
  until: Moment.optional(),
});

/** What happened: acts of people and apps and changes by administrators, newest first (CONTRACT §8). */
export const auditTrail = new Hono<App>().get('/', async (c) => {
  const { limit, offset, ...filter } = accept(AuditQuery, c.req.query());
  const { entries, total } = await listAudit(c.env.DB, filter, { limit, offset });
  return c.json(listed('events', entries.map(shown), total, { limit, offset }));
});

/** One act as answers show it. */
export const ShownEvent = z.object({
  id: z.string(),
  at: Time,
  act: z.string().describe('What was done, such as `consent.allowed` or `virtual_key.rotated`'),
  outcome: z.enum(['done', 'refused', 'failed']),
  actor: z
    .string()
    .describe('`administrator`, `client`, `system`, `unknown`, or `user:…`, `vk:…`, `session:…`'),
  client_id: z.string().nullable(),
  grant_id: z.string().nullable(),
  detail: z
    .record(z.string(), z.union([z.string(), z.number()]))
    .describe('What else it is about: ids, never values'),
  address: z.string().nullable(),
  code: z.string().describe('The short code people are shown, such as `F-7K2Q`'),
  request_id: z.string().nullable(),
});

function shown({
  id,
  at,
  act,
  outcome,
  actor,
  clientId,
  grantId,
  detail,
  address,
  code,
  requestId,
}: Entry): z.infer<typeof ShownEvent> {
  return {
    id,
    at: rfc3339(at),
    act,
    outcome,
    actor,
    client_id: clientId,
    grant_id: grantId,
    detail,
    address,
    code,
    request_id: requestId,
  };
}
