import { type Question, question } from '../database';

/** How many keys, people and toolsets something of a server was given to, beyond what is open to everyone. */
export type UseCounts = { keys: number; people: number; toolsets: number };

const NO_USE: UseCounts = { keys: 0, people: 0, toolsets: 0 };

/** That an entry `each` of a list gives something. */
const SOMETHING = (tools: string) =>
  `(json_array_length(each.value, '$.${tools}') > 0 OR each.value ->> 'allow_resources' = 1 OR each.value ->> 'allow_prompts' = 1)`;
const GIVES = SOMETHING('tools_to_execute');
const HOLDS = SOMETHING('tool_names');

/** Who was given which server: by `name`, or by the `id` toolsets know it by. */
const GIVEN = `
  SELECT 'keys' AS kind, virtual_key.id AS id, lower(each.value ->> 'mcp_client_name') AS server
    FROM virtual_key, json_each(mcp_configs) AS each WHERE ${GIVES}
  UNION ALL SELECT 'people', person.id, lower(each.value ->> 'mcp_client_name')
    FROM person, json_each(mcp_configs) AS each WHERE ${GIVES}
  UNION ALL SELECT 'toolsets', virtual_mcp.id, each.value ->> 'mcp_client_id'
    FROM virtual_mcp, json_each(tools) AS each WHERE ${HOLDS}`;

type CountRow = { server: string; kind: keyof UseCounts; n: number };

/** To whom each server was given. */
export function usesOfAllQuestion(
  db: D1Database,
): Question<(server: { id: string; name: string }) => UseCounts> {
  const statement = db.prepare(
    `SELECT server, kind, count(DISTINCT id) AS n FROM (${GIVEN}) GROUP BY server, kind`,
  );
  return question<CountRow, (server: { id: string; name: string }) => UseCounts>(statement, (rows) => {
    const uses = new Map<string, Partial<UseCounts>>();
    for (const { server, kind, n } of rows) uses.set(server, { ...uses.get(server), [kind]: n });
    return ({ id, name }) => ({ ...NO_USE, ...uses.get(name.toLowerCase()), ...uses.get(id) });
  });
}

/** To whom the server `id` was given. */
export function useCountsQuestion(db: D1Database, id: string): Question<UseCounts> {
  const statement = db
    .prepare(
      `SELECT kind, count(DISTINCT id) AS n FROM (${GIVEN})
       WHERE server IN (?1, (SELECT lower(name) FROM server WHERE id = ?1)) GROUP BY kind`,
    )
    .bind(id);
  return question<CountRow, UseCounts>(statement, (rows) => ({
    ...NO_USE,
    ...Object.fromEntries(rows.map(({ kind, n }) => [kind, n])),
  }));
}

export const USER_KINDS = ['key', 'person', 'toolset', 'app'] as const;
export type UserKind = (typeof USER_KINDS)[number];

/** One that may use a server. */
export type ServerUser = {
  kind: UserKind;
  id: string;
  name: string;
  /** Of an app: whom it acts for. Of a toolset: how many keys may use it. Of a person: their e-mail address. */
  more: string | null;
  /** Its tools, `*` for all. */
  tools: string[];
  /** True when it may use nothing now: turned off, expired or blocked. */
  isOff: boolean;
  /** Of an app: the host it returned to after consent, or its private-use scheme. It tells those of one name apart. */
  returnsTo: string | undefined;
};

/** One of them; or, of each kind, how many there are: `n`. */
type UserRow = Pick<ServerUser, 'id' | 'name'> & {
  kind: UserKind | 'tool';
  shown: string;
  is_off: number;
  n: number | null;
};

type Asked = {
  kind: UserKind | undefined;
  /** What a name holds. */
  search: string;
  limit: number;
  offset: number;
  /** Names of the servers that everyone who signs in was given. */
  forPeople: readonly string[];
  /** Our issuer; null while it is not set, when no app has access. Epoch seconds. */
  issuer: string | null;
  now: number;
};

