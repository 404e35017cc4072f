import { DurableObject } from 'cloudflare:workers';
import { isListedForAsker } from '../accounts/auth/index';
import { CredentialNeeded } from '../accounts/credential-needed';
import { currentSettings, type Env } from '../config';
import { log } from '../log';
import { faultFacts } from '../protocol/faults/storage';
import { within } from '../protocol/patience';
import { ObjectState } from '../schema/object-state';
import { findServer } from '../servers/find';
import type { LeftOut, Server } from '../servers/server';
import type { Settings } from '../settings';
import { erasOf } from './eras';
import { ListRefused, listUpstream } from './listing';
import { ledTo } from './redirects';
import {
  isOutOfDate,
  type ListsAnswer,
  type ListsAsker,
  type ListsWanted,
  PAUSE,
  type ServerActs,
  syncInterval,
} from './server-acts';

/**
 * What is known of the asking. `dueAt`: when the interval is over; null: no alarm lists this server. `paidUntil`: each listing
 * for a word of the server takes {@link CHANGES} of it, and time gives them back; missing: none did. Epoch milliseconds.
 */
type Kept = {
  serverId: string;
  issuer: string | null;
  /** When its lists were last wanted. */
  usedAt: number;
  /** When a listing last began, and when one did that no administrator asked for. */
  begunAt: number;
  lookedAt: number;
  dueAt: number | null;
  paidUntil?: number;
};
/** Why the object lists: for one that asks, or by its alarm, as for one that asks now but does not wait. */
type Wanted = ListsAsker & { reason: ListsWanted['reason'] | 'alarm' };
/** The server said that a list changed: when that will be listed, and with whose account. */
type Change = { at: number; owner: ListsAsker['owner'] };
/** A listing under way. `terms`: what it asks, and with which credentials; `answer` null: another one took its place. */
type Running = {
  turn: number;
  terms: string;
  owner: ListsAsker['owner'];
  replaced: AbortController;
  answer: Promise<ListsAnswer | null>;
};

/** When a listing is given up that did not end by itself. Milliseconds. */
const LOST = 40_000;
/** How soon the same server, never listed, is asked for another isolate. Milliseconds. */
const MISSING = 5_000;
/**
 * How often a server is listed because it says that it changed, how many of these may come at once where it was quiet before,
 * and how long each waits for more to change. Milliseconds.
 */
const CHANGES = 10_000;
const AT_ONCE = 10;
const SETTLING = 100;
/** How long one who heard that waits for what came of it: until it is listed, and as long as a listing takes. Milliseconds. */
const HEARD = CHANGES + LOST;
const MOST_REFUSALS = 1_000;
/** The alarm ends when no one wanted a server's lists for a day, or for ten intervals if that is longer. Milliseconds. */
const UNUSED = 86_400_000;
const UNUSED_INTERVALS = 10;
/** When an alarm comes again that a fault kept from listing. Milliseconds. */
const LATER = 300_000;

/**
 * One server's listing (PROTOCOL §5): one at a time in the world, shared by all who ask, with connections of its own. Its
 * alarm is the sync interval, while callers use the server.
 */
export class ServerObject extends DurableObject<Env> implements ServerActs {
  private readonly kv = new ObjectState(this.ctx.storage);
  private running: Running | null = null;
  /** Counts beginnings and ends of listings: what was read before one says nothing after it. */
  private turn = 0;
  /** Whom the server has just refused to list for. */
  private readonly refusals = new Refusals();
  /** What comes of the change that is to be listed; null: no one waits for it. */
  private change: PromiseWithResolvers<ListsAnswer | null> | null = null;

  /** Lists the server when that is wanted, or waits with the listing under way. What it lists is in D1. */
  async list(wanted: ListsWanted): Promise<ListsAnswer> {
    this.kept(); // what is newer than this code is refused
    return this.listed(wanted);
  }

  private async listed(wanted: Wanted): Promise<ListsAnswer> {
    const arrived = this.turn;
    for (;;) {
      const settings = await currentSettings(this.env);
      const { turn } = this;
      const server = await findServer(this.env.DB, wanted.serverId);
      if (!server) {
        await this.forget();
        return { kind: 'gone' };
      }
      if (wanted.reason !== 'alarm') this.note(wanted, { usedAt: Date.now() });
      const { running } = this;
      if (running?.terms === termsOf(server)) {
        if (this.isWaitedFor(wanted)) return known(server, server.listedAt !== null);
        const answer = await joined(running, wanted, arrived);
        if (answer) return answer;
        continue;
      }
      if (this.turn !== turn) continue;
      const refused = wanted.reason === 'missing' && this.refusals.of(wanted.owner);
      if (refused) return refused;
      if (!this.isToBeAsked(server, settings, wanted.reason)) return known(server, server.listedAt !== null);
      const answer = await this.begin(server, settings, wanted);
      if (answer) return answer;
    }
  }

