import { allowsLoopback, type Env } from '../config';
import { refusedTarget } from '../protocol/public-url';
import { authTypes } from './auth/index';
import { failures } from './failure';
import type { Server } from './server';

/** A server as one caller speaks to it. */
export type Peer = {
  server: Server;
  /** What authenticates us to it. */
  credentials: Headers;
  /** Who may share its sessions, whole: never two callers. Null: nobody, not even the next request. */
  owner: string | null;
};

/**
 * The server as `owner` may speak to it.
 * @throws UpstreamFailure when its credentials do not serve or its address is not one to be asked.
 */
export async function connect(env: Env, server: Server, owner: string | null): Promise<Peer> {
  const refusal = refusedTarget(server.connectionString, allowsLoopback(env));
  if (refusal) throw failures.refused(server.name, `its address ${refusal}`);

  const credentials = await authTypes.get(server.authType)?.headers({
    serverId: server.id,
    origin: new URL(server.connectionString).origin,
    sealedHeaders: server.sealedHeaders,
    keys: env.ENCRYPTION_KEY,
    variables: env as unknown as Record<string, unknown>,
  });
  if (!credentials) throw failures.refused(server.name, `its auth_type ${server.authType} is not known`);
  if (!(credentials instanceof Headers)) throw failures.refused(server.name, credentials.refused);
  return { server, credentials, owner };
}
