import { type Context, Hono } from 'hono';
import * as z from 'zod/mini';
import { authorizationOf, ownHeadersOf } from '../../../accounts/auth/index';
import { missingNames } from '../../../accounts/kept-credential';
import { audit, by } from '../../../audit';
import { type App, allowsLoopback, forgetDeployment } from '../../../config';
import { log } from '../../../log';
import { findEndpoint } from '../../../mcp-client/find-endpoint';
import { listWithHeaders } from '../../../mcp-client/header-trial';
import { isOfSignIn } from '../../../providers/exchange';
import { removeServer, takeBackServer } from '../../../removal/servers';
import { type TokenExchangeRequest, UserHeaders } from '../../../servers/auth-settings';
import type { Server, ServerTerms } from '../../../servers/server';
import { insertServer, raiseSessionGeneration, updateServer } from '../../../servers/store';
import { listed } from '../answer';
import { type ApiError, refusal, unknown } from '../error';
import { accept, Page, readJson } from '../request';
import { type Asked, noteAsked } from './asked';
import { initiate, isHealthy, ourIssuer, serverAt } from './authorization';
import { placeWords } from './check-words';
import { newServer, serverChange } from './request';
import { ask, foundIn, leave, PATIENCE, settleAddress, termsAt } from './settling';
import { configurationOf, findShownServer, listShownServers, shownServer } from './shown';

/** Servers, which the API calls MCP clients (CONTRACT §§7, 8). */
export const servers = new Hono<App>()
  .get('/clients', async (c) => {
    const page = accept(Page, c.req.query());
    const { shown, total } = await listShownServers(c, page);
    return c.json(listed('clients', shown, total, page));
  })

  .post('/client', async (c) => {
    const wanted = accept(newServer(allowsLoopback(c.env)), await readJson(c));
    requireOwnProvider(c, wanted.token_exchange);
    const { user_headers } = wanted;
    const given = wanted.connection_string;
    const isAskedAtOnce = authorizationOf({ authType: wanted.auth_type }) === null;
    const isFixed = isAskedAtOnce || wanted.enabled === false || wanted.connection_type === 'sse';
    const place = isFixed ? null : foundIn(await findEndpoint(given));
    const note = place ? placeWords(given, place) : '';
    const made = await insert(c, { ...wanted, ...(place && termsAt(place)) });
    if (!made) throw nameTaken(wanted.name);
    forgetDeployment();
    if (made.oauthConfigId !== null) {
      const initiation = await initiate(c, made).catch(takingBack(c, made));
      audit(c, { act: 'server.created', server: made.id });
      return c.json({ ...initiation, message: initiation.message + note });
    }
    const tools = user_headers && (await verify(c, made, user_headers).catch(takingBack(c, made)));
    if (tools === undefined) {
      const saving = answerSaved(c, 'The server was saved', made, { settle: settleAddress, isNew: true });
      const answer = await saving.catch(takingBack(c, made));
      audit(c, { act: 'server.created', server: made.id });
      return answer;
    }
    audit(c, { act: 'server.created', server: made.id });
    noteAsked(c.req.raw, { kind: 'listed', tools });
    const client = await shownServer(c, await serverAt(c.env.DB, made.id));
    const message = `The server was saved and lists ${counted(tools)}. Everyone enters header values of their own; yours list the tools.${note}`;
    return c.json({ message, client });
  })

  .get('/client/:id', async (c) => {
    const client = await findShownServer(c, c.req.param('id'));
    if (!client) throw unknown('server');
    return c.json({ client });
  })

  .put('/client/:id', async (c) => {
    const server = await serverAt(c.env.DB, c.req.param('id'));
    const body = await readJson(c);
    const { kept, config } = await configurationOf(c, server);
    const change = accept(
      serverChange(server, moves(body, server) ? NOTHING : kept, allowsLoopback(c.env)),
      body,
    );
    requireOwnProvider(c, change.token_exchange);
    const given = change.connection_string;
    const isMoved = given !== undefined && given !== server.connectionString;
    const isAskedAtOnce = authorizationOf(server) === null;
    const isLookedFor = isMoved && !isAskedAtOnce && (change.enabled ?? server.enabled);
    const found = isLookedFor ? foundIn(await findEndpoint(given)) : null;
    const settled = { ...change, ...(found && termsAt(found)) };
    const changed = await updateServer(c.env.DB, c.env.ENCRYPTION_KEY, server, settled, now(), config);
    if (!changed) throw nameTaken(change.name ?? server.name);
    forgetDeployment();
    audit(c, { act: 'server.changed', server: server.id });
    const { connection_string, headers, enabled, per_user_header_keys, oauth_config, token_exchange } =
      change;
    const reachedBy =
      connection_string ?? headers ?? enabled ?? per_user_header_keys ?? oauth_config ?? token_exchange;
    const known = await serverAt(c.env.DB, server.id);
    const note = found && given ? placeWords(given, found) : '';
    const settle = isMoved && isAskedAtOnce ? settleAddress : leave;
    if (reachedBy !== undefined)
      return answerSaved(c, 'The server was changed', known, { settle, found: note });
    return c.json({ message: 'The server was changed.', client: await shownServer(c, known) });
  })

  .delete('/client/:id', async (c) => {
    const removed = await removeServer(c.env, c.req.param('id'), by(c));
    if (!removed) throw unknown('server');
    forgetDeployment();
    const message = removed.isOver
      ? 'The server was deleted, with its credentials and lists.'
      : 'The server was deleted, with its lists. Accounts there are being disconnected in the background.';
    return c.json({ message });
  })

  .post('/client/:id/verify-headers', async (c) => {
    const server = await serverAt(c.env.DB, c.req.param('id'));
    if (authorizationOf(server)?.by !== 'sample') {
      throw refusal('takes_no_values', { server: server.name, auth_type: server.authType });
    }
    const { user_headers } = accept(HeaderSample, await readJson(c));
    const tools = await verify(c, server, user_headers);
    audit(c, { act: 'server.authorized', server: server.id });
    const message = `The server ${server.name} takes these header values and lists ${counted(tools)}.`;
    return c.json({ status: 'success', message, tools_count: tools });
  })

  .post('/client/:id/reconnect', async (c) => {
    const { id } = await serverAt(c.env.DB, c.req.param('id'));
    await raiseSessionGeneration(c.env.DB, id); // also for one that does not answer
    forgetDeployment();
    const client = await shownServer(c, await askNow(c, c.req.param('id')));
    return c.json({ message: `The server answers and lists ${counted(client.tools.length)}.`, client });
  })

  .post('/client/:id/refresh-tools', async (c) => {
    const { name, tools } = await shownServer(c, await askNow(c, c.req.param('id')));
    return c.json({
      message: `The server ${name} lists ${counted(tools.length)}.`,
      tool_count: tools.length,
    });
  });

