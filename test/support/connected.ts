import { env } from 'cloudflare:workers';
import { connectionOf, termsAt } from '../../src/accounts/connections';
import type { CredentialOwner } from '../../src/accounts/credential';
import { findServer } from '../../src/servers/find';
import type { AuthorizationServer } from './authorization-server';
import { Browser } from './browser';
import { admin, gate, ISSUER } from './gate';

/** An authorization by an administrator, as the API answers it. */
export type Initiation = {
  status: string | number;
  message: string;
  oauth_config_id: string;
  authorize_url: string;
  expires_at: string;
  mcp_client_id: string;
  complete_url: string;
  status_url: string;
  next_steps: string[];
};

/** `user` allows the gateway where an administrator was sent, and comes back; what their browser reads then. */
export async function authorizeAs(
  provider: AuthorizationServer,
  { authorize_url }: Pick<Initiation, 'authorize_url'>,
  user = 'root',
): Promise<Response> {
  return confirmed(await gate((await provider.answer(authorize_url, user)).href));
}

/** An administrator keeps the account that waits where `answered` leads; what they read then. Anything else stays as it is. */
export async function confirmed(answered: Response): Promise<Response> {
  const location = answered.headers.get('location');
  if (!location?.includes('/authorizations/')) return answered;
  await answered.body?.cancel();
  const browser = await Browser.administrator();
  const page = await browser.open(location);
  const end = page && (await browser.submit(page, { decision: 'allow' }));
  return new Response(end?.html ?? '', { status: end?.status ?? 500 });
}

/** Begins the authorization of a server, first or again, as an administrator. */
export async function beginAuthorizing(id: string, how = 'initiate-verification'): Promise<Initiation> {
  return admin<Initiation>('POST', `/mcp/client/${id}/${how}`);
}

/** Keeps header values as `owner`'s at a server, as a form of theirs does. */
export async function enterHeaders(
  serverId: string,
  owner: CredentialOwner,
  values: Record<string, string>,
): Promise<void> {
  const server = await findServer(env.DB, serverId);
  if (!server) throw new Error(`there is no server ${serverId}`);
  const saved = await connectionOf(env, owner, serverId).saveHeaders(termsAt(server, owner, ISSUER), values);
  if (!saved.ok) throw new Error(`there is no value for ${saved.missing.join(', ')}`);
}
