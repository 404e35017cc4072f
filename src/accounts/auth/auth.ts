import type { Env } from '../../config';
import type { AuthSettings, Basis } from '../../servers/auth-settings';
import type { Server } from '../../servers/server';
import type { Settings } from '../../settings';
import type { CredentialOwner } from '../credential';

/** A server somebody wants to speak to, for an auth type to make credentials for. */
export type Connection = {
  env: Env;
  settings: Settings;
  /** Ours; null while nobody has set it. */
  issuer: string | null;
  server: Server;
  /**
   * Whose own credential is sent where everyone has theirs; `gateway`: its own, to list what the server has. Null: somebody
   * who cannot have one.
   */
  owner: CredentialOwner | null;
};

/** What authenticates requests to a server. */
export type ServerCredentials = {
  headers: Headers;
  /** Another after every change: what was begun at the server with one version is not gone on with by another. */
  version: string;
  /**
   * Asked when the server refuses them: others to send instead, once more. Null: there are no others.
   * @throws CredentialNeeded, UpstreamFailure when there is nothing to send any more.
   */
  refused: (() => Promise<ServerCredentials>) | null;
};

/** How requests to a server are authenticated (`auth_type`, CONTRACT §7). */
export type UpstreamAuth = {
  /** The members of a server, as the API takes it, that depend on its auth type. */
  settings(basis: Basis): AuthSettings;
  /** True when everyone sends their own: what one caller meets there says nothing of the server. */
  isPersonal: boolean;
  /** True when the gateway can have no account there: whoever asks lists what the server has with theirs. */
  isListedForAsker?: true;
  /** @throws CredentialNeeded, UpstreamFailure when there is nothing to send. */
  credentials(connection: Connection): Promise<ServerCredentials>;
};
