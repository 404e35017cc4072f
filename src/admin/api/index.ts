import { Hono } from 'hono';
import { logRefusal } from '../../audit';
import type { App } from '../../config';
import { openapi } from '../openapi/index';
import { administrator } from './administrator';
import { auditTrail } from './audit';
import { clients } from './clients';
import { config } from './config';
import { connectedAccounts } from './connected-accounts';
import { encryption } from './encryption';
import { ApiError, noteRefusal, refusal } from './error';
import { grants } from './grants';
import { quota } from './quota';
import { servers } from './servers';
import { serverAuthorization } from './servers/authorization';
import { serverCheck } from './servers/check';
import { oauthConfigs } from './servers/oauth-configs';
import { presets } from './servers/presets';
import { session } from './session';
import { sessions } from './sessions';
import { signingKeys } from './signing-keys';
import { users } from './users';
import { virtualKeys } from './virtual-keys';
import { virtualMcps } from './virtual-mcps';

/** The management API (CONTRACT §8). Everything below `administrator` is for administrators, unknown paths too. */
export const api = new Hono<App>()
  .route('/', openapi) // before what keeps answers from being cached
  .use(async (c, next) => {
    await next();
    c.header('cache-control', 'no-store');
  })
  .all('/oauth/per-user/*', (c) => c.notFound()) // OAuth's paths, mounted by app.ts; what is left of them is its 404
  .route('/session', session)
  .route('/mcp/session', sessions)
  .route('/mcp/sessions', connectedAccounts)
  .route('/governance/virtual-keys/quota', quota)
  .use(administrator)
  .route('/config', config)
  .route('/mcp/virtual-mcps', virtualMcps)
  .route('/mcp/presets', presets)
  .route('/mcp', serverCheck)
  .route('/mcp', servers)
  .route('/mcp', serverAuthorization)
  .route('/oauth/config', oauthConfigs)
  .route('/governance/virtual-keys', virtualKeys)
  .route('/oauth2/sessions', grants)
  .route('/users', users)
  .route('/oauth2/clients', clients)
  .route('/oauth2/keys', signingKeys)
  .route('/encryption', encryption)
  .route('/audit', auditTrail)
  .all('/*', () => {
    throw refusal('nothing_here');
  })
  .onError((error, c) => {
    if (!(error instanceof ApiError)) throw error;
    noteRefusal(c.req.raw, error);
    if (error.type !== 'unauthorized') return error.toResponse();
    return error.toResponse(logRefusal(c, 401, error.type));
  });
