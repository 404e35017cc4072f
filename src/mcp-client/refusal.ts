import { isPersonal, membersOf } from '../accounts/auth/index';
import type { Peer } from '../accounts/connect';
import { mediaTypeOf } from '../protocol/headers';
import { type RpcResponse, readResponse } from '../protocol/mcp';
import { readText } from '../protocol/params';
import { challengeOf } from '../providers/discovery-documents';
import { failures, InsufficientScope, type UpstreamFailure } from '../servers/failure';

/** A refusal as the server worded it: its JSON-RPC error, and its words as one plain line; empty: none. */
type HttpRefusal = { response: RpcResponse | null; said: string };

/** The most that is read of a refusal, bytes, and told of its words, characters. */
const MOST_REFUSAL = 65_536;
const MOST_TOLD = 500;

/** Reads the body of an answer under an HTTP error status. What we sent as credentials is not in `said`. */
export async function readRefusal({ credentials }: Peer, response: Response): Promise<HttpRefusal> {
  const text = (await readText(response.body, MOST_REFUSAL).catch(() => null)) ?? '';
  const words = withoutSecrets(wordsIn(text, mediaTypeOf(response.headers)), credentials.headers);
  const said = plainLine(words); // which cuts: a part of a secret is not known as one
  return { response: readResponse(text), said: withoutSecrets(said, credentials.headers) };
}

/** What an HTTP error status means. */
export function refusalFailure({ server }: Peer, response: Response, { said }: HttpRefusal): UpstreamFailure {
  const { status, headers } = response;
  const { name } = server;
  const challenge = headers.get('www-authenticate') ?? '';
  if (status === 401) return unauthorized(server, challenge, said);
  if (status === 403) return forbidden(server, challenge, said);
  if (status === 404) return failures.notFound(name, said);
  if (status === 429) return failures.busy(name, said);
  if (status < 500) return failures.rejected(name, status, said);
  const isAccounts = isPersonal(server) && OF_CREDENTIALS.test(said);
  return isAccounts ? failures.refusedCredential(name, status, said) : failures.status(name, status, said);
}

/** Words with which a server refuses a credential, whatever the status. */
const OF_CREDENTIALS =
  /\b(?:invalid|expired|revoked|missing|bad)[\s_-]+(?:\w+[\s_-]+)?(?:tokens?|credentials?|grant|api[\s_-]?keys?|keys?)\b|\b(?:tokens?|credentials?|api[\s_-]?keys?)\b.{0,40}\b(?:invalid|expired|revoked)\b|\bunauthori[sz]ed\b|\bunauthenticated\b|\bforbidden\b/i;

function unauthorized(server: Peer['server'], challenge: string, said: string): UpstreamFailure {
  const isOpen = membersOf(server).length === 0;
  const failure = isOpen ? failures.notOpen(server.name, said) : failures.unauthorized(server.name, said);
  failure.resourceMetadata = challengeOf(challenge).resourceMetadata;
  return failure;
}

/** A 403 says that the credentials are good for less than this, or for nothing (RFC 6750 §3.1). */
function forbidden(server: Peer['server'], challenge: string, said: string): UpstreamFailure {
  const { scopes } = challengeOf(challenge);
  if (scopes?.length || /\berror="?insufficient_scope"?/i.test(challenge))
    return new InsufficientScope(server.name, scopes ?? []);
  return isPersonal(server)
    ? failures.forbiddenToOne(server.name, said)
    : failures.forbidden(server.name, said);
}

/** Of JSON the usual members, of text all. */
function wordsIn(text: string, type: string): string {
  if (type.endsWith('json')) return wordsOfJson(text);
  if (type && !type.startsWith('text/') && !type.endsWith('xml')) return '';
  return text.trimStart().startsWith('{') ? wordsOfJson(text) : text;
}

function wordsOfJson(json: string): string {
  try {
    const { error, error_description, message, detail } = JSON.parse(json);
    const words = [error_description, message, error?.message, detail, error];
    return words.find((word) => typeof word === 'string') ?? '';
  } catch {
    return '';
  }
}

/** Without markup, hidden characters and line breaks, at most {@link MOST_TOLD} characters. */
function plainLine(words: string): string {
  const line = words
    .replace(/<!--[\s\S]*?(?:-->|$)|<(script|style|head)\b[\s\S]*?(?:<\/\1\s*>|$)/gi, ' ')
    .replace(/<[^<>]*(?:>|$)/g, ' ')
    .replace(/[<>]/g, ' ')
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim();
  return [...line].slice(0, MOST_TOLD).join('').trim();
}

/** A value shorter than this is no secret, and may be a word. */
const LEAST_SECRET = 6;

/** Words that may repeat what we sent, without it: not everyone who reads them may know it. */
function withoutSecrets(words: string, headers: Headers): string {
  const values = [...headers.values()].flatMap((value) => [value, ...value.split(/\s+/)]);
  return values
    .filter((value) => value.length >= LEAST_SECRET)
    .reduce((told, value) => told.replaceAll(value, '…'), words);
}
