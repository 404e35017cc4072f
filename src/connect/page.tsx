import { type Context, Hono } from 'hono';
import { accountsAmong, type ConnectableAccount, shownAccount } from '../accounts/accounts';
import { credentialsQuestion } from '../accounts/credentials';
import { claimLink, findLink, type Link, storyOf } from '../accounts/links';
import { reachQuestion } from '../accounts/reach';
import { type Act, audit, codeOf } from '../audit';
import { type App, gatewayOf } from '../config';
import { readHeaderFields } from '../consent/account-parts';
import { equalSecrets, hashSecret, mac, randomSecret } from '../crypto/secrets';
import { ask, theseIds } from '../database';
import { modeOf, standingQuestion } from '../identity';
import { rememberIdentity } from '../identity/browser';
import { providerHost } from '../identity/provider';
import type { Standing } from '../identity/standing';
import { keptPages } from '../kept-pages';
import { saveOwnHeaders } from '../mcp-client/header-credentials';
import { issuerOf } from '../oauth/surface';
import { once } from '../once';
import { Destination } from '../protocol/destination';
import { isForeign } from '../protocol/own-origin';
import { knownProvidersQuestion } from '../providers/provider';
import { serversByIdQuestion } from '../servers/find';
import { hasProvider } from '../settings';
import { formOf } from '../ui/fields';
import { PageProblem, type Problem, page, sendOn } from '../ui/layout';
import { cut } from '../ui/name';
import {
  type ConnectState,
  connectFormValue,
  readConnectState,
  verifyConnectForm,
  writeConnectState,
} from './cookie';
import { AccountsPage, type LinkPage, ProofPage } from './forms';
import { proves, wayToProve } from './proof';
import { sendToProvider, TO_ACCOUNTS } from './provider-trip';

/** Bytes a form may have: values of many headers. */
const MOST_FORM = 262_144;

/** The page of a connect link (CONTRACT §6): looking at it does nothing, the identity it is for uses it, once. */
export const connect = new Hono<App>()
  .use(keptPages())
  .get('/:id', async (c) => {
    const visit = await visitOf(c);
    return visit.isMine ? showAccounts(c, visit) : showProof(c, visit);
  })
  .post('/:id', async (c) => {
    const issuer = issuerOf(c.var.issuer);
    if (isForeign(c.req.raw.headers, issuer)) throw new PageProblem(FOREIGN);
    const form = await formOf(c.req.raw, MOST_FORM);
    const visit = await visitOf(c);
    const value = form.get('form') ?? '';
    if (!visit.state || !(await verifyConnectForm(c.env.ENCRYPTION_KEY, visit.link.id, visit.state, value))) {
      throw new PageProblem({
        ...OUT_OF_DATE,
        way: { href: pathOf(visit.link), label: 'Show the current form' },
      });
    }
    return visit.isMine ? connectOnce(c, visit, form) : prove(c, visit, form);
  });

/** A browser at a link that works. */
type LinkVisit = {
  link: Link;
  /** Null: this browser was never here. */
  state: ConnectState | null;
  /** True when this browser is the one that proved itself. */
  isMine: boolean;
  /** What people know the identity by; null: they must sign in before it stands again. */
  name: string | null;
  /** Its servers that are still open to the identity, by name. */
  accounts: ConnectableAccount[];
  issuer: string;
};

/** @throws PageProblem 410, 409 or 403 when there is nothing to be done here, in this browser. */
async function visitOf(c: Context<App>): Promise<LinkVisit> {
  const issuer = issuerOf(c.var.issuer);
  const now = Math.floor(Date.now() / 1000);
  const link = await findLink(c.env.DB, c.req.param('id') ?? '');
  if (!link) throw new PageProblem(EXPIRED);
  c.set('grantId', storyOf(link));
  const state = await readConnectState(c.env.ENCRYPTION_KEY, issuer, link.id, c.req.header('cookie'));
  const isMine = state !== null && (await hasClaimed(link, state.secret));
  const isSent = c.req.method === 'POST' && state !== null;
  const mayRepeat = isSent && (await hasClaimed(link, await nextSecret(c, link.id, state)));
  if (link.expiresAt <= now) throw new PageProblem(isMine ? over(link) : EXPIRED);
  if (link.usedAt !== null && !isMine && !mayRepeat) throw new PageProblem(USED);

  const { standing, accounts } = await accountsFor(c, link);
  const isSignedIn = modeOf(link.subject)?.isSignedIn;
  const mustSignIn = standing.is === 'suspended' && isSignedIn && hasProvider(c.var.settings);
  if (standing.is !== 'valid' && (isMine || !mustSignIn)) throw new PageProblem(ENDED);
  if (!accounts.length) throw new PageProblem(NOT_OPEN);
  return { link, state, isMine, name: standing.is === 'valid' ? standing.name : null, accounts, issuer };
}

