import type { Message } from './wire';

/** What a client did, and the messages that went to and fro for it. */
export type Walked = { title: string; messages: Message[] };

/** A value that is not the same at both. `path`: where in the messages of a step. */
export type Difference = { step: string; path: string; direct: unknown; through: unknown };

/**
 * Where two walks differ, as JSON: the order of an object's members is none of it. Ids pair off within a step; dates and times
 * pass. What servers say by themselves comes when it comes: it is compared for the whole walk.
 */
export function differencesOf(direct: readonly Walked[], through: readonly Walked[]): Difference[] {
  const inSteps = direct.flatMap(({ title, messages }, at) =>
    compared(title, partsOf(messages), partsOf(through[at]?.messages ?? []), ''),
  );
  return [...inSteps, ...compared('what the server says by itself', saidIn(direct), saidIn(through), '')];
}

/** What a client sent, what was answered or asked, and how it went on. */
function partsOf(all: readonly Message[]) {
  const messages = withoutRoots(all);
  const tokens = all.flatMap(({ to, params }) => {
    const { _meta } = (params ?? {}) as { _meta?: { progressToken?: unknown } };
    return to === 'server' && _meta?.progressToken !== undefined ? [String(_meta.progressToken)] : [];
  });
  const isOwn = ({ params }: Message) =>
    tokens.includes(String((params as { progressToken?: unknown } | undefined)?.progressToken));
  const received = messages.filter(({ to }) => to !== 'server');
  return {
    sent: messages
      .filter(({ to, result }) => to === 'server' && !isRoots(result))
      .map((message) => plain(message)),
    received: received
      .filter(({ method, id }) => !method || (id !== undefined && method !== 'roots/list'))
      .map((message) => plain(message)),
    end: received.some(isQuestion) && contentOf(received.findLast(({ result }) => result !== undefined)),
    progress: received
      .filter((message) => message.method === 'notifications/progress' && isOwn(message))
      .map((message) => plain(message)),
  };
}

/** True for what asks a person something, in either era. */
function isQuestion({ method, result }: Message): boolean {
  const { inputRequests = {} } = (result ?? {}) as { inputRequests?: Record<string, { method: string }> };
  const asked = [method, ...Object.values(inputRequests).map((request) => request.method)];
  return asked.includes('elicitation/create') || asked.includes('sampling/createMessage');
}

/** What a call ended with. */
const contentOf = (message: Message | undefined) =>
  (message?.result as { content?: unknown } | undefined)?.content ?? null;

/**
 * A call of 2026-07-28 that its server asks for the roots ends with `input_required`, and is made again: in whichever step that falls,
 * it is left out, since the session of another client asks once. Progress of the call made again is progress of the call.
 */
function withoutRoots(messages: readonly Message[]): Message[] {
  const kept: Message[] = [];
  let isAgain = false;
  for (const message of messages) {
    const { inputRequests } = (message.result ?? {}) as {
      inputRequests?: Record<string, { method: string }>;
    };
    const asked = Object.values(inputRequests ?? {}).map(({ method }) => method);
    const isForRoots =
      message.to !== 'server' && asked.length > 0 && asked.every((one) => one === 'roots/list');
    const isRetry: boolean = isAgain && message.to === 'server';
    if (!isForRoots && !isRetry) kept.push(message);
    isAgain = isForRoots || (isAgain && !isRetry);
  }
  return kept;
}

const isRoots = (result: unknown) => typeof result === 'object' && result !== null && 'roots' in result;

/** Each thing that a server said or asked by itself, once. */
function saidIn(walk: readonly Walked[]): Record<string, unknown> {
  const said = walk
    .flatMap(({ messages }) => messages)
    .filter(({ to, method }) => to !== 'server' && method && method !== 'notifications/progress')
    .filter(({ id, method }) => id === undefined || method === 'roots/list')
    .map((message) => plain(unlevelled(message)))
    .map((message) => [`${JSON.stringify(message)}`, message] as const);
  return Object.fromEntries(said.sort(([one], [other]) => one.localeCompare(other)));
}

/** A log line without its level, which this server picks by chance. */
function unlevelled(message: Message): Message {
  const { level: _, ...params } = (message.params ?? {}) as Record<string, unknown>;
  return message.method === 'notifications/message' ? { ...message, params } : message;
}

function plain(value: unknown, name: unknown = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => plain(item));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member, key)]));
  if (['id', 'progressToken', 'requestId', 'taskId'].includes(String(name))) return `<${name}>`;
  if (typeof value !== 'string') return value;
  return undated(name === 'blob' ? Buffer.from(value, 'base64').toString('latin1') : value);
}

function undated(text: string): string {
  return text
    .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}\b/gi, '<uuid>')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<date>')
    .replace(/\d{1,2}:\d\d:\d\d(\s[AP]M)?/g, '<time>')
    .replace(/^\w+[- ]level[- ]message/, '<any>-level message');
}

function compared(step: string, direct: unknown, through: unknown, path: string): Difference[] {
  if (JSON.stringify(direct) === JSON.stringify(through)) return [];
  if (!isObject(direct) || !isObject(through) || Array.isArray(direct) !== Array.isArray(through))
    return [{ step, path, direct, through }];
  const keys = [...new Set([...Object.keys(direct), ...Object.keys(through)])];
  return keys.flatMap((key) => compared(step, direct[key], through[key], path ? `${path}.${key}` : key));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
