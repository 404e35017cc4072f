import { Hono } from 'hono';
import { type App, withinLimit } from '../../config';
import { newSessionValue } from '../../identity/session';
import { addressOf } from '../../protocol/address';
import { refusal } from './error';

/** Anonymous sessions for callers without OAuth: open to anyone while anonymous use is on (CONTRACT §6). */
export const sessions = new Hono<App>().post('/', async (c) => {
  if (c.var.settings.enforce_auth_on_inference) {
    throw refusal('anonymous_off');
  }
  if (!(await withinLimit(c.env, c.env.AUTHORIZATIONS, `session ${addressOf(c.req.raw)}`)))
    throw refusal('too_many_sessions');
  const id = await newSessionValue(c.env.ENCRYPTION_KEY);
  return c.json({
    message: 'Send the id as x-bf-mcp-session-id with every request to /mcp.',
    session: { id },
  });
});