/** How the link's identity stands, and its accounts at those of its servers that are open to it: in one question. */
async function accountsFor(
  c: Context<App>,
  link: Link,
): Promise<{ standing: Standing; accounts: ConnectableAccount[] }> {
  const { DB } = c.env;
  const { serverIds, subject } = link;
  const [standing, servers, reach, credentials, providers] = await ask(
    DB,
    standingQuestion(DB, c.var.settings, link),
    serversByIdQuestion(DB, serverIds),
    reachQuestion(DB, c.var.settings, [subject]),
    credentialsQuestion(DB, subject),
    knownProvidersQuestion(DB, theseIds(serverIds)),
  );
  const open = servers.filter((server) => server.isVerified && reach.get(subject)?.(server));
  open.sort((a, b) => a.name.localeCompare(b.name));
  const accounts = accountsAmong(open, credentials).map((account) => shownAccount(account, providers));
  return { standing, accounts };
}

async function linkPage(
  c: Context<App>,
  { link, name, accounts }: LinkVisit,
  state: ConnectState,
): Promise<LinkPage> {
  return {
    path: pathOf(link),
    value: await connectFormValue(c.env.ENCRYPTION_KEY, link.id, state),
    subject: link.subject,
    name,
    clientName: link.clientName,
    servers: accounts.map(({ server }) => server),
    notice: state.notice,
    code: codeOf(c),
    signInHost: providerHost(c.var.settings),
  };
}

async function showProof(c: Context<App>, visit: LinkVisit): Promise<Response> {
  const { link, name } = visit;
  const state = visit.state ?? { secret: randomSecret() };
  const way = await wayToProve(c, link, name === null);
  const response = page(
    gatewayOf(c),
    'Connect your account',
    <ProofPage {...(await linkPage(c, visit, state))} way={way} />,
  );
  for (const cookie of await cookiesFor(c, visit, state)) response.headers.append('set-cookie', cookie);
  return response;
}

async function showAccounts(c: Context<App>, visit: LinkVisit): Promise<Response> {
  const { accounts, state } = visit;
  const props = await linkPage(c, visit, state as ConnectState);
  return page(gatewayOf(c), 'Connect your account', <AccountsPage {...props} accounts={accounts} />);
}

/** True when the browser that knows `secret` is the one that used the link. */
async function hasClaimed({ browserHash }: Link, secret: string): Promise<boolean> {
  return browserHash !== null && equalSecrets(await hashSecret(secret), browserHash);
}

/** What a browser is known by once it has used the link: no one who planted what it had before can tell, and only we can again. */
function nextSecret(c: Context<App>, linkId: string, { secret }: ConnectState): Promise<string> {
  return mac(c.env.ENCRYPTION_KEY, `connect ${linkId} used by ${secret}`);
}

/**
 * Uses the link for this browser, once its opener has proved to be meant. The secret it is known by from then on is new.
 * A caller who sends the same again, and proves it again, has the same answer.
 */
async function prove(c: Context<App>, visit: LinkVisit, form: URLSearchParams): Promise<Response> {
  const { link, issuer } = visit;
  const way = await wayToProve(c, link, visit.name === null);
  if (!(await proves(c, link, way, form))) {
    audit(c, { act: 'credential.link_refused', ...aboutLink(link) });
    return again(c, visit, { ...(visit.state as ConnectState), notice: { serverId: null, text: REFUSED } });
  }
  const secret = await nextSecret(c, link.id, visit.state as ConnectState);
  const now = Math.floor(Date.now() / 1000);
  if (await claimLink(c.env.DB, link.id, await hashSecret(secret), now)) {
    audit(c, { act: 'credential.link_used', ...aboutLink(link) }, link.subject);
  } else {
    const used = await findLink(c.env.DB, link.id);
    if (!used || !(await hasClaimed(used, secret))) throw new PageProblem(USED);
  }
  const isProved = way === 'typed' || way === 'session_value';
  const remembered = isProved ? [await rememberIdentity(c.env.ENCRYPTION_KEY, issuer, link, now)] : [];
  return again(c, visit, { secret }, remembered);
}

