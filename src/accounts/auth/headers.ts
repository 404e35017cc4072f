import { only, staticHeaders } from '../../servers/auth-settings';
import { failures } from '../../servers/failure';
import { openHeaders } from '../../servers/sealed-headers';
import { readSecret, variableOf } from '../../servers/secret-value';
import type { Connection, ServerCredentials, UpstreamAuth } from './auth';

/** The administrator's header values, as they are sent. @throws UpstreamFailure when one cannot be read. */
export async function staticCredentials({ env, server }: Connection): Promise<ServerCredentials> {
  const { id: serverId, connectionString, sealedHeaders } = server;
  const { origin } = new URL(connectionString);
  const values = await openHeaders({ keys: env.ENCRYPTION_KEY, serverId, origin, sealedHeaders });
  if (!values) throw failures.refused(server.name, 'values_lost', {});
  const headers = new Headers();
  for (const [name, value] of Object.entries(values)) {
    const read = readSecret(value, env as unknown as Record<string, unknown>);
    if (read === null) {
      const variable = variableOf(value) ?? '';
      throw failures.refused(server.name, 'no_variable', { variable, header: name });
    }
    headers.set(name, read);
  }
  return { headers, version: sealedHeaders?.slice(-22) ?? '', refused: null }; // the end of a seal is its tag
}

/** Header values an administrator keeps, sent to the server with every request. */
export const headers: UpstreamAuth = {
  settings: (basis) => only({ headers: staticHeaders(basis) }),
  own: null,
  authorization: null,
  words: {
    label: 'Header or API key',
    says: 'the same for everyone',
    api: 'the administrator, with header values',
  },
  suits: 'credentials',
  isProposed: true,
  credentials: staticCredentials,
};
