import {
  type Condition,
  equals,
  map,
  type PageOf,
  pageQuestion,
  pageSql,
  type Question,
  question,
  theseIds,
  together,
} from '../database';
import { type UseCounts, useCountsQuestion, usesOfAllQuestion } from '../governance/server-use';
import { serverQuestion } from '../servers/find';
import type { OAuthConfig } from '../servers/oauth-config';
import { oauthConfigsQuestion } from '../servers/oauth-config-store';
import { fromRow, type ServerRow } from '../servers/row';
import type { Server } from '../servers/server';
import type { Credential } from './credential';
import { type CredentialRow, credentialFrom } from './credentials';

/** A server in a list: how many tools it listed last, how many of them are on, and who was given it. */
export type ServerWithCounts = { server: Server; tools: number; toolsOn: number; use: UseCounts };

/** Which servers stand in a list: `attention` is what is troubled. */
export const STANDINGS = ['attention', 'healthy', 'off'] as const;
export const SORTS = ['state', 'name', '-name', '-state'] as const;

type PageOfServers = {
  /** What a name or address holds. */
  search: string;
  standing: (typeof STANDINGS)[number] | undefined;
  authType: string | undefined;
  sort: (typeof SORTS)[number];
  limit: number;
  offset: number;
};

/** How urgent a server is, as `stateOf` says: beneath 3 it needs someone, 3 is healthy, 4 off. */
const URGENCY = `CASE WHEN enabled = 0 THEN 4 WHEN is_verified = 0 THEN 2 WHEN state = 'unstable' THEN 0 WHEN state = 'needs_reauth' THEN 1 ELSE 3 END`;
const MEANT: Readonly<Record<(typeof STANDINGS)[number], string>> = {
  attention: '< 3',
  healthy: '= 3',
  off: '= 4',
};
const ORDERS: Readonly<Record<(typeof SORTS)[number], string>> = {
  state: `${URGENCY}, name COLLATE NOCASE`,
  '-state': `${URGENCY} DESC, name COLLATE NOCASE`,
  name: 'name COLLATE NOCASE',
  '-name': 'name COLLATE NOCASE DESC',
};

function pageOf({ search, standing, authType, sort, ...page }: PageOfServers): PageOf {
  const conditions: Condition[] = equals('auth_type', authType);
  if (standing) conditions.push({ sql: `${URGENCY} ${MEANT[standing]}`, values: [] });
  if (search) {
    const text = search.toLowerCase();
    conditions.push({
      sql: 'instr(lower(name), ?) OR instr(lower(connection_string), ?)',
      values: [text, text],
    });
  }
  return { table: 'server', conditions, order: ORDERS[sort], page };
}

