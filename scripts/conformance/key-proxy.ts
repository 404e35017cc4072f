import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import type { Prefixes } from './prefixes.ts';

/** Stands before an address of the gateway for the suite, which sends no headers of one's own: adds the access key. */
export class KeyProxy {
  private readonly server: Server;
  private readonly target: URL;
  private readonly key: string;
  private readonly prefixes: Prefixes | null;

  private constructor(target: string, key: string, prefixes: Prefixes | null) {
    this.target = new URL(target);
    this.key = key;
    this.prefixes = prefixes;
    this.server = createServer((from, to) => {
      this.forward(from, to).catch(() => to.destroy());
    });
  }

  /** @param prefixes of the one server at a joined address that is to be seen; null: messages pass as they are */
  static async start(target: string, key: string, prefixes: Prefixes | null = null): Promise<KeyProxy> {
    const proxy = new KeyProxy(target, key, prefixes);
    await new Promise<void>((resolve) => proxy.server.listen(0, 'localhost', resolve));
    return proxy;
  }

  /** What takes the place of `target`. */
  get url(): string {
    return `http://localhost:${(this.server.address() as AddressInfo).port}${this.target.pathname}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** Everything as it is and as it comes, but for the key, prefixes and, where it names this proxy, the host. */
  private async forward(from: IncomingMessage, to: ServerResponse): Promise<void> {
    const { host = '' } = from.headers;
    const headers: IncomingHttpHeaders = {
      ...from.headers,
      host: new URL(this.url).host === host ? this.target.host : host,
      authorization: `Bearer ${this.key}`,
    };
    if (this.prefixes) delete headers['accept-encoding']; // what is changed has to be read
    const body = this.withPrefixes(await text(from), headers);
    const { hostname, port } = this.target;
    const sent = request({ hostname, port, method: from.method, path: from.url, headers }, (answer) => {
      answer.on('error', () => to.destroy());
      this.answer(answer, to).catch(() => to.destroy());
    });
    sent.on('error', () => to.destroy());
    to.on('close', () => sent.destroy());
    sent.end(body);
  }

  private withPrefixes(body: string, headers: IncomingHttpHeaders): string {
    const message = this.prefixes && parsed(body);
    if (!this.prefixes || !message) return body;
    this.prefixes.putInto(headers, String(message.method));
    const changed = JSON.stringify(this.prefixes.putIn(message));
    if (headers['content-length']) headers['content-length'] = String(Buffer.byteLength(changed));
    return changed;
  }

  private async answer(answer: IncomingMessage, to: ServerResponse): Promise<void> {
    const { prefixes } = this;
    const { 'content-length': _, ...headers } = answer.headers;
    to.writeHead(answer.statusCode ?? 502, prefixes ? headers : answer.rawHeaders);
    to.flushHeaders();
    if (!prefixes) return void answer.pipe(to);

    const changed = (data: string) => {
      const message = parsed(data);
      return message ? JSON.stringify(prefixes.takeOff(message)) : data;
    };
    if (!headers['content-type']?.startsWith('text/event-stream'))
      return void to.end(changed(await text(answer)));
    for await (const line of createInterface({ input: answer }))
      to.write(`${line.startsWith('data:') ? `data: ${changed(line.slice(5).trim())}` : line}\n`);
    to.end();
  }
}

/** A JSON object; null for everything else. */
function parsed(body: string): { [member: string]: unknown } | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && !Array.isArray(value)
      ? (value as { [member: string]: unknown })
      : null;
  } catch {
    return null;
  }
}
