import { Hono } from 'hono';
import * as z from 'zod';
import { version } from '../../../package.json';
import { type App, withSettings } from '../../config';
import { keyRing } from '../../crypto/signing-keys';
import { ask } from '../../database';
import { type MissingSecret, missingProviderSecret, missingSecrets } from '../../missing-secrets';
import { schemaOf } from '../../schema/upgrade';
import { serversQuestion } from '../../servers/find';
import { stateOf } from '../../servers/server';
import { isAdministrators } from './administrator';
import { ApiError } from './error';
import { Unreadable, unreadableQuestion } from './sealed-values';

const Works = z.enum(['ok', 'failing']);

/** What `/health` answers. All but `status`, `version` and `deployment` is for administrators, or says what is missing. */
export const Health = z.object({
  status: z.enum(['ok', 'degraded', 'unconfigured']),
  version: z.string(),
  deployment: z
    .string()
    .optional()
    .describe('Random id of this deployment, made once; absent while a secret is missing'),
  missing: z.array(z.object({ secret: z.string(), command: z.string() })).optional(),
  kv: Works.optional(),
  d1: Works.optional(),
  schema: z.int().optional().describe('Number of the last schema step the database has'),
  signing_keys: z.object({ count: z.int(), active_kid: z.string().nullable() }).optional(),
  unreadable: z
    .array(Unreadable)
    .optional()
    .describe('Stored values that no entry of `ENCRYPTION_KEY` opens; absent: all of them open'),
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
    const missing = missingSecrets(c.env).map(shownSecret);
    if (missing.length) return c.json({ status: 'unconfigured', version, missing }, 503);
    await next();
  })
  .use(withSettings)
  .get('/', async (c) => {
    const secret = missingProviderSecret(c.var.settings);
    const facts = { version, deployment: c.var.deploymentId };
    const lacks = secret ? { missing: [shownSecret(secret)] } : {};
    if (!(await isAdministrators(c))) {
      return c.json({ status: secret ? 'unconfigured' : 'ok', ...facts, ...lacks }, secret ? 503 : 200);
    }
    const [database, kv] = await Promise.all([
      databaseFacts(c.env),
      c.env.KV.get('health').then(ok, failing),
    ]);
    const works = database.d1 === 'ok' && kv === 'ok';
    const status = secret ? 'unconfigured' : works ? 'ok' : 'degraded';
    const health: Health = { status, ...facts, ...lacks, kv, ...database };
    return c.json(health, status === 'ok' ? 200 : 503);
  })
  .onError((error) => {
    if (error instanceof ApiError) return error.toResponse();
    throw error;
  });

function shownSecret({ name, command }: MissingSecret) {
  return { secret: name, command };
}

const ok = () => 'ok' as const;
const failing = () => 'failing' as const;

/** Whether D1 answers, and what it knows of our signing keys, the servers, and values that do not open. */
async function databaseFacts({ DB, ENCRYPTION_KEY }: App['Bindings']) {
  try {
    const everyServer = { search: '', limit: 500, offset: 0 };
    const [schema, { count, activeKid }, [{ servers }, unopened]] = await Promise.all([
      schemaOf(DB),
      keyRing(DB, ENCRYPTION_KEY),
      ask(DB, serversQuestion(DB, everyServer), unreadableQuestion(DB, ENCRYPTION_KEY)),
    ]);
    const unreadable = await unopened;
    return {
      d1: ok(),
      ...(schema === null ? {} : { schema }),
      signing_keys: { count, active_kid: activeKid },
      ...(unreadable.length ? { unreadable } : {}),
      servers: servers.map((server) => ({ id: server.id, name: server.name, state: stateOf(server) })),
    };
  } catch {
    return { d1: failing() };
  }
}
