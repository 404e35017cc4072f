import type { CredentialNeeded } from '../../accounts/credential-needed';
import type { ServerAnswer } from '../../mcp-client/exchange';
import type { Wanted } from '../../protocol/json/answer';
import type { Additions } from '../../protocol/json/insert';
import type { RpcErrorObject } from '../../protocol/mcp';
import type { UpstreamFailure } from '../../servers/failure';
import type { Judging } from './standing';

/** One request on its way through. */
export type Passage = {
  serverName: string;
  /** True when the client reads `text/event-stream`. */
  acceptsEvents: boolean;
  additions: Additions;
  /** Seconds without a message, or a part of one, after which the request is given up. */
  quietSeconds: number;
  /** Aborts when the client has gone, as far as the platform tells. */
  clientSignal(): AbortSignal;
  judging: Judging;
  /** Called once the request has taken a while. */
  takesLong?(): void;
  /** @throws UpstreamFailure, CredentialNeeded */
  send(signal: AbortSignal, beside: Besides): Promise<ServerAnswer>;
  /** Which of the server's own messages are given to {@link Passage.bring}. */
  isBeside: NonNullable<Wanted['isBeside']>;
  /** The text of what the client gets in place of a message of the server's own; null: nothing. */
  bring(message: string): Promise<string | null>;
  /** True when what a server wants to know reaches the client as questions on its stream. */
  asksClient: boolean;
  /** What comes of a result that asks for input: the text of the whole response, or the request made again with it. */
  input(result: string, beside: Besides, signal: AbortSignal): Promise<Instead | { again: Passage['send'] }>;
  /** The text of the whole response that says the server failed. */
  failed(failure: UpstreamFailure): string;
  /** The text of the whole response that says what went wrong here, for a stream that has begun. */
  broken(error: unknown): string;
  /** The text of the whole response that says how the caller connects an account of theirs. */
  needed(credential: CredentialNeeded): Promise<string>;
  /** The text of the whole response that carries the server's JSON-RPC error. */
  refused(error: RpcErrorObject): string;
  /** The HTTP status of that where nothing was sent before it; missing: 200. */
  statusOf?(error: RpcErrorObject): number;
  /**
   * Called once, at the end. `gone`: the client left; `given_up`: we did; `withdrawn`: the caller may not have the answer any
   * more; `unconnected`: the caller has no account at the server; `broken`: a fault of this gateway.
   */
  ended(outcome: CallOutcome, failure: UpstreamFailure | null): void;
  /** The id of an event by which the client finds this place of its answer again; null: it cannot. Missing: it never comes back. */
  mark?(reached: Reached): Promise<string | null>;
  /** Where an answer goes on that was left to be continued; missing: it begins. */
  from?: Reached;
};

/** The text of the whole response that stands in for an answer. `status`: of HTTP, where nothing was sent before it; missing: 200. */
export type Instead = { text: string; status?: number | undefined };

/** A place in an answer that is an event stream of a server. */
export type Reached = {
  lastEventId: string;
  /** When the request was sent, epoch milliseconds. */
  startedAt: number;
  /** How long its server has said nothing, milliseconds. */
  waited: number;
};

/** `left`: the client comes back for the rest. */
export type CallOutcome =
  | 'answered'
  | 'refused'
  | 'failed'
  | 'given_up'
  | 'withdrawn'
  | 'gone'
  | 'unconnected'
  | 'broken'
  | 'left';

/** What else goes to the client while its request is on its way. */
export type Besides = {
  /** Sends a message that came by another way; false: it is too long. @param isProgress false for a question, which stops the clock */
  say(message: string, isProgress: boolean): boolean;
  /** Notes that the client's person was asked something, or a task is waited for: until the server or they go on, no time counts. */
  asked(): void;
  /** Ends the request, whose client session is over. */
  sessionOver(): void;
};
