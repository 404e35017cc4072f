import { Hono } from 'hono';
import { auditRefusal, codeOf } from '../audit';
import type { App } from '../config';
import { administrator } from './administrator';
import { auditTrail } from './audit';
import { config } from './config';
import { ApiError } from './error';
import { grants } from './grants';
import { servers } from './servers';
import { sessions } from './sessions';
import { virtualKeys } from './virtual-keys';

/** The management API (CONTRACT §8). Everything below `administrator` is for administrators, unknown paths too. */
export const api = new Hono<App>()
  .use(async (c, next) => {
    await next();
    c.header('cache-control', 'no-store');
  })
  .all('/oauth/per-user/*', (c) => c.notFound()) // OAuth's paths, mounted by app.ts; what is left of them is its 404
  .route('/mcp/session', sessions)
  .use(administrator)
  .route('/config', config)
  .route('/mcp', servers)
  .route('/governance/virtual-keys', virtualKeys)
  .route('/oauth2/sessions', grants)
  .route('/audit', auditTrail)
  .all('/*', () => {
    throw new ApiError('not_found', 'There is nothing at this path of the management API.');
  })
  .onError((error, c) => {
    if (!(error instanceof ApiError)) throw error;
    if (error.type !== 'unauthorized') return error.toResponse();
    auditRefusal(c, 401, error.type);
    return error.toResponse(codeOf(c));
  });
