import { Hono } from 'hono';
import { cors } from 'hono/cors';
import type { Schema } from 'hono/types';
import { getPath } from 'hono/utils/url';
import { api } from './admin/api';
import { health } from './admin/api/health';
import { adminPages } from './admin/pages/index';
import { serverTiming } from './admin/server-timing';
import { auditRefusal, codeOf, logRefusal } from './audit';
import { type App, type Env, type RequestContext, settle, withSettings } from './config';
import { callback } from './connect/callback';
import { connect } from './connect/page';
import { upstreamAuthorize } from './connect/upstream-authorize';
import { consent } from './consent/page';
import { BadVariable, closing } from './effective-settings';
import { requestId } from './invocation';
import { log } from './log';
import { answerAt, type McpPlace, McpVisit } from './mcp/endpoint';
import {
  type MissingSecret,
  missingProviderSecret,
  missingSecrets,
  PROVIDER_SECRET,
} from './missing-secrets';
import { authorize } from './oauth/authorize';
import { clientDocument } from './oauth/client-document';
import { discovery } from './oauth/discovery';
import { register } from './oauth/register';
import { revoke } from './oauth/revoke';
import { signInPage } from './oauth/sign-in';
import { atIssuer } from './oauth/surface';
import { token } from './oauth/token';
import { home } from './people/home';
import { me } from './people/me';
import { Destination } from './protocol/destination';
import { OAuthError } from './protocol/error';
import { faultAnswer, faultFacts } from './protocol/faults/storage';
import { CODE, errorText } from './protocol/mcp';
import { NewerDatabase } from './schema/upgrade';
import { PageProblem, type Problem, problemPage, sendOn } from './ui/layout';

/** OAuth documents and endpoints answer any origin, without credentials (CONTRACT §2). */
const anyOrigin = cors({
  origin: '*',
  allowMethods: ['GET', 'POST', 'OPTIONS'],
  allowHeaders: ['Authorization', 'Content-Type', 'MCP-Protocol-Version'],
  exposeHeaders: ['WWW-Authenticate'],
  maxAge: 86_400,
});

/** How a failure looks: a page, OAuth's JSON, the management API's or JSON-RPC. `either`: a page where a browser asks, else OAuth's. */
type Speaks = 'page' | 'oauth' | 'api' | 'rpc' | 'either';

/** An area of the gateway: a path and what is below it. */
export type Area = {
  at: string;
  /** What answers there; without one the line says only how its failures look. */
  app?: Hono<App, Schema, string>;
  speaks: Speaks;
  /** Scripts of any origin may ask, without credentials. */
  cors?: true;
  /** Answers while secrets are missing and settings cannot be read. */
  early?: true;
};

/** Every area, in the order they are asked. A request that several cover fails as the longest path says. */
export const AREAS: readonly Area[] = [
  { at: '/health', app: health, speaks: 'oauth', early: true },
  { at: '/.well-known', app: discovery, speaks: 'oauth', cors: true },
  { at: '/oauth2', speaks: 'oauth' },
  { at: '/oauth2/register', app: register, speaks: 'oauth', cors: true },
  { at: '/oauth2/authorize', app: authorize, speaks: 'page' },
  { at: '/oauth2/token', app: token, speaks: 'oauth', cors: true },
  { at: '/oauth2/revoke', app: revoke, speaks: 'oauth', cors: true },
  { at: '/oauth/client.json', app: clientDocument, speaks: 'either', cors: true },
  { at: '/oauth/consent', app: consent, speaks: 'page' },
  { at: '/oauth/sign-in', app: signInPage, speaks: 'page' },
  { at: '/api/oauth/callback', app: callback, speaks: 'page' },
  { at: '/api/oauth/per-user/upstream/authorize', app: upstreamAuthorize, speaks: 'page' },
  { at: '/connect', app: connect, speaks: 'page' },
  // Older names of the same handlers (CONTRACT §2).
  { at: '/api/oauth/per-user', speaks: 'oauth' },
  { at: '/api/oauth/per-user/register', app: register, speaks: 'oauth', cors: true },
  { at: '/api/oauth/per-user/authorize', app: authorize, speaks: 'page' },
  { at: '/api/oauth/per-user/token', app: token, speaks: 'oauth', cors: true },
  { at: '/register', app: register, speaks: 'oauth', cors: true },
  { at: '/authorize', app: authorize, speaks: 'page' },
  { at: '/token', app: token, speaks: 'oauth', cors: true },
  { at: '/mcp', speaks: 'rpc' }, // what answers there is asked first: answerAtMcp
  { at: '/v1', speaks: 'oauth' },
  { at: '/api', app: api, speaks: 'api' },
  { at: '/admin', app: adminPages, speaks: 'page' },
  { at: '/me', app: me, speaks: 'page' },
  { at: '/waiting', speaks: 'oauth' },
  { at: '/', app: home, speaks: 'either' },
];

/** What waits for a provider's secret that was never set. */
const IN_USE = /^\/(mcp|oauth)(\/|$)/;
/** What waits for one that was saved and no longer opens: tokens, keys and consent by key go on without it. */
const SIGN_IN = /^\/oauth\/sign-in$/;

