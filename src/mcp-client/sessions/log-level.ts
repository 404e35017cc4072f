import type { LogLevel } from '../../protocol/log-level';
import type { ObjectState } from '../../schema/object-state';

/** The level a client set, and until when it is kept: epoch milliseconds. */
type Kept = { level: LogLevel; until: number };

/** How long a level is kept that was set. Milliseconds. */
const LIFE = 86_400_000;
const KEY = 'level';

/** From which level on a client session wants log lines (MCP 2025-11-25, Setting Log Level). */
export class KeptLevel {
  constructor(private readonly kv: ObjectState) {}

  get now(): Kept | null {
    const kept = this.kv.get<Kept>(KEY);
    return kept && kept.until > Date.now() ? kept : null;
  }

  /** @returns until when it is kept */
  set(level: LogLevel): number {
    const until = Date.now() + LIFE;
    this.kv.put<Kept>(KEY, { level, until });
    return until;
  }

  /** False when there was none. */
  drop(): boolean {
    const had = this.kv.get(KEY) !== undefined;
    this.kv.delete(KEY);
    return had;
  }
}
