import { createScheduledController } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { vi } from 'vitest';
import worker from '../../src/index';

/** The hourly cron, at the time this test has set. */
export async function cron(bindings = env): Promise<void> {
  const controller = createScheduledController({ scheduledTime: new Date(), cron: '17 * * * *' });
  await worker.scheduled(controller, bindings);
}

/** Lets time pass. The clock must be one of this test's own. */
export function wait(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000);
}
