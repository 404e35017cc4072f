import type { JsonObject } from '../../protocol/mcp';

/** A session that a server of the 2025 era began with us. */
export type Session = {
  /** Our name for it: its id is the server's secret, and may come again. */
  ref: string;
  /** `Mcp-Session-Id`; null when the server keeps no sessions. */
  id: string | null;
  version: string;
  capabilities: JsonObject;
  /** The version of the credentials it was begun with: it does not outlive them. */
  credential: string;
};

/** What names a session in a request. */
export type SessionName = Pick<Session, 'id' | 'version'>;

/** What names it to us as well. */
export type NamedSession = SessionName & Pick<Session, 'ref'>;
