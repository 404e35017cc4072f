import { Hono } from 'hono';
import type * as z from 'zod/mini';
import { deleteAuthorizations } from '../../../accounts/authorization';
import { endCredentialsAt } from '../../../accounts/removal';
import { audit } from '../../../audit';
import { type App, forgetDeployment } from '../../../config';
import { findOAuthConfig, recordStatus } from '../../../servers/oauth-config-store';
import { raiseCredentialGeneration } from '../../../servers/store';
import { rfc3339 } from '../answer';
import type { OAuthConfigStatus } from '../answers/oauth-config-status';
import { unknown } from '../error';
import { serverAt, standingOf } from './authorization';

/** How the gateway is an OAuth client of servers' providers: how far, and its end. */
export const oauthConfigs = new Hono<App>()
  .get('/:id/status', async (c) => {
    const config = await findOAuthConfig(c.env.DB, c.req.param('id'));
    if (!config) throw unknown('oauth_config');
    const { status, credential } = await standingOf(
      c.env.DB,
      config,
      await serverAt(c.env.DB, config.serverId),
    );
    const answer: z.infer<typeof OAuthConfigStatus> = {
      id: config.id,
      status,
      created_at: rfc3339(config.createdAt),
      ...(status === 'failed' && config.error !== null && { error: config.error }),
      ...(status === 'pending' &&
        config.flowExpiresAt !== null && { expires_at: rfc3339(config.flowExpiresAt) }),
      ...(status === 'authorized' &&
        credential && {
          token_id: credential.id,
          ...(credential.expiresAt !== null && { token_expires_at: rfc3339(credential.expiresAt) }),
          ...(credential.scopes && { token_scopes: credential.scopes }),
        }),
    };
    return c.json(answer);
  })

  .delete('/:id', async (c) => {
    const config = await findOAuthConfig(c.env.DB, c.req.param('id'));
    if (!config) throw unknown('oauth_config');
    const { id, serverId } = config;
    await recordStatus(c.env.DB, id, { status: 'revoked' }, Math.floor(Date.now() / 1000));
    await raiseCredentialGeneration(c.env.DB, serverId);
    forgetDeployment();
    await deleteAuthorizations(c.env.DB, { serverId }).run();
    await endCredentialsAt(c.env, serverId);
    audit(c, { act: 'server.authorization_revoked', server: serverId });
    return c.json({
      message: 'The authorization was revoked, and every account connected with it has ended.',
    });
  });
