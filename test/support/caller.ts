import { gate, newKey, parsed } from './gate';
import { type Answer, eventsOf, mirrors, modern } from './messages';

export { eventsOf, modern } from './messages';

/** Someone who speaks MCP to the gateway with a credential of theirs. */
export class McpCaller {
  private nextId = 1;

  constructor(
    readonly headers: Record<string, string>,
    readonly era: '2025' | '2026' = '2025',
    readonly path = '/mcp',
  ) {}

  /** A caller with a fresh key that may use everything open to all keys. */
  static async withKey(era: '2025' | '2026' = '2025', path = '/mcp'): Promise<McpCaller> {
    return new McpCaller({ 'x-bf-vk': (await newKey()).value }, era, path);
  }

  /** The same caller, with more headers or elsewhere. */
  with(headers: Record<string, string>, path = this.path): McpCaller {
    return new McpCaller({ ...this.headers, ...headers }, this.era, path);
  }

  /** A session of the 2025 era. */
  async initialized(capabilities: Record<string, unknown> = {}): Promise<McpCaller> {
    const params = {
      protocolVersion: '2025-11-25',
      capabilities,
      clientInfo: { name: 'test', version: '1' },
    };
    const { headers } = await this.ask('initialize', params);
    return this.with({ 'mcp-session-id': headers.get('mcp-session-id') ?? '' });
  }

  /** The response to a request, its body still flowing. */
  async send(
    method: string,
    params: Record<string, unknown> = {},
    init: RequestInit & { id?: unknown } = {},
  ): Promise<Response> {
    const id = init.id ?? this.nextId++;
    return this.post(
      { jsonrpc: '2.0', id, method, params: this.era === '2026' ? modern(params) : params },
      init,
    );
  }

  async notify(method: string, params: Record<string, unknown> = {}): Promise<Response> {
    return this.post({ jsonrpc: '2.0', method, params });
  }

  /** Any body at all. */
  async post(message: unknown, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers({
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    });
    if (this.era === '2026') for (const [name, value] of mirrors(message)) headers.set(name, value);
    for (const [name, value] of Object.entries(this.headers)) headers.set(name, value);
    const body = typeof message === 'string' ? message : JSON.stringify(message);
    return gate(this.path, { method: 'POST', body, ...init, headers });
  }

  /** The whole answer: of a stream its last message. */
  async ask(method: string, params: Record<string, unknown> = {}): Promise<Answer> {
    return wholeAnswer(await this.send(method, params));
  }

  async toolNames(): Promise<string[]> {
    const { body } = await this.ask('tools/list');
    return (body.result?.tools ?? []).map(({ name }) => name);
  }

  async call(name: string, args: Record<string, unknown> = {}): Promise<Answer> {
    return this.ask('tools/call', { name, arguments: args });
  }
}

export async function wholeAnswer(response: Response): Promise<Answer> {
  const { status, headers } = response;
  const text = await response.text();
  const isStream = headers.get('content-type')?.startsWith('text/event-stream');
  const body =
    isStream || !text ? eventsOf(text).at(-1) : parsed<Answer['body']>('the gateway', status, text);
  return { status, headers, body: body as Answer['body'] };
}
