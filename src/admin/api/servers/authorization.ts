import { type Context, Hono } from 'hono';
import type * as z from 'zod/mini';
import { authorizationOf, isPersonal } from '../../../accounts/auth/index';
import { type Authorization, beginAuthorization, deleteTakenUp } from '../../../accounts/authorization';
import { findCredentialOf, statusAt } from '../../../accounts/credentials';
import { audit } from '../../../audit';
import { type App, forgetDeployment } from '../../../config';
import { knownProvider, registerAnew } from '../../../providers/provider';
import { ProviderProblem } from '../../../providers/provider-problem';
import { introductionOf } from '../../../providers/registration';
import { findServer } from '../../../servers/find';
import type { OAuthConfig } from '../../../servers/oauth-config';
import { findOAuthConfig, findOAuthConfigOf, recordStatus } from '../../../servers/oauth-config-store';
import type { Server } from '../../../servers/server';
import { raiseCredentialGeneration } from '../../../servers/store';
import { rfc3339 } from '../answer';
import type { OAuthFlowInitiation, Reregistration } from '../answers/authorization';
import { ApiError, refusal, unknown } from '../error';
import { shownServer } from './shown';

/** What administrators do at the providers of servers that have one (CONTRACT §8). */
export const serverAuthorization = new Hono<App>()
  .post('/client/:id/initiate-verification', async (c) => {
    const { server } = await withConfig(c);
    if (!server.isVerified) return c.json(await initiate(c, server));
    throw refusal('already_verified', { server: server.name });
  })

  .post('/client/:id/reauthorize', async (c) => {
    const { server } = await withConfig(c);
    if (!server.isVerified) throw refusal('never_authorized', { server: server.name });
    if (isPersonal(server) && (await isHealthy(c.env.DB, server))) {
      throw refusal('healthy_account', { server: server.name });
    }
    return c.json(await initiate(c, server));
  })

  .post('/client/:id/reregister', async (c) => {
    const { server, config } = await withConfig(c);
    const { registered, previous } = await registerAgain(c, server, config);
    const initiation = await initiate(c, await serverAt(c.env.DB, server.id));
    const answer: z.infer<typeof Reregistration> = {
      ...initiation,
      message: `The gateway has registered again; every account connected there has to be connected again. ${initiation.message}`,
      registered_client_id: registered,
      previous_client_id: previous,
    };
    return c.json(answer);
  })

  .post('/client/:id/complete-oauth', async (c) => {
    const config = await findOAuthConfig(c.env.DB, c.req.param('id'));
    const server = config && (await findServer(c.env.DB, config.serverId));
    if (!config || !server) throw unknown('oauth_config');
    const { status } = await standingOf(c.env.DB, config, server);
    if (status === 'pending') throw refusal('unfinished_authorization');
    if (status !== 'authorized') {
      throw refusal('ended_authorization', { status, error: config.error ?? 'Begin it again.' });
    }
    if (!(await deleteTakenUp(c.env.DB, server.id))) {
      throw refusal('nothing_to_complete', { server: server.name });
    }
    const message = `The server ${server.name} is authorized.`;
    return c.json({ message, client: await shownServer(c, server) });
  });

/** Our own origin, which providers and links send people to. @throws ApiError while it is not set */
export function ourIssuer(c: Context<App>): string {
  if (c.var.issuer) return c.var.issuer;
  throw refusal('no_issuer');
}

/** @throws ApiError 404 when there is none. */
export async function serverAt(db: D1Database, id: string): Promise<Server> {
  const server = await findServer(db, id);
  if (!server) throw unknown('server');
  return server;
}

/** The server in the path, and how we are an OAuth client for it. @throws ApiError 404, 400 when it needs no such thing. */
async function withConfig(c: Context<App>): Promise<{ server: Server; config: OAuthConfig }> {
  const server = await serverAt(c.env.DB, c.req.param('id') ?? '');
  const config = await findOAuthConfigOf(c.env.DB, server.id);
  if (config) return { server, config };
  throw refusal('nothing_to_authorize', { server: server.name, auth_type: server.authType });
}

/** True when the gateway has registered itself at a provider, and may do so again. */
export function isRegistered({ client, configured }: OAuthConfig): boolean {
  return !configured.client_id && client?.from === 'registration';
}

/**
 * Registers again at a server's provider: every account connected there has to be connected again.
 * @returns the ids of both clients. @throws ApiError when there is no registration, or it cannot be made
 */
