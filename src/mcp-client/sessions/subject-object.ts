import { DurableObject } from 'cloudflare:workers';
import type { Env } from '../../config';
import { inPool } from '../../protocol/patience';
import { ObjectState } from '../../schema/object-state';

/**
 * A client session that began sessions at servers. `via`: the grant or key it came by. `begunAt`: epoch milliseconds. `isOver`:
 * it has none any more; `isEnded`: because it was ended, and nothing of it is left. `isForOneCall`: it is over soon, and does
 * not count. Missing: no.
 */
type Begun = {
  via: string | null;
  begunAt: number;
  isOver: boolean;
  isEnded?: boolean;
  isForOneCall?: boolean;
};

/**
 * Client sessions that may begin sessions at servers within {@link WINDOW} milliseconds (PROTOCOL §1). One that was ended makes
 * room for another, up to {@link MOST_BEGUN} in all.
 */
const MOST = 20;
const MOST_BEGUN = 600;
const WINDOW = 3_600_000;
/** Objects asked at once. */
const POOL = 5;

/**
 * A subject's client sessions that have sessions at servers: how many may begin some within an hour, and which to end with
 * a grant, a key or an account. For callers no one knows there is one an address.
 */
export class SubjectObject extends DurableObject<Env> {
  private readonly kv = new ObjectState(this.ctx.storage);

  /** True when the client session of this object may begin sessions that are kept. @param id of the SessionObject */
  async admit(id: string, via: string | null, isForOneCall = false): Promise<boolean> {
    const now = Date.now();
    this.forget(now);
    const before = this.kv.get<Begun>(keyOf(id));
    const recent = this.all().filter(([, begun]) => begun.begunAt > now - WINDOW && !begun.isForOneCall);
    const isFull = recent.filter(([, { isEnded }]) => !isEnded).length >= MOST || recent.length >= MOST_BEGUN;
    if (!isForOneCall && (!before || before.isEnded) && isFull) return false;
    this.kv.put<Begun>(keyOf(id), { via, begunAt: now, isOver: false, isForOneCall });
    if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(now + WINDOW);
    return true;
  }

  /** Notes that a client session has no session at a server any more. @param isEnded it was ended, not only left */
  async left(id: string, isEnded: boolean): Promise<void> {
    const begun = this.kv.get<Begun>(keyOf(id));
    if (begun?.isForOneCall) this.kv.delete(keyOf(id));
    else if (begun) this.kv.put<Begun>(keyOf(id), { ...begun, isOver: true, isEnded });
  }

  /** Ends the sessions begun by a grant or key, those at a server, or all. Repeatable. */
  async end({ via, serverId }: { via?: string; serverId?: string }): Promise<void> {
    const meant = this.all().filter(([, begun]) => !begun.isOver && (via === undefined || begun.via === via));
    const { SESSIONS } = this.env;
    await inPool(POOL, meant, async ([key]) => {
      await SESSIONS.get(SESSIONS.idFromString(key.slice(PREFIX.length))).end(serverId);
    });
  }

  /** Forgets client sessions that are over and count no more. */
  override async alarm(): Promise<void> {
    if (await this.kv.isBeyondAlarm()) return;
    const now = Date.now();
    this.forget(now);
    if (this.all().length) await this.ctx.storage.setAlarm(now + WINDOW);
    else await this.ctx.storage.deleteAll();
  }

  private forget(now: number): void {
    for (const [key, { isOver, begunAt }] of this.all())
      if (isOver && begunAt <= now - WINDOW) this.kv.delete(key);
  }

  private all(): [string, Begun][] {
    return this.kv.list<Begun>(PREFIX);
  }
}

const PREFIX = 'begun:';
const keyOf = (id: string) => `${PREFIX}${id}`;
