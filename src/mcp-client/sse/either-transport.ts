import type { Peer } from '../../accounts/connect';
import { UpstreamFailure } from '../../servers/failure';
import type { ConnectionType, Server } from '../../servers/server';
import { noteConnectionType } from '../../servers/store';

/** How a server that takes no messages at its address refuses them. */
const TAKES_NONE = ['not_found', 'rejected', 'not_mcp'];

/**
 * Does the first work at a server, over the transport of 2024-11-05 where it takes no messages at its address. Behind credentials
 * nothing else tells: without them both transports are refused alike (PROTOCOL §7). What is found is stored.
 * @param server never listed yet, or the work is done over the transport it has
 */
export async function overEither<T>(
  db: D1Database,
  server: Server,
  peer: Peer,
  work: (peer: Peer) => Promise<T>,
): Promise<{ value: T; connectionType: ConnectionType }> {
  const { connectionType, listedAt } = server;
  try {
    return { value: await work(peer), connectionType };
  } catch (failure) {
    const mayBeOlder = failure instanceof UpstreamFailure && TAKES_NONE.includes(failure.stated.reason);
    if (!mayBeOlder || connectionType !== 'http' || listedAt !== null) throw failure;
    const older: Peer = { ...peer, server: { ...peer.server, connectionType: 'sse' } };
    try {
      const value = await work(older);
      await noteConnectionType(db, server.id, 'sse');
      return { value, connectionType: 'sse' };
    } catch (error) {
      throw error instanceof UpstreamFailure ? failure : error;
    }
  }
}
