import { Hono } from 'hono';
import * as z from 'zod/mini';
import type { AuditEvent } from '../../audit';
import { type AuditFilter, actsBefore, auditQuestion, CODE } from '../../audit/trail';
import type { App } from '../../config';
import { ask } from '../../database';
import { because } from '../../protocol/faults/fault';
import { listed, rfc3339 } from './answer';
import type { ShownEvent } from './answers/audit-event';
import { accept, Moment, Page } from './request';

const Id = z.string().check(z.minLength(1), z.maxLength(2000));

/** What the audit may be narrowed to: each exactly, `since` and `until` as a span without its end. */
export const AuditQuery = z.extend(z.omit(Page, { search: true }), {
  act: z.optional(Id),
  actor: z.optional(Id),
  client_id: z.optional(Id),
  grant_id: z.optional(Id),
  server: z.optional(Id).check(z.describe('Id of the server or toolset, or the name it had then')),
  key: z.optional(Id).check(z.describe('Id of the key, or the name it had then')),
  app: z.optional(Id).check(z.describe('Id of the app, or the name it had then')),
  person: z.optional(Id).check(z.describe('Id of the person, or the name they had then')),
  q: z
    .optional(z.string().check(z.maxLength(200)))
    .check(
      z.describe('What a name or the code holds, in either case; a whole code finds what belongs to it'),
    ),
  outcome: z.optional(z.enum(['done', 'refused', 'failed'])),
  code: z.optional(
    z.pipe(
      z.pipe(
        z.string(),
        z.transform((code) => code.trim().toUpperCase()),
      ),
      z.string().check(z.regex(CODE, because('not_a_code'))),
    ),
  ),
  since: z.optional(Moment),
  until: z.optional(Moment),
  format: z
    .optional(z.enum(['json', 'csv']))
    .check(z.describe('`csv`: everything found, one event a line, without `limit` and `offset`')),
});

/** What happened: acts of people and apps and changes by administrators, newest first (CONTRACT §8). */
export const auditTrail = new Hono<App>().get('/', async (c) => {
  const { limit, offset, format, ...filter } = accept(AuditQuery, c.req.query());
  const { DB } = c.env;
  if (format === 'csv') return csv(DB, filter);
  const page = { limit, offset };
  const [{ entries, total }] = await ask(DB, auditQuestion(DB, filter, page));
  return c.json(listed('events', entries.map(shown), total, page));
});

function shown({
  id,
  at,
  act,
  outcome,
  actor,
  detail,
  address,
  code,
  ...event
}: AuditEvent): z.infer<typeof ShownEvent> {
  const isOfSubject = detail.virtual_key ?? detail.user;
  return {
    id,
    at: rfc3339(at),
    act,
    outcome,
    actor,
    actor_name: event.actorName,
    client_id: event.clientId,
    client_name: event.clientName,
    grant_id: event.grantId,
    subject: event.subject,
    subject_name: event.subjectName,
    about_name: isOfSubject ? event.subjectName : event.aboutName,
    detail,
    address,
    code,
    request_id: event.requestId,
  };
}

/** What {@link shown} gives of each, in its order. */
const MEMBERS =
  'id,at,act,outcome,actor,actor_name,client_id,client_name,grant_id,subject,subject_name,about_name,detail,address,code,request_id';

const utf8 = new TextEncoder();

/** Events that one question to the database brings. */
const PORTION = 5_000;

/** Everything that is found as a file (RFC 4180), read from the database as fast as it is taken. */
function csv(db: D1Database, filter: AuditFilter): Response {
  let last: string | null = null;
  const body = new ReadableStream<Uint8Array>(
    {
      start: (controller) => controller.enqueue(utf8.encode(`${MEMBERS}\r\n`)),
      async pull(controller) {
        const entries: AuditEvent[] = await actsBefore(db, filter, last, PORTION);
        last = entries.at(-1)?.id ?? null;
        const lines = entries.map((entry) => line(Object.values(shown(entry))));
        controller.enqueue(utf8.encode(lines.join('')));
        if (lines.length < PORTION) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  const name = `audit-${new Date().toISOString().slice(0, 10)}.csv`;
  return new Response(body, {
    headers: {
      'content-type': 'text/csv; charset=utf-8',
      'content-disposition': `attachment; filename="${name}"`,
    },
  });
}

function line(cells: readonly unknown[]): string {
  return `${cells.map(cellOf).join(',')}\r\n`;
}

/** A spreadsheet takes what begins so for a formula: a `'` makes it text. */
const FORMULA = /^[=+\-@＝＋－＠\t\r\n]/;

function cellOf(value: unknown): string {
  const text = value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value);
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
