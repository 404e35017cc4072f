import { DurableObject } from 'cloudflare:workers';
import type { Env } from '../config';
import { isSealedByNewest, open, seal } from '../crypto/secrets';
import { log, wordOf } from '../log';
import { TokenRefused, verdictOf } from '../providers/token-refusal';
import type { Tokens } from '../providers/tokens';
import { alarmFor, ObjectState } from '../schema/object-state';
import { findServer } from '../servers/find';
import type { ConnectionActs, CredentialTerms, Held, SavedHeaders } from './credential';
import { IndexTeller } from './index-teller';
import {
  afterAnswer,
  afterFault,
  afterLack,
  afterRefusal,
  type CredentialFacts,
  credentialSealContext,
  describeHeaders,
  describeTokens,
  forgetsAt,
  type Gone,
  goodUntil,
  headersOf,
  isFresh,
  isWaiting,
  mayRenew,
  missingNames,
  type StoredCredential,
  serving,
  wakesAt,
} from './kept-credential';
import { isIndexed, refreshAt, revokeAndLog } from './refresh';
import { Unconfirmed } from './unconfirmed';

/** How a refresh ended. `superseded`: someone connected again, or disconnected, while it was under way. */
type Refreshed = 'done' | 'superseded' | 'refused' | 'unavailable';

const RETRY_AFTER = 5; // seconds until a call may try again

/**
 * One identity's credential at one server: held, refreshed and ended by one writer (ARCHITECTURE). It decides; its row in
 * D1's `credential` follows. Secrets are opened and sealed first; then state is read, decided and written without an `await`.
 */
export class ConnectionObject extends DurableObject<Env> implements ConnectionActs {
  private readonly kv = new ObjectState(this.ctx.storage);
  /** The refresh under way, which every call that waits for it shares. */
  private refreshing: { version: string; ended: Promise<Refreshed> } | null = null;
  private readonly unconfirmed = new Unconfirmed(this.env, this.kv, () => this.setAlarm());
  private readonly index = new IndexTeller(this.env.DB, this.ctx.storage, this.kv, () => this.setAlarm());

  /** The credential, refreshed first when its access token has expired or is about to. */
  async held(terms: CredentialTerms): Promise<Held> {
    const kept = serving(this.kept(), terms);
    if (typeof kept === 'string') return { ok: false, reason: kept };

    if (!kept.used) this.note({ ...kept, used: true });
    if (isFresh(kept, now()) || isWaiting(kept, now())) return this.shown(kept, terms);
    if (kept.isRenewable) return this.renewed(kept, terms);
    this.lose(kept.version);
    return { ok: false, reason: 'needs_reauth' };
  }

  /**
   * What to send in place of `version`, which the server has refused: what has come in its stead meanwhile, else what a
   * refresh brings.
   * @param isOwners whether it was refused to its owner: what others meet is not held against it
   */
  async renew(terms: CredentialTerms, version: string, isOwners: boolean): Promise<Held> {
    const kept = serving(this.kept(), terms);
    if (typeof kept === 'string') return { ok: false, reason: kept };
    if (kept.version !== version) return this.held(terms);
    return mayRenew(kept, now()) ? this.renewed(kept, terms, version) : this.refuse(terms, version, isOwners);
  }

  /** Notes that the server refuses `version`, fresh as it is. What has come in its stead is not touched. */
  async refuse(terms: CredentialTerms, version: string, isOwners: boolean): Promise<Held> {
    const kept = serving(this.kept(), terms);
    if (typeof kept === 'string') return { ok: false, reason: kept };
    if (kept.version !== version) return this.shown(kept, terms);
    const { next, held } = afterRefusal(kept, isOwners, now());
    if (next !== kept) {
      this.put(next);
      this.ctx.waitUntil(this.index.tell());
    }
    return held;
  }

  /** Notes scopes that the server wants beyond those of `version`. True when its owner has to connect again for them. */
  async lackScopes(terms: CredentialTerms, version: string, scopes: readonly string[]): Promise<boolean> {
    const kept = serving(this.kept(), terms);
    if (typeof kept === 'string' || kept.version !== version) return true;
    const lacking = afterLack(kept, scopes, now());
    if (lacking && lacking !== kept) this.put(lacking);
    await this.index.tell();
    return lacking !== null;
  }

  /** Keeps what a provider issued at its token endpoint `issuedBy`, in place of whatever was there. */
  async saveTokens(terms: CredentialTerms, tokens: Tokens, issuedBy: string): Promise<void> {
    const sealed = await this.seal(terms, tokens);
    await this.save(terms, { ...describeTokens(tokens, issuedBy), sealed });
  }

  /** Holds tokens that serve no one until {@link confirm}. */
  hold(...given: Parameters<Unconfirmed['hold']>): Promise<void> {
    return this.unconfirmed.hold(...given);
  }

  /** Keeps what is held of an authorization. Repeatable; false when there is none that serves now. */
  async confirm(terms: CredentialTerms, authorizationId: string): Promise<boolean> {
    const facts = await this.unconfirmed.take(terms, authorizationId);
    if (facts) await this.save(terms, facts);
    return facts !== null || (this.kept() !== null && this.unconfirmed.wasTaken(authorizationId));
  }