const IS_IT = "each.value ->> 'mcp_client_name' = (SELECT name FROM it) COLLATE NOCASE";
const IS_HELD = "each.value ->> 'mcp_client_id' = ?1";
/** 1 where a list gives something of the server, 0 where it names it and gives nothing, NULL where it does not name it. */
const GIVEN_IT = `(SELECT max(${GIVES}) FROM json_each(mcp_configs) AS each WHERE ${IS_IT})`;
/** What a list says of the server, as one list of tools. */
const toolsIn = (list: string, member: string, isIt: string) =>
  `json((SELECT json_group_array(one.value) FROM json_each(${list}) AS each, json_each(each.value, '$.${member}') AS one WHERE ${isIt}))`;
const USABLE = 'is_active = 1 AND (expires_at IS NULL OR expires_at > ?2)';
const HOLDING = `SELECT id, name, enabled FROM virtual_mcp
  WHERE EXISTS (SELECT 1 FROM json_each(tools) AS each WHERE ${IS_HELD} AND ${HOLDS})`;

/**
 * Each list is read once. `?1`: the server, `?2`: now, `?3`: the address of all servers, `?4`: names of what everyone who signs
 * in was given, `?5`: what a name holds.
 */
const FOUND = `WITH it AS (SELECT * FROM server WHERE id = ?1),
  keys AS MATERIALIZED (SELECT id, name, owner_user_id, ${USABLE} AS usable, ${GIVEN_IT} AS given FROM virtual_key),
  people AS MATERIALIZED (SELECT id, name, is_active, ${GIVEN_IT} AS given FROM person),
  toolsets AS MATERIALIZED (${HOLDING}),
  able AS MATERIALIZED (SELECT id, owner_user_id FROM keys WHERE usable AND (given OR id IN
    (SELECT virtual_key_id FROM virtual_mcp_key WHERE virtual_mcp_id IN (SELECT id FROM toolsets WHERE enabled)))),
  subjects AS (SELECT 'vk:' || id AS subject FROM able
    UNION ALL SELECT 'user:' || id FROM people WHERE is_active AND (given OR id IN (SELECT owner_user_id FROM able)
      OR (SELECT lower(name) FROM it) IN (SELECT lower(value) FROM json_each(?4)))),
  shut AS (SELECT 'vk:' || id FROM keys WHERE NOT usable OR given = 0
    UNION ALL SELECT 'user:' || id FROM people WHERE NOT is_active),
  found AS MATERIALIZED (SELECT * FROM (
    SELECT 1 AS rank, 'key' AS kind, id, name, NOT usable AS is_off FROM keys WHERE given
    UNION ALL SELECT 2, 'person', id, name, NOT is_active FROM people WHERE given
    UNION ALL SELECT 3, 'toolset', id, name, NOT enabled FROM toolsets
    UNION ALL SELECT 4, 'app', grant_id, coalesce(given_name, client_name), 0
      FROM oauth_grant WHERE ended_at IS NULL AND (expires_at IS NULL OR expires_at > ?2)
        AND (servers IS NULL OR EXISTS (SELECT 1 FROM json_each(servers) AS each WHERE each.value ->> 'id' = ?1))
        AND (resource = ?3 OR resource IN (SELECT ?3 || '/' || endpoint_slug FROM it
          UNION SELECT ?3 || '/' || endpoint_slug FROM virtual_mcp WHERE id IN (SELECT id FROM toolsets WHERE enabled)))
        AND (subject IN (SELECT subject FROM subjects)
          OR (SELECT allow_on_all_virtual_keys FROM it) AND subject NOT IN (SELECT * FROM shut)))
    WHERE ?5 = '' OR instr(lower(name), lower(?5)))`;

