import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** Key and certificate of "localhost", for tests only: a program that is to trust it is given it as `NODE_EXTRA_CA_CERTS`. */
export const LOCALHOST_CERTIFICATE = join(import.meta.dirname, 'localhost.pem');

/** A site on https that serves one client's metadata document. */
export class DocumentSite {
  /** How often the document was fetched. */
  fetches = 0;
  /** Where it is: also the client's id. */
  readonly url: string;
  private readonly server: Server;

  private constructor(server: Server, metadata: object) {
    this.server = server;
    this.url = `https://localhost:${(server.address() as AddressInfo).port}/client.json`;
    server.on('request', (_request, response) => {
      this.fetches++;
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ client_id: this.url, ...metadata }));
    });
  }

  static async serving(metadata: object): Promise<DocumentSite> {
    const pem = readFileSync(LOCALHOST_CERTIFICATE);
    const server = createServer({ key: pem, cert: pem });
    server.listen(0, 'localhost');
    await once(server, 'listening');
    return new DocumentSite(server, metadata);
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}
