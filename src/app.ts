import { type Context, Hono } from 'hono';
import { cors } from 'hono/cors';
import { getPath } from 'hono/utils/url';
import { api } from './admin/api';
import { health } from './admin/api/health';
import { adminPages } from './admin/pages/index';
import { auditRefusal, codeOf, logRefusal } from './audit';
import {
  type App,
  BadVariable,
  type MissingSecret,
  missingProviderSecret,
  missingSecrets,
  PROVIDER_SECRET,
  withSettings,
} from './config';
import { callback } from './connect/callback';
import { connect } from './connect/page';
import { upstreamAuthorize } from './connect/upstream-authorize';
import { consent } from './consent/page';
import { log } from './log';
import { endpoint } from './mcp/endpoint';
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
import { OAuthError } from './protocol/error';
import { CODE, errorText } from './protocol/mcp';
import { faultAnswer, faultFacts } from './protocol/storage-fault';
import { NewerDatabase } from './schema/upgrade';
import { PageProblem, type Problem, problemPage } from './ui/layout';

/** OAuth documents and endpoints answer any origin, without credentials (CONTRACT §2). */
const anyOrigin = cors({
  origin: '*',
  allowMethods: ['GET', 'POST', 'OPTIONS'],
  allowHeaders: ['Authorization', 'Content-Type', 'MCP-Protocol-Version'],
  exposeHeaders: ['WWW-Authenticate'],
  maxAge: 86_400,
});

/** What waits for a provider's secret that was never set. */
const IN_USE = /^\/(mcp|oauth)(\/|$)/;
/** What waits for one that was saved and no longer opens: tokens, keys and consent by key go on without it. */
const SIGN_IN = /^\/oauth\/sign-in$/;

/** Every area, mounted once. */
export const app = new Hono<App>({ getPath: pathOf })
  .use(async (c, next) => {
    c.set('requestId', c.req.header('cf-ray') ?? crypto.randomUUID());
    await next();
    if (c.req.method === 'HEAD') c.res.headers.delete('set-cookie'); // Hono answers it as GET: nothing may come of it
    c.header('x-content-type-options', 'nosniff'); // on errors too: they are answers by now
  })
  .use('/.well-known/*', anyOrigin)
  .use('/oauth2/register', anyOrigin)
  .use('/oauth2/token', anyOrigin)
  .use('/oauth2/revoke', anyOrigin)
  .use('/api/oauth/per-user/register', anyOrigin)
  .use('/api/oauth/per-user/token', anyOrigin)
  .use('/register', anyOrigin)
  .use('/token', anyOrigin)
  .use('/oauth/client.json', anyOrigin)
  .route('/health', health) // looks after missing secrets and settings itself
  .use(async (c, next) => {
    const missing = missingSecrets(c.env);
    if (missing.length) return unconfigured(c, missing);
    await next();
  })
  .use(withSettings)
  .use(atIssuer)
  .use(async (c, next) => {
    const missing = missingProviderSecret(c.var.settings);
    const closed = c.var.lostSecrets.has(PROVIDER_SECRET) ? SIGN_IN : IN_USE;
    if (missing && closed.test(c.req.path)) return unconfigured(c, [missing]);
    await next();
  })
  .route('/.well-known', discovery)
  .route('/oauth2/register', register)
  .route('/oauth2/authorize', authorize)
  .route('/oauth2/token', token)
  .route('/oauth2/revoke', revoke)
  .route('/oauth/client.json', clientDocument)
  .route('/oauth/consent', consent)
  .route('/oauth/sign-in', signInPage)
  .route('/api/oauth/callback', callback)
  .route('/api/oauth/per-user/upstream/authorize', upstreamAuthorize)
  .route('/connect', connect)
  // Older names of the same handlers (CONTRACT §2).
  .route('/api/oauth/per-user/register', register)
  .route('/api/oauth/per-user/authorize', authorize)
  .route('/api/oauth/per-user/token', token)
  .route('/register', register)
  .route('/authorize', authorize)
  .route('/token', token)
  .route('/mcp', endpoint)
  .route('/api', api)
  .route('/admin', adminPages)
  .route('/me', me)
  .route('/', home)
  .notFound((c) =>
    failure(c, {
      status: 404,
      type: 'not_found',
      title: 'There is nothing here',
      text: 'The address may be mistyped, or the page was moved. Apps connect to /mcp on this host.',
      way: { href: '/', label: 'To the front page' },
    }),
  )
  .onError((error, c) => {
    if (error instanceof PageProblem) return problem(c, error.problem);
    if (error instanceof OAuthError) {
      if (error.code !== 'invalid_client') return error.toResponse();
      logRefusal(c, 401, error.code);
      return error.toResponse(codeOf(c));
    }
    log('request.failed', { request_id: c.var.requestId, path: c.req.routePath, ...faultFacts(error) });
    if (error instanceof BadVariable) {
      return failure(c, {
        status: 500,
        type: 'bad_setting',
        title: 'A setting of this gateway cannot be read',
        text: `${error.message} Whoever runs this gateway has to mend it in wrangler.toml.`,
      });
    }
    if (error instanceof NewerDatabase) {
      return failure(c, {
        status: 500,
        type: 'newer_database',
        title: 'The database is newer than this version of the gateway',
        text: `${error.message} Nothing was changed.`,
      });
    }
    return failure(c, faultAnswer(error));
  });

