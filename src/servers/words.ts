import { type Question, question } from '../database';
import { bumpCatalog } from '../governance/revision';
import { isObject, type JsonObject } from '../protocol/mcp';
import { checkIcons, clean } from './listed-item';
import type { Server, ServerInfo } from './server';

/** What a server offers beyond MCP itself, by name (MCP, Extensions; Experimental capabilities). */
export type Offers = { extensions?: JsonObject; experimental?: JsonObject };

/** What a server says of itself when it is met. `instructions`: as it wrote them, '' for none. */
export type ServerWords = {
  info: ServerInfo | null;
  icons: unknown[];
  instructions: string;
  offers: Offers;
};

const MOST_NAME = 256;
const MOST_DESCRIPTION = 1000;
const MOST_URL = 2048;
const MOST_ICONS = 4;
/** Characters of instructions that are stored. */
const MOST_INSTRUCTIONS = 32_768;

/** What a server offers may have this many characters, as JSON; more is none. */
const MOST_OFFERS = 16_384;
/** Authorization is ours: what is about it never passes (PROTOCOL §6). */
const NEVER = /auth/i;

/** What a server says of itself, as far as it is right: a name and a version, or nothing (PROTOCOL §6). */
export function wordsIn(serverInfo: unknown, instructions: unknown, capabilities: unknown): ServerWords {
  const said = isObject(serverInfo) ? serverInfo : {};
  const name = line(said.name, MOST_NAME);
  const version = line(said.version, MOST_NAME);
  const optional: [string, string][] = [
    ['title', line(said.title, MOST_NAME)],
    ['description', line(said.description, MOST_DESCRIPTION)],
    ['websiteUrl', isWebAddress(said.websiteUrl) ? said.websiteUrl : ''],
  ];
  const info = { name, version, ...Object.fromEntries(optional.filter(([, value]) => value)) };
  const icons = checkIcons(said.icons).slice(0, MOST_ICONS);
  const all = typeof instructions === 'string' ? instructions : '';
  return {
    info: name && version ? info : null,
    icons: name && version ? icons : [],
    instructions: all.length > MOST_INSTRUCTIONS ? `${all.slice(0, MOST_INSTRUCTIONS - 1)}…` : all,
    offers: offersIn(isObject(capabilities) ? capabilities : {}),
  };
}

function offersIn({ extensions, experimental }: JsonObject): Offers {
  const offers = Object.fromEntries(
    Object.entries({ extensions, experimental }).flatMap(([member, said]) => {
      const named = isObject(said) ? Object.entries(said) : [];
      const right = named.filter(([name, terms]) => !NEVER.test(name) && isObject(terms));
      return right.length ? [[member, Object.fromEntries(right)]] : [];
    }),
  );
  return JSON.stringify(offers).length > MOST_OFFERS ? {} : offers;
}

function line(value: unknown, most: number): string {
  return typeof value === 'string' ? clean(value).slice(0, most) : '';
}

function isWebAddress(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length <= MOST_URL &&
    /^https?:\/\//i.test(value) &&
    clean(value) === value &&
    URL.canParse(value)
  );
}

/**
 * Stores what a server said of itself, when it differs: instructions with the time they changed.
 * @param said null: it was not asked, so what is stored holds @returns what it calls itself now
 */
export async function saveWords(
  db: D1Database,
  { id, info }: Pick<Server, 'id' | 'info'>,
  said: ServerWords | null,
  now: number,
): Promise<ServerInfo | null> {
  if (!said) return info;
  const stored = said.info && JSON.stringify(said.info);
  const words = db
    .prepare(
      `INSERT INTO server_words (server_id, icons, instructions, changed_at, offers) SELECT ?1, ?2, ?3, NULL, ?5
       WHERE EXISTS (SELECT 1 FROM server WHERE id = ?1)
       ON CONFLICT (server_id) DO UPDATE SET icons = ?2, instructions = ?3, offers = ?5,
         changed_at = iif(instructions = ?3, changed_at, ?4)
       WHERE icons <> ?2 OR instructions <> ?3 OR offers <> ?5`,
    )
    .bind(id, JSON.stringify(said.icons), said.instructions, now, JSON.stringify(said.offers));
  if (stored === (info && JSON.stringify(info))) await words.run();
  else {
    const named = db.prepare('UPDATE server SET info = ?2 WHERE id = ?1').bind(id, stored);
    await db.batch([words, named, bumpCatalog(db)]);
  }
  return said.info;
}

type WordsRow = {
  server_id: string;
  icons: string;
  instructions: string;
  changed_at: number | null;
  offers: string;
};

/** What is stored of one server's words. `changedAt`: when its instructions last changed (epoch seconds); null: never. */
export type StoredWords = Omit<ServerWords, 'info'> & { changedAt: number | null };

export function storedWordsQuestion(db: D1Database, serverId: string): Question<StoredWords | null> {
  const statement = db.prepare('SELECT * FROM server_words WHERE server_id = ?1').bind(serverId);
  return question<WordsRow, StoredWords | null>(statement, ([row]) =>
    row
      ? {
          icons: JSON.parse(row.icons),
          instructions: row.instructions,
          changedAt: row.changed_at,
          offers: JSON.parse(row.offers),
        }
      : null,
  );
}

/** The instructions of these servers, by id, each as far as its first `most` characters. */
export function instructionsQuestion(
  db: D1Database,
  ids: readonly string[],
  most: number,
): Question<Map<string, string>> {
  const statement = db
    .prepare(
      `SELECT server_id, substr(instructions, 1, ?2) AS instructions FROM server_words
       WHERE instructions <> '' AND server_id IN (SELECT value FROM json_each(?1))`,
    )
    .bind(JSON.stringify(ids), most);
  return question<Pick<WordsRow, 'server_id' | 'instructions'>, Map<string, string>>(
    statement,
    (rows) => new Map(rows.map(({ server_id, instructions }) => [server_id, instructions])),
  );
}
