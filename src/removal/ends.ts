import { disconnectEverywhere, endCredentialsAt } from '../accounts/removal';
import { forgetClient } from '../clients/store';
import type { Env } from '../config';
import { keyObject } from '../governance/key-object';
import { userSubject } from '../governance/users';
import { findVirtualKey, keySubject } from '../governance/virtual-keys';
import { endWithdrawn, type Withdrawn } from '../grants/end';
import { endSessionsOf } from '../grants/end-sessions';
import type { EndReason } from '../grants/grant';
import { log } from '../log';
import { faultFacts } from '../protocol/faults/storage';
import { retrying } from '../protocol/patience';
import type { Subject } from '../protocol/subject';
import { forgetOAuthConfig } from '../servers/store';
import {
  dueRemovals,
  findRemoval,
  forgetRemoval,
  postponeRemoval,
  type Removal,
  type RemovalKind,
} from './store';

/** What a key's removal needs of its row. `subject`: whose sessions it began. `counts`: it had limits. */
export type RemovedKey = { subject: Subject; counts: boolean };

/**
 * Ends a part of what is left, of grants `most` at once. Repeatable. True when nothing of it is left; `more`: it went as far as
 * it may at once; false: a fault left something.
 */
type Step = (env: Env, removal: Removal, most?: number) => Promise<Ended>;
type Ended = boolean | 'more';

/** What each kind leaves outside of the batch that begins it. `last`: what the others need until they are over. */
const ENDS: Readonly<Record<RemovalKind, { steps: readonly Step[]; last?: Step }>> = {
  client: {
    steps: [grants('client_deleted', async ({ id }) => ({ clientId: id }))],
    last: ({ DB }, { id }) => done(forgetClient(DB, id)),
  },
  key: {
    steps: [
      grants('key_deleted', async ({ id }) => ({ subject: keySubject(id) })),
      sessionsOfKey,
      countsOfKey,
      (env, { id }) => disconnectEverywhere(env, keySubject(id)),
    ],
  },
  key_leak: { steps: [grants('key_leaked', provedByLeaked)] },
  person: {
    steps: [grants('user_deleted', ofPerson), (env, { id }) => disconnectEverywhere(env, userSubject(id))],
  },
  person_block: {
    steps: [grants('user_blocked', ofPerson), (env, { id }) => disconnectEverywhere(env, userSubject(id))],
  },
  server: {
    steps: [(env, { id }) => endCredentialsAt(env, id), listingOfServer],
    last: ({ DB }, { id }) => done(forgetOAuthConfig(DB, id)), // by which providers are told
  },
};

/**
 * Ends what a removal has left, as far as it goes: a step that meets a fault keeps none of the others from being tried.
 * @param most grants ended at once @returns as {@link Step}
 */
export async function finishRemoval(env: Env, removal: Removal, most?: number): Promise<Ended> {
  const { steps, last } = ENDS[removal.kind];
  let ended: Ended = true;
  for (const step of steps) ended = lesser(ended, await tried(step, env, removal, most));
  if (ended === true && last) ended = await tried(last, env, removal);
  return ended === true ? tried(({ DB }) => done(forgetRemoval(DB, removal)), env, removal) : ended;
}

function lesser(one: Ended, other: Ended): Ended {
  return one === true ? other : one && other && 'more';
}

async function tried(step: Step, env: Env, removal: Removal, most?: number): Promise<Ended> {
  try {
    return await step(env, removal, most);
  } catch (error) {
    const { kind, id } = removal;
    log('removal.left', { kind, id, ...faultFacts(error) });
    return false;
  }
}

async function done(work: Promise<void>): Promise<true> {
  await work;
  return true;
}

/** Finishes what an earlier request has left of the removal of `id`. True when nothing is left; null: nothing was. */
export async function finishEarlier(env: Env, kind: RemovalKind, id: string): Promise<boolean | null> {
  const removal = await findRemoval(env.DB, kind, id);
  return removal && (await finishRemoval(env, removal)) === true;
}

/** Removals that one portion of the sweep takes up, and the grants it ends. */
const MOST_TAKEN_UP = 1;
const MOST_GRANTS = 100;
/** The pause of the cron after its first try, and the longest: each is twice as long as the one before. Seconds. */
const AGAIN = 900;
const AGAIN_AT_MOST = 21_600;

/** Goes on with a portion of the removals that have left something. For cron: repeatable. @returns how many went on */
export async function finishRemovals(env: Env, now: number): Promise<number> {
  let wentOn = 0;
  for (const removal of await dueRemovals(env.DB, now, MOST_TAKEN_UP)) {
    const ended = await finishRemoval(env, removal, MOST_GRANTS);
    wentOn += 1;
    if (ended !== false) continue;
    await postponeRemoval(env.DB, removal, now + Math.min(AGAIN * 2 ** removal.tries, AGAIN_AT_MOST));
  }
  return wentOn;
}

/** The step that ends grants. @param whichOf null: there are none any more */
function grants(reason: EndReason, whichOf: (removal: Removal, env: Env) => Promise<Withdrawn | null>): Step {
  return async (env, removal, most) => {
    const which = await whichOf(removal, env);
    const now = Math.floor(Date.now() / 1000);
    return !which || endWithdrawn(env.DB, env.GRANTS, which, reason, removal.begunBy, now, most);
  };
}

async function ofPerson({ id }: Removal): Promise<Withdrawn> {
  return { subject: userSubject(id) };
}

/** What was proved with a value of the key before its last leak; null when the key is gone, with all its grants. */
async function provedByLeaked({ id }: Removal, { DB }: Env): Promise<Withdrawn | null> {
  const key = await findVirtualKey(DB, id);
  return key && { subject: keySubject(id), before: key.generation };
}

async function sessionsOfKey({ SUBJECTS }: Env, { id, facts }: Removal): Promise<boolean> {
  return endSessionsOf(SUBJECTS, (facts as RemovedKey).subject, { via: id });
}

async function countsOfKey({ KEYS }: Env, { id, facts }: Removal): Promise<boolean> {
  return !(facts as RemovedKey).counts || done(retrying(() => keyObject(KEYS, id).forget()));
}

async function listingOfServer({ SERVERS }: Env, { id }: Removal): Promise<boolean> {
  return done(retrying(() => SERVERS.get(SERVERS.idFromName(id)).forget()));
}
