import type { Context } from 'hono';
import {
  AskAgain,
  type Authorization,
  AuthorizationEnded,
  beginAuthorization,
  findAuthorization,
  holdAuthorized,
  keepAuthorized,
  takeUpAuthorization,
} from '../accounts/authorization';
import {
  bindingCookies,
  isBrowserOf,
  newBrowserSecret,
  unbindingCookie,
} from '../accounts/authorization-browser';
import { reachOf } from '../accounts/reach';
import { audit } from '../audit';
import type { App } from '../config';
import { standingOf } from '../identity';
import type { Proof } from '../identity/mode';
import { log } from '../log';
import { issuerOf } from '../oauth/surface';
import { Destination } from '../protocol/destination';
import { Unavailable } from '../protocol/error';
import type { Subject } from '../protocol/subject';
import { ProviderProblem } from '../providers/provider-problem';
import { TokenRefused } from '../providers/token-refusal';
import { findServer } from '../servers/find';
import { findOAuthConfigOf, recordStatus } from '../servers/oauth-config-store';
import type { Server } from '../servers/server';
import { PageProblem, type Problem, sendOn } from '../ui/layout';
import { nowAuthorized } from './authorized';

/** Who goes to a server's provider, and where they come back to: a path of this gateway, with its query. */
export type Trip = Proof & { server: Server; returnTo: string; grantId: string | null };

/** Sends this browser to a server's provider. A cookie of its own makes it the only one that can come back. */
export async function sendToProvider(c: Context<App>, trip: Trip, status: 302 | 303): Promise<Response> {
  const issuer = issuerOf(c.var.issuer);
  const { server, subject, generation, returnTo, grantId } = trip;
  await requireAccess(c, server, trip);
  const { secret, browserHash } = await newBrowserSecret();
  const wanted = { server, owner: subject, generation, browserHash, returnTo, grantId };
  const { destination, id } = await beginAuthorization(c.env, c.var.settings, issuer, wanted).catch(
    explain(c, server, returnTo),
  );
  return sendOn(destination, bindingCookies(issuer, c.req.header('cookie'), { id, secret }), status);
}

/** Takes up what a server's provider answered. @param id the part of `state` after its purpose. */
export async function comeBack(c: Context<App>, id: string): Promise<Response> {
  const issuer = issuerOf(c.var.issuer);
  const authorization = await takeUp(c, issuer, id);
  if (c.req.method === 'HEAD') return sendOn(Destination.own(issuer, authorization.returnTo), [], 302);
  const server = await findServer(c.env.DB, authorization.serverId);
  if (!server) throw new PageProblem(NO_SERVER);
  return finish(c, issuer, authorization, server).catch((error: unknown) => {
    if (error instanceof AskAgain) return sendAgain(c, issuer, authorization, server, error);
    throw error;
  });
}

/** Sends the browser of an authorization to the provider once more, for one like it `without` what was refused. */
async function sendAgain(
  c: Context<App>,
  issuer: string,
  before: Authorization,
  server: Server,
  { without }: AskAgain,
): Promise<Response> {
  const fresh = before.browserHash === null ? null : await newBrowserSecret();
  const wanted = { ...before, server, browserHash: fresh?.browserHash ?? null, without };
  const explained = explain(c, server, fresh && before.returnTo);
  const { destination, id } = await beginAuthorization(c.env, c.var.settings, issuer, wanted).catch(
    explained,
  );
  const bound = fresh ? bindingCookies(issuer, c.req.header('cookie'), { id, secret: fresh.secret }) : [];
  return sendOn(destination, [unbindingCookie(issuer, before.id), ...bound], 302);
}

async function finish(
  c: Context<App>,
  issuer: string,
  authorization: Authorization,
  server: Server,
): Promise<Response> {
  const { id, owner, returnTo } = authorization;
  if (owner === 'gateway') return completeForGateway(c, issuer, authorization, server);
  const mustStand = () => requireAccess(c, server, { subject: owner, generation: authorization.generation });
  await mustStand();
  await keep(c, issuer, authorization, server, mustStand).catch(explain(c, server, returnTo, owner));
  audit(c, { act: 'credential.connected', server: server.id, owner }, owner);
  return sendOn(Destination.own(issuer, returnTo), [unbindingCookie(issuer, id)], 302);
}

/** The authorization this browser may end, taken up once. @throws PageProblem 410, 403 or 409 when there is none. */
async function takeUp(c: Context<App>, issuer: string, id: string): Promise<Authorization> {
  const authorization = await findAuthorization(c.env.DB, id);
  if (!authorization) throw new PageProblem(TOO_LATE);
  const { grantId, browserHash, expiresAt, usedAt, returnTo } = authorization;
  c.set('grantId', grantId ?? id);
  if (browserHash !== null) {
    const isOurs = await isBrowserOf(issuer, c.req.header('cookie'), { id, browserHash });
    if (!isOurs && usedAt === null) throw new PageProblem(ANOTHER_BROWSER);
  }
  const now = Math.floor(Date.now() / 1000);
  const way = browserHash === null ? {} : { way: { href: returnTo, label: 'Back' } };
  if (expiresAt <= now && usedAt === null) throw new PageProblem({ ...TOO_LATE, ...way });
  const isLookedAt = c.req.method === 'HEAD' && usedAt === null;
  if (isLookedAt || (await takeUpAuthorization(c.env.DB, id, now))) return authorization;
  throw new PageProblem({ ...ANSWERED, ...way });
}

