import { type Context, Hono } from 'hono';
import * as z from 'zod';
import { audit } from '../audit';
import { type App, allowsLoopback, forgetDeployment } from '../config';
import { log } from '../log';
import { maskHeaders, openHeaders } from '../upstreams/auth/headers';
import { listUpstream } from '../upstreams/listing';
import { newServer, type Server, serverChange } from '../upstreams/server';
import { deleteServer, findServer, insertServer, listServers, updateServer } from '../upstreams/store';
import { type ToolSummary, toolsOf } from '../upstreams/summaries';
import { listed, rfc3339, Time } from './answer';
import { ApiError, unknown } from './error';
import { accept, Page, readJson } from './request';

/** How long a server may take to list what it has while an administrator waits. Milliseconds. */
const PATIENCE = 5_000;

/** Servers, which the API calls MCP clients (CONTRACT §§7, 8). */
export const servers = new Hono<App>()
  .get('/clients', async (c) => {
    const page = accept(Page, c.req.query());
    const { servers, total } = await listServers(c.env.DB, page);
    const tools = await toolsOf(
      c.env.DB,
      servers.map(({ id }) => id),
    );
    const clients = await Promise.all(servers.map((server) => shown(c, server, tools.get(server.id) ?? [])));
    return c.json(listed('clients', clients, total, page));
  })

  .post('/client', async (c) => {
    const wanted = accept(newServer(allowsLoopback(c.env)), await readJson(c));
    const made = await insertServer(c.env.DB, c.env.ENCRYPTION_KEY, wanted, Math.floor(Date.now() / 1000));
    if (!made) throw nameTaken(wanted.name);
    forgetDeployment();
    audit(c, { act: 'server.created', server: made.id });
    return answerSaved(c, 'The server was saved', made);
  })

  .get('/client/:id', async (c) =>
    c.json({ client: await shownWithTools(c, await serverAt(c.env.DB, c.req.param('id'))) }),
  )

  .put('/client/:id', async (c) => {
    const server = await serverAt(c.env.DB, c.req.param('id'));
    const body = await readJson(c);
    const kept = moves(body, server) ? {} : ((await headersOf(c, server)) ?? {});
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
    return c.json({ message: 'The server was changed.', client: await shownWithTools(c, changed) });
  })

  .delete('/client/:id', async (c) => {
    const id = c.req.param('id');
    if (!(await deleteServer(c.env.DB, id))) throw unknown('server');
    forgetDeployment();
    audit(c, { act: 'server.deleted', server: id });
    return c.json({ message: 'The server was deleted, with its credentials and lists.' });
  })

  .post('/client/:id/reconnect', async (c) => {
    const client = await shownWithTools(c, await askNow(c, c.req.param('id')));
    return c.json({ message: `The server answers and lists ${counted(client.tools)}.`, client });
  })

  .post('/client/:id/refresh-tools', async (c) => {
    const { id, name } = await askNow(c, c.req.param('id'));
    const tools = (await toolsOf(c.env.DB, [id])).get(id) ?? [];
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
  const { server: known, listing } = await listUpstream(c.env, server, AbortSignal.timeout(PATIENCE));
  forgetDeployment();
  if (listing) return { known, failure: null };
  return { known, failure: known.lastFailure?.message ?? `The server ${server.name} did not answer.` };
}

/** The answer to a server that was saved: asked for its lists when it is enabled, saved whatever comes of that. */
async function answerSaved(c: Context<App>, saved: string, server: Server): Promise<Response> {
  if (!server.enabled) {
    return c.json({
      message: `${saved}. It is disabled, so it was not asked for its tools.`,
      client: await shownWithTools(c, server),
    });
  }
  const { known, failure } = await ask(c, server);
  const client = await shownWithTools(c, known);
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

/** Header values as configured; null when they do not open any more. */
function headersOf({ env }: Context<App>, server: Server): Promise<Record<string, string> | null> {
  const { id: serverId, sealedHeaders } = server;
  const { origin } = new URL(server.connectionString);
  return openHeaders({ keys: env.ENCRYPTION_KEY, serverId, origin, sealedHeaders });
}

async function shownWithTools(c: Context<App>, server: Server) {
  return shown(c, server, (await toolsOf(c.env.DB, [server.id])).get(server.id) ?? []);
}

/** A server as answers show it. */
export const ShownServer = z.object({
  id: z.string(),
  client_id: z.string().describe('The same as `id`'),
  name: z.string(),
  endpoint_slug: z.string().describe('Apps reach it alone at `/mcp/{endpoint_slug}`'),
  connection_type: z.enum(['http']),
  connection_string: z.string(),
  auth_type: z.string(),
  headers: z.record(z.string(), z.string()).describe('Masked; a mask sent back keeps the value'),
  tools_to_execute: z.array(z.string()).describe('`*` is all of them'),
  allow_on_all_virtual_keys: z.boolean(),
  enabled: z.boolean(),
  disabled: z.boolean(),
  tool_execution_timeout: z.int().nullable().describe('Seconds; null: the setting'),
  tool_sync_interval: z.int().nullable().describe('Minutes; null: the setting'),
  state: z.enum(['healthy', 'unstable', 'needs_reauth', 'disabled']),
  last_failure: z
    .object({ stage: z.enum(['connect', 'list', 'call']), message: z.string(), at: Time, since: Time })
    .nullable(),
  tools: z.array(
    z.object({
      name: z.string(),
      title: z.string().optional(),
      description: z.string().optional(),
      annotations: z.looseObject({}).optional().describe('As the server described it (MCP, ToolAnnotations)'),
    }),
  ),
  left_out: z
    .array(
      z.object({
        kind: z.enum(['tool', 'prompt', 'resource', 'template']),
        name: z.string(),
        reason: z.string(),
      }),
    )
    .describe('What the server listed and is not offered'),
  created_at: Time,
  updated_at: Time,
});

async function shown(
  c: Context<App>,
  server: Server,
  tools: ToolSummary[],
): Promise<z.infer<typeof ShownServer>> {
  const { lastFailure } = server;
  return {
    id: server.id,
    client_id: server.id,
    name: server.name,
    endpoint_slug: server.endpointSlug,
    connection_type: server.connectionType,
    connection_string: server.connectionString,
    auth_type: server.authType,
    headers: maskHeaders((await headersOf(c, server)) ?? {}),
    tools_to_execute: server.toolsToExecute,
    allow_on_all_virtual_keys: server.allowOnAllVirtualKeys,
    enabled: server.enabled,
    disabled: !server.enabled,
    tool_execution_timeout: server.toolExecutionTimeout,
    tool_sync_interval: server.toolSyncInterval,
    state: server.enabled ? server.state : 'disabled',
    last_failure: lastFailure && {
      ...lastFailure,
      at: rfc3339(lastFailure.at),
      since: rfc3339(lastFailure.since),
    },
    tools,
    left_out: server.leftOut,
    created_at: rfc3339(server.createdAt),
    updated_at: rfc3339(server.updatedAt),
  };
}
