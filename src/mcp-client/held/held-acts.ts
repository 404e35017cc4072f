import type { Address } from '../../servers/server';
import type { NamedSession } from '../sessions/session';

/** A request that may be asked something before it is answered, for the object of a client session to send. */
export type HeldRequest = {
  /** Our name for the call. */
  ref: string;
  /** The id it has at its server. */
  sent: number;
  server: Address;
  session: NamedSession;
  credential: HeldCredential;
  /** True when its session is for nothing else, and over with it. */
  isAlone: boolean;
  /** The message, and what the client declared, as JSON. */
  message: string;
  capabilities: string;
};

/** What the server is asked with. */
export type HeldCredential = { version: string; headers: [string, string][] };

/** The place in a call at which its client was asked: after the question with this number. */
export type HeldPlace = { ref: string; turn: number; sent: number };

/** What comes back with a retry, as JSON by the names of the questions. */
export type HeldRetry = { place: HeldPlace; serverId: string; credential: HeldCredential; responses: string };
