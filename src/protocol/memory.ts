import { Unavailable } from './error';
import { within } from './patience';

/** `turnEndsAt`: until when one request has the reading to itself; 0 once it is answered. */
type Remembered<V> = { value: V; readAt: number; turnEndsAt: number; isUnanswered: boolean };

/** How long what is known serves on while its source does not answer, past the lag. Milliseconds. */
const GRACE = 60_000;
/** How long one request may take to read again: then it goes on with what is known, and another tries. Milliseconds. */
const TURN = 2_000;

/**
 * What an isolate remembers of something it must keep asking for: at most `size` entries, each read again once it is
 * older than the caller's lag. "Not there" is never remembered, so what has just been made is found at once.
 */
export class Memory<V> {
  private readonly entries = new Map<string, Remembered<V>>();

  constructor(private readonly size: number) {}

  /** The value under `key` where it is younger than `lag`, without the promise of {@link recall}. */
  fresh(key: string, lag: number): V | undefined {
    const known = this.entries.get(key);
    return known && Date.now() < known.readAt + lag ? known.value : undefined;
  }

  /**
   * The value under `key`, at most `lag` milliseconds old. When it has just become older, one request reads it again
   * while those beside it go on with what is known; they go on longer only when a whole turn brought no answer. Null
   * when the source says there is none.
   * @throws what the source throws, when nothing recent enough is known; Unavailable when it takes longer than a turn.
   */
  async recall(key: string, lag: number, read: () => Promise<V | null>): Promise<V | null> {
    const now = Date.now();
    const known = this.entries.get(key);
    if (known && now < known.readAt + lag) return known.value;
    if (known && now < known.turnEndsAt) {
      if (now < known.readAt + lag + (known.isUnanswered ? GRACE : TURN)) return known.value;
    }
    if (known && lag > 0) {
      known.isUnanswered = known.turnEndsAt > 0 && now >= known.turnEndsAt;
      known.turnEndsAt = now + TURN;
    }
    try {
      const value = await (known ? inTurn(read()) : read());
      if (value === null) this.entries.delete(key);
      else this.remember(key, value, now);
      return value;
    } catch (error) {
      if (known && now < known.readAt + lag + GRACE) return known.value;
      throw error;
    }
  }

  /** Puts `value` in place of what was known, as read at `readAt` (epoch milliseconds), unless that was read later. */
  remember(key: string, value: V, readAt = Date.now()): void {
    if ((this.entries.get(key)?.readAt ?? 0) > readAt) return;
    this.entries.delete(key);
    this.entries.set(key, { value, readAt, turnEndsAt: 0, isUnanswered: false });
    if (this.entries.size > this.size) this.entries.delete(this.entries.keys().next().value as string);
  }

  /** When the value under `key` was read, epoch milliseconds; now for one that is not known. */
  readAt(key: string): number {
    return this.entries.get(key)?.readAt ?? Date.now();
  }

  forget(key: string): void {
    this.entries.delete(key);
  }
}

/** What the reading brings. @throws Unavailable when it takes longer than a turn. */
async function inTurn<V>(reading: Promise<V>): Promise<V> {
  const answer = await within(
    TURN,
    reading.then((value) => ({ value })),
  );
  if (!answer) throw new Unavailable('no answer in time');
  return answer.value;
}

/** The last `size` names that were noted: a further one takes the place of the one noted longest ago. */
export class Recent {
  private readonly names = new Set<string>();

  constructor(private readonly size: number) {}

  has(name: string): boolean {
    return this.names.has(name);
  }

  add(name: string): void {
    this.names.delete(name);
    this.names.add(name);
    if (this.names.size > this.size) this.names.delete(this.names.values().next().value as string);
  }

  delete(name: string): void {
    this.names.delete(name);
  }
}
