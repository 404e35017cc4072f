import { map, type Question, question, theseIds, together } from '../database';
import { idsOfServers, serverQuestion, serversQuestion } from '../servers/find';
import type { OAuthConfig } from '../servers/oauth-config';
import { oauthConfigsQuestion } from '../servers/oauth-config-store';
import type { Server } from '../servers/server';
import type { Credential } from './credential';
import { type CredentialRow, credentialFrom } from './credentials';

/** A server in a list: how many tools it listed last, and how many of them are on. */
export type ServerWithCounts = { server: Server; tools: number; toolsOn: number };

type PageOfServers = { search: string; limit: number; offset: number };

/** A page of servers by name, and how many there are in all. */
export function serverListQuestion(
  db: D1Database,
  page: PageOfServers,
): Question<{ servers: ServerWithCounts[]; total: number }> {
  const ids = idsOfServers(page);
  const names = db
    .prepare(
      `SELECT server_id, definition ->> 'name' AS name FROM listing WHERE kind = 'tool' AND server_id IN (${ids.sql})`,
    )
    .bind(...ids.values);
  const asked = together(
    serversQuestion(db, page),
    question<{ server_id: string; name: string }, Map<string, string[]>>(names, (rows) => {
      const tools = new Map<string, string[]>();
      for (const { server_id, name } of rows) tools.set(server_id, [...(tools.get(server_id) ?? []), name]);
      return tools;
    }),
  );
  return map(asked, ([{ servers, total }, tools]) => ({
    total,
    servers: servers.map((server) => {
      const listed = tools.get(server.id) ?? [];
      return { server, tools: listed.length, toolsOn: listed.filter((name) => isOn(server, name)).length };
    }),
  }));
}

/** True when a tool of this name may be used through the gateway. */
export function isOn({ toolsToExecute }: Pick<Server, 'toolsToExecute'>, name: string): boolean {
  return toolsToExecute.includes('*') || toolsToExecute.includes(name);
}

/** A tool as the page of its server shows it. */
export type ShownTool = {
  name: string;
  description: string;
  /** As the server describes it (MCP, ToolAnnotations); null: it does not say. */
  readOnly: boolean | null;
  destructive: boolean | null;
};

/** What the page of a server shows. */
export type ServerOverview = {
  server: Server;
  config: OAuthConfig | null;
  /** The account the gateway itself asks it with; null: there is none, or it needs none. */
  account: Credential | null;
  /** How many people and keys have an account of their own there. */
  accounts: number;
  tools: ShownTool[];
  toolTotal: number;
};

type ToolRow = {
  name: string;
  description: string | null;
  read_only: number | null;
  destructive: number | null;
};

const MOST_DESCRIPTION = 300;

/** The server `id` with a page of its tools; null when there is none. */
export function serverOverviewQuestion(
  db: D1Database,
  id: string,
  page: { limit: number; offset: number },
): Question<ServerOverview | null> {
  const tools = db
    .prepare(
      `SELECT definition ->> 'name' AS name, substr(definition ->> 'description', 1, ?2) AS description,
         definition ->> '$.annotations.readOnlyHint' AS read_only,
         definition ->> '$.annotations.destructiveHint' AS destructive
       FROM listing WHERE server_id = ?1 AND kind = 'tool' ORDER BY position LIMIT ?3 OFFSET ?4`,
    )
    .bind(id, MOST_DESCRIPTION + 1, page.limit, page.offset);
  const account = db.prepare("SELECT * FROM credential WHERE server_id = ?1 AND owner = 'gateway'").bind(id);
  const counts = db
    .prepare(
      `SELECT (SELECT count(*) FROM listing WHERE server_id = ?1 AND kind = 'tool') AS tools,
         (SELECT count(*) FROM credential WHERE server_id = ?1 AND owner <> 'gateway') AS accounts`,
    )
    .bind(id);
  const asked = together(
    serverQuestion(db, id),
    oauthConfigsQuestion(db, theseIds([id])),
    question<CredentialRow, Credential | null>(account, ([row]) => (row ? credentialFrom(row) : null)),
    question<ToolRow, ShownTool[]>(tools, (rows) => rows.map(shownTool)),
    question<{ tools: number; accounts: number }, { tools: number; accounts: number }>(
      counts,
      ([row]) => row ?? { tools: 0, accounts: 0 },
    ),
  );
  return map(asked, ([server, configs, account, tools, count]) => {
    const config = configs.get(id) ?? null;
    return server && { server, config, account, accounts: count.accounts, tools, toolTotal: count.tools };
  });
}

function shownTool({ name, description, read_only, destructive }: ToolRow): ShownTool {
  const words = (description ?? '').replace(/\s+/g, ' ').trim();
  const isCut = words.length > MOST_DESCRIPTION;
  return {
    name,
    description: isCut ? `${words.slice(0, MOST_DESCRIPTION).trimEnd()}…` : words,
    readOnly: asBoolean(read_only),
    destructive: asBoolean(destructive),
  };
}

/** JSON's booleans as SQLite reads them; anything else says nothing. */
const asBoolean = (value: unknown) => (value === 1 ? true : value === 0 ? false : null);

/** The names of all tools a server listed last. */
export function toolNamesQuestion(db: D1Database, serverId: string): Question<string[]> {
  const statement = db
    .prepare(
      "SELECT definition ->> 'name' AS name FROM listing WHERE server_id = ?1 AND kind = 'tool' ORDER BY position",
    )
    .bind(serverId);
  return question<{ name: string }, string[]>(statement, (rows) => rows.map(({ name }) => name));
}

/** Whom a server's end would reach. */
export type ServerUse = { tools: number; accounts: number; keys: number; people: number; toolsets: number };

/** The server `id` and who uses it; null when there is none. */
export function serverUseQuestion(
  db: D1Database,
  id: string,
): Question<{ server: Server; use: ServerUse } | null> {
  const given = (table: string) =>
    `(SELECT count(*) FROM ${table} WHERE EXISTS (SELECT 1 FROM json_each(${table}.mcp_configs) AS each
       WHERE each.value ->> 'mcp_client_name' = (SELECT name FROM server WHERE id = ?1) COLLATE NOCASE))`;
  const statement = db
    .prepare(
      `SELECT (SELECT count(*) FROM listing WHERE server_id = ?1 AND kind = 'tool') AS tools,
         (SELECT count(*) FROM credential WHERE server_id = ?1 AND owner <> 'gateway') AS accounts,
         ${given('virtual_key')} AS keys, ${given('person')} AS people,
         (SELECT count(*) FROM virtual_mcp WHERE EXISTS (SELECT 1 FROM json_each(virtual_mcp.tools) AS each
            WHERE each.value ->> 'mcp_client_id' = ?1)) AS toolsets`,
    )
    .bind(id);
  const asked = together(
    serverQuestion(db, id),
    question<ServerUse, ServerUse | undefined>(statement, ([row]) => row),
  );
  return map(asked, ([server, use]) => (server && use ? { server, use } : null));
}
