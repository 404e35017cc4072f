import { deploymentNow, deploymentReadAt } from '../../config';
import type { Call } from '../call';
import { authenticate, authenticateAgain, type Caller, type Gate } from '../caller';
import { offerAt } from '../place';
import { LIST_KINDS, type ListKind, type ListMarks, marksOf, sourcesOf } from './list-marks';

/** A client with an open stream, and what it is judged by now. */
export type Listener = Omit<Call, 'request'>;

/** How old an isolate's knowledge of settings and revision may be for streams: one reading serves all of them. Milliseconds. */
const LOOK_AGAIN = 8_000;
/** The least time between two looks at one caller, while storage does not answer or the lag is shorter. Milliseconds. */
const LEAST = 2_000;

/** Who is judged again, by the headers they came with. */
type Judged = Pick<Call, 'gate' | 'caller' | 'headers'>;

/**
 * Judges a client with an open stream again, by the headers it came with. Reads what no request of this isolate has read for a
 * while: settings and revision once for all streams, the caller once a `revocation_lag`.
 * @throws when the caller may not be here any more
 */
export async function judged<T extends Judged>(listener: T): Promise<T> {
  return judgedBy(listener, (gate) => authenticate(gate, listener.headers));
}

/** The same of the client of a request that is on its way, whatever has become of its access token. */
export async function judgedAgain<T extends Judged>(call: T): Promise<T> {
  return judgedBy(call, (gate) => authenticateAgain(gate, call.headers, call.caller));
}

async function judgedBy<T extends Judged>(asked: T, callerAt: (gate: Gate) => Promise<Caller>): Promise<T> {
  const { env, issuer, slug, settings: before } = asked.gate;
  const age = Math.min(LOOK_AGAIN, before.revocation_lag * 1000);
  const { settings, revision } = await deploymentNow(env, age);
  const gate = { env, settings, slug, issuer: settings.oauth2_server_config.issuer_url ?? issuer };
  const caller = await callerAt(gate);
  const offer = await offerAt(env, revision, slug, caller, asked.headers);
  return { ...asked, ...offer, gate, caller };
}

/** In how long a caller who was judged just now is to be judged again: once a `revocation_lag` (CONTRACT §5). Milliseconds. */
export function judgedFor({ caller, gate }: Pick<Judged, 'caller' | 'gate'>): number {
  const lag = gate.settings.revocation_lag * 1000;
  return Math.max(Math.min(caller.readAt, deploymentReadAt()) + lag - Date.now(), LEAST);
}

/** What a client was last told of its lists. */
export class ListWatch {
  private sources = '';

  /** @param marks of the lists that the client knows; null: those it gets now */
  constructor(private marks: ListMarks | null) {}

  /** The lists that have become others since. Looks at names first, then at lists whose names are others. */
  async changes(listener: Listener): Promise<ListKind[]> {
    const sources = sourcesOf(listener);
    if (sources === this.sources) return [];
    const now = await marksOf(listener, sources);
    const before = this.marks ?? now;
    this.sources = sources;
    this.marks = now;
    return LIST_KINDS.filter((kind) => before[kind] !== now[kind]);
  }

  /** The event id that says which lists the client knows. */
  get id(): string {
    const { tools = '', prompts = '', resources = '' } = this.marks ?? {};
    return `${LISTS}${[tools, prompts, resources].join('.')}`;
  }
}

/** What the event ids of a stream begin with that tells of lists. They are no secret, and lead nowhere. */
const LISTS = 'lists:';
const EVENT_ID = /^lists:([\da-z-]{1,40})\.([\da-z-]{1,40})\.([\da-z-]{1,40})$/;

/** Whether an event id is of such a stream: what follows it is told by a new one. */
export function isOfLists(eventId: string): boolean {
  return eventId.startsWith(LISTS);
}

/** The marks in an event id; null: none that can be read. */
export function marksIn(eventId: string | null): ListMarks | null {
  const [all, tools = '', prompts = '', resources = ''] = EVENT_ID.exec(eventId ?? '') ?? [];
  return all === undefined ? null : { tools, prompts, resources };
}
