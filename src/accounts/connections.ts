import type { Env } from '../config';
import { retrying } from '../protocol/patience';
import type { Server } from '../servers/server';
import type { ConnectionActs, CredentialOwner, CredentialTerms } from './credential';

/** Stands for a server where the tokens of people's sign-ins are kept. */
export const SIGN_IN = 'sign-in';

/** The object that holds the credential of `owner` at a server. */
export function connectionOf(env: Env, owner: CredentialOwner, serverId: string): ConnectionActs {
  const namespace = env.CONNECTIONS;
  const id = namespace.idFromName(`${serverId} ${owner}`);
  return namespace.get(id);
}

/** What a credential of `owner` at the server must agree with, as the server is now. @param issuer ours */
export function termsAt(server: Server, owner: CredentialOwner, issuer: string | null): CredentialTerms {
  return {
    serverId: server.id,
    owner,
    origin: new URL(server.connectionString).origin,
    generation: server.credentialGeneration,
    headerKeys: server.perUserHeaderKeys.length ? server.perUserHeaderKeys : null,
    issuer,
  };
}

/** Asks an object something it may be asked again, while it moves or restarts (SECURITY 23). */
export async function askConnection<T>(
  env: Env,
  { owner, serverId }: Pick<CredentialTerms, 'owner' | 'serverId'>,
  ask: (connection: ConnectionActs) => Promise<T>,
): Promise<T> {
  return retrying(() => ask(connectionOf(env, owner, serverId))); // each time: a stub whose object failed stays broken
}
