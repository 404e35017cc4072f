import { type Context, Hono } from 'hono';
import { audit } from '../audit';
import { type App, allowsLoopback, forgetDeployment } from '../config';
import { log } from '../log';
import { listUpstream } from '../upstreams/listing';
import { newServer, type Server, serverChange } from '../upstreams/server';
import { deleteServer, findServer, insertServer, updateServer } from '../upstreams/store';
import type { ToolSummary } from '../upstreams/summaries';
import { listed } from './answer';
import { ApiError, unknown } from './error';
import { accept, Page, readJson } from './request';
import { configurationOf, findShownServer, listShownServers, shownServer } from './shown-server';

/** How long a server may take to list what it has while an administrator waits. Milliseconds. */
const PATIENCE = 5_000;

/** Servers, which the API calls MCP clients (CONTRACT §§7, 8). */
export const servers = new Hono<App>()
  .get('/clients', async (c) => {
    const page = accept(Page, c.req.query());
    const { shown, total } = await listShownServers(c, page);
    return c.json(listed('clients', shown, total, page));
  })

  .post('/client', async (c) => {
    const wanted = accept(newServer(allowsLoopback(c.env)), await readJson(c));
    const made = await insertServer(
      c.env.DB,
      c.env.ENCRYPTION_KEY,
      wanted,
      true,
      Math.floor(Date.now() / 1000),
    );
    if (!made) throw nameTaken(wanted.name);
    forgetDeployment();
    audit(c, { act: 'server.created', server: made.id });
    return answerSaved(c, 'The server was saved', made);
  })

  .get('/client/:id', async (c) => {
    const client = await findShownServer(c, c.req.param('id'));
    if (!client) throw unknown('server');
    return c.json({ client });
  })

  .put('/client/:id', async (c) => {
    const server = await serverAt(c.env.DB, c.req.param('id'));
    const body = await readJson(c);
    const { kept } = moves(body, server) ? { kept: { headers: {} } } : await configurationOf(c, server);
    const change = accept(serverChange(server, kept, allowsLoopback(c.env)), body);
    const changed = await updateServer(
      c.env.DB,
      c.env.ENCRYPTION_KEY,
      server,
      change,
      Math.floor(Date.now() / 1000),
    );
    if (!changed) throw nameTaken(change.name ?? server.name);
    forgetDeployment();
    audit(c, { act: 'server.changed', server: server.id });
    const reachedBy = change.connection_string ?? change.headers ?? change.enabled;
    if (reachedBy !== undefined) return answerSaved(c, 'The server was changed', changed);
    return c.json({ message: 'The server was changed.', client: await shownServer(c, changed) });
  })

  .delete('/client/:id', async (c) => {
    const id = c.req.param('id');
    if (!(await deleteServer(c.env.DB, id))) throw unknown('server');
    forgetDeployment();
    audit(c, { act: 'server.deleted', server: id });
    return c.json({ message: 'The server was deleted, with its credentials and lists.' });
  })

  .post('/client/:id/reconnect', async (c) => {
    const client = await shownServer(c, await askNow(c, c.req.param('id')));
    return c.json({ message: `The server answers and lists ${counted(client.tools)}.`, client });
  })

  .post('/client/:id/refresh-tools', async (c) => {
    const { name, tools } = await shownServer(c, await askNow(c, c.req.param('id')));
    return c.json({ message: `The server ${name} lists ${counted(tools)}.`, tool_count: tools.length });
  });

function nameTaken(name: string): ApiError {
  return new ApiError(
    'conflict',
    `Another server has the name ${name}, or another server or toolset the address made from it.`,
    'name',
  );
}

/** @throws ApiError 404 when there is none. */
async function serverAt(db: D1Database, id: string): Promise<Server> {
  const server = await findServer(db, id);
  if (!server) throw unknown('server');
  return server;
}

/** True when a change sends a server's credentials to another origin: masks keep nothing then, values are entered again. */
function moves(body: unknown, server: Server): boolean {
  const { connection_string } = (body ?? {}) as { connection_string?: unknown };
  if (typeof connection_string !== 'string' || !URL.canParse(connection_string)) return false;
  return new URL(connection_string).origin !== new URL(server.connectionString).origin;
}

/** Asks a server for its lists now. @returns the server as it is now known, and what went wrong; null: nothing. */
async function ask(c: Context<App>, server: Server): Promise<{ known: Server; failure: string | null }> {
  const {
    env,
    var: { settings, issuer },
  } = c;
  const patience = AbortSignal.timeout(PATIENCE);
  const { server: known, listing } = await listUpstream(env, settings, issuer, server, patience);
  forgetDeployment();
  if (listing) return { known, failure: null };
  return { known, failure: known.lastFailure?.message ?? `The server ${server.name} did not answer.` };
}

/** The answer to a server that was saved: asked for its lists when it is enabled, saved whatever comes of that. */
async function answerSaved(c: Context<App>, saved: string, server: Server): Promise<Response> {
  if (!server.enabled) {
    return c.json({
      message: `${saved}. It is disabled, so it was not asked for its tools.`,
      client: await shownServer(c, server),
    });
  }
  const { known, failure } = await ask(c, server);
  const client = await shownServer(c, known);
  const message = failure
    ? `${saved}, but it could not be asked for its tools. ${failure}`
    : `${saved} and lists ${counted(client.tools)}.`;
  return c.json({ message, client });
}

/** @throws ApiError when the server is disabled or fails. */
async function askNow(c: Context<App>, id: string): Promise<Server> {
  const server = await serverAt(c.env.DB, id);
  if (!server.enabled)
    throw new ApiError('invalid_request', `The server ${server.name} is disabled. Enable it first.`);
  const { known, failure } = await ask(c, server);
  log('admin.server_asked', { request_id: c.var.requestId, server: id, failed: failure !== null });
  if (failure) throw new ApiError('server_failed', failure);
  return known;
}

function counted(tools: readonly ToolSummary[]): string {
  return `${tools.length} ${tools.length === 1 ? 'tool' : 'tools'}`;
}
