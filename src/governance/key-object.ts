import { DurableObject } from 'cloudflare:workers';
import type { Env } from '../config';
import { ObjectState } from '../schema/object-state';

/** At most `calls` tool calls in a window of so many seconds, which begins with its first call. */
export type Limit = { calls: number; window_seconds: number };

/** How far a limit is used. `resetsAt` in epoch milliseconds; null: no window has begun. */
export type Usage = Limit & { used: number; resetsAt: number | null };

type Window = { startedAt: number; used: number };

/**
 * Counts the tool calls of one virtual key and of its grants, exactly, wherever in the world they arrive. A window is known
 * by its length, so a limit whose number changes goes on from what was used.
 */
export class KeyObject extends DurableObject<Env> {
  private readonly kv = new ObjectState(this.ctx.storage);

  /** Counts one call against every limit. @returns null, or the limit that is spent, and then nothing is counted. */
  async spend(limits: Limit[]): Promise<Usage | null> {
    const now = Date.now();
    const usages = this.usage(limits);
    const spent = usages.filter(isSpent).sort((a, b) => (b.resetsAt ?? 0) - (a.resetsAt ?? 0))[0];
    if (spent) return spent;
    for (const { window_seconds, used, resetsAt } of usages) {
      const startedAt = resetsAt === null ? now : resetsAt - window_seconds * 1000;
      this.kv.put<Window>(nameOf(window_seconds), { startedAt, used: used + 1 });
    }
    if (usages.some(({ resetsAt }) => resetsAt === null)) await this.sweepLater();
    return null;
  }

  /** How far each limit is used now. */
  usage(limits: Limit[]): Usage[] {
    const now = Date.now();
    return limits.map((limit) => {
      const window = this.kv.get<Window>(nameOf(limit.window_seconds));
      const resetsAt = window ? window.startedAt + limit.window_seconds * 1000 : 0;
      return window && now < resetsAt
        ? { ...limit, used: window.used, resetsAt }
        : { ...limit, used: 0, resetsAt: null };
    });
  }

  /** Leaves nothing here, of whatever version: the key is gone, or has no limit any more. */
  async forget(): Promise<void> {
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  /** Leaves nothing of windows that are over. */
  override async alarm(): Promise<void> {
    if (await this.kv.isBeyondAlarm()) return;
    await this.sweepLater();
  }

  private async sweepLater(): Promise<void> {
    const ends = this.kv
      .list<Window>(PREFIX)
      .map(([name, { startedAt }]) => startedAt + Number(name.slice(PREFIX.length)) * 1000);
    const last = Math.max(0, ...ends);
    if (Date.now() < last) await this.ctx.storage.setAlarm(last);
    else await this.forget();
  }
}

const PREFIX = 'window:';
const nameOf = (seconds: number) => `${PREFIX}${seconds}`;
const isSpent = ({ calls, used }: Usage) => used >= calls;

/** The object that counts for the key `id`. Only keys with limits wake theirs. */
export function keyObject(namespace: Env['KEYS'], id: string): DurableObjectStub<KeyObject> {
  return namespace.get(namespace.idFromName(id));
}
