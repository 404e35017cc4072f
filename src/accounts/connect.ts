import { allowsLoopback, type Env } from '../config';
import type { JsonObject } from '../protocol/mcp';
import { Recent } from '../protocol/memory';
import { type AddressFault, targetFault } from '../protocol/public-url';
import { failures } from '../servers/failure';
import type { Address, Server } from '../servers/server';
import type { Settings } from '../settings';
import type { ServerCredentials } from './auth/auth';
import { authTypes } from './auth/index';
import type { CredentialOwner } from './credential';

/** Whose requests share sessions at servers: those of one client session, which an object keeps (PROTOCOL §1). */
export type Sharer = {
  /** Of subject, issuer and client session. */
  name: string;
  objects: Env['SESSIONS'];
  /** Whose credentials they are, and our issuer. */
  owner: CredentialOwner | null;
  issuer: string;
  /** Names the SubjectObject it counts with; and the grant or key it came by. */
  subject: string;
  via: string | null;
  /** What its client declared that servers may hear. */
  capabilities: JsonObject;
  /** Names the one call that its sessions are for; null: they are for every request of its client. */
  oneCall: string | null;
};

/** Who wants to speak to a server. */
export type Asker = {
  /** Whose credential serves where everyone has their own. Null: someone who cannot have one. */
  owner: CredentialOwner | null;
  /** Null: no request shares its session with another. */
  sharer: Sharer | null;
};

/** The gateway, when it asks for itself. */
export const OURSELVES: Asker = { owner: 'gateway', sharer: null };

/** A server as one asker speaks to it, `owner` being theirs. `credentials` change when the server refuses them and others take their place. */
export type Peer = { server: Address; credentials: ServerCredentials } & Asker;

/**
 * The server as `asker` may speak to it.
 * @param issuer ours; null while it is not set
 * @throws UpstreamFailure when its credentials do not serve or its address is not one to be asked; CredentialNeeded when the
 * asker has to connect an account first.
 */
export async function connect(
  env: Env,
  settings: Settings,
  issuer: string | null,
  server: Server,
  { owner, sharer }: Asker,
): Promise<Peer> {
  const refused = faultOf(server.connectionString, allowsLoopback(env));
  if (refused) throw failures.badAddress(server.name, refused);

  const type = authTypes.get(server.authType);
  if (!type) throw failures.refused(server.name, 'unknown_auth_type', { auth_type: server.authType });
  const credentials = await type.credentials({ env, settings, issuer, server, owner });
  return { server, credentials, owner, sharer };
}

/** Addresses that were found good, as they are: of each call its own is asked for. */
const good = new Recent(2_000);

function faultOf(address: string, allowLoopback: boolean): AddressFault | null {
  const key = `${allowLoopback} ${address}`;
  if (good.has(key)) return null;
  const fault = targetFault(address, allowLoopback);
  if (fault === null) good.add(key);
  return fault;
}
