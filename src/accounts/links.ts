import { auditIfChanged, type By } from '../audit';
import { randomSecret } from '../crypto/secrets';
import type { Proof } from '../identity/mode';
import type { Subject } from '../protocol/subject';
import type { Settings } from '../settings';

/** A link by which somebody connects accounts of their own (CONTRACT §6). Times are epoch seconds. */
export type Link = {
  /** 22 characters of base64url: all its address has, and no secret, for it does nothing by itself. */
  id: string;
  /** For whom alone it binds. */
  subject: Subject;
  /** Of that identity: a leak or a block since ends the link. */
  generation: number;
  serverIds: string[];
  /** Of the app it was given to; empty: a page of ours made it, or an administrator. */
  clientName: string;
  /** The grant the app called with; null: it has none. */
  grantId: string | null;
  /** SHA-256 of the secret in the cookie of the browser that proved itself; null: none did yet. */
  browserHash: string | null;
  usedAt: number | null;
  expiresAt: number;
};

/** What a link is made for. */
export type NewLink = Proof & Pick<Link, 'serverIds' | 'clientName' | 'grantId'>;

/** How long a link works. Seconds. */
const LIFE = 900;
/** A link that works for less than this is not given a second time. Seconds. */
const ENOUGH = 300;

/**
 * A link for `wanted`, as its id: whoever repeats the same before anybody used it gets the same, so that calls made side by
 * side, or over and over, leave one.
 */
export async function insertLink(db: D1Database, wanted: NewLink, who: By): Promise<string> {
  const { subject, generation, clientName, grantId } = wanted;
  const now = Math.floor(Date.now() / 1000);
  const serverIds = JSON.stringify([...wanted.serverIds].sort());
  const id = randomSecret(16);
  const same = `subject = ?1 AND generation = ?2 AND server_ids = ?3 AND client_name = ?4 AND grant_id IS ?5
    AND used_at IS NULL AND expires_at >= ?6`;
  const bound = [subject, generation, serverIds, clientName, grantId, now + ENOUGH];
  const about = {
    owner: subject,
    servers: wanted.serverIds.join(' '),
    ...(grantId ? { grant_id: grantId } : {}),
  };
  const [, , found] = await db.batch<{ id: string }>([
    db
      .prepare(
        `INSERT INTO connect_link (id, subject, generation, server_ids, client_name, grant_id, expires_at, created_at)
         SELECT ?7, ?1, ?2, ?3, ?4, ?5, ?8, ?9 WHERE NOT EXISTS (SELECT 1 FROM connect_link WHERE ${same})`,
      )
      .bind(...bound, id, now + LIFE, now),
    auditIfChanged(db, { act: 'credential.link_given', ...about }, who, id),
    db.prepare(`SELECT id FROM connect_link WHERE ${same} ORDER BY expires_at DESC LIMIT 1`).bind(...bound),
  ]);
  const [row] = found?.results ?? [];
  if (!row) throw new Error('the link was not stored');
  return row.id;
}

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
  const row = await db.prepare('SELECT * FROM connect_link WHERE id = ?1').bind(id).first<Row>();
  return (
    row && {
      id: row.id,
      subject: row.subject,
      generation: row.generation,
      serverIds: JSON.parse(row.server_ids),
      clientName: row.client_name,
      grantId: row.grant_id,
      browserHash: row.browser_hash,
      usedAt: row.used_at,
      expiresAt: row.expires_at,
    }
  );
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

type Row = {
  id: string;
  subject: Subject;
  generation: number;
  server_ids: string;
  client_name: string;
  grant_id: string | null;
  browser_hash: string | null;
  used_at: number | null;
  expires_at: number;
};
