import { Hono } from 'hono';
import type * as z from 'zod/mini';
import { version } from '../../../package.json';
import { type App, withSettings } from '../../config';
import { keyRing } from '../../crypto/signing-keys';
import { ask } from '../../database';
import { closing } from '../../effective-settings';
import { type MissingSecret, missingProviderSecret, missingSecrets } from '../../missing-secrets';
import { schemaOf } from '../../schema/upgrade';
import { serversQuestion } from '../../servers/find';
import { stateOf } from '../../servers/server';
import { isAdministrators } from './administrator';
import type { Health } from './answers/health';
import { ApiError } from './error';
import { unreadableQuestion } from './sealed-values';

/**
 * Whether this deployment works: `unconfigured` while it lacks a secret, or a setting that apps need cannot be read, `degraded`
 * while storage does not answer, else `ok`. Administrators also learn which part it is.
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
    const isClosed = secret !== null || closing(c.var.refusedSettings) !== null;
    if (!(await isAdministrators(c))) {
      return c.json({ status: isClosed ? 'unconfigured' : 'ok', ...facts, ...lacks }, isClosed ? 503 : 200);
    }
    const refused_settings = [...c.var.refusedSettings];
    const [database, kv] = await Promise.all([
      databaseFacts(c.env),
      c.env.KV.get('health').then(ok, failing),
    ]);
    const works = database.d1 === 'ok' && kv === 'ok';
    const status = isClosed ? 'unconfigured' : works ? 'ok' : 'degraded';
    const health: z.infer<typeof Health> = {
      ...{ status, ...facts, ...lacks, kv, ...database },
      ...(refused_settings.length ? { refused_settings } : {}),
    };
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
