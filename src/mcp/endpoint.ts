import { waitUntil } from 'cloudflare:workers';
import { logRefusal } from '../audit';
import type { Env, RequestContext } from '../config';
import { addCalls } from '../governance/tool-counts';
import { requestId } from '../invocation';
import { log } from '../log';
import { endClientSession } from '../mcp-client/sessions/sessions';
import { type AnswerForm, answerFormOf } from '../protocol/accept';
import { SLUG } from '../protocol/authorization';
import { itemsOf, mediaTypeOf } from '../protocol/headers';
import {
  type ClientMessage,
  CODE,
  errorText,
  MODERN_VERSION,
  type Notification,
  RpcError,
  readableId,
  readMessage,
} from '../protocol/mcp';
import { readBody } from '../protocol/params';
import { within } from '../protocol/patience';
import { isLoopback } from '../protocol/public-url';
import { ALWAYS, JSON_HEADERS } from './answer';
import { askerOf, type Call } from './call';
import { AuthChallenge, type Caller, type Gate, judgeCaller, NoCredential } from './caller';
import { NoQuestion, takeAnswer, takeProgress } from './client-answer';
import { dispatch } from './dispatch';
import { checkVersion, eraOf } from './era';
import { forwardCancellation, NothingThere } from './forward';
import { LimitSpent } from './limits';
import { isForNotifications, openNotifications } from './listen/notification-stream';
import { forwardRootsChanged } from './methods/roots';
import { asEvents } from './passing/answer-form';
import { continueAnswer } from './passing/continue';
import { endFlights } from './passing/flights';
import { latestOffer, type Offer, offerAt } from './place';
import { refreshStale } from './refresh';
import { isEnded, noteEnded, openSession, sessionEnded } from './session';

const MOST_BODY = 4_194_304;
/** How long a client waits for servers to be told that its session is over. Milliseconds. */
const END_PATIENCE = 2_000;
/** The most that is read of a body that is refused, for the id of its message. */
const MOST_REFUSED_BODY = 65_536;

/** What browsers may send and read (CONTRACT §2). */
const ALLOWED_HEADERS = [
  'Authorization',
  'Content-Type',
  'MCP-Protocol-Version',
  'Mcp-Session-Id',
  'Mcp-Method',
  'Mcp-Name',
  'Last-Event-ID',
];
const EXPOSED_HEADERS = 'WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version';

/** Where a request at `/mcp` or below it was sent. `slug` null: to `/mcp` itself. */
export type McpPlace = { url: string; slug: string | null };

/** A request at `/mcp` or below it. */
export class McpVisit implements RequestContext {
  readonly var: RequestContext['var'];
  readonly req: RequestContext['req'];
  /** Read once: each look asks the runtime. */
  readonly method: string;
  readonly headers: Headers;

  constructor(
    raw: Request,
    readonly env: Env,
    { url, slug }: McpPlace,
  ) {
    this.var = { requestId: requestId() } as RequestContext['var']; // the rest once it is known, as everywhere
    this.method = raw.method;
    this.headers = raw.headers;
    this.req = {
      raw,
      url,
      path: slug === null ? '/mcp' : `/mcp/${slug}`,
      routePath: slug === null ? '/mcp' : '/mcp/:slug',
    };
  }

  set<Name extends keyof RequestContext['var']>(name: Name, value: RequestContext['var'][Name]): void {
    (this.var as { -readonly [Member in keyof RequestContext['var']]: RequestContext['var'][Member] })[name] =
      value;
  }
}

/**
 * Answers a request at `/mcp`, which is every server the caller may use as one, or at `/mcp/<slug>`, a Virtual MCP or one server
 * (CONTRACT §6). Only browsers send `Origin`: from a page that may not call us it is refused, against DNS rebinding (MCP,
 * Security Warning). @param failed what answers a fault of this gateway
 */
export async function answerAt(
  visit: McpVisit,
  slug: string | null,
  failed: (error: unknown) => Response,
): Promise<Response> {
  const { method, headers } = visit;
  const origin = headers.get('origin');
  if (origin !== null && !isAllowedOrigin(visit, origin)) {
    const why = 'This origin may not call the gateway.';
    return refused(visit, new RpcError(403, 403, why, { type: 'origin_not_allowed' }), null);
  }
  const response = method === 'OPTIONS' ? preflight(headers) : await serve(visit, slug).catch(failed);
  if (origin !== null) {
    response.headers.set('access-control-allow-origin', origin);
    response.headers.set('access-control-expose-headers', EXPOSED_HEADERS);
    response.headers.append('vary', 'Origin');
  }
  return response;
}

