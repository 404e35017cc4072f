import { waitUntil } from 'cloudflare:workers';
import { OAuthError } from '../protocol/error';
import { readText } from '../protocol/params';
import { refusedTarget } from '../protocol/public-url';
import { type ClientMetadata, parseMetadata } from './metadata';
import { type Client, findClient, keepDocument } from './store';

/** Bytes of a document (draft-ietf-oauth-client-id-metadata-document, Security Considerations). */
const MOST_BYTES = 5 * 1024;
/** How long a document may take, headers and body. Milliseconds. */
const FETCH_TIME = 5_000;
/** How long a request waits for a fetch that another one began, before it fetches by itself. Milliseconds. */
const PATIENCE = 6_000;
/** How long a document serves whatever its headers say, at least and at most. Seconds. */
const LEAST_LIFE = 300;
const MOST_LIFE = 86_400;

/** A document that cannot be used. The message goes on after "the description", in words for its developer. */
export class DocumentRefused extends Error {
  override readonly name = 'DocumentRefused';
}

/** Where this deployment may fetch from: never from itself, from loopback in local development only. */
export type FetchRules = { issuer: string; allowLoopback: boolean };

/** True for a client id that is the address of a metadata document: those that register are given UUIDs. */
export function isDocumentUrl(clientId: string): boolean {
  return /^https?:/i.test(clientId);
}

/**
 * The client that `url` describes, as kept while that is fresh at `now` (epoch seconds); null when it has to be fetched.
 * @throws DocumentRefused for an address nothing is fetched from.
 */
export async function freshDocument(
  db: D1Database,
  url: string,
  rules: FetchRules,
  now: number,
): Promise<Client | null> {
  const reason = refusedAddress(url, rules);
  if (reason) throw new DocumentRefused(reason);
  const kept = await findClient(db, url);
  return kept && now < (kept.freshUntil ?? 0) ? kept : null;
}

/** Why no document is fetched from `url`, or null. Only its normal spelling is taken, so that one client has one id. */
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

/** Fetches under way in this isolate, by address. */
const underWay = new Map<string, Promise<Client>>();

/**
 * Fetches what `url` describes, judged by {@link freshDocument} before, and keeps it. Requests for one document share one
 * fetch. It goes on behind whichever request began it; should that one be cut off, the others do not wait for ever.
 * @throws DocumentRefused
 */
export async function fetchDocument(db: D1Database, url: string): Promise<Client> {
  const shared = underWay.get(url);
  const client = shared && (await withinPatience(shared));
  if (client) return client;

  const own = readClient(db, url).finally(() => {
    if (underWay.get(url) === own) underWay.delete(url);
  });
  underWay.set(url, own);
  waitUntil(own.catch(() => undefined));
  return own;
}

async function withinPatience(shared: Promise<Client>): Promise<Client | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const outOfPatience = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), PATIENCE);
  });
  return Promise.race([shared, outOfPatience]).finally(() => clearTimeout(timer));
}

async function readClient(db: D1Database, url: string): Promise<Client> {
  const { text, life } = await readDocument(url);
  const now = Math.floor(Date.now() / 1000);
  const client = await keepDocument(db, url, parseDocument(text, url), now + life, now);
  if (client) return client;
  throw new DocumentRefused('was removed here a moment ago, and that is not finished: try again in an hour');
}

/** The text at `url` and for how many seconds it serves. */
async function readDocument(url: string): Promise<{ text: string; life: number }> {
  const signal = AbortSignal.timeout(FETCH_TIME);
  try {
    const response = await fetch(url, {
      headers: { accept: 'application/json' },
      redirect: 'manual',
      signal,
    });
    const reason = refusedResponse(response);
    const text = reason ? null : await readText(response.body, MOST_BYTES);
    if (text !== null) return { text, life: lifeOf(response.headers) };
    if (reason) await response.body?.cancel();
    throw new DocumentRefused(reason ?? `is larger than ${MOST_BYTES / 1024} KiB`);
  } catch (cause) {
    if (cause instanceof DocumentRefused) throw cause;
    const late = signal.aborted;
    throw new DocumentRefused(late ? `took more than ${FETCH_TIME / 1000} seconds` : 'could not be fetched', {
      cause,
    });
  }
}

function refusedResponse({ status, headers }: Response): string | null {
  if (status >= 300 && status < 400) return 'redirects to another address, which is never followed';
  if (status !== 200) return `answers with status ${status}`;
  const type = headers.get('content-type')?.split(';')[0]?.trim().toLowerCase() ?? '';
  return /^application\/(?:[a-z0-9.-]+\+)?json$/.test(type)
    ? null
    : `is not JSON (its type is ${type || 'missing'})`;
}

/** For how many seconds an answer serves (RFC 9111 §4.2.1), within our bounds. */
function lifeOf(headers: Headers): number {
  const control = headers.get('cache-control')?.toLowerCase() ?? '';
  if (/\bno-(store|cache)\b/.test(control)) return LEAST_LIFE;
  const [, stated] = /\bs-maxage=(\d+)/.exec(control) ?? /\bmax-age=(\d+)/.exec(control) ?? [];
  const seconds = stated ? Number(stated) - Number(headers.get('age') ?? 0) : expiryOf(headers);
  return Math.min(MOST_LIFE, Math.max(LEAST_LIFE, Math.floor(seconds) || 0));
}

/** Seconds until `Expires`, as the sender's clock has it. */
function expiryOf(headers: Headers): number {
  const date = Date.parse(headers.get('date') ?? '') || Date.now();
  return (Date.parse(headers.get('expires') ?? '') - date) / 1000;
}

/** Members that only a document for many servers may have are dropped: this one offers the authorization code alone. */
function parseDocument(text: string, url: string): ClientMetadata {
  const document = jsonObject(text);
  if (!document) throw new DocumentRefused('is not a JSON object');
  if (document.client_id !== url)
    throw new DocumentRefused('names another client_id than the address it was fetched from');
  const secret = Object.keys(document).find((member) => member.startsWith('client_secret'));
  if (secret) throw new DocumentRefused(`holds ${secret}, and everybody can read it`);
  const { token_endpoint_auth_method: method = 'none' } = document;
  if (method !== 'none') {
    throw new DocumentRefused(
      'asks for a token_endpoint_auth_method other than none: only public clients (with PKCE) can describe themselves here',
    );
  }
  try {
    return parseMetadata({
      ...document,
      grant_types: onlyKnown(document.grant_types, ['authorization_code', 'refresh_token']),
      response_types: onlyKnown(document.response_types, ['code']),
    });
  } catch (error) {
    if (error instanceof OAuthError)
      throw new DocumentRefused(`cannot be used: ${error.message}`, { cause: error });
    throw error;
  }
}

function jsonObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && !Array.isArray(value)
      ? (value as Record<string, unknown> | null)
      : null;
  } catch {
    return null;
  }
}

/** The same list without what this server does not offer; unchanged when nothing would be left. */
function onlyKnown(list: unknown, known: string[]): unknown {
  if (!Array.isArray(list)) return list;
  const offered = list.filter((item) => known.includes(item));
  return offered.length ? offered : list;
}
