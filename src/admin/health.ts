import { Hono } from 'hono';
import * as z from 'zod';
import { version } from '../../package.json';
import { type App, missingProviderSecret, missingSecrets, withSettings } from '../config';
import { keyRing } from '../crypto/signing-keys';
import { schemaOf } from '../schema/upgrade';
import { stateOf } from '../upstreams/server';
import { listServers } from '../upstreams/store';
import { isAdministrators } from './administrator';

const Works = z.enum(['ok', 'failing']);

/** What `/health` answers. All but `status` and `version` is for administrators, or says what is missing. */
export const Health = z.object({
  status: z.enum(['ok', 'degraded', 'unconfigured']),
  version: z.string(),
  missing: z.array(z.object({ secret: z.string(), command: z.string() })).optional(),
  kv: Works.optional(),
  d1: Works.optional(),
  schema: z.int().optional().describe('Number of the last schema step the database has'),
  signing_keys: z.object({ count: z.int(), active_kid: z.string().nullable() }).optional(),
  servers: z.array(z.object({ id: z.string(), name: z.string(), state: z.string() })).optional(),
});
type Health = z.infer<typeof Health>;

/**
 * Whether this deployment works: `unconfigured` while a secret is missing, `degraded` while storage does not answer, else
 * `ok`. Administrators also learn which part it is.
 */
export const health = new Hono<App>()
  .use(async (c, next) => {
    c.header('cache-control', 'no-store');
    const missing = missingSecrets(c.env).map(({ name, command }) => ({ secret: name, command }));
    if (missing.length) return c.json({ status: 'unconfigured', version, missing }, 503);
    await next();
  })
  .use(withSettings)
  .get('/', async (c) => {
    const missing = missingProviderSecret(c.var.settings);
    if (missing) {
      const { name: secret, command } = missing;
      return c.json({ status: 'unconfigured', version, missing: [{ secret, command }] }, 503);
    }
    if (!(await isAdministrators(c))) return c.json({ status: 'ok', version });
    const [database, kv] = await Promise.all([
      databaseFacts(c.env.DB),
      c.env.KV.get('health').then(ok, failing),
    ]);
    const status = database.d1 === 'ok' && kv === 'ok' ? 'ok' : 'degraded';
    return c.json({ status, version, kv, ...database } satisfies Health, status === 'ok' ? 200 : 503);
  });

const ok = () => 'ok' as const;
const failing = () => 'failing' as const;

/** Whether D1 answers, and what it knows of our signing keys and the servers. */
async function databaseFacts(db: D1Database) {
  try {
    const everyServer = { search: '', limit: 500, offset: 0 };
    const [schema, { count, activeKid }, { servers }] = await Promise.all([
      schemaOf(db),
      keyRing(db),
      listServers(db, everyServer),
    ]);
    return {
      d1: ok(),
      ...(schema === null ? {} : { schema }),
      signing_keys: { count, active_kid: activeKid },
      servers: servers.map((server) => ({ id: server.id, name: server.name, state: stateOf(server) })),
    };
  } catch {
    return { d1: failing() };
  }
}