/** The server as its auth type begins it; null when its name is taken. @throws ApiError while no one has set our own address */
function insert(c: Context<App>, wanted: ServerTerms): Promise<Server | null> {
  const typed = { authType: wanted.auth_type };
  const authorization = authorizationOf(typed);
  if (authorization) ourIssuer(c);
  const names = ownHeadersOf(typed)?.names;
  const terms = names ? { ...wanted, per_user_header_keys: [...names] } : wanted;
  const needs = { hasProvider: authorization?.by === 'provider', isVerified: authorization === null };
  return insertServer(c.env.DB, c.env.ENCRYPTION_KEY, terms, needs, now());
}

function nameTaken(name: string): ApiError {
  return refusal('server_name_taken', { name }, 'name');
}

const now = () => Math.floor(Date.now() / 1000);

/** The client people sign in with is for their provider alone. @throws ApiError when another is to be sent its secret */
function requireOwnProvider(c: Context<App>, exchange: TokenExchangeRequest | undefined): void {
  if (!exchange?.use_idp_credentials || exchange.authorization_server_url === null) return;
  if (isOfSignIn(c.var.settings, exchange.authorization_server_url)) return;
  throw refusal('exchange_elsewhere', {}, 'token_exchange.authorization_server_url');
}

/** Header values to list a server's tools with. */
export const HeaderSample = z.object({ user_headers: UserHeaders });

/** What masks keep of a server that moves. */
const NOTHING = { headers: {} };

