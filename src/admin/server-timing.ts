import { createMiddleware } from 'hono/factory';
import type { App } from '../config';
import { whileTimed } from '../invocation';
import { Timing } from '../timing';

/**
 * Tells administrators how long their request took, and what of it D1 and servers. No one else: times tell what is stored, and
 * what was compared. Whether it is an administrator's is known behind, so every request here is timed.
 */
export const serverTiming = createMiddleware<App>(async (c, next) => {
  const timing = new Timing();
  c.env = { ...c.env, DB: timing.database(c.env.DB) };
  await whileTimed(timing, next);
  if (c.var.isAdministrators) c.header('server-timing', timing.toString());
});
