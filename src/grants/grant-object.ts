import { DurableObject } from 'cloudflare:workers';
import { type By, SYSTEM } from '../audit';
import type { Env } from '../config';
import { equalSecrets, hashSecret } from '../crypto/secrets';
import { FLOW_LIFE } from '../flows';
import { log } from '../log';
import { isUnder, scopeWithin } from '../protocol/authorization';
import { faultFacts } from '../protocol/faults/storage';
import { alarmFor, ObjectState } from '../schema/object-state';
import { ChangedTerms } from './changed-terms';
import { endSessionsOf } from './end-sessions';
import {
  type ChangeableTerms,
  type ChangeOutcome,
  type EndReason,
  type GrantTerms,
  isSameTerms,
  type JudgedTerms,
  judgedTerms,
  type Redemption,
  type Rotation,
  type ToldChange,
} from './grant';
import { type Closed, dueAt, earlierOf, type OpenGrant } from './open-grant';
import { GrantSeed } from './seed';
import { recordEnd, recordSealer } from './store';

/** A second redemption this soon after the first, from the same address, is a duplicate of the same request. Milliseconds. */
const DUPLICATE = 10_000;
/** How long a replaced refresh token finds its successor again while that is unused. Milliseconds. */
const LOST_ANSWER = 86_400_000;
/** How soon the index is told again when it did not answer: each time twice as late, an hour at most. Milliseconds. */
const RECORD_AGAIN = 10_000;
const RECORD_AGAIN_AT_MOST = 3_600_000;

/**
 * One grant: the commit point of consent, the one redemption of its code, the order of its refresh tokens and its end
 * (CONTRACT §5). Its refresh tokens are `<grant id>.<n>.<HMAC(seed, n)>`, so none of them is stored.
 */
export class GrantObject extends DurableObject<Env> {
  private readonly kv = new ObjectState(this.ctx.storage);
  private readonly id = this.ctx.id.toString();
  private readonly seed = new GrantSeed(
    this.kv,
    () => this.env.ENCRYPTION_KEY,
    this.id,
    (sealer) => this.ctx.waitUntil(this.tellSealer(sealer)),
  );
  private readonly changed = new ChangedTerms(this.kv, this.env.DB, this.id);
  private telling: Promise<boolean> = Promise.resolve(true);

  /** Opens the grant: the commit point of consent. False when it was answered before. */
  async open(terms: GrantTerms): Promise<boolean> {
    const seed = await this.seed.made();

    if (this.state()) return false;
    this.seed.keep(seed);
    this.put({
      status: 'open',
      terms,
      redeemedAt: null,
      n: 0,
      rotatedAt: Date.now(),
      used: false,
      idleTtl: 0,
    });
    await this.ctx.storage.setAlarm(terms.codeExpiresAt * 1000);
    return true;
  }

  /** Closes the grant before it opened: the person said no. False when it was answered before. */
  async refuse(flowExpiresAt: number): Promise<boolean> {
    if (this.state()) return false;
    const until = flowExpiresAt * 1000;
    this.put({ status: 'refused', reason: null, by: SYSTEM, until, recorded: true });
    await this.ctx.storage.setAlarm(until);
    return true;
  }

  /** What became of the consent that could open this grant; null while it is unanswered. */
  answer(): 'allowed' | 'refused' | null {
    const state = this.state();
    return state && (state.status === 'refused' ? 'refused' : 'allowed');
  }

  /** True once the client has come for what it was allowed, while the grant stands. */
  isRedeemed(): boolean {
    const state = this.state();
    return state?.status === 'open' && state.redeemedAt !== null;
  }

  /**
   * Redeems the authorization code, once (RFC 6749 §4.1.2). A request that fails a check spends nothing. A later one
   * that passes them all ends the grant, unless it comes so soon that it repeats the first.
   */
  async redeem(request: {
    clientId: string;
    codeHash: string;
    codeChallenge: string;
    redirectUri: string | undefined;
    resource: string | undefined;
    issuer: string;
    idleTtl: number;
    address: string;
  }): Promise<Redemption> {
    const seed = await this.seed.opened();
    const refreshToken = seed && (await this.seed.token(seed, 1));
    const redeemedFrom = await hashSecret(`code from ${request.address}`);

    const state = this.state();
    const now = Date.now();
    if (!refreshToken || state?.status !== 'open') return { ok: false, reason: 'unknown' };
    const { terms } = state;
    if (!equalSecrets(terms.codeHash, request.codeHash)) return { ok: false, reason: 'unknown' };
    if (terms.clientId !== request.clientId) return { ok: false, reason: 'wrong_client' };
    if ((request.redirectUri ?? terms.redirectUri) !== terms.redirectUri)
      return { ok: false, reason: 'wrong_redirect_uri' };
    if ((request.resource ?? terms.resource) !== terms.resource)
      return { ok: false, reason: 'wrong_resource' };
    if (!isUnder(terms.resource, request.issuer)) return { ok: false, reason: 'wrong_issuer' };
    if (!equalSecrets(terms.codeChallenge, request.codeChallenge))
      return { ok: false, reason: 'wrong_verifier' };
    if (now >= terms.codeExpiresAt * 1000) return { ok: false, reason: 'expired' };

    if (state.redeemedAt !== null) {
      const isSameRequest = now < state.redeemedAt + DUPLICATE && state.redeemedFrom === redeemedFrom;
      if (isSameRequest) return { ok: false, reason: 'repeated' };
      await this.end('code_replayed');
      return { ok: false, reason: 'replayed' };
    }
    const { idleTtl } = request;
    this.put({ ...state, redeemedAt: now, redeemedFrom, n: 1, rotatedAt: now, used: false, idleTtl });
    return { ok: true, terms, refreshToken, n: 1 };
  }

