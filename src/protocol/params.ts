import * as z from 'zod/mini';
import { type ErrorCode, OAuthError } from './error';
import { faultIn, faultWords, type ValueFault } from './faults/fault';

/** Parameters of a query or form: absent and empty are the same, none may repeat (RFC 6749 §3.1, §3.2). */
export type Params = Readonly<Record<string, string | undefined>>;

/**
 * Reads a query or form. `resource` may repeat when every value is the same, but for a slash (RFC 8707 §2 allows several; this gateway
 * has one resource a grant).
 * @throws OAuthError `invalid_request` naming the repeated parameter, `invalid_target` for differing resources.
 */
export function params(source: URLSearchParams): Params {
  const found: Record<string, string> = Object.create(null);
  const bare = (value = '') => value.replace(/\/$/, '');
  for (const [name, value] of source) {
    if (name in found && !(name === 'resource' && bare(found[name]) === bare(value))) {
      if (name === 'resource') throw new OAuthError('invalid_target', 'only one resource can be asked for');
      throw new OAuthError('invalid_request', `the parameter ${name.slice(0, 100)} is repeated`);
    }
    found[name] = value;
  }
  for (const name of Object.keys(found)) if (found[name] === '') delete found[name];
  return found;
}

/** A list with an item for each of these schemas, which change nothing of theirs. (`z.tuple` would bring 1 KiB along.) */
export function tuple<const Items extends readonly z.ZodMiniType[]>(...items: Items) {
  type Read = { -readonly [At in keyof Items]: z.infer<Items[At]> };
  return z.custom<Read>(
    (value) =>
      Array.isArray(value) &&
      value.length <= items.length &&
      items.every((item, at) => item.safeParse(value[at]).success),
  );
}

/** The value as `schema` reads it. @throws OAuthError `code`, its description naming the first member at fault. */
export function parse<T extends z.ZodMiniType>(schema: T, value: unknown, code: ErrorCode): z.infer<T> {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  throw new OAuthError(code, faultOf(result.error));
}

/** A sentence for a developer: which member is at fault, and why. @param error of a schema asked with `reportInput` */
export function faultOf(error: z.core.$ZodError): string {
  const { member, fault } = firstFault(error);
  return member ? `${member}: ${faultWords(fault)}` : faultWords(fault);
}

/** The first fault, and the dotted name of the member; empty: the value itself. */
export function firstFault({ issues: [issue] }: z.core.$ZodError): { member: string; fault: ValueFault } {
  return { member: issue?.path.map(String).join('.') ?? '', fault: faultIn(issue) };
}

/**
 * Reads the body of a request as text: at once where the request says how long it is, which is cheaper.
 * @returns null when it is longer than `limit` bytes
 */
export async function readBody(request: Request, limit: number): Promise<string | null> {
  const length = request.headers.get('content-length');
  if (length === null) return readText(request.body, limit);
  if (!(Number(length) <= limit)) return null;
  if (request.headers.get('content-type')?.startsWith('application/json')) return request.text();
  return new TextDecoder().decode(await request.arrayBuffer()); // text() of a form is a warning in the runtime's log
}

/** Requests whose form a browser without a script sent (`Plain` in `ui/forms`). */
const plain = new WeakSet<Request>();
export const isPlain = (request: Request): boolean => plain.has(request);

/** Reads the form that a page of this gateway sent. @returns null when it is longer than `limit` bytes */
export async function readFields(request: Request, limit: number): Promise<URLSearchParams | null> {
  const text = await readText(request.body, limit);
  if (text === null) return null;
  const fields = new URLSearchParams(text);
  if (fields.has('plain')) plain.add(request);
  fields.delete('plain');
  return fields;
}

/**
 * Reads a body as text, counting while reading.
 * @returns null when it is longer than `limit` bytes; the rest is not read.
 */
export async function readText(
  body: ReadableStream<Uint8Array> | null,
  limit: number,
): Promise<string | null> {
  if (!body) return '';
  const decoder = new TextDecoder();
  let text = '';
  let size = 0;
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    size += value.byteLength;
    if (size > limit) {
      await reader.cancel().catch(() => undefined);
      return null;
    }
    text += decoder.decode(value, { stream: true });
  }
}
