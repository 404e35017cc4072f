import { OAuthError } from '../protocol/error';
import { mediaTypeOf } from '../protocol/headers';
import { readText } from '../protocol/params';
import { type ClientMetadata, parseMetadata, unlessEmpty } from './metadata';

/** Bytes of a document (draft-ietf-oauth-client-id-metadata-document, Security Considerations). */
const MOST_BYTES = 5 * 1024;
/** How long a document may take, headers and body. Milliseconds. */
const FETCH_TIME = 5_000;
/** How long a document serves whatever its headers say, at least and at most. Seconds. */
const LEAST_LIFE = 300;
const MOST_LIFE = 86_400;

/** A document that breaks a rule, or is not there. The message goes on after "its description". */
export class DocumentRefused extends Error {
  override readonly name = 'DocumentRefused';
}

/** A passing fault: nothing is known of the document. The message goes on after the name of its site. */
export class DocumentUnreachable extends Error {
  override readonly name = 'DocumentUnreachable';
}

/**
 * What the document at `url` says, and for how many seconds that serves. 404, 410 and JSON that breaks a rule are refused;
 * any other answer says nothing about the document (CONTRACT §3).
 * @throws DocumentRefused, DocumentUnreachable
 */
export async function readDocument(url: string): Promise<{ metadata: ClientMetadata; life: number }> {
  const signal = AbortSignal.timeout(FETCH_TIME);
  try {
    const response = await fetch(url, {
      headers: { accept: 'application/json' },
      redirect: 'manual',
      signal,
    });
    const fault = faultOf(response);
    if (fault) {
      await response.body?.cancel();
      throw fault;
    }
    const text = await readText(response.body, MOST_BYTES);
    if (text === null) throw new DocumentRefused(`is larger than ${MOST_BYTES / 1024} KiB`);
    return { metadata: parseDocument(text, url), life: lifeOf(response.headers) };
  } catch (cause) {
    if (cause instanceof DocumentRefused || cause instanceof DocumentUnreachable) throw cause;
    const late = `took more than ${FETCH_TIME / 1000} seconds to answer`;
    throw new DocumentUnreachable(signal.aborted ? late : 'did not answer', { cause });
  }
}

/** What is wrong with an answer before its body is read; null: nothing. */
function faultOf({ status, headers }: Response): Error | null {
  if (status === 404 || status === 410) return new DocumentRefused(`is not there (status ${status})`);
  if (status !== 200) return new DocumentUnreachable(`${wordsFor(status)} (status ${status})`);
  const type = mediaTypeOf(headers);
  return /^application\/(?:[a-z0-9.-]+\+)?json$/.test(type)
    ? null
    : new DocumentUnreachable(`sent something that is not JSON (its type is ${type || 'missing'})`);
}

function wordsFor(status: number): string {
  if (status >= 500) return 'has a fault of its own';
  if (status === 429) return 'gets more requests than it answers';
  if (status === 401 || status === 403) return 'refused to give it';
  if (status >= 300 && status < 400) return 'redirects to another address, which is never followed';
  return 'did not give it';
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
  if (document.client_id !== url)
    throw new DocumentRefused('names another client_id than the address it was fetched from');
  const secret = Object.keys(document).find((member) => member.startsWith('client_secret'));
  if (secret) throw new DocumentRefused(`holds ${secret}, which anyone can read there`);
  const method = unlessEmpty(document.token_endpoint_auth_method);
  if (method !== undefined && method !== 'none') {
    throw new DocumentRefused(
      'asks for a token_endpoint_auth_method other than none: only public clients (with PKCE) can describe themselves here',
    );
  }
  try {
    return parseMetadata(document);
  } catch (error) {
    if (error instanceof OAuthError)
      throw new DocumentRefused(`cannot be used: ${error.message}`, { cause: error });
    throw error;
  }
}

/** @throws DocumentUnreachable for what is no JSON, DocumentRefused for what is no object. */
function jsonObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new DocumentUnreachable('sent something that is not valid JSON', { cause });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new DocumentRefused('is not a JSON object');
}