  /** Revokes what is held of an authorization, and forgets it. Repeatable; false when it was kept. */
  async reject(authorizationId: string): Promise<boolean> {
    return (await this.unconfirmed.drop(authorizationId)) || !this.unconfirmed.wasTaken(authorizationId);
  }

  /** Keeps header values, in place of whatever was there: one for each name the server wants. Others are dropped. */
  async saveHeaders(terms: CredentialTerms, values: Record<string, string>): Promise<SavedHeaders> {
    const missing = missingNames(terms.headerKeys ?? [], Object.keys(values));
    if (missing.length) return { ok: false, missing };
    const wanted = headersOf(values, terms);
    const sealed = await this.seal(terms, wanted);
    await this.save(terms, { ...describeHeaders(Object.keys(wanted)), sealed });
    return { ok: true };
  }

  /** Header values that are kept and still wanted, for a form that is sent with some of them left out. */
  async keptHeaders(terms: CredentialTerms): Promise<Record<string, string>> {
    const kept = this.kept();
    const isOld =
      kept?.kind !== 'header' || kept.origin !== terms.origin || kept.generation !== terms.generation;
    const opened = isOld ? null : await this.open(kept);
    return opened === null ? {} : headersOf(opened, terms);
  }

  /** Ends the credential, here and, as far as its provider takes it, there (RFC 7009). Repeatable; false when there was none. */
  async disconnect(place: Pick<CredentialTerms, 'owner' | 'serverId'>): Promise<boolean> {
    await this.unconfirmed.drop();
    const kept = this.kept();
    this.put({ status: 'gone', owner: place.owner, serverId: place.serverId });
    const tokens = kept?.kind === 'token' ? ((await this.open(kept)) as Tokens | null) : null;
    await this.index.tell();
    if (kept && tokens) await revokeAndLog(this.env, kept, tokens);
    return kept !== null;
  }

  /** Refreshes ahead of time what is in use, notices what has ended by itself, tells the index what it does not know. */
  override async alarm(): Promise<void> {
    if (await this.kv.isBeyondAlarm()) return;
    if (isDue(this.unconfirmed.endsAt)) await this.unconfirmed.drop();
    const kept = this.kept();
    if (kept && isDue(forgetsAt(kept))) this.put({ ...kept, refusedAt: null });
    if (kept && isDue(wakesAt(kept))) await this.see(kept.version);
    await this.index.tell();
  }

  /** Does what is due to `version`: a refresh, unless its server rests, when the next caller does that. */
  private async see(version: string): Promise<void> {
    const serverId = this.kept()?.serverId ?? '';
    const server = await findServer(this.env.DB, serverId).catch(() => null); // a refresh meets the same fault, and notes it
    const kept = this.kept();
    if (kept?.version !== version) return;
    if (!kept.isRenewable) this.lose(version);
    else if (server?.enabled === false) this.note({ ...kept, used: false });
    else await this.refresh(kept);
  }

  private async save(
    terms: CredentialTerms,
    saved: CredentialFacts & Pick<StoredCredential, 'sealed'>,
  ): Promise<void> {
    const before = this.kept();
    const at = now();
    const { serverId, owner, origin, generation, issuer } = terms;
    this.put({
      ...saved,
      ...{ serverId, owner, origin, generation, issuer },
      id: before?.id ?? crypto.randomUUID(),
      wantedScopes: before?.wantedScopes ?? null,
      lacksScopes: false,
      status: 'active',
      version: crypto.randomUUID(),
      issuedAt: at,
      used: false,
      faults: 0,
      refusals: null,
      retryAt: 0,
      refusedAt: null,
      lastRefreshedAt: null,
      createdAt: before?.createdAt ?? at,
      updatedAt: at,
    });
    await this.index.tell();
  }

  /** What is kept after a refresh; without one, what is kept while its access token lives, unless the server refused `refused`. */
  private async renewed(before: StoredCredential, terms: CredentialTerms, refused?: string): Promise<Held> {
    const ended = await this.refresh(before);
    const kept = serving(this.kept(), terms);
    if (typeof kept === 'string') return { ok: false, reason: kept };
    const lives = kept.expiresAt === null || now() < kept.expiresAt;
    if (ended === 'unavailable' && (!lives || kept.version === refused))
      return { ok: false, reason: 'unavailable', retryAfter: RETRY_AFTER };
    return this.shown(kept, terms);
  }

  /** One refresh for any number of calls. It goes on when they do not wait any more. */
  private refresh(kept: StoredCredential): Promise<Refreshed> {
    if (this.refreshing?.version === kept.version) return this.refreshing.ended;
    const ended = this.refreshOnce(kept).finally(() => {
      if (this.refreshing?.ended === ended) this.refreshing = null;
    });
    this.refreshing = { version: kept.version, ended };
    this.ctx.waitUntil(ended);
    return ended;
  }