/** A page of servers, how many there are in all that it may show, and how many of each standing there are. */
export function serverListQuestion(
  db: D1Database,
  page: PageOfServers,
): Question<{ servers: ServerWithCounts[]; total: number; counts: Record<string, number> }> {
  const of = pageOf(page);
  const ids = pageSql(of, 'id');
  const names = db
    .prepare(
      `SELECT server_id, definition ->> 'name' AS name FROM listing WHERE kind = 'tool' AND server_id IN (${ids.sql})`,
    )
    .bind(...ids.values);
  const asked = together(
    pageQuestion<ServerRow>(db, of),
    question<{ server_id: string; name: string }, Map<string, string[]>>(names, (rows) => {
      const tools = new Map<string, string[]>();
      for (const { server_id, name } of rows) tools.set(server_id, [...(tools.get(server_id) ?? []), name]);
      return tools;
    }),
    question<{ urgency: number; n: number }, Record<string, number>>(
      db.prepare(`SELECT ${URGENCY} AS urgency, count(*) AS n FROM server GROUP BY 1`),
      (rows) => {
        const counts = { attention: 0, healthy: 0, off: 0 };
        for (const { urgency, n } of rows) counts[STANDINGS[Math.max(0, urgency - 2)] ?? 'attention'] += n;
        return counts;
      },
    ),
    usesOfAllQuestion(db),
  );
  return map(asked, ([{ rows, total }, tools, counts, uses]) => ({
    total,
    counts,
    servers: rows.map((row) => {
      const server = fromRow(row);
      const listed = tools.get(server.id) ?? [];
      const toolsOn = listed.filter((name) => isOn(server, name)).length;
      return { server, tools: listed.length, toolsOn, use: uses(server) };
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
  /** How many of them hold what was looked for. */
  toolsFound: number;
  use: UseCounts;
};

type ToolRow = {
  name: string;
  description: string | null;
  read_only: number | null;
  destructive: number | null;
};

const MOST_DESCRIPTION = 160;

/** The server `id` with a page of its tools; null when there is none. @param search what a tool's name or description holds */
export function serverOverviewQuestion(
  db: D1Database,
  id: string,
  page: { search: string; limit: number; offset: number },
): Question<ServerOverview | null> {
  const found = `FROM listing WHERE server_id = ?1 AND kind = 'tool' AND (?2 = ''
    OR instr(lower(definition ->> 'name' || ' ' || coalesce(definition ->> 'description', '')), lower(?2)))`;
  const tools = db
    .prepare(
      `SELECT definition ->> 'name' AS name, substr(definition ->> 'description', 1, ?3) AS description,
         definition ->> '$.annotations.readOnlyHint' AS read_only,
         definition ->> '$.annotations.destructiveHint' AS destructive
       ${found} ORDER BY position LIMIT ?4 OFFSET ?5`,
    )
    .bind(id, page.search, MOST_DESCRIPTION + 1, page.limit, page.offset);
  const account = db.prepare("SELECT * FROM credential WHERE server_id = ?1 AND owner = 'gateway'").bind(id);
  const counts = db
    .prepare(
      `SELECT (SELECT count(*) FROM listing WHERE server_id = ?1 AND kind = 'tool') AS tools,
         (SELECT count(*) ${found}) AS found,
         (SELECT count(*) FROM credential WHERE server_id = ?1 AND owner <> 'gateway') AS accounts`,
    )
    .bind(id, page.search);
  const asked = together(
    serverQuestion(db, id),
    oauthConfigsQuestion(db, theseIds([id])),
    question<CredentialRow, Credential | null>(account, ([row]) => (row ? credentialFrom(row) : null)),
    question<ToolRow, ShownTool[]>(tools, (rows) => rows.map(shownTool)),
    question<Counted, Counted>(counts, ([row]) => row ?? { tools: 0, found: 0, accounts: 0 }),
    useCountsQuestion(db, id),
  );
  return map(asked, ([server, configs, account, tools, count, use]) => {
    const config = configs.get(id) ?? null;
    const { accounts, tools: toolTotal, found: toolsFound } = count;
    return server && { server, config, account, accounts, tools, toolTotal, toolsFound, use };
  });
}

type Counted = { tools: number; found: number; accounts: number };

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
export type ServerUse = UseCounts & { tools: number; accounts: number };

/** The server `id` and who uses it; null when there is none. */
export function serverUseQuestion(
  db: D1Database,
  id: string,
): Question<{ server: Server; use: ServerUse } | null> {
  const statement = db
    .prepare(
      `SELECT (SELECT count(*) FROM listing WHERE server_id = ?1 AND kind = 'tool') AS tools,
         (SELECT count(*) FROM credential WHERE server_id = ?1 AND owner <> 'gateway') AS accounts`,
    )
    .bind(id);
  const asked = together(
    serverQuestion(db, id),
    question<{ tools: number; accounts: number }, { tools: number; accounts: number } | undefined>(
      statement,
      ([row]) => row,
    ),
    useCountsQuestion(db, id),
  );
  return map(asked, ([server, counts, use]) =>
    server && counts ? { server, use: { ...counts, ...use } } : null,
  );
}
