import { Unavailable } from '../error';

/**
 * What D1 documents as passing: its action is "Retry", or to spread the load over time (Cloudflare D1, Debug D1, "List of
 * D1_ERRORs"; Retry queries). A query that takes too much CPU or a database that is full fails again, so neither is here.
 */
const D1_PASSING = [
  'D1 DB reset because its code was updated',
  'Internal error while starting up D1 DB storage caused object to be reset',
  'Internal error in D1 DB storage caused object to be reset',
  'D1 DB storage operation exceeded timeout which caused object to be reset',
  "D1 DB's isolate exceeded its memory limit and was reset",
  'D1 DB is overloaded.',
  'Network connection lost',
  'Replica disconnected from primary',
  'Cannot resolve D1 DB due to transient issue on remote node',
  "Can't read from request stream because client disconnected",
];

/** The same of Durable Objects, for errors that come without their properties (Durable Objects, Troubleshooting). */
const OBJECT_PASSING = [
  'Durable Object reset because its code was updated',
  'Durable Object storage operation exceeded timeout which caused object to be reset',
  'Durable Object is overloaded.',
  'Connection closed: this Durable Object instance is no longer active',
  'Your account is generating too much load on Durable Objects',
  'Your account is doing too many concurrent storage operations',
];

/** `KV GET failed: 429 Too Many Requests`: too fast, or a fault of KV's own (Workers KV, Limits; 429 and 5xx of its API). */
const KV_PASSING = /^KV [A-Z]+ failed: (429|5\d\d)\b/;

const PASSING = [...D1_PASSING, ...OBJECT_PASSING];

/** What D1 puts before the words of SQLite; `Error` is what `String(error)` adds. */
const PREFIX = /^(?:(?:Error|D1_ERROR|D1_EXEC_ERROR): )+/;

/** The words of a storage error that may be repeated: fixed ones, never names or values that stand beside them. */
const WORDS =
  /no such (?:table|column|index|function)|has no column named|(?:UNIQUE|NOT NULL|CHECK|FOREIGN KEY|PRIMARY KEY) constraint failed|syntax error|too many SQL variables|database is locked|database or disk is full|string or blob too big|Exceeded maximum DB size|exceeded its CPU time limit|limit exceeded for the day/;

/** How errors of infrastructure are marked (Durable Objects, Error handling). */
type Marked = { retryable?: boolean; overloaded?: boolean };

/**
 * True for a fault that passes by itself: one that D1, KV or Durable Objects document as such, or {@link Unavailable}
 * (CONTRACT §8). Any other storage error will come again.
 */
export function isPassing(error: unknown): boolean {
  if (error instanceof Unavailable) return true;
  if (!(error instanceof Error)) return false;
  const { retryable, overloaded } = error as Marked;
  if (retryable === true || overloaded === true) return true;
  const words = error.message.replace(PREFIX, '');
  return PASSING.some((known) => words.startsWith(known)) || KV_PASSING.test(words);
}

/** True when an object that failed may be asked the same again now; an overloaded one is left alone (SECURITY 23). */
export function mayAskAgain(error: unknown): boolean {
  const { retryable, overloaded } = Object(error) as Marked;
  return retryable === true && overloaded !== true;
}

/**
 * The code of a storage error, such as `D1_ERROR: no such column (SQLITE_ERROR)`; null for any other error. Fixed words only:
 * what an error says besides may hold values.
 */
export function storageCode(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  const { message } = error;
  const store = /^(?:Error: )?(D1_[A-Z_]+|KV [A-Z]+ failed: \d{3}|KV [a-z]+\(\))/.exec(message)?.[1];
  const [sqlite] = /\bSQLITE_[A-Z_]+\b(?=\)?$)/.exec(message) ?? [];
  if (!store && !sqlite) return null;
  const [words] = WORDS.exec(message) ?? [];
  const named = [store, words].filter(Boolean).join(': ');
  return named && sqlite ? `${named} (${sqlite})` : named || (sqlite as string);
}

/** What a caller reads of an error that is not theirs, and the status it goes out under. */
export type Fault = {
  status: 500 | 503;
  type: 'server_error' | 'temporarily_unavailable';
  title: string;
  text: string;
  /** Seconds. */
  retryAfter?: number;
};

/** Any error that no handler expected, as its caller reads it. */
export function faultAnswer(error: unknown): Fault {
  if (isPassing(error)) {
    return {
      status: 503,
      type: 'temporarily_unavailable',
      title: 'Storage does not respond',
      text: 'Nothing was lost. Try again in a moment.',
      retryAfter: 2,
    };
  }
  const code = storageCode(error);
  const text = code
    ? `Storage refused the request with ${code}. Trying again does not help: tell your administrator.`
    : 'Try again. If it keeps happening, send the reference below to your administrator.';
  return { status: 500, type: 'server_error', title: 'Something went wrong on our side', text };
}

/** The same error as a log line holds it: a storage error that does not pass by its code alone, since its words may hold values. */
export function faultFacts(error: unknown): Record<string, string> {
  const code = storageCode(error);
  if (code && !isPassing(error)) return { error: 'storage', code };
  if (!(error instanceof Error)) return { error: typeof error };
  const { name, message, cause } = error;
  const because = cause === undefined ? '' : (storageCode(cause) ?? String(cause));
  return { error: name, message, cause: because, ...(code ? { code } : {}) };
}