/** The gateway with these areas. */
export function createApp(areas: readonly Area[]): Hono<App> {
  const gateway = new Hono<App>({ getPath: pathOf }).use(async (c, next) => {
    c.set('requestId', requestId());
    await next();
    const { headers } = c.res; // of our own answers alone: they can be changed in place
    if (c.req.method === 'HEAD') headers.delete('set-cookie'); // Hono answers it as GET: nothing may come of it
    headers.set('x-content-type-options', 'nosniff'); // on errors too: they are answers by now
    if (!headers.has('cache-control')) headers.set('cache-control', 'no-store'); // who may keep an answer says so
  });
  for (const { at, cors } of areas) if (cors) gateway.use(`${at}/*`, anyOrigin);
  gateway.use('/api/*', serverTiming).use('/admin/*', serverTiming);
  for (const { at, app, early } of areas) if (app && early) gateway.route(at, app);
  gateway
    .use(async (c, next) => {
      const missing = missingSecrets(c.env);
      if (missing.length) return unconfigured(c, areas, missing);
      await next();
    })
    .use(withSettings)
    .use(atIssuer)
    .use(async (c, next) => {
      const refusal = notReady(c, areas);
      if (refusal) return refusal;
      await next();
    });
  for (const { at, app, early } of areas) if (app && !early) gateway.route(at, app);
  return gateway
    .notFound((c) =>
      failure(c, areas, {
        status: 404,
        type: 'not_found',
        title: 'Page not found',
        text: 'Check the address. Apps connect to /mcp on this host.',
        way: { href: '/', label: 'Home' },
      }),
    )
    .onError((error, c) => answerError(c, areas, error));
}

/** What a failure on either road is told as: one handler for all. */
function answerError(c: RequestContext, areas: readonly Area[], error: unknown): Response {
  if (error instanceof PageProblem) return problem(c, error.problem);
  if (error instanceof OAuthError) {
    const isForPerson = isBrowser(c) && dialectOf(c, areas) === 'page';
    if (isForPerson && error.code === 'not_found') return problem(c, KEYS_ONLY);
    if (error.code !== 'invalid_client') return error.toResponse();
    return error.toResponse(logRefusal(c, 401, error.code));
  }
  log('request.failed', { request_id: c.var.requestId, path: c.req.routePath, ...faultFacts(error) });
  if (error instanceof BadVariable) {
    return failure(c, areas, {
      status: 500,
      type: 'bad_setting',
      title: UNREAD,
      text: `${error.message} The administrator needs to fix it in wrangler.toml.`,
    });
  }
  if (error instanceof NewerDatabase) {
    return failure(c, areas, {
      status: 500,
      type: 'newer_database',
      title: 'The database is newer than this version of the gateway',
      text: `${error.message} Nothing was changed.`,
    });
  }
  return failure(c, areas, faultAnswer(error));
}

/** Where an app sends a person to sign in, while `mcp_server_auth_mode` is `headers`. */
const KEYS_ONLY: Problem = {
  status: 404,
  title: 'This gateway takes access keys only',
  text: 'In the app, use an access key instead of signing in. Ask your administrator for one.',
  way: { href: '/', label: 'Home' },
};

/** The gateway with every area. */
export const app = createApp(AREAS);

/** An address at `/mcp` or below it as nearly all are written: without a query, an escape or a slash too many. */
const PLAIN_MCP = /^https?:\/\/[^/]+\/mcp(?:\/([\w-]+))?$/;

/** Where at `/mcp` or below it a request was sent; null: elsewhere. */
export function mcpPlaceOf(request: Request): McpPlace | null {
  const { url } = request;
  const plain = PLAIN_MCP.exec(url);
  if (plain) return { url, slug: plain[1] ?? null };
  if (!/mcp|%/.test(url)) return null;
  const [, isThere, slug = null] = /^\/(mcp)(?:\/([^/]+))?$/.exec(pathOf(request)) ?? [];
  if (!isThere) return null;
  return { url, slug: slug?.includes('%') ? decoded(slug) : slug };
}

/**
 * Answers at `/mcp` without the chain of handlers and the router that the other areas share: most requests come here
 * (docs/decisions/0110). What fails is told as everywhere.
 */
export async function answerAtMcp(request: Request, env: Env, place: McpPlace): Promise<Response> {
  const visit = new McpVisit(request, env, place);
  const failed = (error: unknown) => answerError(visit, AREAS, error);
  const answer = await reachMcp(visit, place.slug, failed).catch(failed);
  return visit.method === 'HEAD' ? new Response(null, answer) : answer;
}

async function reachMcp(
  visit: McpVisit,
  slug: string | null,
  failed: (error: unknown) => Response,
): Promise<Response> {
  const secrets = missingSecrets(visit.env);
  if (secrets.length) return unconfigured(visit, AREAS, secrets);
  await settle(visit);
  const refusal = notReady(visit, AREAS);
  if (refusal) return refusal;
  const isPasted = visit.method === 'GET' && isBrowser(visit) && !visit.headers.has('authorization');
  return isPasted ? shownHow(visit, slug) : answerAt(visit, slug, failed);
}

