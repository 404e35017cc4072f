import { type Context, Hono } from 'hono';
import * as z from 'zod/mini';
import { ownAccountOf } from '../../accounts/auth/index';
import {
  type ConnectedAccount,
  disconnectAccount,
  findAccount,
  listAccounts,
} from '../../accounts/connected-accounts';
import { statusAt } from '../../accounts/credentials';
import { insertLink, linkUrl } from '../../accounts/links';
import { type Reach, reachQuestion } from '../../accounts/reach';
import { audit, by } from '../../audit';
import type { App } from '../../config';
import { ask, theseIds } from '../../database';
import { userSubject } from '../../governance/users';
import { keySubject } from '../../governance/virtual-keys';
import { loadedQuestion, loadIdentity, modeOf, namesOfIdentities, standingIn } from '../../identity';
import { mayCall } from '../../identity/standing';
import { parseSubject, type Subject } from '../../protocol/subject';
import { serversByIdQuestion } from '../../servers/find';
import type { Server } from '../../servers/server';
import { type AccountHolder, accountHolder } from './account-holder';
import { listed, rfc3339 } from './answer';
import type { Reauthorization, ShownAccount } from './answers/connected-account';
import { refusal, unknown } from './error';
import { IdentityKinds } from './identity-kind';
import { accept, CommaList, Page } from './request';
import { ourIssuer } from './servers/authorization';

/** What connected accounts may be narrowed to. */
export const AccountQuery = z.extend(Page, {
  search: Page.shape.search.check(z.describe("What the server's name holds, in either case")),
  kind: z.optional(z.enum(['token', 'header', 'flow'])).check(z.describe('`flow`: begun, not finished')),
  auth_mode: IdentityKinds,
  mcp_client_id: z.optional(z.string().check(z.maxLength(200))),
  virtual_key_id: CommaList,
  user_id: CommaList,
});

/** Connected accounts (CONTRACT §8): everyone's for administrators, else those of the caller. Tokens never leave. */
export const connectedAccounts = new Hono<App>()
  .get('/', async (c) => {
    const holder = await accountHolder(c);
    const query = accept(AccountQuery, c.req.query());
    const asked: Subject[] = [
      ...(query.virtual_key_id ?? []).map(keySubject),
      ...(query.user_id ?? []).map(userSubject),
    ];
    const filter = {
      owners: withinReach(holder, asked.length ? asked : null),
      kinds: query.auth_mode?.length ? query.auth_mode : null,
      accountKind: query.kind,
      serverId: query.mcp_client_id,
      serverName: query.search,
    };
    const { accounts, total } = await listAccounts(c.env.DB, filter, query, now());
    return c.json(listed('sessions', await shownAccounts(c, holder, accounts), total, query));
  })

  .get('/:id', async (c) => {
    const { holder, account } = await accountAt(c);
    const [session] = await shownAccounts(c, holder, [account]);
    if (!session) throw unknown('session');
    return c.json({ session });
  })

  .delete('/:id', async (c) => {
    const { account } = await accountAt(c);
    const { owner, serverId, credential } = account;
    await disconnectAccount(c.env, account);
    if (credential) audit(c, { act: 'credential.disconnected', server: serverId, owner });
    return c.body(null, 204);
  })

  .post('/:id/reauth', async (c) => {
    const { holder, account } = await accountAt(c);
    const { owner, serverId } = account;
    const [shown] = await shownAccounts(c, holder, [account]);
    if (!shown) throw unknown('session');
    if (shown.status === 'orphaned') {
      throw refusal('server_not_theirs');
    }
    if (shown.status === 'suspended') {
      throw refusal('owner_suspended');
    }
    if (!shown.can_reauth) {
      throw refusal('account_not_yours');
    }
    const generation = await generationOf(c, owner);
    const issuer = ourIssuer(c);
    const wanted = { subject: owner, generation, serverIds: [serverId], clientName: '', grantId: null };
    const link = await insertLink(c.env.DB, wanted, by(c));
    const answer: z.infer<typeof Reauthorization> = {
      authorize_url: linkUrl(c.var.settings, issuer, link),
      session_id: account.id,
      kind: shown.auth_kind,
    };
    return c.json(answer);
  });