function preflight(headers: Headers): Response {
  const asked = itemsOf(headers.get('access-control-request-headers') ?? '');
  const params = asked.filter((name) => /^mcp-param-[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(name));
  return new Response(null, {
    status: 204,
    headers: {
      ...ALWAYS,
      'access-control-allow-methods': 'POST, GET, DELETE, OPTIONS',
      'access-control-allow-headers': [...ALLOWED_HEADERS, ...params].join(', '),
      'access-control-max-age': '86400',
    },
  });
}

function isAllowedOrigin({ var: { settings, issuer } }: RequestContext, origin: string): boolean {
  if (origin === issuer || settings.allowed_origins.includes(origin)) return true;
  if (!URL.canParse(origin)) return false;
  const url = new URL(origin);
  return url.origin === origin && isLoopback(url.hostname);
}

async function serve(c: McpVisit, slug: string | null): Promise<Response> {
  const form = answerFormOf(c.headers.get('accept'));
  let body: string | null = null;
  try {
    const { settings, issuer } = c.var;
    if (issuer === null) throw notConfigured();
    const gate: Gate = { env: c.env, settings, issuer, slug: slug !== null && SLUG.test(slug) ? slug : null };

    const caller = await judgeCaller(gate, c.headers);
    if (caller instanceof RpcError) return refused(c, caller, await readRefused(c.req.raw, caller));
    if (c.method !== 'POST') checkVersion(c.headers);
    if (c.method === 'DELETE' && (await endSession(gate, caller, c.headers)))
      return new Response(null, { status: 204, headers: ALWAYS });
    const isListening = isForNotifications(c.method, c.headers);
    const lastEventId = c.method === 'GET' ? lastEventIdOf(c.headers) : null;
    if (c.method !== 'POST' && lastEventId === null && !isListening)
      throw new RpcError(405, CODE.invalidRequest, 'Messages come by POST.');
    const asked = [slug, caller, c.headers] as const;
    const place = await offerAt(c.env, c.var.revision, ...asked);
    if (isListening) return await openNotifications(await asking(c, { gate, caller, form }, place));
    if (lastEventId !== null)
      return await continueAnswer(await asking(c, { gate, caller, form: 'events' }, place), lastEventId);

    body = await readMessageBody(c.req.raw);
    const message = readMessage(body);
    const answerBy = (offer: Offer) => answerMessage(c, { gate, caller, form }, offer, message);
    const answer = await answerBy(place).catch(async (error: unknown) => {
      const latest = error instanceof NothingThere && (await latestOffer(c.env, c.var.revision, ...asked));
      if (latest) return answerBy(latest);
      throw error;
    });
    return inForm(form, answer);
  } catch (error) {
    body ??= await readRefused(c.req.raw);
    if (!(error instanceof RpcError)) {
      c.set('messageId', body === null ? null : readableId(body));
      throw error;
    }
    return inForm(form, refused(c, error, body));
  }
}

/** The body of a request that is refused, for the id of its message. Of one without a credential nothing is read. */
async function readRefused(request: Request, refusal?: RpcError): Promise<string | null> {
  if (refusal instanceof NoCredential || request.bodyUsed) return null;
  return readBody(request, MOST_REFUSED_BODY).catch(() => null);
}

/** The answer as its client reads it: one that reads event streams only gets it as an event. */
function inForm(form: AnswerForm, answer: Response): Response {
  return form === 'events' ? asEvents(answer) : answer;
}

/**
 * Ends the sessions at servers of the client session that a DELETE names (MCP 2025-11-25, Session Management). Of
 * another's there are none under this caller. False when it names none that this gateway gave.
 */
async function endSession(gate: Gate, caller: Caller, headers: Headers): Promise<boolean> {
  if (headers.get('mcp-protocol-version') === MODERN_VERSION) return false;
  const session = await openSession(gate.env.ENCRYPTION_KEY, headers.get('mcp-session-id') ?? undefined);
  const sharer = session && askerOf({ gate, caller, session, headers }).sharer;
  if (sharer) {
    noteEnded(sharer.name);
    endFlights(sharer);
    const ending = endClientSession(sharer);
    waitUntil(ending.catch(() => undefined));
    await within(END_PATIENCE, ending);
  }
  return sharer !== null;
}

/** Without an issuer no token can be judged and no link printed (CONTRACT §1). */
function notConfigured(): RpcError {
  const how =
    'PUT /api/config {"oauth2_server_config": {"issuer_url": "https://…", "confirm": true}}, or npm run deploy';
  const message = `This gateway does not know its own address yet. Its administrator sets issuer_url: ${how}.`;
  return new RpcError(503, CODE.internalError, message, { type: 'not_configured' });
}

/** The body as text, counted while reading. */
async function readMessageBody(request: Request): Promise<string> {
  const encoding = request.headers.get('content-encoding');
  if (encoding && encoding !== 'identity') {
    throw new RpcError(415, CODE.invalidRequest, 'Send the body without content encoding.');
  }
  const type = mediaTypeOf(request.headers);
  if (type !== 'application/json')
    throw new RpcError(415, CODE.invalidRequest, 'Send the body as application/json.');
  const text = await readBody(request, MOST_BODY);
  if (text === null) throw new RpcError(413, CODE.invalidRequest, 'The body is over 4 MiB.');
  return text;
}

/** The event of an answer that a client of the 2025 era comes back for; null: it does not. */
function lastEventIdOf(headers: Headers): string | null {
  return headers.get('mcp-protocol-version') === MODERN_VERSION ? null : headers.get('last-event-id');
}

/** Who asks, and what they are offered. */
async function asking(c: McpVisit, asked: { gate: Gate; caller: Caller; form: AnswerForm }, place: Offer) {
  const { headers, req } = c;
  const session = await openSession(c.env.ENCRYPTION_KEY, headers.get('mcp-session-id') ?? undefined);
  const { sharer } = session ? askerOf({ ...asked, session, headers }) : { sharer: null };
  if (sharer && isEnded(sharer.name)) throw sessionEnded();
  return { ...asked, ...place, session, headers, signal: () => req.raw.signal, requestId: c.var.requestId };
}

async function answerMessage(
  c: McpVisit,
  asked: { gate: Gate; caller: Caller; form: AnswerForm },
  place: Offer,
  message: ClientMessage,
): Promise<Response> {
  const call = await asking(c, asked, place);
  const { headers, session } = call;
  if (!('method' in message) || !('id' in message) || message.id === undefined) {
    checkVersion(headers);
    if ('method' in message) takeNotification(call, message);
    else await takeAnswer(call, message);
    return new Response(null, { status: 202, headers: ALWAYS });
  }
  const { era } = eraOf(message, headers, session?.version);
  refreshStale(call, place.entries);
  addCalls(c.env.DB);
  return dispatch({ ...call, request: message, era, session: era === '2025' ? session : null });
}

/** What a client of the 2025 era says that wants no answer; the rest is dropped. */
function takeNotification(coming: Omit<Call, 'request' | 'era'>, { method, params }: Notification): void {
  if (method === 'notifications/cancelled') forwardCancellation({ ...coming, era: '2025' }, params);
  else if (method === 'notifications/roots/list_changed') forwardRootsChanged(coming);
  else if (method === 'notifications/progress')
    waitUntil(takeProgress(coming, params).catch(() => undefined));
}

/** A refusal as the JSON-RPC error of the request in `body`, with what HTTP wants beside it. */
function refused(c: RequestContext, error: RpcError, body: string | null): Response {
  const { requestId } = c.var;
  if (error instanceof AuthChallenge && error.grantId) c.set('grantId', error.grantId);
  const { status, code, message } = error;
  const type = String(error.data?.type);
  const data = status === 401 ? { ...error.data, reference: logRefusal(c, 401, type) } : error.data;
  if (status === 403) log('mcp.refused', { request_id: requestId, status, type });
  const id = error instanceof NoQuestion ? undefined : body ? readableId(body) : null;
  return new Response(errorText(id, { code, message, data }), { status, headers: headersOf(error) });
}

function headersOf(error: RpcError): HeadersInit {
  if (error instanceof AuthChallenge) {
    error.headers ??= new Headers({ ...JSON_HEADERS, 'www-authenticate': error.challenge });
    return error.headers;
  }
  const headers: Record<string, string> = { ...JSON_HEADERS };
  if (error instanceof LimitSpent) headers['retry-after'] = String(error.retryAfter);
  if (error.status === 503) headers['retry-after'] = '60';
  if (error.status === 405) headers.allow = 'POST, OPTIONS';
  return headers;
}
