import type { ObjectState } from '../../schema/object-state';
import type { Flight, SessionActs } from './session-acts';

/** A request that has been on its way for a while. `since`: epoch milliseconds. */
type Followed = Flight & { since: number };

/** No request takes longer. Milliseconds. */
const MOST_FLIGHT = 330_000;
/** How long a cancellation waits for a request that is not followed yet, and how many do. Milliseconds. */
const EARLY = 10_000;
const MOST_EARLY = 64;

const PREFIX = 'flight:';
const keyOf = (id: number) => `${PREFIX}${id}`;

/** The requests of a client session that are on their way to servers, as its object stores them. */
export class FollowedFlights {
  /** Cancellations that found nothing, by the client's id. */
  private readonly early = new Map<string, { reason: string; at: number }>();

  constructor(private readonly kv: ObjectState) {}

  get all(): Followed[] {
    return this.kv.list<Followed>(PREFIX).map(([, flight]) => flight);
  }

  /** The reason of a cancellation that came before its request was followed; null: none did. */
  cancelledEarly(clientId: string): string | null {
    const early = this.early.get(clientId);
    return early && early.at > Date.now() - EARLY ? early.reason : null;
  }

  follow(flight: Flight): void {
    this.kv.put<Followed>(keyOf(flight.id), { ...flight, since: Date.now() });
  }

  has(id: number): boolean {
    return this.kv.get(keyOf(id)) !== undefined;
  }

  /** Follows a request no longer. @returns what it was */
  drop(id: number): Followed | undefined {
    const flight = this.kv.get<Followed>(keyOf(id));
    this.kv.delete(keyOf(id));
    return flight;
  }

  /** When the first of those that listen cannot be on its way any more, epoch milliseconds; Infinity: none does. */
  get until(): number {
    return Math.min(...this.all.map(({ since, listens }) => (listens ? since + MOST_FLIGHT : Infinity)));
  }

  /** Forgets requests that cannot be on their way any more. @returns their servers */
  forgetOld(now: number): Set<string> {
    const old = this.all.filter(({ since }) => since + MOST_FLIGHT <= now);
    for (const { id } of old) this.drop(id);
    return new Set(old.map(({ serverId }) => serverId));
  }

  /** See {@link SessionActs.cancel}. */
  cancel(clientId: string, reason: string): Awaited<ReturnType<SessionActs['cancel']>> {
    const [flight] = this.all
      .filter((one) => one.clientId === clientId)
      .sort((one, other) => other.since - one.since);
    if (flight) return flight;
    this.early.set(clientId, { reason, at: Date.now() });
    if (this.early.size > MOST_EARLY) this.early.delete(this.early.keys().next().value as string);
    return null;
  }
}
