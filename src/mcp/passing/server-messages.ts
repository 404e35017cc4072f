import type { Peer } from '../../accounts/connect';
import { listenIn } from '../../mcp-client/questions/listening';
import { mayBeAsked } from '../../mcp-client/questions/may-ask';
import { QuestionRelay } from '../../mcp-client/questions/relay';
import { ourIdIn } from '../../mcp-client/request-ids';
import type { NamedSession } from '../../mcp-client/sessions/session';
import { type Additions, NOTHING } from '../../protocol/json/insert';
import { isAsSevere, LOG_LINE, levelIn } from '../../protocol/log-level';
import { isObject, type JsonObject, metaOf, readObject } from '../../protocol/mcp';
import type { Server } from '../../servers/server';
import { withAdditions } from '../answer';
import type { Call } from '../call';
import { listChanged } from '../refresh';
import { TASK_STATUS, type TaskIds } from '../tasks/task-ids';
import type { Besides } from './passage';

/** What a server says of a resource that a client subscribed to. */
export const UPDATED = 'notifications/resources/updated';

/** What a server of 2026-07-28 says first on a stream: what it will tell. */
export const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged';

/** True for what a server says when one of its lists has changed. */
export function isListChanged(method: unknown): boolean {
  return (
    typeof method === 'string' && /^notifications\/(tools|prompts|resources)\/list_changed$/.test(method)
  );
}

/** Milliseconds until we listen for progress elsewhere: a quick call costs its server no other request. */
const LISTEN_AFTER = 1_000;

/** What a server says to the client of a request besides its answer (PROTOCOL §4). */
export class ServerMessages {
  private relay: QuestionRelay | null = null;
  private listening: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param ourId id and progress token of the request, as its server knows them @param ids of the tasks it may bring
   * @param isHeard true where the client's own stream hears its session: a server has one stream a session, and what it said on one
   * that is just being left would be lost
   */
  constructor(
    private readonly call: Call,
    private readonly ourId: number,
    private readonly server: Pick<Server, 'id'>,
    private readonly ids: TaskIds,
    private readonly additions: Additions,
    private readonly isHeard = false,
  ) {}

  private isOver = false;

  /** True once the session's own stream is listened to, or will be. */
  listens = false;

  /**
   * What is not passed with the bytes: questions and what is about them, what tells of lists and subscriptions, what says a
   * task's id, and what has to be asked for.
   */
  readonly isBeside = (method: string, isRequest: boolean): boolean =>
    isQuestion(method, isRequest) ||
    method === TASK_STATUS ||
    (method === LOG_LINE && this.call.era === '2026') ||
    (this.call.era === '2025' && this.ids.areExpected) ||
    this.isTaken(method);

  /** That a list has changed is told by its stored form (PROTOCOL §5); updates go to a client of 2026-07-28 on a stream of their own. */
  private isTaken(method: string): boolean {
    return isListChanged(method) || (method === UPDATED && this.call.era === '2026');
  }

  /** True for a message that the client does not get. */
  private take(method: string): boolean {
    if (isListChanged(method)) listChanged(this.call, this.server);
    return this.isTaken(method);
  }

  /**
   * The request goes in this session. What its server asks there by itself is heard while the request is on its way, when the
   * client may be asked; progress, when it takes a while.
   * @param isKept true when the session stays, so that answers find it
   */
  goesIn(peer: Peer, session: NamedSession, isKept: boolean, besides: Besides): void {
    clearTimeout(this.timer);
    this.listening?.abort();
    if (this.isOver) return;
    const { era, gate, form } = this.call;
    const isAsked = era === '2025' && form !== 'json' && isKept && session.id !== null;
    const capabilities = (isAsked && peer.sharer?.capabilities) || {};
    const keys = gate.env.ENCRYPTION_KEY;
    this.relay = new QuestionRelay({ peer, session, capabilities, keys, asked: () => besides.asked() });
    const hasStream = session.id !== null && peer.server.connectionType === 'http';
    if (!hasStream || !peer.sharer || form === 'json' || this.isHeard) return;
    const listening = new AbortController();
    this.listening = listening;
    const listen = () =>
      listenIn(peer, session, listening.signal, async (message) => {
        const told = await this.heard(message);
        if (!told || listening.signal.aborted) return;
        const isSaid = besides.say(this.textOf(told), message.id === undefined);
        if (!isSaid) await this.relay?.takeBack(message);
      });
    const isToHear = mayBeAsked(capabilities);
    this.listens = isToHear || this.token !== undefined;
    if (isToHear) listen();
    else if (this.listens) this.timer = setTimeout(listen, LISTEN_AFTER);
  }

  /** What the client gets in place of a message that came with the answer. */
  readonly bring = async (text: string): Promise<string | null> => {
    const message = readObject(text);
    const told = message && (await this.heard(message));
    return told ? this.textOf(told) : null;
  };

  /** The request is over. */
  end(): void {
    this.isOver = true;
    clearTimeout(this.timer);
    this.listening?.abort();
  }

  /** A client of 2026-07-28 has to ask for log lines (MCP 2026-07-28, Logging); others have set a level, or take what comes. */
  private isWanted(line: JsonObject): boolean {
    const { era, request } = this.call;
    const asked = levelIn(request.params);
    return era === '2025' || (asked !== null && isAsSevere(line, asked));
  }

  /** A message for the client, its URIs as they stand at this address. */
  private textOf(message: JsonObject): string {
    return withAdditions(JSON.stringify(message), { ...NOTHING, uris: this.additions.uris });
  }

  private get token(): unknown {
    return metaOf(this.call.request.params).progressToken;
  }

  /** What the client gets of a message: progress of other requests is not for this one. */
  private async heard(message: JsonObject): Promise<JsonObject | null> {
    const { method } = message;
    if (typeof method !== 'string' || this.take(method)) return null;
    const named = await this.ids.inMessage(message);
    if (!named) return null;
    const { params } = named;
    if (method === LOG_LINE) return this.isWanted(named) ? named : null;
    if (isQuestion(method, named.id !== undefined)) return (await this.relay?.relay(named)) ?? null;
    if (method !== 'notifications/progress') return named;
    const isOurs = isObject(params) && ourIdIn(params.progressToken) === this.ourId;
    return isOurs && this.token !== undefined
      ? { ...named, params: { ...params, progressToken: this.token } }
      : null;
  }
}

/** What a server asks, and what takes that back. */
function isQuestion(method: string, isRequest: boolean): boolean {
  return isRequest || method === 'notifications/cancelled';
}
