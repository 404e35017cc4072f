import type { Context } from 'hono';
import type * as z from 'zod/mini';
import { type ServerUse, serverUseQuestion } from '../../../accounts/server-overview';
import type { App } from '../../../config';
import { ask, type Ids, theseIds } from '../../../database';
import { say } from '../../../protocol/faults/wording';
import type { StoredSecrets } from '../../../servers/auth-settings';
import { openExchangeSecret } from '../../../servers/exchange-secret';
import { idsOfServers, serverQuestion, serversQuestion } from '../../../servers/find';
import { maskHeaders } from '../../../servers/header-values';
import { type OAuthConfig, shownOAuthConfig } from '../../../servers/oauth-config';
import { clientSecretOf, oauthConfigsQuestion } from '../../../servers/oauth-config-store';
import { openHeaders } from '../../../servers/sealed-headers';
import { type Server, stateOf } from '../../../servers/server';
import { type ToolSummary, toolsQuestion } from '../../../servers/summaries';
import { rfc3339 } from '../answer';
import type { ShownServer } from '../answers/server';
import type { Page } from '../request';
import { SERVER_FAILURE_WORDS } from './failure-words';
import { shownExchange } from './request';

/** What a server is configured with besides its row, secrets as configured. */
export type Configuration = { kept: StoredSecrets; config: OAuthConfig | null };

/** A server's secrets, as far as they open, and how we are an OAuth client of its provider. */
export async function configurationOf(c: Context<App>, server: Server): Promise<Configuration> {
  const [configs] = await ask(c.env.DB, oauthConfigsQuestion(c.env.DB, theseIds([server.id])));
  return readConfiguration(c, server, configs.get(server.id) ?? null);
}

async function readConfiguration(
  { env }: Context<App>,
  server: Server,
  config: OAuthConfig | null,
): Promise<Configuration> {
  const { id: serverId, sealedHeaders, tokenExchange } = server;
  const { origin } = new URL(server.connectionString);
  const keys = env.ENCRYPTION_KEY;
  const [headers, clientSecret, secret] = await Promise.all([
    openHeaders({ keys, serverId, origin, sealedHeaders }),
    config ? clientSecretOf(keys, config, origin) : undefined,
    tokenExchange && openExchangeSecret(keys, serverId, tokenExchange),
  ]);
  return {
    config,
    kept: {
      headers: headers ?? {},
      client:
        clientSecret !== undefined && config
          ? { secret: clientSecret, configured: config.configured }
          : undefined,
      exchange: secret && tokenExchange ? { secret, at: tokenExchange.authorizationServerUrl } : undefined,
    },
  };
}

/** A server as answers show it, with the tools it listed last. */
export async function shownServer(c: Context<App>, server: Server): Promise<z.infer<typeof ShownServer>> {
  const [tools, configs] = await ask(c.env.DB, ...aboutServers(c.env.DB, theseIds([server.id])));
  return showServer(c, server, { tools, configs });
}

/** The server `id` as answers show it, or null. */
export async function findShownServer(
  c: Context<App>,
  id: string,
): Promise<z.infer<typeof ShownServer> | null> {
  const db = c.env.DB;
  const [server, tools, configs] = await ask(db, serverQuestion(db, id), ...aboutServers(db, theseIds([id])));
  return server && showServer(c, server, { tools, configs });
}

/** The server `id`, who uses it, and how answers show it; null when there is none. */
export async function findServerInUse(
  c: Context<App>,
  id: string,
): Promise<{ server: Server; use: ServerUse; shown: z.infer<typeof ShownServer> } | null> {
  const db = c.env.DB;
  const about = aboutServers(db, theseIds([id]));
  const [used, tools, configs] = await ask(db, serverUseQuestion(db, id), ...about);
  return used && { ...used, shown: await showServer(c, used.server, { tools, configs }) };
}

/** A page of servers as answers show them, and how many there are in all. */
export async function listShownServers(
  c: Context<App>,
  page: Page,
): Promise<{ shown: z.infer<typeof ShownServer>[]; total: number }> {
  const db = c.env.DB;
  const about = aboutServers(db, idsOfServers(page));
  const [{ servers, total }, tools, configs] = await ask(db, serversQuestion(db, page), ...about);
  const shown = await Promise.all(servers.map((server) => showServer(c, server, { tools, configs })));
  return { shown, total };
}

/** What answers show of servers besides their rows. */
function aboutServers(db: D1Database, ids: Ids) {
  return [toolsQuestion(db, ids), oauthConfigsQuestion(db, ids)] as const;
}

type About = { tools: Map<string, ToolSummary[]>; configs: Map<string, OAuthConfig> };

async function showServer(c: Context<App>, server: Server, { tools, configs }: About) {
  const configuration = await readConfiguration(c, server, configs.get(server.id) ?? null);
  return shown(server, configuration, tools.get(server.id) ?? []);
}

function shown(
  server: Server,
  { kept, config }: Configuration,
  tools: ToolSummary[],
): z.infer<typeof ShownServer> {
  const { lastFailure } = server;
  return {
    id: server.id,
    client_id: server.id,
    name: server.name,
    endpoint_slug: server.endpointSlug,
    connection_type: server.connectionType,
    connection_string: server.connectionString,
    auth_type: server.authType,
    oauth_config_id: server.oauthConfigId,
    headers: maskHeaders(kept.headers),
    per_user_header_keys: server.perUserHeaderKeys,
    oauth_config: config && shownOAuthConfig(config, kept.client?.secret),
    provider_refuses_resource: config?.discovered?.refusesResource ?? false,
    token_exchange: server.tokenExchange && shownExchange(server.tokenExchange, kept.exchange?.secret),
    tools_to_execute: server.toolsToExecute,
    allow_resources: server.allowResources,
    allow_prompts: server.allowPrompts,
    allow_on_all_virtual_keys: server.allowOnAllVirtualKeys,
    enabled: server.enabled,
    disabled: !server.enabled,
    pass_baggage: server.passBaggage,
    pass_instructions: server.passInstructions,
    tool_execution_timeout: server.toolExecutionTimeout,
    tool_sync_interval: server.toolSyncInterval,
    state: stateOf(server),
    last_failure: lastFailure && {
      stage: lastFailure.stage,
      message: lastFailure.stated ? say(SERVER_FAILURE_WORDS, lastFailure.stated) : lastFailure.message,
      at: rfc3339(lastFailure.at),
      since: rfc3339(lastFailure.since),
    },
    tools,
    left_out: server.leftOut.filter(({ offered }) => !offered),
    created_at: rfc3339(server.createdAt),
    updated_at: rfc3339(server.updatedAt),
  };
}