/** The address was opened in a browser: the front page says how apps are connected to it. */
function shownHow({ var: { issuer } }: McpVisit, slug: string | null): Response {
  const at = slug === null ? '/' : `/?${new URLSearchParams({ at: slug })}`;
  return sendOn(Destination.own(issuer, at), []);
}

/** Where apps get in and are allowed: closed while a setting that decides on it cannot be read. */
const OF_APPS = /^\/(mcp|oauth2|oauth\/consent|api\/oauth\/per-user|authorize|token|register)(\/|$)/;

/** What this request is told where the gateway lacks what it needs for it; null: nothing is lacking. */
function notReady(c: RequestContext, areas: readonly Area[]): Response | null {
  const unread = closing(c.var.refusedSettings);
  if (unread && OF_APPS.test(c.req.path)) {
    return failure(c, areas, {
      status: 503,
      type: 'temporarily_unavailable',
      title: UNREAD,
      text: `Apps are refused until an administrator saves ${unread.name} again, under Settings.`,
      retryAfter: 60,
    });
  }
  const missing = missingFor(c);
  return missing && unconfigured(c, areas, [missing]);
}

const UNREAD = 'A setting of this gateway can’t be read';

/** The provider's secret where this request needs it. */
function missingFor({ var: { settings, lostSecrets }, req }: RequestContext): MissingSecret | null {
  const missing = missingProviderSecret(settings);
  if (!missing) return null;
  return (lostSecrets.has(PROVIDER_SECRET) ? SIGN_IN : IN_USE).test(req.path) ? missing : null;
}

/** A part of a path; as it is when it is not well encoded. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The path of a request. `/mcp/` and `//mcp` are `/mcp`, at its documents too (CONTRACT §6, SECURITY 14). */
function pathOf(request: Request): string {
  const path = getPath(request);
  const plain = path.replace(/\/{2,}/g, '/').replace(/\/$/, '');
  return /^\/(mcp|\.well-known\/oauth-[a-z-]+)(\/|$)/.test(plain) ? plain : path;
}

/** How a failure at this request looks. Documents that describe a path below it are never pages. */
function dialectOf(c: RequestContext, areas: readonly Area[]): Exclude<Speaks, 'either'> {
  const { path } = c.req;
  const covering = areas.filter(({ at }) => at === '/' || path === at || path.startsWith(`${at}/`));
  const [closest] = covering.sort((a, b) => b.at.length - a.at.length);
  const speaks = closest?.speaks ?? 'either';
  if (speaks !== 'either') return speaks;
  return isBrowser(c) && !/\/\.well-known(\/|$)/.test(path) ? 'page' : 'oauth';
}

/** True where a person looks: no app asks for HTML. */
function isBrowser({ req }: RequestContext): boolean {
  return req.raw.headers.get('accept')?.includes('text/html') === true;
}

type Failure = Problem & { type: string };

/** A failure in the form its caller reads. */
function failure(c: RequestContext, areas: readonly Area[], { type, ...shown }: Failure): Response {
  const dialect = dialectOf(c, areas);
  if (dialect === 'page') return problem(c, shown);
  const { status, title, text, retryAfter } = shown;
  const message = `${title}. ${text}`;
  const headers = new Headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  if (retryAfter) headers.set('retry-after', String(retryAfter));
  if (dialect === 'rpc') {
    const error = { code: CODE.internalError, message, data: { type, request_id: c.var.requestId } };
    headers.set('content-type', 'application/json');
    return new Response(errorText(c.var.messageId ?? null, error), { status, headers });
  }
  const body = dialect === 'api' ? { error: { type, message } } : { error: type, error_description: message };
  return Response.json(body, { status, headers });
}

/** A page for a person, who can read out its code: the log has it, and of a known person the audit too. */
function problem(c: RequestContext, shown: Problem): Response {
  const { settings, issuer, requestId } = c.var;
  auditRefusal(c, shown.status, shown.title);
  const { pathname, search } = new URL(c.req.raw.url);
  const again = { href: pathname + search, label: 'Try again' };
  const repeatable = shown.status >= 500 && !shown.way && c.req.raw.method === 'GET';
  const place = {
    displayName: settings?.display_name ?? 'Toolgate',
    supportText: settings?.support_text ?? '',
    issuer: issuer ?? null,
  };
  return problemPage(place, repeatable ? { ...shown, way: again } : shown, codeOf(c), requestId);
}

function unconfigured(c: RequestContext, areas: readonly Area[], missing: MissingSecret[]): Response {
  const faults = missing.map(({ name, fault }) => `${name} ${fault}`).join(', and ');
  return failure(c, areas, {
    status: 503,
    type: 'temporarily_unavailable',
    title: `The secret ${faults}`,
    text: `The administrator sets it with: ${missing.map(({ command }) => command).join('; ')} (locally: in .dev.vars, where npm run dev writes what is missing).`,
    retryAfter: 60,
  });
}
