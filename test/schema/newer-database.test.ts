import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import { newest, upgrade } from '../../src/schema/upgrade';
import { gate, read } from '../support/gate';

it('refuses a database that newer code has changed, in the form each caller reads (CONTRACT §8)', async () => {
  await upgrade(env.DB);
  await env.DB.prepare("INSERT INTO schema_step VALUES (9999, 'from_the_future', 0)").run();
  const words = `The database has schema 9999, and this version of the gateway knows schemas up to ${newest()}.`;

  const machine = await read(await gate('/api/config'));
  const person = await gate('/admin', { headers: { accept: 'text/html' } });

  expect(machine).toMatchObject({
    status: 500,
    body: { error: { type: 'newer_database', message: expect.stringContaining(words) } },
  });
  expect(person.status).toBe(500);
  expect(await person.text()).toContain(words);
});
