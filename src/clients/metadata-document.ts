import { waitUntil } from 'cloudflare:workers';
import { log } from '../log';
import { SharedWork } from '../protocol/patience';
import { refusedTarget } from '../protocol/public-url';
import { DocumentRefused, DocumentUnreachable, readDocument } from './read-document';
import { type Client, keepDocument, recordDocumentFault, recordDocumentRefusal } from './store';

/** How long a request waits for a fetch that another one began, before it fetches by itself. Milliseconds. */
const PATIENCE = 6_000;
/** How long a copy serves after it was last checked, while its document cannot be fetched. Seconds: 7 days. */
const COPY_LIFE = 7 * 86_400;
/** How long a document that could not be fetched is left alone while its copy serves. Seconds. */
const PAUSE = 300;

/** Where this deployment may fetch from: never from itself, from loopback in local development only. */
export type FetchRules = { issuer: string; allowLoopback: boolean };

/** True for a client id that is the address of a metadata document: those that register are given UUIDs. */
export function isDocumentUrl(clientId: string): boolean {
  return /^https?:/i.test(clientId);
}

/**
 * Requires an address that a document may be fetched from. Only its normal spelling is taken, so that one client has one id.
 * @throws DocumentRefused
 */
export function requireDocumentAddress(url: string, rules: FetchRules): void {
  const reason = refusedAddress(url, rules);
  if (reason) throw new DocumentRefused(reason);
}

function refusedAddress(url: string, { issuer, allowLoopback }: FetchRules): string | null {
  if (url.length > 2000) return 'has an address of more than 2000 characters';
  const target = refusedTarget(url, allowLoopback);
  if (target) return `has an address that ${target}`;
  const { href, origin, pathname } = new URL(url);
  if (href !== url) return `has an address that must be written ${href}`;
  if (pathname === '/') return 'has an address that must have a path';
  if (origin === issuer) return 'has an address on this gateway itself';
  return null;
}

/**
 * The stored copy, when it answers at `now` (epoch seconds) without waiting for a fetch; else null. A fresh copy does. So
 * does one whose document could not be fetched the last time: it is then asked for again behind the answer (CONTRACT §3).
 */
export function readyCopy(db: D1Database, stored: Client | null, now: number): Client | null {
  if (!stored) return null;
  if (now < (stored.freshUntil ?? 0)) return stored;
  if (stored.failedAt === null || !servesUnchecked(stored, now)) return null;
  if (now >= stored.failedAt + PAUSE) waitUntil(askAgain(db, stored.clientId, now));
  return stored;
}

/** Since when (epoch seconds) a client could not be compared with its metadata document; null: it is not overdue. */
export function uncheckedSince({ failedAt, checkedAt }: Client): number | null {
  return failedAt === null ? null : checkedAt;
}

function servesUnchecked({ checkedAt }: Client, now: number): boolean {
  return checkedAt !== null && now < checkedAt + COPY_LIFE;
}

/** One attempt at a document that could not be fetched; none when another isolate made one within the pause. */
async function askAgain(db: D1Database, url: string, now: number): Promise<void> {
  try {
    if (await recordDocumentFault(db, url, PAUSE, now)) await fetchDocument(db, url, null);
  } catch (error) {
    log('client.document_unchecked', { client_id: url, reason: String(error) });
  }
}

/**
 * Fetches the document at `url`, or answers with the `stored` copy while a passing fault may be waited out.
 * Null while a deletion of this client is under way.
 * @param addressHash whose request this is @throws DocumentRefused, DocumentUnreachable
 */
export async function currentDocument(
  db: D1Database,
  url: string,
  stored: Client | null,
  addressHash: string,
  now: number,
): Promise<Client | null> {
  try {
    return await fetchDocument(db, url, addressHash);
  } catch (error) {
    if (!(error instanceof DocumentUnreachable) || !stored || !servesUnchecked(stored, now)) throw error;
    log('client.document_unchecked', { client_id: url, reason: error.message });
    return { ...stored, failedAt: now };
  }
}

/** Fetches in this isolate, by address: requests for one document share one fetch. */
const fetches = new SharedWork<Client | null>(PATIENCE, waitUntil);

function fetchDocument(db: D1Database, url: string, addressHash: string | null): Promise<Client | null> {
  return fetches.join(url, () => storeDocument(db, url, addressHash));
}

/** Stores what a fetch brought: the document, that it was refused, or that it could not be had. */
async function storeDocument(
  db: D1Database,
  url: string,
  addressHash: string | null,
): Promise<Client | null> {
  try {
    const { metadata, life } = await readDocument(url);
    const now = seconds();
    return await keepDocument(db, url, { metadata, freshUntil: now + life, addressHash }, now);
  } catch (error) {
    if (error instanceof DocumentRefused) await recordDocumentRefusal(db, url, seconds());
    if (error instanceof DocumentUnreachable) await recordDocumentFault(db, url, PAUSE, seconds());
    throw error;
  }
}

function seconds(): number {
  return Math.floor(Date.now() / 1000);
}
