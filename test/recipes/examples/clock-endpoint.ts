import { Hono } from 'hono';
import type { App } from '../../../src/config';

/** An endpoint that tells the time, and fails where it is asked to. */
export const clock = new Hono<App>()
  .get('/', (c) => c.json({ now: '2026-01-01T00:00:00Z', at: c.var.settings.display_name }))
  .get('/broken', () => {
    throw new Error('the clock has stopped');
  });