/** The identity that asked must still be valid and may still use the server. @throws PageProblem 403 */
async function requireAccess(c: Context<App>, server: Server, proof: Proof): Promise<void> {
  const [standing, reaches] = await Promise.all([
    standingOf(c.env, c.var.settings, proof),
    reachOf(c.env.DB, c.var.settings, proof.subject),
  ]);
  if (standing.is === 'valid' && server.isVerified && reaches(server)) return;
  audit(c, { act: 'credential.refused', server: server.id, owner: proof.subject }, proof.subject);
  throw new PageProblem({
    status: 403,
    title: `You can’t use ${server.name}`,
    text: 'Nothing was connected. Ask your administrator for access.',
  });
}

async function keep(
  c: Context<App>,
  issuer: string,
  authorization: Authorization,
  server: Server,
  requireAccess: () => Promise<void>,
): Promise<void> {
  const answer = new URL(c.req.url).searchParams;
  try {
    await keepAuthorized(c.env, issuer, { authorization, server, answer, requireAccess });
  } catch (error) {
    throw error instanceof AuthorizationEnded ? new PageProblem(ENDED) : error;
  }
}

/** The gateway's own account: kept for an administrator who was sent from here, else held until one confirms it. */
async function completeForGateway(
  c: Context<App>,
  issuer: string,
  authorization: Authorization,
  server: Server,
): Promise<Response> {
  const { id, browserHash, returnTo } = authorization;
  const config = await findOAuthConfigOf(c.env.DB, server.id);
  if (!config || config.status === 'revoked') throw new PageProblem(NO_SERVER);
  const answered = { authorization, server, answer: new URL(c.req.url).searchParams };
  const waitsFor = async () => {
    const flowExpiresAt = await holdAuthorized(c.env, issuer, answered);
    const waiting = { status: 'pending', flowExpiresAt } as const;
    await recordStatus(c.env.DB, config.id, waiting, Math.floor(Date.now() / 1000));
  };
  try {
    if (browserHash === null) await waitsFor();
    else await keep(c, issuer, authorization, server, async () => undefined);
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === null) throw error;
    const failed = { status: 'failed', error: WORDS[reason] } as const;
    if (reason !== 'unavailable')
      await recordStatus(c.env.DB, config.id, failed, Math.floor(Date.now() / 1000));
    audit(c, { act: 'server.authorization_refused', server: server.id, reason });
    return explain(c, server, browserHash && returnTo)(error);
  }
  if (browserHash === null) {
    // Anyone may come back here: an administrator has to see whose account it is (PROTOCOL §7).
    return sendOn(Destination.own(issuer, `/admin/servers/${server.id}/authorizations/${id}`), [], 302);
  }
  await nowAuthorized(c, issuer, server);
  return sendOn(Destination.own(issuer, returnTo), [unbindingCookie(issuer, id)], 302);
}

/** Why nothing came of it, as far as someone can do something about it. */
type Reason = 'declined' | 'refused' | 'unavailable' | 'not_set_up';

/** Each reason, in words for the person who was sent to the provider. Its own words are never shown. */
const WORDS: Record<Reason, string> = {
  declined: 'The sign-in wasn’t finished. Try again, and allow what it asks for.',
  refused:
    'Its provider refused the sign-in. Try again. If it keeps happening, send the reference below to your administrator.',
  unavailable: 'Its provider isn’t responding. Try again in a moment.',
  not_set_up: 'Its sign-in isn’t set up correctly. Send the reference below to your administrator.',
};

const STATUS: Record<Reason, number> = { declined: 403, refused: 403, unavailable: 503, not_set_up: 503 };

function reasonOf(error: unknown): Reason | null {
  if (error instanceof TokenRefused) return error.code === 'access_denied' ? 'declined' : 'refused';
  if (error instanceof ProviderProblem) return error.type === 'unavailable' ? 'unavailable' : 'not_set_up';
  return error instanceof Unavailable ? 'unavailable' : null;
}

/** Turns what stopped someone into a page, and keeps the reason for the administrator of this gateway. */
function explain(c: Context<App>, server: Server, returnTo: string | null, owner?: Subject) {
  return (error: unknown): never => {
    const reason = reasonOf(error);
    if (reason === null) throw error;
    const { message } = error as Error;
    log('authorization.refused', { request_id: c.var.requestId, server: server.id, reason, message });
    if (owner) audit(c, { act: 'credential.refused', server: server.id, owner }, owner);
    throw new PageProblem({
      status: STATUS[reason],
      title: `${server.name} isn’t connected`,
      text: WORDS[reason],
      ...(reason === 'unavailable' ? { retryAfter: 10 } : {}),
      ...(returnTo ? { way: { href: returnTo, label: 'Back' } } : {}),
    });
  };
}

/** Where accounts are connected without an app that asks for it. */
export const TO_ACCOUNTS = { href: '/me', label: 'Connect it from Your apps' };

const TOO_LATE: Problem = {
  status: 410,
  title: 'This request timed out',
  text: 'Nothing was connected. Go back to where you started and connect again.',
  way: TO_ACCOUNTS,
};

const ENDED: Problem = {
  status: 410,
  calm: true,
  title: 'This account is no longer needed',
  text: 'Nothing was connected. The server, the app or your access was removed in the meantime.',
};

const ANOTHER_BROWSER: Problem = {
  status: 403,
  title: 'Open this in the browser where you started',
  text: 'Nothing was connected. You can only finish a sign-in in the browser where it started.',
  way: TO_ACCOUNTS,
};

const ANSWERED: Problem = {
  status: 409,
  calm: true,
  title: 'This was already done',
  text: 'Go back to where you started to see what is connected.',
  way: TO_ACCOUNTS,
};

const NO_SERVER: Problem = {
  status: 410,
  title: 'This server was removed',
  text: 'Nothing was connected. An administrator removed it, or disconnected it.',
};
