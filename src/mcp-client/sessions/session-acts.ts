import type { CredentialOwner } from '../../accounts/credential';
import type { LogLevel } from '../../protocol/log-level';
import type { GivenAnswer } from '../held/given-answers';
import type { HeldRequest, HeldRetry } from '../held/held-acts';
import type { SseActs } from '../sse/streams';
import type { Session, SessionName } from './session';

/** Where a client session meets a server, and as whom. What was begun with another address or credential does not serve. */
export type Meeting = {
  serverId: string;
  url: string;
  /** Of the server's sessions. */
  generation: number;
  /** The version of the credentials. */
  credential: string;
  /** Whose they are, and our issuer: to end the session later. */
  owner: CredentialOwner | null;
  issuer: string;
  /** Names the SubjectObject it counts with; and the grant or key it came by. */
  subject: string;
  via: string | null;
  /** Whether the client lets servers ask for its roots. */
  hasRoots?: boolean;
  /** True when the session is for one call, and over with it. */
  isForOneCall?: boolean;
};

/** A session of a client session that is kept. */
export type KeptSession = { serverId: string; hasRoots: boolean; session: Session };

/** A session to go on with, or leave to begin one, which one asker has at a time. */
export type Taken = { session: Session } | { leave: string };

/**
 * A request of a client on its way, as its server knows it, and the id its client gave it, as JSON. `sentAt`: epoch
 * milliseconds; `listens`: it listens to its session's own stream, too.
 */
export type Flight = {
  serverId: string;
  id: number;
  session: SessionName;
  clientId: string;
  sentAt: number;
  listens?: boolean;
};

/** What became of a request until it was to be followed. `cancelled`: the reason its client gave; null: it was not. */
export type Following = { isFollowed: boolean; isOver: boolean; cancelled: string | null };

/** A resource that is subscribed to: whether it was not before, and whether the client has a stream now. */
type Watch = { isNew: boolean; isHeard: boolean };

/** What the object of a client session is asked from elsewhere. Its class says what each act does. */
export interface SessionActs extends SseActs {
  take(meeting: Meeting, unknown: string | null): Promise<Taken>;
  keep(meeting: Meeting, leave: string, session: Session, unknown: string | null): Promise<Session | null>;
  giveUp(serverId: string, leave: string): Promise<void>;
  end(serverId?: string): Promise<void>;
  follow(flight: Omit<Flight, 'session'> & { session: SessionName | null }): Promise<Following>;
  isFollowed(id: number): Promise<boolean>;
  arrived(id: number): Promise<void>;
  cancel(clientId: string, reason: string): Promise<Flight | null>;
  sessions(): Promise<KeptSession[]>;
  setLevel(level: LogLevel, by: Pick<Meeting, 'subject' | 'via'>): Promise<void>;
  level(): Promise<LogLevel | null>;
  answering(ref: string, question: string | null): Promise<Session | 'again' | null>;
  giveBack(question: string): Promise<void>;
  watch(serverId: string, uri: string): Promise<Watch | null>;
  unwatch(serverId: string, uri: string): Promise<Pick<Watch, 'isHeard'>>;
  give(ref: string, at: number, answer: string): Promise<void>;
  answersTo(ref: string, patience: number): Promise<GivenAnswer[]>;
  hold(request: HeldRequest): Promise<Response | 'full' | null>;
  goOnHeld(retry: HeldRetry): Promise<Response | null>;
  leaveHeld(ref: string): Promise<void>;
}