/** The path of a request. `/mcp/` and `//mcp` are `/mcp`, at its documents too (CONTRACT §6, SECURITY 14). */
function pathOf(request: Request): string {
  const path = getPath(request);
  const plain = path.replace(/\/{2,}/g, '/').replace(/\/$/, '');
  return /^\/(mcp|\.well-known\/oauth-[a-z-]+)(\/|$)/.test(plain) ? plain : path;
}

/** People's paths; all others are machines', which never get HTML. */
function isPage(c: Context<App>): boolean {
  return /^\/(oauth2\/authorize|api\/oauth\/(per-user\/(upstream\/)?authorize|callback)|authorize|oauth\/(consent|sign-in)|connect\/[^/]+|(admin|me)(\/.*)?)$/.test(
    c.req.path,
  );
}

function isMachines(c: Context<App>): boolean {
  return (
    /^\/(oauth2|api|mcp|v1|health|register|token|waiting)(\/|$)|\/\.well-known(\/|$)/.test(c.req.path) ||
    !c.req.header('accept')?.includes('text/html')
  );
}

type Failure = Problem & { type: string };

/** A failure in the form the caller reads: a page, JSON-RPC, OAuth's or the API's JSON. */
function failure(c: Context<App>, { type, ...shown }: Failure): Response {
  if (isPage(c) || !isMachines(c)) return problem(c, shown);
  const { status, title, text, retryAfter } = shown;
  const message = `${title}. ${text}`;
  const headers = new Headers({ 'cache-control': 'no-store' });
  if (retryAfter) headers.set('retry-after', String(retryAfter));
  const { path } = c.req;
  if (path.startsWith('/mcp')) {
    const error = { code: CODE.internalError, message, data: { type, request_id: c.var.requestId } };
    headers.set('content-type', 'application/json');
    return new Response(errorText(c.var.messageId ?? null, error), { status, headers });
  }
  const isManagement = path.startsWith('/api/') && !path.startsWith('/api/oauth/per-user/');
  const body = isManagement ? { error: { type, message } } : { error: type, error_description: message };
  return Response.json(body, { status, headers });
}

/** A page for a person, who can read out its code: the log has it, and of a known person the audit too. */
function problem(c: Context<App>, shown: Problem): Response {
  const { settings, issuer, requestId } = c.var;
  auditRefusal(c, shown.status, shown.title);
  const { pathname, search } = new URL(c.req.url);
  const again = { href: pathname + search, label: 'Try again' };
  const repeatable = shown.status >= 500 && !shown.way && c.req.method === 'GET';
  const place = {
    displayName: settings?.display_name ?? 'Toolgate',
    supportText: settings?.support_text ?? '',
    issuer: issuer ?? null,
  };
  return problemPage(place, repeatable ? { ...shown, way: again } : shown, codeOf(c), requestId);
}

function unconfigured(c: Context<App>, missing: MissingSecret[]): Response {
  const faults = missing.map(({ name, fault }) => `${name} ${fault}`).join(', and ');
  return failure(c, {
    status: 503,
    type: 'temporarily_unavailable',
    title: `The secret ${faults}`,
    text: `Whoever runs this gateway sets it with: ${missing.map(({ command }) => command).join('; ')} (locally: in .dev.vars, where npm run dev writes what is missing).`,
    retryAfter: 60,
  });
}
