import { ask, contains, type Ids, type Question, question } from '../database';

/** A tool as the list of servers shows it: without its schemas. */
export type ToolSummary = {
  name: string;
  title?: string;
  description?: string;
  annotations?: { title?: string; readOnlyHint?: boolean; destructiveHint?: boolean };
};

/** What a tool does, as its server says of it (MCP, ToolAnnotations). One that says nothing can edit. */
export function kindOf({ annotations }: Pick<ToolSummary, 'annotations'>): 'read' | 'write' | 'remove' {
  if (annotations?.readOnlyHint === true) return 'read';
  return annotations?.destructiveHint === true ? 'remove' : 'write';
}

type Row = {
  server_id: string;
  name: string;
  title: string | null;
  description: string | null;
  annotations: string | null;
};

function fromRow({ name, title, description, annotations }: Row): ToolSummary {
  return {
    name,
    ...(title !== null && { title }),
    ...(description !== null && { description }),
    ...(annotations !== null && { annotations: JSON.parse(annotations) }),
  };
}

/** What each of these servers listed last, by the server's id; one that listed nothing is not there. */
export function toolsQuestion(db: D1Database, servers: Ids): Question<Map<string, ToolSummary[]>> {
  const statement = db
    .prepare(
      `SELECT server_id, definition ->> 'name' AS name, definition ->> 'title' AS title, definition ->> 'description' AS description,
         definition -> 'annotations' AS annotations
       FROM listing WHERE kind = 'tool' AND server_id IN (${servers.sql}) ORDER BY server_id, position`,
    )
    .bind(...servers.values);
  return question<Row, Map<string, ToolSummary[]>>(statement, (rows) => {
    const tools = new Map<string, ToolSummary[]>();
    for (const row of rows) {
      const known = tools.get(row.server_id);
      if (known) known.push(fromRow(row));
      else tools.set(row.server_id, [fromRow(row)]);
    }
    return tools;
  });
}

/** A server, as far as choosing among its tools needs it. */
export type ServerChoice = {
  id: string;
  name: string;
  /** Open to everyone. */
  isOpenToAll: boolean;
  /** Names of tools; `*` is all: the others are off at the server. */
  toolsToExecute: string[];
  tools: ToolSummary[];
};

type ChoiceRow = { id: string; name: string; allow_on_all_virtual_keys: number; tools_to_execute: string };

/** Every server by name, each with the tools it listed last. */
export function serverChoicesQuestion(db: D1Database): Question<ServerChoice[]> {
  const tools = toolsQuestion(db, { sql: 'SELECT id FROM server', values: [] });
  const servers = db.prepare(
    'SELECT id, name, allow_on_all_virtual_keys, tools_to_execute FROM server ORDER BY name COLLATE NOCASE',
  );
  return {
    statements: [servers, ...tools.statements],
    answer: ([rows = [], ...rest]) => {
      const listed = tools.answer(rest);
      return (rows as ChoiceRow[]).map((row) => ({
        id: row.id,
        name: row.name,
        isOpenToAll: row.allow_on_all_virtual_keys === 1,
        toolsToExecute: JSON.parse(row.tools_to_execute),
        tools: listed.get(row.id) ?? [],
      }));
    },
  };
}

/** The most names that are suggested. */
const MOST_SUGGESTED = 30;

/** Servers, then tools as `<server>: <tool>`, whose name holds `text` anywhere. */
export function namesHoldingQuestion(db: D1Database, text: string): Question<string[]> {
  const server = contains('name', text);
  const tool = contains("definition ->> 'name'", text);
  const statement = db
    .prepare(
      `SELECT * FROM (SELECT name AS label FROM server WHERE ${server.sql} ORDER BY name COLLATE NOCASE LIMIT ${MOST_SUGGESTED})
       UNION ALL
       SELECT * FROM (SELECT server.name || ': ' || (definition ->> 'name') AS label FROM listing JOIN server ON server.id = server_id
         WHERE kind = 'tool' AND ${tool.sql} ORDER BY label COLLATE NOCASE LIMIT ${MOST_SUGGESTED})
       LIMIT ${MOST_SUGGESTED}`,
    )
    .bind(...server.values, ...tool.values);
  return question<{ label: string }, string[]>(statement, (rows) => rows.map(({ label }) => label));
}

/** Every server's name, by its id. */
export async function namesOfServers(db: D1Database): Promise<Map<string, string>> {
  const [names] = await ask(db, serverNamesQuestion(db));
  return names;
}

/** {@link namesOfServers}, to be asked along with others. */
export function serverNamesQuestion(db: D1Database): Question<Map<string, string>> {
  return question<{ id: string; name: string }, Map<string, string>>(
    db.prepare('SELECT id, name FROM server'),
    (rows) => new Map(rows.map(({ id, name }) => [id, name])),
  );
}
