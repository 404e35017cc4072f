import { deleteStrayCredentials, noteUnreadable } from './accounts/credentials';
import { sweepConnecting } from './accounts/removal';
import { auditAll, deleteOldAudit, SYSTEM } from './audit';
import { currentSettings, deploymentNow, type Env, signingSetup } from './config';
import { sealersIn } from './crypto/secrets';
import { deleteRetiredKeys, rotateSigningKeyWhenDue } from './crypto/signing-keys';
import { sweepUnallowedClients, sweepUnusedClients } from './governance/clients';
import { deleteOldCounts } from './governance/tool-counts';
import { endOfOtherIssuers } from './grants/end';
import { compareRestored } from './grants/restored';
import { deleteEndedGrants } from './grants/store';
import { endIdle, endUnopened } from './grants/sweeps';
import { sweepSessions } from './identity/signed-in';
import { log } from './log';
import { sweepOnce } from './once';
import { faultFacts } from './protocol/faults/storage';
import { finishRemovals } from './removal/ends';
import { removeExpiredKeys } from './removal/keys';
import { upgrade } from './schema/upgrade';

/** How long the list remembers a grant that has ended. Seconds: 90 days. */
const GRANTS_KEPT = 90 * 86_400;

/**
 * One portion of a thing to see to, at `now` (epoch seconds): a few queries, and at most {@link MOST_IN_PORTION} calls of objects,
 * but where a removal takes more. @returns how many it did; it is asked again until that is 0. Anything else: it was all.
 */
type Sweep = (env: Env, now: number) => Promise<unknown>;

/**
 * What the cron does every hour. Each is repeatable, takes up whatever earlier runs left, and is the only guard of
 * nothing: expiry is checked on read (SECURITY 25).
 */
const SWEEPS: Readonly<Record<string, Sweep>> = {
  'signing_key.rotate': async (env, now) => {
    const { settings } = await deploymentNow(env, 0); // an older one would undo a change of `signing_alg`
    const next = await rotateSigningKeyWhenDue(signingSetup(env, settings), now);
    if (!next) return null;
    await auditAll(env.DB, [{ act: 'signing_key.rotated', kid: next.kid }], SYSTEM).run();
    return next.kid;
  },
  'signing_key.delete_retired': ({ DB }, now) => deleteRetiredKeys(DB, now),
  'removal.finish': (env, now) => finishRemovals(env, now),
  'client.sweep_unallowed': ({ DB }, now) => sweepUnallowedClients(DB, now),
  'client.sweep_unused': async ({ DB }, now) => {
    const clients = await sweepUnusedClients(DB, now);
    const acts = clients.map((client_id) => ({ act: 'client.swept' as const, client_id }));
    if (acts.length) await auditAll(DB, acts, SYSTEM).run();
    return clients.length;
  },
  'virtual_key.delete_expired': (env, now) => removeExpiredKeys(env, now),
  'grant.end_of_other_issuers': async (env, now) => {
    const { issuer_url: issuer } = (await currentSettings(env)).oauth2_server_config;
    return issuer ? endOfOtherIssuers(env.DB, env.GRANTS, issuer, now) : 0; // a loopback's port says nothing about its grants
  },
  'grant.end_unopened': ({ DB, GRANTS }, now) => endUnopened(DB, GRANTS, now),
  'grant.compare_restored': ({ DB, GRANTS }, now) => compareRestored(DB, GRANTS, now),
  'grant.end_idle': async (env, now) => {
    const { refresh_token_ttl: idleTtl } = (await currentSettings(env)).oauth2_server_config;
    return endIdle(env.DB, env.GRANTS, idleTtl, now);
  },
  'grant.delete_ended': ({ DB }, now) => deleteEndedGrants(DB, now - GRANTS_KEPT),
  'connecting.delete_over': ({ DB }, now) => sweepConnecting(DB, now),
  'credential.delete_stray': (env, now) => deleteStrayCredentials(env, now),
  'credential.note_unreadable': async ({ DB, ENCRYPTION_KEY }) =>
    noteUnreadable(DB, await sealersIn(ENCRYPTION_KEY)),
  'browser_session.delete_over': ({ DB }, now) => sweepSessions(DB, now),
  'form_once.delete_over': ({ DB }, now) => sweepOnce(DB, now),
  'audit.delete_old': ({ DB }, now) => deleteOldAudit(DB, now),
  'tool_count.delete_old': ({ DB }, now) => deleteOldCounts(DB, now),
};

