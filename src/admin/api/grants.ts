import { type Context, Hono } from 'hono';
import * as z from 'zod/mini';
import { consentedIn } from '../../accounts/consented';
import { openServers } from '../../accounts/open-servers';
import { by } from '../../audit';
import type { App } from '../../config';
import { ask, type Ids, map, type Question, together } from '../../database';
import { userSubject } from '../../governance/users';
import { keySubject } from '../../governance/virtual-keys';
import { changeGrant, type GrantChange, wideningOf } from '../../grants/change';
import { endGrant } from '../../grants/end';
import type { ConsentedServer } from '../../grants/grant';
import { type GrantFilter, grantQuestion, grantsQuestion, holderOf, holdersOnPage } from '../../grants/list';
import { findGrant, type Grant } from '../../grants/store';
import { endOf, type Today } from '../../grants/today';
import { modeOf, namesOfIdentities, subjectsNamed } from '../../identity';
import { covers } from '../../protocol/authorization';
import { fault } from '../../protocol/faults/fault';
import { type McpConfig, McpConfigs } from '../../protocol/mcp-config';
import { parseSubject, type Subject } from '../../protocol/subject';
import { serverNamesQuestion } from '../../servers/summaries';
import { listed, rfc3339 } from './answer';
import type { ShownGrant } from './answers/grant';
import { refusal, unknown } from './error';
import { IdentityKinds } from './identity-kind';
import { accept, CommaList, Moment, Name, Page, readJson, refusedValue } from './request';
import { Access } from './servers/access';

/** What the grants may be narrowed to. */
export const GrantQuery = z.extend(Page, {
  search: Page.shape.search.check(
    z.describe("What the app's, the key's or the person's name holds, in either case"),
  ),
  status: z._default(z.enum(['active', 'ended', 'all']), 'all'),
  q: z._default(z.string().check(z.maxLength(200)), '').check(z.describe("What the app's name holds")),
  bf_mode: IdentityKinds,
  virtual_key_id: CommaList,
  user_id: CommaList,
  client_id: CommaList,
  unused_since: z.optional(Moment).check(z.describe('Neither used nor made since then')),
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
      named: query.search ? { text: query.search, subjects: subjectsNamed(query.search) } : null,
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

  .put('/:id', async (c) => {
    const change = grantChangeIn(await readJson(c));
    const session = await changedByAdministrator(c, c.req.param('id'), change);
    return c.json({ message: 'What the app may use was changed: it holds within seconds.', session });
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

/** What may be changed of a grant. */
export const GrantChangeRequest = z.partial(
  z.object({
    access: Access,
    read_only: z
      .boolean()
      .check(z.describe('Only tools that read; false returns to the scope the app asked for')),
    given_name: z
      .nullable(Name.check(z.maxLength(60)))
      .check(z.describe('What it is called here; null: as it calls itself')),
    expires_at: z.nullable(Moment).check(z.describe('Earlier than it is; null: until withdrawn, as it was')),
  }),
);

/** The body of a change. @throws ApiError naming the member at fault */
function grantChangeIn(body: unknown): z.infer<typeof GrantChangeRequest> {
  const access = (body as { access?: unknown } | null)?.access;
  if (Array.isArray(access)) {
    const list = McpConfigs.safeParse(access, { reportInput: true }); // a union would not say which member is at fault
    if (!list.success) throw refusedValue(list.error, 'access');
  }
  return accept(GrantChangeRequest, body);
}

async function changedByAdministrator(
  c: Context<App>,
  id: string,
  asked: z.infer<typeof GrantChangeRequest>,
): Promise<z.infer<typeof ShownGrant>> {
  const { DB } = c.env;
  const today = { now: Math.floor(Date.now() / 1000), issuer: c.var.issuer };
  const [names] = await ask(DB, namesQuestion(DB, holderOf(id)));
  const grant = await changeGrant(c.env, id, { today, by: by(c), names: names.servers }, async (grant) => {
    const change = await changeOf(c, grant, asked, names.servers);
    if (wideningOf(grant, change) && !modeOf(grant.subject)?.typed) throw refusal('widening_is_theirs');
    return change;
  });
  if (!grant) throw unknown('session');
  return shown(grant, names, today);
}

/** What is asked, as a change of this grant. @throws ApiError */
async function changeOf(
  c: Context<App>,
  grant: Grant,
  { access, read_only, given_name, expires_at }: z.infer<typeof GrantChangeRequest>,
  names: ReadonlyMap<string, string>,
): Promise<GrantChange> {
  if (expires_at !== undefined) requireEarlier(grant, expires_at);
  if (read_only && !covers(grant.askedScope ?? grant.scope, 'mcp:read'))
    throw refusal('nothing_to_read', {}, 'read_only');
  return {
    ...(access !== undefined && {
      servers: access === 'all' ? null : await serversIn(c, grant, access, names),
    }),
    ...(read_only !== undefined && { readOnly: read_only }),
    ...(expires_at !== undefined && { expiresAt: expires_at }),
    ...(given_name !== undefined && { givenName: given_name === grant.clientName ? null : given_name }),
  };
}

function requireEarlier({ expiresAt }: Grant, asked: number | null): void {
  if (asked === expiresAt) return;
  if (asked === null || (expiresAt !== null && asked > expiresAt))
    throw refusal('later_end', {}, 'expires_at');
  if (asked <= Date.now() / 1000) throw refusal('value', { fault: fault('past') }, 'expires_at');
}

async function serversIn(
  c: Context<App>,
  { subject, resource, scope, askedScope, servers }: Grant,
  access: readonly McpConfig[],
  names: ReadonlyMap<string, string>,
): Promise<ConsentedServer[]> {
  const open = await openServers(c.env, c.var.settings, subject, { resource, scope: askedScope ?? scope });
  const read = consentedIn(access, { open, kept: servers ?? [], names });
  if ('servers' in read) return read.servers;
  const { why, at, server, tool = '' } = read.fault;
  const field = `access.${at}`;
  if (why === 'repeated') throw refusal('repeated_server_name', { name: server }, field);
  throw why === 'tool'
    ? refusal('tool_not_open', { server, tool }, field)
    : refusal('server_not_open', { server }, field);
}

/** What a grant leaves in, by the names of servers that are still there. */
export function accessIn(
  servers: readonly ConsentedServer[],
  names: ReadonlyMap<string, string>,
): McpConfig[] {
  return servers.flatMap(({ id, tools, ...reading }) => {
    const name = names.get(id);
    return name === undefined
      ? []
      : [{ mcp_client_name: name, tools_to_execute: tools ?? ['*'], ...reading }];
  });
}

function shown(grant: Grant, names: Names, today: Today): z.infer<typeof ShownGrant> {
  const end = endOf(grant, today);
  const { kind, id } = parseSubject(grant.subject);
  const narrowed = grant.servers && accessIn(grant.servers, names.servers);
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
    mcp_configs: narrowed ?? undefined,
    access: narrowed ?? 'all',
    read_only: grant.readOnly,
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
