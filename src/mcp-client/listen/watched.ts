import type { ObjectState } from '../../schema/object-state';

/** The resources of a server that a client session subscribed to. `at`: when it last did, epoch milliseconds. */
type Kept = { uris: string[]; at: number };
const PREFIX = 'watched:';
/** The most that a client session subscribes to. */
const MOST = 100;

/** A server's id, its resources, and when the client last subscribed to one of them. */
export type Watching = [serverId: string, uris: string[], at: number];

/** Who hears of it. */
type Teller = { tell(event: { kind: 'watched'; serverId: string; uris: string[] }): void };

/** What a client session subscribed to, as its object keeps it. */
export class Watched {
  constructor(
    private readonly kv: ObjectState,
    private readonly listeners: Teller,
  ) {}

  get all(): Watching[] {
    return this.kv.list<Kept>(PREFIX).map(([key, { uris, at }]) => [key.slice(PREFIX.length), uris, at]);
  }

  private at(serverId: string): string[] {
    return this.kv.get<Kept>(PREFIX + serverId)?.uris ?? [];
  }

  /** @returns whether it is new; null when the client session has too many */
  add(serverId: string, uri: string): boolean | null {
    const known = this.at(serverId);
    const others = known.filter((one) => one !== uri);
    const count = this.all.reduce((sum, [id, uris]) => sum + (id === serverId ? others : uris).length, 0);
    if (count >= MOST) return null;
    this.keep(serverId, [...others, uri]);
    return !known.includes(uri);
  }

  drop(serverId: string, uri: string): void {
    this.keep(
      serverId,
      this.at(serverId).filter((one) => one !== uri),
    );
  }

  private keep(serverId: string, uris: string[]): void {
    if (uris.length) this.kv.put<Kept>(PREFIX + serverId, { uris, at: Date.now() });
    else this.kv.delete(PREFIX + serverId);
    this.listeners.tell({ kind: 'watched', serverId, uris });
  }

  /** Forgets what was subscribed to at this time or before. */
  forget(until = Number.POSITIVE_INFINITY): void {
    for (const [serverId, , at] of this.all) if (at <= until) this.kv.delete(PREFIX + serverId);
  }
}
