import { CallUnderWay } from '../../support/call-under-way';
import { type Answer, eventsOf, mirrors, modern } from '../../support/messages';
import { fetchOf, origin, type Worker } from './two-workers';

type Params = Record<string, unknown>;

/** Someone who speaks MCP to either Worker, with a credential of theirs. */
export class Someone {
  private readonly headers: Record<string, string>;
  private readonly era: '2025' | '2026';
  private readonly path: string;

  constructor(headers: Record<string, string>, era: '2025' | '2026', path: string) {
    this.headers = headers;
    this.era = era;
    this.path = path;
  }

  /** The same one at another address: a path, or a whole URL. */
  at(path: string): Someone {
    return new Someone(this.headers, this.era, path);
  }

  /** A session of the 2025 era, begun at a Worker. */
  async initialized(worker: Worker, capabilities: Params = {}): Promise<Someone> {
    const params = { protocolVersion: '2025-11-25', capabilities };
    const begun = await this.send(worker, 'initialize', params);
    await begun.text();
    const session = { 'mcp-session-id': begun.headers.get('mcp-session-id') ?? '' };
    return new Someone({ ...this.headers, ...session }, this.era, this.path);
  }

  /** The whole answer: of a stream its last message. */
  async ask(worker: Worker, method: string, params: Params = {}): Promise<Answer['body']> {
    const response = await this.send(worker, method, params);
    const text = await response.text();
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
    return isStream ? (eventsOf(text).at(-1) ?? {}) : JSON.parse(text);
  }

  /** A request whose answer is read as it comes. */
  async begin(worker: Worker, method: string, params: Params = {}): Promise<CallUnderWay> {
    return new CallUnderWay(await this.send(worker, method, params));
  }

  /** The status that an answer to a question meets. */
  async answer(worker: Worker, id: unknown, result: Params): Promise<number> {
    const response = await this.post(worker, { jsonrpc: '2.0', id, result });
    await response.text();
    return response.status;
  }

  /** The notification stream of a session. */
  async listen(worker: Worker): Promise<CallUnderWay> {
    const headers = { accept: 'text/event-stream', ...this.headers };
    const response = await fetchOf(worker)(this.url, { headers });
    if (response.status !== 200) throw new Error(`the stream was answered ${response.status}`);
    return new CallUnderWay(response as unknown as Response);
  }

  private get url(): string {
    return new URL(this.path, origin).href;
  }

  private send(worker: Worker, method: string, params: Params): Promise<Response> {
    const all = this.era === '2026' ? modern(params) : params;
    return this.post(worker, { jsonrpc: '2.0', id: 1, method, params: all });
  }

  private async post(worker: Worker, message: Params): Promise<Response> {
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(this.era === '2026' && Object.fromEntries(mirrors(message))),
      ...this.headers,
    };
    const init = { method: 'POST', headers, body: JSON.stringify(message) };
    return (await fetchOf(worker)(this.url, init)) as unknown as Response;
  }
}