  private async refreshOnce(before: StoredCredential): Promise<Refreshed> {
    const old = (await this.open(before)) as Tokens | null;
    if (!old?.refreshToken) return 'refused';
    let issued: Tokens | 'gone';
    try {
      issued = await refreshAt(this.env, before, old.refreshToken);
    } catch (error) {
      const refused = error instanceof TokenRefused;
      const why = refused ? wordOf(error.code) : error instanceof Error ? error.name : 'unknown';
      const { serverId: server, id: credential } = before;
      log('credential.not_refreshed', { server, credential, refused, error: why });
      const kept = this.kept();
      if (kept?.version !== before.version) return refused ? 'superseded' : 'unavailable';
      const { isOver, noted } = afterAnswer(kept, verdictOf(error), now());
      if (isOver) return this.lose(before.version) ? 'refused' : 'superseded';
      this.note(afterFault(noted, now()));
      return 'unavailable';
    }
    if (issued === 'gone') {
      if (this.kept()?.version === before.version) await this.disconnect(before);
      return 'superseded';
    }
    // A provider that does not rotate leaves out what stays as it was (RFC 6749 §6).
    const next = {
      ...issued,
      refreshToken: issued.refreshToken ?? old.refreshToken,
      scopes: issued.scopes ?? old.scopes,
    };
    const sealed = await this.seal(before, next);
    const kept = this.kept();
    if (kept?.version !== before.version) {
      if (!kept) await revokeAndLog(this.env, before, next); // disconnected meanwhile: no one else knows of these
      return 'superseded';
    }
    const at = now();
    this.put({
      ...kept,
      sealed,
      status: 'active',
      version: crypto.randomUUID(),
      tokenType: next.tokenType,
      scopes: next.scopes,
      expiresAt: next.expiresAt,
      issuedAt: at,
      used: false,
      faults: 0,
      refusals: null,
      retryAt: 0,
      lastRefreshedAt: at,
      updatedAt: at,
    });
    this.ctx.waitUntil(this.index.tell());
    log('credential.refreshed', { server: kept.serverId, credential: kept.id });
    return 'done';
  }

  /** Marks `version` as needing its owner. False when it is not what is kept any more. */
  private lose(version: string): boolean {
    const kept = this.kept();
    if (kept?.version !== version) return false;
    this.put({ ...kept, status: 'needs_reauth', updatedAt: now() });
    this.ctx.waitUntil(this.index.tell());
    return true;
  }

  /** The headers of what is kept; `needs_reauth` when it does not open, until it does. */
  private async shown(kept: StoredCredential, terms: CredentialTerms): Promise<Held> {
    const opened = await this.open(kept);
    if (opened === null) return { ok: false, reason: 'needs_reauth' };
    return { ok: true, version: kept.version, headers: headersOf(opened, terms), goodUntil: goodUntil(kept) };
  }

  private seal(place: Parameters<typeof credentialSealContext>[0], secret: unknown): Promise<string> {
    return seal(this.env.ENCRYPTION_KEY, credentialSealContext(place), JSON.stringify(secret));
  }

  /** What is sealed; null when no entry of `ENCRYPTION_KEY` opens it. What an older one sealed is sealed again by the first. */
  private async open(kept: StoredCredential): Promise<unknown> {
    const { ENCRYPTION_KEY: keys } = this.env;
    const text = await open(keys, credentialSealContext(kept), kept.sealed);
    const status = text === null ? 'unreadable' : 'active';
    const isNewest = text === null || (await isSealedByNewest(keys, kept.sealed));
    const sealed = isNewest ? kept.sealed : await seal(keys, credentialSealContext(kept), text);

    const current = this.kept();
    const isChanged = sealed !== kept.sealed || status !== current?.status;
    if (current?.sealed === kept.sealed && current.status !== 'needs_reauth' && isChanged) {
      this.put({ ...current, sealed, status });
      this.ctx.waitUntil(this.index.tell());
    }
    return text === null ? null : JSON.parse(text);
  }

  private kept(): StoredCredential | null {
    const state = this.state();
    return state && state.status !== 'gone' ? state : null;
  }

  private state(): StoredCredential | Gone | null {
    return this.kv.get<StoredCredential | Gone>('state') ?? null;
  }

  /** Writes what only this object needs to know, and when to wake for it. */
  private note(state: StoredCredential | Gone): void {
    this.kv.put('state', state);
    this.setAlarm();
  }

  /** Writes what the index hears of, too. */
  private put(state: StoredCredential | Gone): void {
    if (isIndexed(state.serverId)) this.kv.put('untold', crypto.randomUUID());
    this.note(state);
  }

  private setAlarm(): void {
    const kept = this.kept();
    const isBehind = this.state()?.status === 'gone' || this.kv.get('untold') !== undefined;
    const due = kept ? [wakesAt(kept), forgetsAt(kept)] : [];
    const times = [isBehind ? now() + this.index.pause : null, this.unconfirmed.endsAt, ...due].filter(
      (at) => at !== null,
    );
    if (times.length) this.ctx.storage.setAlarm(alarmFor(Math.min(...times) * 1000));
    else this.ctx.storage.deleteAlarm();
  }
}

const now = () => Math.floor(Date.now() / 1000);
const isDue = (at: number | null) => at !== null && at <= now();
