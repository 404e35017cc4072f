import { Hono } from 'hono';
import * as z from 'zod/mini';
import { type AuditEvent, auditQuestion, idsOfActs, partiesOfActs } from '../../audit';
import { clientNamesQuestion } from '../../clients/store';
import type { App } from '../../config';
import { ask } from '../../database';
import { toolsetNamesQuestion } from '../../governance/virtual-mcps';
import { grantedNamesQuestion } from '../../grants/list';
import { namesOfIdentities } from '../../identity';
import { because } from '../../protocol/faults/fault';
import { isSubject, parseSubject, type Subject } from '../../protocol/subject';
import { serverNamesQuestion } from '../../servers/summaries';
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
  outcome: z.optional(z.enum(['done', 'refused', 'failed'])),
  code: z.optional(
    z.pipe(
      z.pipe(
        z.string(),
        z.transform((code) => code.trim().toUpperCase()),
      ),
      z.string().check(z.regex(/^F-[2-9A-Z]{4}$/, because('not_a_code'))),
    ),
  ),
  since: z.optional(Moment),
  until: z.optional(Moment),
});

/** What happened: acts of people and apps and changes by administrators, newest first (CONTRACT §8). */
export const auditTrail = new Hono<App>().get('/', async (c) => {
  const { limit, offset, ...filter } = accept(AuditQuery, c.req.query());
  const { DB } = c.env;
  const page = { limit, offset };
  const ids = idsOfActs(filter, page);
  const [{ entries, total }, identities, servers, toolsets, granted, clients] = await ask(
    DB,
    auditQuestion(DB, filter, page),
    namesOfIdentities(DB, ids),
    serverNamesQuestion(DB),
    toolsetNamesQuestion(DB, ids),
    grantedNamesQuestion(DB, partiesOfActs('grant_id', filter, page)), // an app may be gone, and its grants not yet
    clientNamesQuestion(DB, partiesOfActs('client_id', filter, page)),
  );
  const byId = [...identities].map(([subject, name]) => [parseSubject(subject).id, name] as const);
  const names = new Map([...byId, ...servers, ...toolsets, ...granted, ...clients]);
  const events = entries.map((entry) => shown(entry, names, identities));
  return c.json(listed('events', events, total, page));
});

function shown(
  { id, at, act, outcome, actor, clientId, grantId, detail, address, code, requestId }: AuditEvent,
  names: ReadonlyMap<string, string>,
  identities: ReadonlyMap<Subject, string>,
): z.infer<typeof ShownEvent> {
  const nameOf = (id: unknown) => names.get(String(id)) ?? null;
  const about = detail.virtual_key ?? detail.virtual_mcp ?? detail.server ?? detail.user;
  return {
    id,
    at: rfc3339(at),
    act,
    outcome,
    actor,
    actor_name: isSubject(actor) ? (identities.get(actor) ?? null) : null,
    client_id: clientId,
    client_name: nameOf(clientId),
    grant_id: grantId,
    about_name: nameOf(about),
    detail,
    address,
    code,
    request_id: requestId,
  };
}
