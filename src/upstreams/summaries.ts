/** A tool as the list of servers shows it: without its schemas. */
export type ToolSummary = {
  name: string;
  title?: string;
  description?: string;
  annotations?: Record<string, unknown>;
};

type Row = {
  server_id: string;
  name: string;
  title: string | null;
  description: string | null;
  annotations: string | null;
};

/** What each of these servers listed last, by the server's id. */
export async function toolsOf(db: D1Database, serverIds: string[]): Promise<Map<string, ToolSummary[]>> {
  const { results } = await db
    .prepare(
      `SELECT server_id, definition ->> 'name' AS name, definition ->> 'title' AS title, definition ->> 'description' AS description,
         definition -> 'annotations' AS annotations
       FROM listing WHERE kind = 'tool' AND server_id IN (SELECT value FROM json_each(?1)) ORDER BY server_id, position`,
    )
    .bind(JSON.stringify(serverIds))
    .all<Row>();
  const tools = new Map<string, ToolSummary[]>(serverIds.map((id) => [id, []]));
  for (const { server_id, name, title, description, annotations } of results) {
    tools.get(server_id)?.push({
      name,
      ...(title !== null && { title }),
      ...(description !== null && { description }),
      ...(annotations !== null && { annotations: JSON.parse(annotations) }),
    });
  }
  return tools;
}

/** Every server's name, by its id. */
export async function namesOfServers(db: D1Database): Promise<Map<string, string>> {
  const { results } = await db.prepare('SELECT id, name FROM server').all<{ id: string; name: string }>();
  return new Map(results.map(({ id, name }) => [id, name]));
}
