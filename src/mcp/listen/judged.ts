import { deploymentNow } from '../../config';
import type { Call } from '../call';
import { authenticate } from '../caller';
import { offerAt } from '../place';
import { LIST_KINDS, type ListKind, type ListMarks, marksOf, sourcesOf } from './list-marks';

/** A client with an open stream, and what it is judged by now. */
export type Listener = Omit<Call, 'request'>;

/** How old an isolate's knowledge of settings and revision may be for streams: one reading serves all of them. Milliseconds. */
const LOOK_AGAIN = 8_000;

/**
 * Judges a client with an open stream again, by the headers it came with. Reads what no request of this isolate has read for a
 * while: settings and revision once for all streams, the caller once a `revocation_lag`.
 * @throws when the caller may not be here any more
 */
export async function judged(listener: Listener): Promise<Listener> {
  const { headers } = listener;
  const { env, issuer, slug } = listener.gate;
  const { settings, revision } = await deploymentNow(env, LOOK_AGAIN);
  const gate = { env, settings, slug, issuer: settings.oauth2_server_config.issuer_url ?? issuer };
  const caller = await authenticate(gate, headers);
  const offer = await offerAt(env, revision, slug, caller, headers);
  return { ...listener, ...offer, gate, caller };
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
