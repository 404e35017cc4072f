import { Hono } from 'hono';
import * as z from 'zod';
import { by } from '../../audit';
import type { App } from '../../config';
import { ask, type Ids, map, type Question, together } from '../../database';
import { userSubject } from '../../governance/users';
import { keySubject } from '../../governance/virtual-keys';
import { endGrant } from '../../grants/end';
import { type GrantFilter, grantQuestion, grantsQuestion, holderOf, holdersOnPage } from '../../grants/list';
import { findGrant, type Grant } from '../../grants/store';
import { endOf, type Today } from '../../grants/today';
import { namesOfIdentities, subjectsNamed } from '../../identity';
import { readingTerms } from '../../protocol/mcp-config';
import { parseSubject, type Subject } from '../../protocol/subject';
import { serverNamesQuestion } from '../../servers/summaries';
import { listed, rfc3339, Time } from './answer';
import { refusal, unknown } from './error';
import { IdentityKind, IdentityKinds } from './identity-kind';
import { accept, CommaList, Moment, Page } from './request';

/** What the grants may be narrowed to. */
export const GrantQuery = Page.extend({
  search: Page.shape.search.describe(
    "What the app's, the key's or the person's name begins with, in either case",
  ),
  status: z.enum(['active', 'ended', 'all']).default('all'),
  q: z.string().max(200).default('').describe("What the app's name begins with"),
  bf_mode: IdentityKinds,
  virtual_key_id: CommaList,
  user_id: CommaList,
  client_id: CommaList,
  unused_since: Moment.optional().describe('Neither used nor made since then'),
});

/** The grants (CONTRACT §8): what people allowed apps to do, and its end. Ended ones stay in the list, with the reason. */
export const grants = new Hono<App>()
  .get('/', async (c) => {
    const query = accept(GrantQuery, c.req.query());
    const subjects = [
      ...(query.virtual_key_id ?? []).map(keySubject),
      ...(query.user_id ?? []).map(userSubject),
    ];
    const filter: GrantFilter = {
      clientName: query.q,
      status: query.status,
      kinds: orNull(query.bf_mode),
      subjects: orNull(subjects),
      clientIds: orNull(query.client_id),
      named: query.search ? { prefix: query.search, subjects: subjectsNamed(query.search) } : null,
      unusedSince: query.unused_since ?? null,
    };
    const { DB } = c.env;
    const [{ shown, total }] = await ask(DB, shownGrantsQuestion(DB, filter, query, c.var.issuer));
    return c.json(listed('sessions', shown, total, query));
  })

  .get('/:id', async (c) => {
    const { DB } = c.env;
    const id = c.req.param('id');
    const now = Math.floor(Date.now() / 1000);
    const [grant, names] = await ask(DB, grantQuestion(DB, id), namesQuestion(DB, holderOf(id)));
    if (!grant) throw unknown('session');
    return c.json({ session: shown(grant, names, { now, issuer: c.var.issuer }) });
  })

  .delete('/:id', async (c) => {
    const now = Math.floor(Date.now() / 1000);
    const grant = await findGrant(c.env.DB, c.req.param('id'));
    if (!grant || endOf(grant, { now, issuer: null })) throw unknown('session');

    if (!(await endGrant(c.env.DB, c.env.GRANTS, grant.grantId, 'revoked_by_administrator', by(c), now))) {
      throw refusal('grant_index_behind');
    }
    return c.body(null, 204);
  });

/** A page of grants as answers show them, and how many there are in all: to be asked along with others. */
export function shownGrantsQuestion(
  db: D1Database,
  filter: GrantFilter,
  page: { limit: number; offset: number },
  issuer: string | null,
): Question<{ shown: z.infer<typeof ShownGrant>[]; total: number }> {
  const today = { now: Math.floor(Date.now() / 1000), issuer };
  const names = namesQuestion(db, holdersOnPage(filter, page, today));
  return map(together(grantsQuestion(db, filter, page, today), names), ([{ grants, total }, names]) => ({
    shown: grants.map((grant) => shown(grant, names, today)),
    total,
  }));
}

/** What keys, people and servers are called, by id. */
type Names = { holders: ReadonlyMap<Subject, string>; servers: ReadonlyMap<string, string> };

function namesQuestion(db: D1Database, holders: Ids): Question<Names> {
  const asked = together(namesOfIdentities(db, holders), serverNamesQuestion(db));
  return map(asked, ([holders, servers]) => ({ holders, servers }));
}

function orNull(list: string[] | undefined): string[] | null {
  return list?.length ? list : null;
}

/** A grant as answers show it. */
export const ShownGrant = z.object({
  id: z.string(),
  client_id: z.string(),
  client_name: z.string().nullable(),
  given_name: z.string().nullable().describe('What the one it acts for calls it'),
  bf_mode: IdentityKind.describe('What begins the `sub` of its tokens: what it acts for'),
  bf_sub: z.string().describe("That one's id"),
  identity_name: z.string().nullable(),
  scope: z.string(),
  resource: z.string(),
  services: z
    .array(z.string())
    .optional()
    .describe('The servers it was narrowed to, by name; absent: not narrowed'),
  mcp_configs: z
    .array(z.object({ mcp_client_name: z.string(), tools_to_execute: z.array(z.string()), ...readingTerms }))
    .optional()
    .describe('The same with the tools that were ticked; `*` is all of them, and those to come'),
  created_at: Time,
  expires_at: Time.nullable(),
  last_used_at: Time.nullable(),
  redirect_host: z.string().describe('Where the person was sent back to: a host, or a private-use scheme'),
  user_agent: z.string().nullable().describe('The browser that answered consent, as it calls itself'),
  country: z.string().nullable().describe('Where that browser was, as two letters'),
  status: z.enum(['active', 'ended']),
  ended_at: Time.nullable().describe('Null for `issuer_changed` while that can be taken back'),
  ended_reason: z.string().nullable().describe('Why it ended, as revoked_by_client or refresh_token_reused'),
});

function shown(grant: Grant, names: Names, today: Today): z.infer<typeof ShownGrant> {
  const end = endOf(grant, today);
  const { kind, id } = parseSubject(grant.subject);
  const narrowed = grant.servers?.flatMap(({ id: server, tools, ...reading }) => {
    const name = names.servers.get(server);
    return name === undefined
      ? []
      : [{ mcp_client_name: name, tools_to_execute: tools ?? ['*'], ...reading }];
  });
  return {
    id: grant.grantId,
    client_id: grant.clientId,
    client_name: grant.clientName,
    given_name: grant.givenName,
    bf_mode: kind,
    bf_sub: id,
    identity_name: names.holders.get(grant.subject) ?? null,
    scope: grant.scope,
    resource: grant.resource,
    services: narrowed?.map(({ mcp_client_name }) => mcp_client_name),
    mcp_configs: narrowed,
    created_at: rfc3339(grant.createdAt),
    expires_at: rfc3339(grant.expiresAt),
    last_used_at: rfc3339(grant.lastUsedAt),
    redirect_host: grant.redirectHost,
    user_agent: grant.userAgent,
    country: grant.country,
    status: end ? 'ended' : 'active',
    ended_at: rfc3339(end?.at ?? null),
    ended_reason: end?.reason ?? null,
  };
}
