import { Server } from 'node:net';

/**
 * Loaded before the demo server, which would listen on every interface: keeps it on loopback. It has a tool that prints
 * its environment and answers any origin, so no one else on the network should reach it.
 */
const { listen } = Server.prototype;
Server.prototype.listen = function (this: Server, port: string, ready: () => void) {
  return listen.call(this, { port: Number(port), host: '127.0.0.1' }, ready);
} as typeof listen;
