import type { Additions } from './insert';

/** The answer that is looked for: see `Wanted` of json/answer. */
type Sought = { sent: number; additions: Additions; mayAsk?: boolean };

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of a whole body; null: it is not UTF-8, and only its bytes can be passed on as they are. */
export function textOf(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}

/**
 * The response in a short text as its client reads it: what `AnswerScanner` makes of the same bytes, at a look. That is how
 * nearly every server writes its result. Null: the scanner has to look.
 */
export function shortAnswer(text: string, { sent, additions, mayAsk = false }: Sought): string | null {
  const { members, objectsOnly, renamed, uris } = additions;
  const result = uris ? null : resultIn(text, sent);
  const value = result === null ? null : objectIn(result);
  if (result === null || !value) return null;
  const has = (name: string) => Object.hasOwn(value, name);
  if (mayAsk && has('resultType') && (value.resultType !== 'complete' || !isOnce(result, 'resultType')))
    return null;
  const { content, structuredContent } = value;
  if (objectsOnly && (isEmpty(content) || !isOnce(result, 'content'))) return null;
  const isOdd = !isPlainObject(structuredContent) || !isOnce(result, 'structuredContent');
  if (objectsOnly && has('structuredContent') && isOdd) return null;
  if (members.cacheScope !== undefined && has('cacheScope')) return null;
  const added = Object.entries(members)
    .filter(([name]) => !has(name))
    .map(([name, json]) => `${JSON.stringify(name)}:${json}`);
  if (added.length && Object.keys(value).length) added.unshift('');
  const whole = added.length ? `${result.slice(0, -1)}${added.join(',')}}` : result;
  return `{"jsonrpc":"2.0","id":${renamed?.id ?? sent},"result":${whole}}`;
}

function isEmpty(content: unknown): boolean {
  return Array.isArray(content) && content.length === 0;
}

/** False when a text may have two members of this name: its parsed value tells of the last alone. */
function isOnce(text: string, name: string): boolean {
  return text.indexOf(`"${name}"`) === text.lastIndexOf(`"${name}"`) && !text.includes('\\u');
}

/** What stands where the result does in a message that holds nothing else, written in either of the usual orders. */
function resultIn(text: string, sent: number): string | null {
  const head = `{"jsonrpc":"2.0","id":${sent},"result":{`;
  if (text.startsWith(head) && text.endsWith('}}')) return text.slice(head.length - 1, -1);
  const tail = `},"jsonrpc":"2.0","id":${sent}}`;
  if (text.startsWith('{"result":{') && text.endsWith(tail)) return text.slice(10, 1 - tail.length);
  return null;
}

/** The object that a text is, and nothing behind it: so the message around it holds no other member. */
function objectIn(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isPlainObject(value) ? value : null;
  } catch {
    return null;
  }
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
