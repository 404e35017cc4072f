import { type Context, Hono } from 'hono';
import type { OwnHeaders, OwnTokens } from '../accounts/auth/auth';
import { ownAccountOf } from '../accounts/auth/index';
import type { App } from '../config';
import { choicesToKeep } from '../consent/choices';
import { again, consentPath, takeUp, takeUpForm } from '../consent/step';
import { keptPages } from '../kept-pages';
import { issuerOf } from '../oauth/surface';
import { Destination } from '../protocol/destination';
import { findServer } from '../servers/find';
import type { Server } from '../servers/server';
import { PageProblem, type Problem, sendOn } from '../ui/layout';
import { sendToProvider } from './provider-trip';

/** Where the Connect buttons of consent lead, and the address of a connect link by its id (CONTRACT §4). */
export const upstreamAuthorize = new Hono<App>()
  .use(keptPages())
  .get('/', async (c) => {
    const {
      mcp_client_id: servers = [],
      flow_id: flows = [],
      handoff_id: links = [],
      session,
    } = c.req.queries();
    if (session) throw new PageProblem(SESSION);
    const [serverId, ...moreServers] = servers;
    const [place, ...more] = [...flows, ...links];
    if (!serverId || !place || moreServers.length || more.length) throw new PageProblem(MALFORMED);
    return flows.length ? connectAtConsent(c, place, serverId) : toLink(c, place, serverId);
  })
  /** The same from consent's form, so that what was ticked by then is kept. */
  .post('/', async (c) => {
    const { step, form } = await takeUpForm(c);
    const query = new URLSearchParams({
      mcp_client_id: form.get('mcp_client_id') ?? '',
      flow_id: step.flowId,
    });
    return again(c, step, { choices: await choicesToKeep(c, step, form) }, `${c.req.path}?${query}`);
  });

/** Sends the person of a flow to the server's provider, once they have said who they are. */
async function connectAtConsent(c: Context<App>, flowId: string, serverId: string): Promise<Response> {
  const step = await takeUp(c, flowId);
  const { identity } = step.state;
  if (!identity) return sendOn(Destination.own(step.issuer, consentPath(step)), []);
  const server = await serverToConnect(c, serverId, ({ kind }) => kind === 'oauth');
  const returnTo = consentPath(step);
  if (c.req.method === 'HEAD') return sendOn(Destination.own(step.issuer, returnTo), [], 302);
  return sendToProvider(c, { ...identity, server, returnTo, grantId: step.flow.grantId }, 302);
}

async function toLink(c: Context<App>, id: string, serverId: string): Promise<Response> {
  await serverToConnect(c, serverId, () => true);
  if (!/^[A-Za-z0-9_-]{22}$/.test(id)) throw new PageProblem(MALFORMED);
  return sendOn(Destination.own(issuerOf(c.var.issuer), `/connect/${id}`), [], 302);
}

/** @throws PageProblem 404 for a server where people connect no account of their own, or not in a way that `fits`. */
async function serverToConnect(
  c: Context<App>,
  id: string,
  fits: (own: OwnTokens | OwnHeaders) => boolean,
): Promise<Server> {
  const server = await findServer(c.env.DB, id);
  const own = server?.isVerified ? ownAccountOf(server) : null;
  if (server && own && fits(own)) return server;
  throw new PageProblem(UNKNOWN);
}

const MALFORMED: Problem = {
  status: 400,
  title: 'This link isn’t complete',
  text: 'Go back to the page you came from and use its buttons.',
};

const SESSION: Problem = {
  status: 400,
  title: 'This link isn’t valid',
  text: 'Go back to your app and connect again.',
};

const UNKNOWN: Problem = {
  status: 404,
  title: 'There’s no account to connect',
  text: 'The server was removed, or doesn’t need your account. Go back to the page you came from and reload it.',
  way: { href: '/me', label: 'Your apps' },
};