/** Connects one of the link's accounts, once (SECURITY 32). A repeated proof has the same answer by itself. */
async function connectOnce(c: Context<App>, visit: LinkVisit, fields: URLSearchParams): Promise<Response> {
  const { link, issuer } = visit;
  const { secret } = visit.state as ConnectState;
  const { path } = c.req;
  const sent = {
    owner: `connect ${link.id} ${await hashSecret(secret)}`,
    path,
    address: path,
    fields,
    base: issuer,
    way: { href: path, label: 'Show the page again' },
  };
  return once(c.env, sent, async () => {
    const response = await connectOne(c, visit, fields);
    return { response, isDone: response.headers.has('location') };
  });
}

/** Connects one of the link's accounts. */
async function connectOne(c: Context<App>, visit: LinkVisit, form: URLSearchParams): Promise<Response> {
  const { link, accounts, issuer } = visit;
  const { secret } = visit.state as ConnectState;
  const account = accounts.find(({ server }) => server.id === form.get('server'));
  if (!account)
    return again(c, visit, { secret, notice: { serverId: null, text: 'Choose what to connect.' } });
  const { server, own } = account;
  if (own.kind === 'oauth') {
    const trip = { ...link, server, returnTo: pathOf(link) };
    return sendToProvider(c, trip, 303);
  }
  const entered = readHeaderFields(server, form);
  const owner = link.subject;
  const verdict = await saveOwnHeaders(c.env, c.var.settings, issuer, { server, owner, entered });
  const act = verdict.ok ? 'credential.connected' : 'credential.refused';
  audit(c, { act, server: server.id, owner }, owner);
  if (verdict.ok) return again(c, visit, { secret });
  return again(c, visit, { secret, notice: { serverId: server.id, text: verdict.words } });
}

/** Shows the page again after a POST. @param cookies more `Set-Cookie` values */
async function again(
  c: Context<App>,
  visit: LinkVisit,
  state: ConnectState,
  cookies: string[] = [],
): Promise<Response> {
  const destination = Destination.own(visit.issuer, pathOf(visit.link));
  return sendOn(destination, [...(await cookiesFor(c, visit, state)), ...cookies]);
}

/** The page of a link, as a path. */
function pathOf({ id }: Link): string {
  return `/connect/${id}`;
}

function cookiesFor(c: Context<App>, { issuer, link }: LinkVisit, state: ConnectState): Promise<string[]> {
  return writeConnectState(c.env.ENCRYPTION_KEY, issuer, link.id, state, c.req.header('cookie'));
}

function aboutLink({
  subject,
  serverIds,
  grantId,
}: Link): Omit<Act & { act: 'credential.link_used' }, 'act'> {
  return { owner: subject, servers: serverIds.join(' '), ...(grantId === null ? {} : { grant_id: grantId }) };
}

/** The same for a key that is unknown, wrong or another's (SECURITY 12). */
const REFUSED = 'This key doesn’t work for this link. Use the key your app sends.';

/** For the browser that used the link, when its time is over. */
function over({ clientName }: Link): Problem {
  return {
    status: 410,
    calm: true,
    title: 'This page has expired',
    text: `What you connected stays connected. Go back to ${clientName ? cut(clientName) : 'where you started'}. If it doesn’t continue by itself, repeat what you asked for.`,
    way: TO_ACCOUNTS,
  };
}

const EXPIRED: Problem = {
  status: 410,
  title: 'This link has expired',
  text: 'Connect links work for 15 minutes. Go back to your app and repeat what you asked for: it gives you a new link.',
  way: TO_ACCOUNTS,
};

const USED: Problem = {
  status: 409,
  calm: true,
  title: 'This link was used in another browser',
  text: 'Each link works in one browser. To connect here, go back to your app and repeat what you asked for: it gives you a new link.',
  way: TO_ACCOUNTS,
};

const ENDED: Problem = {
  status: 410,
  title: 'The access this link is for has ended',
  text: 'Go back to your app and connect it again.',
};

const NOT_OPEN: Problem = {
  status: 403,
  title: 'You can’t connect this account',
  text: 'The server was removed, you can’t use it, or your key is shared by several people. Ask your administrator.',
};

const FOREIGN: Problem = {
  status: 403,
  title: 'This form was sent from another site',
  text: 'Nothing was changed. Answer on the page that your link opens.',
};

const OUT_OF_DATE: Problem = {
  status: 403,
  title: 'This form is out of date',
  text: 'Nothing was changed. You continued in another tab, or this page is from an earlier step.',
};
