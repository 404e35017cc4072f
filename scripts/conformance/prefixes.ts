import type { IncomingHttpHeaders } from 'node:http';

type Json = { [member: string]: unknown };
type Message = Json & { method?: string; params?: Json; result?: Json; error?: Json };

/** The lists of a result, with the member that names their items, and whether that is an address. */
const LISTS = [
  ['tools', 'name'],
  ['prompts', 'name'],
  ['resources', 'uri'],
  ['resourceTemplates', 'uriTemplate'],
] as const;

const BY_NAME = ['tools/call', 'prompts/get'];
const BY_URI = ['resources/read', 'resources/subscribe', 'resources/unsubscribe'];

/**
 * Makes one server of a joined address look as it looks by itself (CONTRACT §6, Names and Resource URIs): puts in what names it on the
 * way there, takes that off on the way back, and leaves out what is of other servers.
 */
export class Prefixes {
  private readonly name: string;
  private readonly uri: string;

  constructor(server: string, slug: string) {
    this.name = `${server}-`;
    this.uri = `${/^\d/.test(slug) ? 's.' : ''}${slug}+`;
  }

  /** A client's message as the joined address wants it. */
  putIn(message: Message): Message {
    const { method = '', params } = message;
    if (!params) return message;
    const next = { ...params };
    if (BY_NAME.includes(method) && typeof params.name === 'string') next.name = this.name + params.name;
    if (BY_URI.includes(method) && typeof params.uri === 'string') next.uri = this.uri + params.uri;
    if (method === 'completion/complete') next.ref = this.reference(params.ref);
    if (method === 'subscriptions/listen') next.notifications = this.subscriptions(params.notifications);
    return { ...message, params: next };
  }

  /** The header that repeats what a message is about: right where it was right, and wrong where it was wrong. */
  putInto(headers: IncomingHttpHeaders, method: string): void {
    const { 'mcp-name': name } = headers;
    if (typeof name !== 'string') return;
    if (BY_NAME.includes(method)) headers['mcp-name'] = this.name + name;
    if (BY_URI.includes(method)) headers['mcp-name'] = this.uri + name;
  }

  /** A message of the joined address as the server alone says it. */
  takeOff(message: Message): Message {
    const { result, params, error } = message;
    return {
      ...message,
      ...(result && { result: this.resultOf(result) }),
      ...(params && { params: this.addressed(params) }),
      ...(isObject(error?.data) && { error: { ...error, data: this.addressed(error.data) } }),
    };
  }

  private reference(ref: unknown): unknown {
    if (!isObject(ref)) return ref;
    if (ref.type === 'ref/prompt') return { ...ref, name: `${this.name}${ref.name}` };
    return { ...ref, uri: `${this.uri}${ref.uri}` };
  }

  private subscriptions(wanted: unknown): unknown {
    if (!isObject(wanted) || !Array.isArray(wanted.resourceSubscriptions)) return wanted;
    return { ...wanted, resourceSubscriptions: wanted.resourceSubscriptions.map((uri) => this.uri + uri) };
  }

  private resultOf(result: Json): Json {
    const next: Json = { ...result };
    for (const [list, member] of LISTS) {
      const items = result[list];
      const prefix = member === 'name' ? this.name : this.uri;
      if (Array.isArray(items)) next[list] = items.flatMap((item: Json) => without(item, member, prefix));
    }
    if (Array.isArray(result.contents)) next.contents = result.contents.map((one) => this.addressed(one));
    if (Array.isArray(result.content)) next.content = result.content.map((one) => this.contentOf(one));
    if (Array.isArray(result.messages))
      next.messages = result.messages.map((one: Json) => ({ ...one, content: this.contentOf(one.content) }));
    return next;
  }

  private contentOf(content: unknown): unknown {
    if (!isObject(content)) return content;
    if (content.type === 'resource_link') return this.addressed(content);
    if (content.type === 'resource' && isObject(content.resource))
      return { ...content, resource: this.addressed(content.resource) };
    return content;
  }

  private addressed<T>(value: T): T {
    if (!isObject(value) || typeof value.uri !== 'string' || !value.uri.startsWith(this.uri)) return value;
    return { ...value, uri: value.uri.slice(this.uri.length) };
  }
}

/** The item without its prefix; nothing of another server's. */
function without(item: Json, member: string, prefix: string): Json[] {
  const value = String(item[member]);
  if (!value.startsWith(prefix)) return [];
  return [{ ...item, [member]: value.slice(prefix.length) }];
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
