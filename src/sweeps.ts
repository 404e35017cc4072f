import { deleteStrayCredentials } from './accounts/credentials';
import { sweepConnecting } from './accounts/removal';
import { auditAll, deleteOldAudit, SYSTEM } from './audit';
import { currentSettings, type Env } from './config';
import { deleteRetiredKeys, rotateSigningKeyWhenDue } from './crypto/signing-keys';
import { finishDeletions, sweepUnusedClients } from './governance/clients';
import { deleteExpiredKeys } from './governance/key-removal';
import { deleteOldCounts } from './governance/tool-counts';
import { endOfOtherIssuers, endUnopened } from './grants/end';
import { deleteEndedGrants } from './grants/store';
import { sweepSessions } from './identity/signed-in';
import { log } from './log';
import { sweepOnce } from './once';
import { faultFacts } from './protocol/faults/storage';
import { upgrade } from './schema/upgrade';

/** How long the list remembers a grant that has ended. Seconds: 90 days. */
const GRANTS_KEPT = 90 * 86_400;

/** One thing to see to, at `now` (epoch seconds). @returns what it did, for the log. */
type Sweep = (env: Env, now: number) => Promise<unknown>;

/**
 * What the cron does every hour. Each is repeatable, takes up whatever earlier runs left, and is the only guard of
 * nothing: expiry is checked on read (SECURITY 25).
 */
const SWEEPS: Readonly<Record<string, Sweep>> = {
  'database.upgrade': ({ DB }) => upgrade(DB), // the cron may come before the first request
  'signing_key.rotate': async ({ DB, ENCRYPTION_KEY }, now) => {
    const next = await rotateSigningKeyWhenDue(DB, ENCRYPTION_KEY, now);
    if (!next) return null;
    await auditAll(DB, [{ act: 'signing_key.rotated', kid: next.kid }], SYSTEM).run();
    return next.kid;
  },
  'signing_key.delete_retired': ({ DB }, now) => deleteRetiredKeys(DB, now),
  'client.finish_deletions': ({ DB, GRANTS }, now) => finishDeletions(DB, GRANTS, now),
  'client.sweep_unused': async ({ DB }, now) => {
    const { allowed, count } = await sweepUnusedClients(DB, now);
    if (allowed.length) {
      const acts = allowed.map((client_id) => ({ act: 'client.swept' as const, client_id }));
      await auditAll(DB, acts, SYSTEM).run();
    }
    return count;
  },
  'virtual_key.delete_expired': async (env, now) => {
    const deleted = await deleteExpiredKeys(env, now);
    if (deleted.length) {
      const acts = deleted.map((virtual_key) => ({ act: 'virtual_key.expired' as const, virtual_key }));
      await auditAll(env.DB, acts, SYSTEM).run();
    }
    return deleted.length;
  },
  'grant.end_of_other_issuers': async (env, now) => {
    const { issuer_url: issuer } = (await currentSettings(env)).oauth2_server_config;
    return issuer ? endOfOtherIssuers(env.DB, env.GRANTS, issuer, now) : 0; // a loopback's port says nothing about its grants
  },
  'grant.end_unopened': ({ DB, GRANTS }, now) => endUnopened(DB, GRANTS, now),
  'grant.delete_ended': ({ DB }, now) => deleteEndedGrants(DB, now - GRANTS_KEPT),
  'connecting.delete_over': ({ DB }, now) => sweepConnecting(DB, now),
  'credential.delete_stray': (env) => deleteStrayCredentials(env),
  'browser_session.delete_over': ({ DB }, now) => sweepSessions(DB, now),
  'form_once.delete_over': ({ DB }, now) => sweepOnce(DB, now),
  'audit.delete_old': ({ DB }, now) => deleteOldAudit(DB, now),
  'tool_count.delete_old': ({ DB }, now) => deleteOldCounts(DB, now),
};

/** Runs every sweep at `now` (epoch seconds). One that fails is logged and keeps none of the others from running. */
export async function sweep(env: Env, now: number): Promise<void> {
  for (const [name, task] of Object.entries(SWEEPS)) {
    try {
      log('sweep.done', { sweep: name, result: JSON.stringify(await task(env, now)) });
    } catch (error) {
      log('sweep.failed', { sweep: name, ...faultFacts(error) });
    }
  }
}
