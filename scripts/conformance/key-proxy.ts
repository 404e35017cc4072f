import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Stands before an address of the gateway for the suite, which sends no headers of one's own: adds the access key. */
export class KeyProxy {
  private readonly server: Server;
  private readonly target: URL;
  private readonly key: string;

  private constructor(target: string, key: string) {
    this.target = new URL(target);
    this.key = key;
    this.server = createServer((from, to) => this.forward(from, to));
  }

  static async start(target: string, key: string): Promise<KeyProxy> {
    const proxy = new KeyProxy(target, key);
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

  /** Everything as it is, both ways and as it comes, but for the key and, where it names this proxy, the host. */
  private forward(from: IncomingMessage, to: ServerResponse): void {
    const { host = '' } = from.headers;
    const isOurs = new URL(this.url).host === host;
    const headers = {
      ...from.headers,
      host: isOurs ? this.target.host : host,
      authorization: `Bearer ${this.key}`,
    };
    const { hostname, port } = this.target;
    const sent = request({ hostname, port, method: from.method, path: from.url, headers }, (answer) => {
      to.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      to.flushHeaders();
      answer.pipe(to);
      answer.on('error', () => to.destroy());
    });
    sent.on('error', () => to.destroy());
    to.on('close', () => sent.destroy());
    from.pipe(sent);
  }
}
