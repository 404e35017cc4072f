import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { accountsServer } from '../../../demo/accounts-server.ts';
import { freePort } from '../../../scripts/dev/ports.ts';

/** What an authorization server gives out that no one else should read. */
const SECRET = /"(access_token|refresh_token|client_secret|registration_access_token|id_token)":"([^"]+)"/g;

/** The demo's servers with accounts, in this process: with tokens that are over in no time, and a door to slam. */
export class AccountsPeer {
  readonly origin: string;
  /** Every token, client secret and code it has given out. */
  readonly secrets = new Set<string>();
  /** Token requests it has heard. */
  tokenRequests = 0;
  private readonly server: Server;
  private isDown = false;

  private constructor(origin: string, server: Server) {
    this.origin = origin;
    this.server = server;
    const [answer] = server.listeners('request') as ((
      request: IncomingMessage,
      response: ServerResponse,
    ) => void)[];
    server.removeAllListeners('request');
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      if (request.url === '/token') this.tokenRequests++;
      if (this.isDown && !request.url?.endsWith('/mcp')) return request.socket.destroy();
      this.overhear(response);
      answer?.(request, response);
    });
  }

  /** @param tokenLife of its access tokens, seconds */
  static async start(tokenLife: number): Promise<AccountsPeer> {
    const port = await freePort();
    const origin = `http://127.0.0.1:${port}`;
    const server = accountsServer(origin, tokenLife).listen(port, '127.0.0.1');
    await once(server, 'listening');
    return new AccountsPeer(origin, server);
  }

  /** From now on its authorization server dies on everybody who asks it something, once it has heard what. */
  killAuthorizationServer(): void {
    this.isDown = true;
  }

  bringBack(): void {
    this.isDown = false;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private overhear(response: ServerResponse): void {
    const end = response.end.bind(response);
    response.end = ((body?: unknown, ...rest: []) => {
      for (const [, , secret = ''] of String(body ?? '').matchAll(SECRET)) this.secrets.add(secret);
      const location = String(response.getHeader('location') ?? '');
      const code = URL.canParse(location) ? new URL(location).searchParams.get('code') : null;
      if (code) this.secrets.add(code);
      return end(body, ...rest);
    }) as typeof response.end;
  }
}