export async function registerAgain(
  c: Context<App>,
  server: Server,
  config: OAuthConfig,
): Promise<{ registered: string; previous: string }> {
  const { client } = config;
  if (!client || !isRegistered(config)) throw refusal('no_registration', { server: server.name });
  const introduction = introductionOf(c.var.settings, ourIssuer(c));
  const provider = await registerAnew(c.env, introduction, server, client.clientId).catch(asRefusal);
  await raiseCredentialGeneration(c.env.DB, server.id);
  forgetDeployment();
  audit(c, { act: 'server.registered_again', server: server.id });
  return { registered: provider.client.clientId, previous: client.clientId };
}

/** Who is sent to a provider, and comes back to where: a browser of this gateway, or the person the API's caller sends. */
type Sent = Pick<Authorization, 'browserHash' | 'returnTo'>;
const BY_CALLER: Sent = { browserHash: null, returnTo: '/' };

/**
 * Begins the gateway's own authorization at a server: nothing is different until someone finishes it.
 * @throws ApiError when no one can be sent to its provider
 */
export async function begin(
  c: Context<App>,
  server: Server,
  sent: Sent,
): Promise<Awaited<ReturnType<typeof beginAuthorization>>> {
  const wanted = { server, owner: 'gateway', generation: 0, grantId: null, ...sent } as const;
  const begun = await beginAuthorization(c.env, c.var.settings, ourIssuer(c), wanted).catch(asRefusal);
  const now = Math.floor(Date.now() / 1000);
  const flow = { status: 'pending', flowExpiresAt: begun.expiresAt } as const;
  await recordStatus(c.env.DB, server.oauthConfigId ?? '', flow, now);
  audit(c, { act: 'server.authorization_begun', server: server.id });
  return begun;
}

/** {@link begin}, as the API answers it. */
export async function initiate(
  c: Context<App>,
  server: Server,
): Promise<z.infer<typeof OAuthFlowInitiation>> {
  const begun = await begin(c, server, BY_CALLER);
  const id = server.oauthConfigId ?? '';
  const provider = await knownProvider(c.env, server);
  const elsewhere = provider?.tokenHost
    ? ` Tokens come from ${provider.tokenHost}, which is not the host of its provider: go on if you know it.`
    : '';
  const statusUrl = `/api/oauth/config/${id}/status`;
  const completeUrl = `/api/mcp/client/${id}/complete-oauth`;
  return {
    status: 'pending_oauth',
    message: `Authorize the server ${server.name} at authorize_url within 15 minutes.${elsewhere}`,
    oauth_config_id: id,
    authorize_url: begun.destination.url,
    expires_at: rfc3339(begun.expiresAt),
    mcp_client_id: server.id,
    complete_url: completeUrl,
    status_url: statusUrl,
    next_steps: [
      `1. Open authorize_url in a browser and allow the gateway: ${whoseOf(server)}.`,
      '2. On the page it ends at, sign in as an administrator and keep the account; after 15 minutes it is revoked.',
      `3. GET ${statusUrl} until the status is authorized.`,
      `4. POST ${completeUrl} to get the server with its tools.`,
    ],
  };
}

/** Whose account the administrator connects, within a sentence. */
function whoseOf(server: Server): string {
  const authorization = authorizationOf(server);
  return authorization?.by === 'provider' ? authorization.words.api : '';
}

/** Turns what keeps people from being sent to a provider into a refusal. */
function asRefusal(error: unknown): never {
  if (!(error instanceof ProviderProblem)) throw error;
  const { type, stated, tried } = error;
  throw new ApiError({
    type: type === 'unavailable' ? 'temporarily_unavailable' : type,
    reason: 'provider_problem',
    params: { problem: stated, tried },
    field: '',
  });
}

/** Whether the account the gateway asks a server with serves. */
export async function isHealthy(db: D1Database, server: Server): Promise<boolean> {
  const credential = await findCredentialOf(db, 'gateway', server.id);
  return credential !== null && statusAt(credential, server) === 'active';
}

/** How far the administrator's authorization is. One that was begun again and not finished leaves what there was. */
export async function standingOf(db: D1Database, config: OAuthConfig, server: Server) {
  const credential = await findCredentialOf(db, 'gateway', server.id);
  const isOver = config.status === 'pending' && (config.flowExpiresAt ?? 0) <= Date.now() / 1000;
  const left = credential ? 'authorized' : 'expired';
  return { status: isOver ? left : config.status, credential } as const;
}
