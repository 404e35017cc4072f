import { auditIfChanged, type By } from '../audit';
import { columnsOf, integer, json, type RowIn, text } from '../columns';
import { randomSecret } from '../crypto/secrets';
import type { Proof } from '../identity/mode';
import type { Subject } from '../protocol/subject';
import type { Settings } from '../settings';

/** A link by which someone connects accounts of their own (CONTRACT §6). Times are epoch seconds. */
export type Link = {
  /** 22 characters of base64url: all its address has, and no secret, for it does nothing by itself. */
  id: string;
  /** For whom alone it binds. */
  subject: Subject;
  /** Of that identity: a leak or a block since ends the link. */
  generation: number;
  serverIds: string[];
  /** Of the app it was given to; empty: a page of this gateway made it, or an administrator. */
  clientName: string;
  /** The grant the app called with; null: it has none. */
  grantId: string | null;
  /** SHA-256 of the secret in the cookie of the browser that proved itself; null: none did yet. */
  browserHash: string | null;
  usedAt: number | null;
  expiresAt: number;
};

export const linkColumns = columnsOf<Link, { createdAt: number }>()(
  {
    id: text('id'),
    subject: text('subject'),
    generation: integer('generation'),
    serverIds: json('server_ids'),
    clientName: text('client_name'),
    grantId: text('grant_id'),
    browserHash: text('browser_hash'),
    usedAt: integer('used_at'),
    expiresAt: integer('expires_at'),
  },
  { createdAt: integer('created_at') },
);

/** What a link calls an app that has no name: no one claims it. */
export const UNNAMED_CLIENT = 'your app';

/** What a link is made for. */
export type NewLink = Proof & Pick<Link, 'serverIds' | 'clientName' | 'grantId'>;

/** How long a link works. Seconds. */
const LIFE = 900;
/** A link that works for less than this is not given a second time. Seconds. */
const ENOUGH = 300;

/**
 * A link for `wanted`, as its id: a caller who repeats the same before it is used gets the same, so that calls made side by
 * side, or over and over, leave one.
 */
export async function insertLink(db: D1Database, wanted: NewLink, who: By): Promise<string> {
  const { subject, generation, clientName, grantId } = wanted;
  const now = Math.floor(Date.now() / 1000);
  const serverIds = [...wanted.serverIds].sort();
  const id = randomSecret(16);
  const same = `${OPEN} AND client_name = ? AND grant_id IS ?`;
  const bound = [subject, generation, JSON.stringify(serverIds), now + ENOUGH, clientName, grantId];
  const row = linkColumns.insert({
    ...{ id, subject, generation, serverIds, clientName, grantId },
    browserHash: null,
    usedAt: null,
    expiresAt: now + LIFE,
    createdAt: now,
  });
  const about = {
    owner: subject,
    servers: wanted.serverIds.join(' '),
    ...(grantId ? { grant_id: grantId } : {}),
  };
  const [, , found] = await db.batch<{ id: string }>([
    db
      .prepare(
        `INSERT INTO connect_link (${row.columns}) SELECT ${row.placeholders}
         WHERE NOT EXISTS (SELECT 1 FROM connect_link WHERE ${same})`,
      )
      .bind(...row.values, ...bound),
    auditIfChanged(db, { act: 'credential.link_given', ...about }, who, id),
    db.prepare(`SELECT id FROM connect_link WHERE ${same} ORDER BY expires_at DESC LIMIT 1`).bind(...bound),
  ]);
  const [link] = found?.results ?? [];
  if (!link) throw new Error('the link was not stored');
  return link.id;
}

/** A link of the same identity for the same servers, whatever app it was given to; null when none is open. */
export async function openLinkLike(
  db: D1Database,
  { subject, generation, serverIds }: NewLink,
): Promise<string | null> {
  const least = Math.floor(Date.now() / 1000) + ENOUGH;
  return db
    .prepare(`SELECT id FROM connect_link WHERE ${OPEN} LIMIT 1`)
    .bind(subject, generation, JSON.stringify([...serverIds].sort()), least)
    .first<string>('id');
}

const OPEN = 'subject = ? AND generation = ? AND server_ids = ? AND used_at IS NULL AND expires_at >= ?';

/** The address of a link. */
export function linkUrl(settings: Settings, issuer: string, id: string): string {
  return `${settings.mcp_external_server_url ?? issuer}/connect/${id}`;
}

/** What the pages and acts of a link are found by: the code of its grant, else its own (log.ts, `shortCode`). */
export function storyOf({ id, grantId }: Link): string {
  return grantId ?? id;
}

/** The link `id` as it is, used and expired ones too; null when there is none. */
export async function findLink(db: D1Database, id: string): Promise<Link | null> {
  if (!/^[A-Za-z0-9_-]{22}$/.test(id)) return null;
  const row = await db
    .prepare('SELECT * FROM connect_link WHERE id = ?1')
    .bind(id)
    .first<RowIn<typeof linkColumns>>();
  return row && linkColumns.fromRow(row);
}

/** Uses a link for the browser whose secret has this hash, at `now`: true for the first, whatever the isolate (SECURITY 8). */
export async function claimLink(
  db: D1Database,
  id: string,
  browserHash: string,
  now: number,
): Promise<boolean> {
  const { meta } = await db
    .prepare(
      'UPDATE connect_link SET used_at = ?3, browser_hash = ?2 WHERE id = ?1 AND used_at IS NULL AND expires_at > ?3',
    )
    .bind(id, browserHash, now)
    .run();
  return meta.changes === 1;
}

/** Deletes the links of one identity. */
export function deleteLinksOf(db: D1Database, subject: Subject): D1PreparedStatement {
  return db.prepare('DELETE FROM connect_link WHERE subject = ?1').bind(subject);
}

/** Deletes the links of a key, whose subject this is, that were given before its last leak. */
export function deleteLinksOfLeaked(db: D1Database, keyId: string, subject: Subject): D1PreparedStatement {
  return db
    .prepare(
      `DELETE FROM connect_link WHERE subject = ?2
         AND generation < (SELECT generation FROM virtual_key WHERE id = ?1)`,
    )
    .bind(keyId, subject);
}

/** Deletes the links that lead to this server and to no other. */
export function deleteLinksTo(db: D1Database, serverId: string): D1PreparedStatement {
  return db
    .prepare(
      `DELETE FROM connect_link WHERE EXISTS (SELECT 1 FROM json_each(server_ids) WHERE value = ?1)
         AND json_array_length(server_ids) = 1`,
    )
    .bind(serverId);
}

/** Deletes up to `most` links that were over at `now` (epoch seconds). */
export function deleteExpiredLinks(db: D1Database, now: number, most: number): D1PreparedStatement {
  return db
    .prepare(
      'DELETE FROM connect_link WHERE id IN (SELECT id FROM connect_link WHERE expires_at <= ?1 LIMIT ?2)',
    )
    .bind(now, most);
}