/** Calls of D1 and of objects that one invocation makes: it may make a thousand (Workers and D1, Limits). */
const MOST_CALLS = 900;
/** Calls that one portion may make, a removal of many grants aside: while fewer are left, none begins. */
const MOST_IN_PORTION = 220;
/** How long one invocation goes on. It may take 15 minutes. Milliseconds. */
const MOST_TIME = 600_000;

/**
 * Runs every sweep at `now` (epoch seconds) until nothing is left, portion by portion in turns, so that a long one keeps none
 * waiting. What one invocation may not do, the next goes on with, from the sweep whose turn it is. One that fails is logged and keeps
 * none of the others from running.
 */
export async function sweep(env: Env, now: number): Promise<void> {
  await run(env, now, 'database.upgrade', ({ DB }) => upgrade(DB)); // the cron may come before the first request
  const names = Object.keys(SWEEPS);
  const first = await takeTurn(env.DB, names.length);
  const end = Date.now() + MOST_TIME;
  const calls = { made: 0 };
  const counted = counting(env, calls);
  let waiting = [...names.slice(first), ...names.slice(0, first)];
  while (waiting.length) {
    const unfinished: string[] = [];
    for (const name of waiting) {
      if (calls.made + MOST_IN_PORTION > MOST_CALLS || Date.now() > end) {
        await giveTurn(env.DB, names.indexOf(name));
        log('sweep.paused', { sweep: name, calls: calls.made });
        return;
      }
      const did = await run(counted, now, name, SWEEPS[name] as Sweep);
      if (typeof did === 'number' && did > 0) unfinished.push(name);
    }
    waiting = unfinished;
  }
}

/** Runs one portion. @returns what it did; null when it failed. */
async function run(env: Env, now: number, name: string, task: Sweep): Promise<unknown> {
  try {
    const did = await task(env, now);
    log('sweep.done', { sweep: name, result: JSON.stringify(did) });
    return did;
  } catch (error) {
    log('sweep.failed', { sweep: name, ...faultFacts(error) });
    return null;
  }
}

/**
 * The place of the sweep that begins. The next invocation begins with the one behind it, whatever becomes of this one: where the
 * platform ends it early (50 queries on the free plan), each has its turn all the same.
 */
async function takeTurn(db: D1Database, count: number): Promise<number> {
  const turn = db.prepare(
    "INSERT INTO revision (name, n) VALUES ('sweep', 0) ON CONFLICT (name) DO UPDATE SET n = n + 1 RETURNING n",
  );
  const n = await turn.first<number>('n').catch(() => null);
  return (n ?? 0) % count;
}

/** Makes the next invocation begin with the sweep at `place`. */
async function giveTurn(db: D1Database, place: number): Promise<void> {
  await db
    .prepare("UPDATE revision SET n = ?1 WHERE name = 'sweep'")
    .bind(place - 1)
    .run()
    .catch((error: unknown) => log('sweep.turn_lost', faultFacts(error)));
}

/** The same bindings, which count what is prepared for D1 and which objects are asked. */
function counting(env: Env, calls: { made: number }): Env {
  const count = <T extends object>(binding: T, member: keyof T): T =>
    new Proxy(binding, {
      get(target, name) {
        const value = Reflect.get(target, name) as unknown;
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          if (name === member) calls.made += 1;
          return value.apply(target, args);
        };
      },
    });
  return {
    ...env,
    DB: count(env.DB, 'prepare'),
    GRANTS: count(env.GRANTS, 'get'),
    KEYS: count(env.KEYS, 'get'),
    CONNECTIONS: count(env.CONNECTIONS, 'get'),
    SUBJECTS: count(env.SUBJECTS, 'get'),
    SERVERS: count(env.SERVERS, 'get'),
  };
}
