import { DEFAULT_ACCESS } from '../config';

/** Where access is given to servers, which are known there by their names: of keys, of people, of everyone who signs in. */
const PLACES = [
  { table: 'virtual_key', column: 'mcp_configs', rows: 'true' },
  { table: 'person', column: 'mcp_configs', rows: 'true' },
  DEFAULT_ACCESS,
] as const;

/** What such a list says of the server with id `?1`. */
const SAYS =
  "each.value ->> 'mcp_client_name' = (SELECT server.name FROM server WHERE id = ?1) COLLATE NOCASE";

/**
 * Makes what was given follow a server to a new name, if no other server has it. To run just before the server is renamed, in
 * the same batch: a name must never come to give access to another server than it was given for.
 */
export function renameServerWhereGiven(
  db: D1Database,
  serverId: string,
  name: string,
): D1PreparedStatement[] {
  return PLACES.map(({ table, column, rows }) => {
    const list = `json_each(${table}.${column}) AS each`;
    return db
      .prepare(
        `UPDATE ${table} SET ${column} = (
           SELECT json_group_array(json(iif(${SAYS}, json_set(each.value, '$.mcp_client_name', ?2), each.value))) FROM ${list}
         ) WHERE ${rows} AND EXISTS (SELECT 1 FROM ${list} WHERE ${SAYS})
           AND NOT EXISTS (SELECT 1 FROM server WHERE server.name = ?2 AND id <> ?1)`,
      )
      .bind(serverId, name);
  });
}

/** Makes what was given forget a server. To run just before it is deleted, in the same batch, for the same reason. */
export function dropServerWhereGiven(db: D1Database, serverId: string): D1PreparedStatement[] {
  return PLACES.map(({ table, column, rows }) => {
    const list = `json_each(${table}.${column}) AS each`;
    return db
      .prepare(
        `UPDATE ${table} SET ${column} = (
           SELECT json_group_array(json(each.value)) FROM ${list} WHERE NOT ${SAYS}
         ) WHERE ${rows} AND EXISTS (SELECT 1 FROM ${list} WHERE ${SAYS})`,
      )
      .bind(serverId);
  });
}

/** Makes Virtual MCPs forget a server. To run in the batch that deletes it. */
export function dropServerFromVirtualMcps(db: D1Database, serverId: string): D1PreparedStatement {
  return db
    .prepare(
      `UPDATE virtual_mcp SET tools = (
         SELECT json_group_array(json(value)) FROM json_each(tools) WHERE value ->> 'mcp_client_id' <> ?1
       ) WHERE EXISTS (SELECT 1 FROM json_each(tools) WHERE value ->> 'mcp_client_id' = ?1)`,
    )
    .bind(serverId);
}