  /** The terms a right refresh token stands for, without spending it; null when it is not one, or the grant has ended. */
  async terms(n: number, tag: string): Promise<GrantTerms | null> {
    if (!(await this.isRight(n, tag))) return null;
    const state = this.state();
    return state?.status === 'open' && state.redeemedAt !== null && n <= state.n ? state.terms : null;
  }

  private async isRight(n: number, tag: string): Promise<boolean> {
    const seed = await this.seed.opened();
    return seed !== null && (await this.seed.isTag(seed, n, tag));
  }

  /** Whose right refresh token this is, while the grant stands, and until the index knows of its end; null: it is none. */
  async clientOf(n: number, tag: string): Promise<string | null> {
    if (!(await this.isRight(n, tag))) return null;
    const state = this.state();
    if (state?.status !== 'open') return state?.clientId ?? null;
    return state.redeemedAt !== null && n <= state.n ? state.terms.clientId : null;
  }

  /**
   * Replaces refresh token `n` by its successor. The token replaced last finds the same successor again: for 24 hours
   * while that is unused, for `reuseInterval` seconds once it is used. Any other replay ends the grant (RFC 9700 §4.14.2).
   */
  async rotate(request: {
    clientId: string;
    n: number;
    tag: string;
    /** What the caller judged by: nothing is spent when the terms are others. */
    judged: JudgedTerms;
    reuseInterval: number;
    idleTtl: number;
  }): Promise<Rotation> {
    const seed = await this.seed.opened();
    if (!seed) return { ok: false, reason: 'unknown' };
    const { n } = request;
    const isOurs = await this.seed.isTag(seed, n, request.tag);
    const refreshToken = await this.seed.token(seed, n + 1);

    const state = this.state();
    const now = Date.now();
    if (!isOurs || state?.status !== 'open' || n > state.n) return { ok: false, reason: 'unknown' };
    if (state.terms.clientId !== request.clientId) return { ok: false, reason: 'wrong_client' };
    const { terms, version = 0 } = state;
    if (!isSameTerms(judgedTerms(terms), request.judged)) return { ok: false, reason: 'other_terms' };

    const answer: Rotation = { ok: true, terms, version, refreshToken, n: n + 1 };
    const due = dueAt({ ...state, idleTtl: request.idleTtl });
    if (due && now >= due.at) {
      await this.end(due.reason);
      return { ok: false, reason: 'ended' };
    }
    if (n === state.n) {
      const next: OpenGrant = { ...state, n: n + 1, rotatedAt: now, used: false, idleTtl: request.idleTtl };
      this.put(next);
      if (next.idleTtl !== state.idleTtl) await this.wakeWhenDue(next);
      return answer;
    }
    const window = state.used ? request.reuseInterval * 1000 : LOST_ANSWER;
    if (n === state.n - 1 && now < state.rotatedAt + window) return answer;
    await this.end('refresh_token_reused');
    return { ok: false, reason: 'reused' };
  }

  /**
   * Notes that an access token issued with refresh token `n` was seen on /mcp, where the index knew its terms in this version:
   * one that was restored is told the last. False when the grant does not stand.
   */
  seen(n: number, version = 0): boolean {
    const state = this.state();
    if (state?.status !== 'open') return false;
    if (n === state.n && !state.used) this.put({ ...state, used: true });
    if (version < (state.version ?? 0)) this.ctx.waitUntil(this.tellTerms());
    return true;
  }

  /** Why the grant is over; null while it is not, and once nothing is left here but its row. */
  endReason(): EndReason | null {
    const state = this.state();
    return state && state.status !== 'open' ? state.reason : null;
  }

  /**
   * Ends the grant when it was not refreshed for `idleTtl` seconds; else its alarm will. @returns when it was refreshed last
   * (epoch seconds); null: it has ended
   */
  async endIfIdle(idleTtl: number): Promise<number | null> {
    const state = this.state();
    if (state?.status !== 'open') return null;
    const due = dueAt({ ...state, idleTtl });
    if (due && Date.now() >= due.at) {
      await this.end(due.reason);
      return null;
    }
    const next = { ...state, idleTtl };
    this.put(next);
    await this.wakeWhenDue(next);
    return Math.floor(state.rotatedAt / 1000);
  }