/** What is shown of each on a page beside that. */
const GIVEN_TOOLS = toolsIn('mcp_configs', 'tools_to_execute', IS_IT);
const SHOWN = `CASE kind WHEN 'key' THEN (SELECT json_array(NULL, ${GIVEN_TOOLS}) FROM virtual_key WHERE id = page.id)
  WHEN 'person' THEN (SELECT json_array(email, ${GIVEN_TOOLS}) FROM person WHERE id = page.id)
  WHEN 'toolset' THEN (SELECT json_array((SELECT count(*) || '' FROM virtual_mcp_key WHERE virtual_mcp_id = page.id),
    ${toolsIn('tools', 'tool_names', IS_HELD)}) FROM virtual_mcp WHERE id = page.id)
  ELSE (SELECT json_array(coalesce((SELECT name FROM virtual_key WHERE id = substr(subject, 4)), (SELECT name FROM person WHERE id = substr(subject, 6))),
    json((SELECT each.value -> 'tools' FROM json_each(servers) AS each WHERE each.value ->> 'id' = ?1)),
    redirect_host) FROM oauth_grant WHERE grant_id = page.id)
  END AS shown`;

/**
 * Who may use the server `id`, a page of them by kind and name, and how many there are of each: what it was given to, and apps;
 * where it is open to everyone, all apps that are not closed to it.
 */
export function serverUsersQuestion(
  db: D1Database,
  id: string,
  { kind, search, limit, offset, forPeople, issuer, now }: Asked,
): Question<{ users: ServerUser[]; counts: Record<UserKind, number>; tools: number }> {
  const statement = db
    .prepare(
      `${FOUND} SELECT * FROM (
         SELECT rank, kind, id, name, is_off, ${SHOWN}, NULL AS n FROM (SELECT * FROM found WHERE ?6 IS NULL OR kind = ?6
           ORDER BY rank, name COLLATE NOCASE, id LIMIT ?7 OFFSET ?8) AS page
         UNION ALL SELECT NULL, kind, NULL, NULL, NULL, NULL, count(*) FROM found GROUP BY kind
         UNION ALL SELECT NULL, 'tool', NULL, NULL, NULL, NULL, count(*) FROM listing WHERE server_id = ?1 AND kind = 'tool')
       ORDER BY rank, name COLLATE NOCASE, id`,
    )
    .bind(id, now, `${issuer}/mcp`, JSON.stringify(forPeople), search, kind ?? null, limit, offset);
  return question<UserRow, { users: ServerUser[]; counts: Record<UserKind, number>; tools: number }>(
    statement,
    (rows) => {
      const counts = { key: 0, person: 0, toolset: 0, app: 0 };
      let toolCount = 0;
      const users: ServerUser[] = [];
      for (const { kind, n, shown, is_off, id, name } of rows) {
        if (kind === 'tool') toolCount = n ?? 0;
        else if (n !== null) counts[kind] = n;
        else {
          const [more, tools, returnsTo]: [string | null, string[] | null, string?] = JSON.parse(shown);
          users.push({ kind, id, name, more, tools: tools ?? ['*'], isOff: is_off === 1, returnsTo });
        }
      }
      return { users, counts, tools: toolCount };
    },
  );
}

/** One that a server can be given to. */
export type Recipient = { kind: 'key' | 'person' | 'toolset'; id: string; name: string; more: string };

/** Those a server can be given to whose name, or e-mail address, holds `search`: `most` of them, first those it is equal to. */
export function recipientsQuestion(db: D1Database, search: string, most: number): Question<Recipient[]> {
  const statement = db
    .prepare(
      `SELECT kind, id, name, more FROM (
         SELECT 'key' AS kind, id, name, value_mask AS more FROM virtual_key
         UNION ALL SELECT 'person', id, name, email FROM person
         UNION ALL SELECT 'toolset', id, name, '' FROM virtual_mcp)
       WHERE ?1 = '' OR instr(lower(name), lower(?1)) OR instr(lower(more), lower(?1))
       ORDER BY lower(?1) NOT IN (lower(name), lower(more)), name COLLATE NOCASE, id LIMIT ?2`,
    )
    .bind(search, most);
  return question<Recipient, Recipient[]>(statement, (rows) => rows);
}