/** Tries header values at a server. @returns how many tools it lists. @throws ApiError 422 with its words, 400 */
async function verify(c: Context<App>, server: Server, values: Record<string, string>): Promise<number> {
  const missing = missingNames(server.perUserHeaderKeys, Object.keys(values));
  if (missing.length) throw refusal('values_missing', { names: missing.join(' and ') }, 'user_headers');
  const {
    env,
    var: { settings },
  } = c;
  const signal = AbortSignal.timeout(PATIENCE);
  const trial = await listWithHeaders(env, settings, ourIssuer(c), server, values, signal);
  forgetDeployment();
  if (!trial.ok) throw refusal('server_failed', { failure: trial.failure });
  return trial.tools;
}

/** Leaves nothing of a server whose making ends in a refusal, so that it can be sent again, corrected. */
function takingBack(c: Context<App>, made: Server) {
  return async (error: unknown): Promise<never> => {
    await takeBackServer(c.env, made.id);
    forgetDeployment();
    throw error;
  };
}

/** True when a change sends a server's credentials to another origin: masks keep nothing then, values are entered again. */
function moves(body: unknown, server: Server): boolean {
  const { connection_string } = (body ?? {}) as { connection_string?: unknown };
  if (typeof connection_string !== 'string' || !URL.canParse(connection_string)) return false;
  return new URL(connection_string).origin !== new URL(server.connectionString).origin;
}

/**
 * What is to be done with a server that was saved. `found`: where it was found before, as a sentence; empty: not looked for, or
 * where it was said to be.
 */
type Saving = { settle?: typeof settleAddress; isNew?: boolean; found?: string };

/**
 * The answer to a server that was saved: asked for its lists when it is enabled, saved whatever comes of that.
 * @throws ApiError 422 for a new one that no request can be sent to
 */
async function answerSaved(
  c: Context<App>,
  saved: string,
  server: Server,
  { settle = leave, isNew = false, found = '' }: Saving = {},
): Promise<Response> {
  const answer = async (message: string, server: Server) =>
    c.json({ message: message + found, client: await shownServer(c, server) });
  const wasAsked = (asked: Asked) => noteAsked(c.req.raw, asked);
  if (!server.enabled) {
    wasAsked({ kind: 'disabled' });
    return answer(`${saved}. It is disabled, so it was not asked for its tools.`, server);
  }
  if (!server.isVerified) {
    const unverified = notVerified(server);
    wasAsked({ kind: 'unverified', refusal: unverified.refusal });
    return answer(`${saved}. ${unverified.message}`, server);
  }

  const { known, failure, note } = await settle(c, server, await ask(c, server));
  const isOdd = known.lastFailure?.stated?.reason === 'odd_version';
  if (failure && isOdd && isNew) throw failure;
  const client = await shownServer(c, known);
  const tools = client.tools.length;
  wasAsked(failure ? { kind: 'failed', refusal: failure.refusal } : { kind: 'listed', tools });
  const message = failure
    ? `${saved}, but it could not be asked for its tools. ${failure.message}`
    : `${saved} and lists ${counted(tools)}.`;
  return c.json({ message: message + found + note, client });
}

/** Why no caller sees a server yet, and what changes that. */
function notVerified(server: Server): ApiError {
  const next = authorizationOf(server)?.by === 'sample' ? 'verify-headers' : 'initiate-verification';
  return refusal('unverified_server', { server: server.name, next });
}

/** @throws ApiError when the server is not one to be asked now, or fails. */
async function askNow(c: Context<App>, id: string): Promise<Server> {
  const server = await serverAt(c.env.DB, id);
  if (!server.enabled) throw refusal('disabled_server', { server: server.name });
  if (!server.isVerified) throw notVerified(server);
  const lack = await accountLack(c.env.DB, server);
  const { known, failure } = await ask(c, server); // also then: what a server has refused it may take again
  log('admin.server_asked', { request_id: c.var.requestId, server: id, failed: failure !== null });
  if (failure) throw lack ?? failure;
  return known;
}

/** What an administrator has to do about the account a server is asked with; null: nothing, as far as is known. */
async function accountLack(db: D1Database, server: Server): Promise<ApiError | null> {
  const authorization = authorizationOf(server);
  if (!authorization || (await isHealthy(db, server))) return null;
  const next = authorization.by === 'sample' ? 'verify-headers' : 'reauthorize';
  return refusal('account_lacking', { server: server.name, next });
}

function counted(tools: number): string {
  return `${tools} ${tools === 1 ? 'tool' : 'tools'}`;
}
