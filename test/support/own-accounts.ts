import type { AuthorizationServer } from './authorization-server';
import { authorizeAs } from './connected';
import { administer } from './gate';
import { Upstream } from './upstream';

/** A server where everyone has their own account with `provider`, authorized by an administrator. */
export async function accountServer(
  provider: AuthorizationServer,
  behaviour: Record<string, unknown> & { registration?: Record<string, unknown> } = {},
): Promise<Upstream> {
  const { registration, ...rest } = behaviour;
  const upstream = await Upstream.start(['whoami'], {
    demands: { issuer: provider.issuer, scope: 'read' },
    ...rest,
    registration: { auth_type: 'per_user_oauth', ...registration },
  });
  await authorize(provider, upstream);
  return upstream;
}

/** An administrator authorizes a server. @returns the page they see in the end */
export async function authorize(provider: AuthorizationServer, { id }: Upstream): Promise<Response> {
  const path = `/mcp/client/${id}/initiate-verification`;
  const { authorize_url } = await administer<{ authorize_url: string }>('POST', path);
  return authorizeAs(provider, { authorize_url }, 'the administrator');
}

/** A server where everyone enters a header value of their own; it refuses those that begin with `wrong`. */
export async function headerServer(
  registration: Record<string, unknown> = {},
  keys: string[] = ['x-key'],
): Promise<Upstream> {
  const user_headers = Object.fromEntries(keys.map((name) => [name, "the administrator's"]));
  return Upstream.start(['whoami'], {
    demandsHeaders: keys,
    registration: {
      auth_type: 'per_user_headers',
      per_user_header_keys: keys,
      user_headers,
      ...registration,
    },
  });
}
