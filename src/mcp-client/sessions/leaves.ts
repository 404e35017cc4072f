import { within } from '../../protocol/patience';

/** How long one asker has to begin a session while others wait. Milliseconds. */
const LEAVE = 15_000;

/** Who is beginning a session, by server: one asker at a time has leave to, and others wait. */
export class Leaves {
  private readonly leaves = new Map<
    string,
    { id: string; until: number; over: Promise<void>; end(): void }
  >();

  /** Leave to begin a session at a server; null after waiting for another's. */
  async ask(serverId: string): Promise<string | null> {
    const other = this.leaves.get(serverId);
    const left = (other?.until ?? 0) - Date.now();
    if (!other || left <= 0) return this.give(serverId);
    await within(left, other.over);
    return null;
  }

  end(serverId: string, leave: string): void {
    const one = this.leaves.get(serverId);
    if (one?.id !== leave) return;
    this.leaves.delete(serverId);
    one.end();
  }

  private give(serverId: string): string {
    const id = crypto.randomUUID();
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    this.leaves.set(serverId, { id, until: Date.now() + LEAVE, over, end });
    return id;
  }
}