  /**
   * Changes the terms: the commit point. The index is told before this answers; what a fault leaves, the alarm does.
   * @param base the version of the terms the change was decided on
   */
  async change(base: number, next: ChangeableTerms, told: ToldChange): Promise<ChangeOutcome> {
    const state = this.state();
    if (state?.status !== 'open') return 'ended';
    const { version = 0, terms } = state;
    if (version !== base) return (await this.tellTerms()) ? 'elsewhere' : 'index_behind';

    const askedScope = terms.askedScope ?? terms.scope;
    const scope = next.readOnly ? scopeWithin('mcp:read', askedScope) : askedScope;
    const expiresAt = earlierOf(terms.expiresAt, next.expiresAt);
    this.put({ ...state, terms: { ...terms, scope, askedScope, expiresAt }, version: version + 1 });
    this.changed.note(next, told, version + 1);
    return (await this.tellTerms()) ? 'changed' : 'index_behind';
  }

  /** Makes the index say what the terms are. False while it could not be told, which the alarm then does. */
  tellTerms(): Promise<boolean> {
    const telling = this.telling.catch(() => false).then(() => this.recordTerms());
    this.telling = telling;
    return telling;
  }

  private async recordTerms(): Promise<boolean> {
    const state = this.state();
    if (state?.status !== 'open' || !state.version) return true;
    try {
      await this.changed.tell(state.terms, state.version);
    } catch (error) {
      log('grant.terms_left_to_alarm', { grant_id: this.id, ...faultFacts(error) });
      await this.ctx.storage.setAlarm(Date.now() + RECORD_AGAIN);
      return false;
    }
    await this.wakeWhenDue(state);
    return true;
  }

  /** Ends the grant, on behalf of its caller. Repeatable; false while the index could not be told, which the alarm then does. */
  async end(reason: EndReason, by: By = SYSTEM): Promise<boolean> {
    const state = this.state();
    if (state?.status === 'open') {
      const { clientId, flowExpiresAt } = state.terms;
      this.put({ status: 'ended', reason, by, until: flowExpiresAt * 1000, recorded: false, clientId });
      this.ctx.waitUntil(endSessionsOf(this.env.SUBJECTS, state.terms.subject, { via: this.id }));
    }
    if (!state)
      // consent may be about to open it
      this.put({ status: 'ended', reason, by, until: Date.now() + FLOW_LIFE * 1000, recorded: true });
    return this.settle();
  }

  /** Ends what is over by itself, and sees to what an ended grant leaves behind. */
  override async alarm(): Promise<void> {
    if (await this.kv.isBeyondAlarm()) return;
    const state = this.state();
    const due = state?.status === 'open' ? dueAt(state) : null;
    if (due && Date.now() >= due.at) await this.end(due.reason);
    else if (state?.status === 'open' && this.changed.untold.length && !(await this.tellTerms())) return;
    else if (state?.status === 'open') await this.wakeWhenDue(state);
    else await this.settle();
  }

  /** Tells the index of an end it does not know yet, keeps the marker while its flow lives, then leaves nothing here. */
  private async settle(): Promise<boolean> {
    const state = this.state();
    if (!state || state.status === 'open') return true;
    if (!state.recorded && state.reason) {
      try {
        const now = Math.floor(Date.now() / 1000);
        await recordEnd(this.env.DB, this.id, state.reason, state.by, now);
        this.put({ ...state, recorded: true });
        this.seed.forget();
      } catch {
        const { tries = 0 } = state;
        this.put({ ...state, tries: tries + 1 });
        const pause = Math.min(RECORD_AGAIN * 2 ** tries, RECORD_AGAIN_AT_MOST);
        await this.ctx.storage.setAlarm(Date.now() + pause);
        return false;
      }
    }
    if (Date.now() < state.until) {
      await this.ctx.storage.setAlarm(state.until);
    } else {
      await this.ctx.storage.deleteAlarm();
      await this.ctx.storage.deleteAll();
    }
    return true;
  }

  /** Sets the alarm for when an open grant is over by itself. */
  private async wakeWhenDue(state: OpenGrant): Promise<void> {
    const due = dueAt(state);
    if (due) await this.ctx.storage.setAlarm(alarmFor(due.at));
  }

  private state(): OpenGrant | Closed | null {
    return this.kv.get<OpenGrant | Closed>('state') ?? null;
  }

  private put(state: OpenGrant | Closed): void {
    this.kv.put('state', state);
  }

  /** Tells the index which entry of `ENCRYPTION_KEY` the seed is sealed with. While it does not answer, the next use of the grant does. */
  private async tellSealer(sealer: string): Promise<void> {
    try {
      await recordSealer(this.env.DB, this.id, sealer);
      if (this.state()?.status === 'open') this.seed.told(sealer);
    } catch (error) {
      log('grant.sealer_not_indexed', { grant_id: this.id, ...faultFacts(error) });
    }
  }
}