  /**
   * Notes that the server says one of its lists changed: it is listed in a moment, or as soon as it may be again.
   * @returns what came of that; null: nothing
   */
  async changed(asker: ListsAsker): Promise<ListsAnswer | null> {
    const now = Date.now();
    const { paidUntil = 0 } = this.note(asker, { usedAt: now });
    const soonest = Math.max(now + SETTLING, paidUntil - (AT_ONCE - 1) * CHANGES);
    const { at } = this.kv.get<Change>('change') ?? { at: soonest };
    this.kv.put<Change>('change', { at, owner: asker.owner });
    this.change ??= Promise.withResolvers();
    const { promise } = this.change;
    await this.wake();
    return within(HEARD, promise);
  }

  /** Lists no more, and leaves nothing. Repeatable. */
  async forget(): Promise<void> {
    this.kept(); // what is newer than this code is refused
    this.running?.replaced.abort();
    this.running = null;
    this.change?.resolve(null);
    this.change = null;
    this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  /** Lists the server when its interval is over, or it said that it changed. */
  override async alarm(): Promise<void> {
    if (await this.kv.isBeyondAlarm()) return;
    await this.ctx.storage.setAlarm(Date.now() + LATER); // for a fault now
    try {
      await this.listByAlarm();
      if (this.kept()) await this.wake();
    } catch (error) {
      log('server.list_failed', { server: this.kept()?.serverId ?? '', ...faultFacts(error) });
    }
  }

  private async listByAlarm(): Promise<void> {
    const kept = this.kept();
    if (!kept) return this.forget();
    const settings = await currentSettings(this.env);
    const server = await findServer(this.env.DB, kept.serverId);
    const now = Date.now();
    const change = this.kv.get<Change>('change');
    const isChanged = change !== undefined && change.at <= now;
    if (!server?.enabled || !server.isVerified || isUnused(kept, settings, server)) return this.forget();
    if (!isChanged && (this.running || (kept.dueAt ?? Number.POSITIVE_INFINITY) > now)) return;
    const { serverId, issuer } = kept;
    if (!isChanged) await this.listed({ serverId, issuer, owner: null, reason: 'alarm' });
    else await this.listChange(kept, change.owner);
  }

  /** Lists what the server said has changed, and tells those who heard it. What it says from here on is another change. */
  private async listChange(
    { serverId, issuer, paidUntil = 0 }: Kept,
    owner: ListsAsker['owner'],
  ): Promise<void> {
    const { change } = this;
    this.change = null;
    this.kv.delete('change');
    const asker = { serverId, issuer, owner };
    this.note(asker, { paidUntil: Math.max(Date.now(), paidUntil) + CHANGES });
    try {
      change?.resolve(await this.listed({ ...asker, reason: 'alarm' }));
    } finally {
      change?.resolve(null);
    }
  }

  /** What is known here; null: nothing. */
  private kept(): Kept | null {
    return this.kv.get<Kept>('state') ?? null;
  }

  private note({ serverId, issuer }: ListsAsker, facts: Partial<Kept>): Kept {
    const before = this.kept() ?? { usedAt: 0, begunAt: 0, lookedAt: 0, dueAt: null };
    const kept: Kept = { ...before, serverId, issuer, ...facts };
    this.kv.put<Kept>('state', kept);
    return kept;
  }

  private isToBeAsked(server: Server, settings: Settings, reason: Wanted['reason']): boolean {
    const now = Date.now();
    const { lookedAt = 0 } = this.kept() ?? {};
    if (reason === 'now' || reason === 'alarm') return true;
    if (reason === 'missing') return server.listedAt === null && lookedAt + MISSING <= now;
    return isOutOfDate(settings, server, now) && lookedAt + PAUSE <= now;
  }

  /** True where a request wants lists that others waited for already as long as requests do. */
  private isWaitedFor({ reason }: Wanted): boolean {
    return reason === 'missing' && (this.kept()?.begunAt ?? 0) + MISSING <= Date.now();
  }

  /** Begins a listing, in place of one under way: that asks what the server was before. */
  private begin(server: Server, settings: Settings, wanted: Wanted): Promise<ListsAnswer | null> {
    this.running?.replaced.abort();
    const replaced = new AbortController();
    const answer = this.ask(server, settings, wanted, replaced.signal).finally(() => {
      if (this.running !== running) return;
      this.running = null;
      this.turn++;
    });
    const running = { turn: ++this.turn, terms: termsOf(server), owner: wanted.owner, replaced, answer };
    this.running = running;
    return answer;
  }

  /** Null: another listing took this one's place, and nothing of it was stored. */
  private async ask(
    server: Server,
    settings: Settings,
    wanted: Wanted,
    replaced: AbortSignal,
  ): Promise<ListsAnswer | null> {
    const { issuer, owner, reason } = wanted;
    const now = Date.now();
    const dueAt = isListedForAsker(server) ? null : now + syncInterval(settings, server);
    this.note(wanted, { begunAt: now, dueAt, ...(reason === 'now' ? {} : { lookedAt: now }) });
    await this.wake(); // first: should this object be restarted in the middle, the alarm lists again
    const terms = { isWaited: reason === 'now' || reason === 'missing', replaced };
    const asker = { owner, sharer: null };
    try {
      const listed = await within(LOST, listUpstream(this.env, settings, issuer, server, terms, asker));
      if (replaced.aborted) return null;
      if (terms.isWaited && dueAt !== null && listed?.server.leftOut.some(isList)) {
        this.note(wanted, { dueAt: Math.min(dueAt, Date.now() + PAUSE) }); // for what it had no time for
        await this.wake();
      }
      return listed ? known(listed.server, listed.isListed) : known(server, false);
    } catch (error) {
      if (replaced.aborted) return null;
      const answer = ofAsker(error);
      if (!answer) throw error;
      this.note(wanted, { lookedAt: 0 }); // the next asker may have what this one lacks
      if (answer.kind === 'refused') this.refusals.note(owner, answer);
      return answer;
    }
  }

  /** Sets the alarm to what comes first. */
  private async wake(): Promise<void> {
    const times = [this.kept()?.dueAt, this.kv.get<Change>('change')?.at].filter(
      (at) => typeof at === 'number',
    );
    if (times.length) await this.ctx.storage.setAlarm(Math.min(...times));
    else await this.ctx.storage.deleteAlarm();
  }
}

function known(server: Server, isListed: boolean): ListsAnswer {
  return { kind: 'known', server, isListed, eras: erasOf(server), ledTo: ledTo(server.connectionString) };
}

/** True for a whole list that did not come. */
const isList = ({ name, offered }: LeftOut) => name === '*' && !offered;

/** What a listing asks, and with which credentials. */
function termsOf(server: Server): string {
  const { connectionString, sealedHeaders, perUserHeaderKeys, tokenExchange, credentialGeneration } = server;
  return JSON.stringify([
    connectionString,
    sealedHeaders,
    perUserHeaderKeys,
    tokenExchange,
    credentialGeneration,
  ]);
}

/** The answer of a listing that is under way; null when the asker has to look again. */
async function joined(
  running: Running,
  { reason, owner }: Wanted,
  arrived: number,
): Promise<ListsAnswer | null> {
  if ((reason === 'now' || reason === 'alarm') && running.turn <= arrived)
    return running.answer.then(
      () => null,
      () => null,
    );
  const answer = await running.answer;
  const isAskers = answer?.kind === 'needed' || answer?.kind === 'refused';
  return isAskers && running.owner !== owner ? null : answer;
}

type OfAsker = Extract<ListsAnswer, { kind: 'needed' | 'refused' }>;

/** The answer to a listing that failed for the asker's account; null: it failed for another reason. */
function ofAsker(error: unknown): OfAsker | null {
  if (error instanceof CredentialNeeded) return { kind: 'needed', need: error.kind };
  return error instanceof ListRefused ? { kind: 'refused', failure: error.failure.stated } : null;
}

/** What askers were refused lately: asking again soon would cost the server another listing each. */
class Refusals {
  private readonly all = new Map<ListsAsker['owner'], { at: number; answer: OfAsker }>();

  note(owner: ListsAsker['owner'], answer: OfAsker): void {
    this.all.delete(owner);
    this.all.set(owner, { at: Date.now(), answer });
    if (this.all.size > MOST_REFUSALS) this.all.delete(this.all.keys().next().value as ListsAsker['owner']);
  }

  of(owner: ListsAsker['owner']): OfAsker | null {
    const known = this.all.get(owner);
    return known && known.at + PAUSE > Date.now() ? known.answer : null;
  }
}

function isUnused({ usedAt }: Kept, settings: Settings, server: Server): boolean {
  return usedAt + Math.max(UNUSED, UNUSED_INTERVALS * syncInterval(settings, server)) <= Date.now();
}
