import { parseExact } from '../../protocol/json/exact';
import { isObject, type JsonObject } from '../../protocol/mcp';
import type { HeldRequest, HeldRetry } from './held-acts';
import { HeldCall } from './held-call';

/** Calls under way, and calls that are held or can be read again, of one client session. */
const MOST_CALLS = 64;
const MOST_HELD = 16;
/** How long a call that is over can be read again. Milliseconds. */
const KEPT = 300_000;

/** The calls of one client session that may be asked something (PROTOCOL §4). In memory: what a restart loses is over. */
export class HeldCalls {
  private readonly calls = new Map<string, { call: HeldCall; overAt: number | null }>();

  /**
   * @param awake told that calls are held, which the object has to stay awake for
   * @param over told of each call that is over
   */
  constructor(
    private readonly awake: () => void,
    private readonly over: (request: HeldRequest) => void,
  ) {}

  /** True while a call is under way at a server. */
  isUnderWay(serverId: string): boolean {
    return this.all().some((call) => !call.isOver && call.serverId === serverId);
  }

  /** When the first of them has waited long enough, epoch milliseconds. */
  get until(): number {
    return Math.min(...this.all().map(({ until }) => until));
  }

  /** Ends the calls whose clients took too long. */
  async expire(): Promise<void> {
    const late = this.all().filter(({ until }) => until <= Date.now());
    await Promise.all(late.map((call) => call.cancel('No answer came within 5 minutes.')));
  }

  /** Sends a request. What comes of it: see {@link HeldCall.begin}. `full`: there is no room, and nothing was sent. */
  async begin(request: HeldRequest): Promise<Response | 'full' | null> {
    this.forget();
    if (this.all().filter(({ isOver }) => !isOver).length >= MOST_CALLS) return 'full';
    const call = new HeldCall(request, {
      hearing: (one, message) => this.hearing(one, message),
      hasRoom: () => this.all().filter(({ isHeld }) => isHeld).length < MOST_HELD,
      changed: () => this.changed(request),
    });
    this.calls.set(request.ref, { call, overAt: null });
    return call.begin();
  }

  /** Goes on with a call; null when nothing of it is there any more. */
  async goOn({ place, serverId, credential, responses }: HeldRetry): Promise<Response | null> {
    this.forget();
    const call = this.calls.get(place.ref)?.call;
    if (!call || call.serverId !== serverId || call.version !== credential.version) return null;
    const given = parseExact(responses);
    return call.goOn(place, credential, isObject(given) ? given : {});
  }

  async leave(ref: string, reason: string): Promise<void> {
    await this.calls.get(ref)?.call.leave(reason);
  }

  /** Ends what is under way at a server, or at all. */
  async end(serverId?: string): Promise<void> {
    const meant = this.all().filter((call) => serverId === undefined || call.serverId === serverId);
    await Promise.all(meant.map((call) => call.cancel('The session is over.')));
  }

  private all(): HeldCall[] {
    return [...this.calls.values()].map(({ call }) => call);
  }

  /** Progress is for the call it names; anything else for one whose client reads just now, since no message names a call. */
  private hearing(one: HeldCall, { method, params }: JsonObject): HeldCall {
    const inSession = this.all().filter((call) => !call.isOver && call.session === one.session);
    const token = method === 'notifications/progress' && isObject(params) ? params.progressToken : null;
    if (token !== null) return inSession.find(({ sent }) => sent === Number(token)) ?? one;
    return one.isHeld ? (inSession.find(({ isHeld }) => !isHeld) ?? one) : one;
  }

  private changed(request: HeldRequest): void {
    const known = this.calls.get(request.ref);
    if (known?.call.isOver && known.overAt === null) {
      known.overAt = Date.now();
      this.over(request);
    }
    if (known?.call.isHeld) this.awake();
  }

  /** Forgets calls that are over and were never held, that were over long ago, and those beyond the last few. */
  private forget(): void {
    const now = Date.now();
    const over = [...this.calls].filter(([, { overAt }]) => overAt !== null);
    for (const [at, [ref, { call, overAt }]] of over.reverse().entries())
      if (!call.wasHeld || at >= MOST_HELD || (overAt ?? 0) + KEPT <= now) this.calls.delete(ref);
  }
}