const now = () => Math.floor(Date.now() / 1000);

/** The owners that are asked for, as far as the caller may know of them; null: all. */
function withinReach({ subject, seesAll }: AccountHolder, asked: Subject[] | null): Subject[] | null {
  if (seesAll) return asked;
  return subject && (!asked || asked.includes(subject)) ? [subject] : [];
}

/** The account in the path. @throws ApiError 404 when there is none, or it is someone else's. */
async function accountAt(c: Context<App>): Promise<{ holder: AccountHolder; account: ConnectedAccount }> {
  const holder = await accountHolder(c);
  const account = await findAccount(c.env.DB, c.req.param('id') ?? '', now());
  if (!account || !(holder.seesAll || holder.subject === account.owner)) throw unknown('session');
  return { holder, account };
}

/** Of the identity as it is now: a leak or a block since ends what carries an earlier one. */
async function generationOf(c: Context<App>, subject: Subject): Promise<number> {
  const standing = standingIn(await loadIdentity(c.env.DB, subject), c.var.settings, now());
  return standing.is === 'gone' ? 0 : standing.generation;
}

/** Accounts as answers show them, for the caller: every name, and who may still use what, is asked once for all. */
async function shownAccounts(
  c: Context<App>,
  holder: AccountHolder,
  accounts: readonly ConnectedAccount[],
): Promise<z.infer<typeof ShownAccount>[]> {
  const { DB } = c.env;
  const owners = [...new Set(accounts.map(({ owner }) => owner))];
  const ids = theseIds(owners.map((owner) => parseSubject(owner).id));
  const [servers, reach, names, identities] = await ask(
    DB,
    serversByIdQuestion(DB, [...new Set(accounts.map(({ serverId }) => serverId))]),
    reachQuestion(DB, c.var.settings, owners),
    namesOfIdentities(DB, ids),
    loadedQuestion(DB, owners),
  );
  const isSuspended = (owner: Subject) => {
    const identity = identities.get(owner);
    const standing = identity && standingIn(identity, c.var.settings, now());
    return standing?.is === 'suspended' && !mayCall(standing);
  };
  const at = new Map(servers.map((server) => [server.id, server]));
  return accounts.flatMap((account) => {
    const server = at.get(account.serverId);
    const known = { holder, reach: reach.get(account.owner), names, isSuspended: isSuspended(account.owner) };
    return server ? [shown(account, server, known)] : [];
  });
}

type Known = {
  holder: AccountHolder;
  reach: Reach | undefined;
  names: ReadonlyMap<Subject, string>;
  /** Whether whose it is may not be acted for now, by a setting. */
  isSuspended: boolean;
};

function shown(
  account: ConnectedAccount,
  server: Server,
  { holder, reach, names, isSuspended }: Known,
): z.infer<typeof ShownAccount> {
  const { owner, credential } = account;
  const { kind, id } = parseSubject(owner);
  const mode = modeOf(owner);
  const isOrphaned = !reach?.({ ...server, enabled: true }); // who lost nothing but a server that rests is no orphan
  const status = credential ? statusAt(credential, server) : 'pending';
  const isTheirs = holder.subject === owner || (holder.seesAll && !mode?.isSignedIn);
  return {
    id: account.id,
    kind: credential?.kind ?? 'flow',
    auth_kind: ownAccountOf(server)?.kind ?? 'oauth',
    auth_mode: kind,
    user: null,
    virtual_key: null,
    ...(mode?.apiMember && { [mode.apiMember]: { id, name: names.get(owner) ?? '' } }),
    mcp_client: { client_id: server.id, name: server.name },
    status: isSuspended ? 'suspended' : isOrphaned ? 'orphaned' : status,
    expires_at: rfc3339(account.expiresAt),
    created_at: rfc3339(account.createdAt),
    last_refreshed_at: rfc3339(credential?.lastRefreshedAt ?? null),
    updated_at: rfc3339(account.updatedAt),
    oauth_config_id: server.oauthConfigId,
    can_reauth: isTheirs && !isOrphaned && !isSuspended,
    token_type: credential?.tokenType ?? null,
    scopes: credential?.scopes ?? null,
    wanted_scopes: credential?.wantedScopes ?? [],
  };
}
