import type { Env } from '../../config';
import type { AuthSettings, Basis } from '../../servers/auth-settings';
import type { Server } from '../../servers/server';
import type { Settings } from '../../settings';
import type { CredentialOwner, CredentialStatus } from '../credential';

/** A server someone wants to speak to, for an auth type to make credentials for. */
export type Connection = {
  env: Env;
  settings: Settings;
  /** Ours; null while it is not set. */
  issuer: string | null;
  server: Server;
  /**
   * Whose own credential is sent where everyone has theirs; `gateway`: its own, to list what the server has. Null: someone
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
   * @param resourceMetadata where the refusal says that the server's metadata is (RFC 9728 §5.1)
   * @throws CredentialNeeded, UpstreamFailure when there is nothing to send any more.
   */
  refused: ((resourceMetadata: string | null) => Promise<ServerCredentials>) | null;
  /**
   * Told of scopes that the server named in a 403: others to send instead, when the account was connected again meanwhile. Null:
   * nothing can be done about it.
   * @throws CredentialNeeded, UpstreamFailure when someone has to connect the account again for them
   */
  lacksScopes?: (scopes: readonly string[]) => Promise<ServerCredentials | null>;
};

/** What people have of their own at a server: an account with its provider, or header values (CONTRACT §6). */
export type AccountKind = 'oauth' | 'headers';

/** How pages and `/mcp` speak of an account of one's own. */
type AccountWords = {
  /** What the caller has to do, after "Open this URL to". */
  todo: string;
  /** The button that connects an account, and the same with a server's name after it. */
  connect: { button: string; at: string };
  /** The button that puts another in place of one that is connected, and what unfolds it. */
  replace: { button: string; unfold: string };
  /** The button of `/me`, by the account's status. */
  buttons: Readonly<Record<CredentialStatus | 'none', string>>;
};

/** Everyone connects an account with the server's provider; its token set is stored. */
export type OwnTokens = { kind: 'oauth'; words: AccountWords };

/** Everyone fills in a form; header values are stored. */
export type OwnHeaders = {
  kind: 'headers';
  /** Names of the headers; null: each server has its own, `per_user_header_keys`. */
  names: readonly string[] | null;
  /** What the form calls a header and says of it, by the header's name; one that is not here goes by its name. */
  fields: Readonly<Record<string, { label: string; hint: string }>>;
  /** The credentials that `values`, which are not stored yet, would make for the caller. @throws UpstreamFailure */
  trial(connection: Connection, values: Readonly<Record<string, string>>): Promise<ServerCredentials>;
  words: AccountWords;
};

/** Everyone's sign-in at this gateway serves; its tokens are stored while a server of such a type exists. */
type OwnSignIn = { kind: 'sign_in' };

/** An administrator authorizes a server at its provider: it has a row in `oauth_config`. */
export type AtProvider = {
  by: 'provider';
  words: {
    /** Whose account it is: within a sentence of the API, and as sentences of the server's page. */
    api: string;
    page: string;
    /** What the page says that an account that is connected is used for. */
    connected: string;
  };
};

/** An administrator enters header values, and the server lists its tools to them. */
export type BySample = { by: 'sample' };

/**
 * Whose account calls act with (`own` null: the same for everyone), and what an administrator has to do before callers see a
 * server (`authorization` null: nothing). A type where people could not connect does not compile.
 */
type Ways =
  | { own: null; authorization: AtProvider | null }
  | { own: OwnTokens; authorization: AtProvider }
  | { own: OwnHeaders; authorization: BySample }
  | { own: OwnSignIn; authorization: null };

/** What a server answers to a request without credentials: its lists, a provider to sign in at, or a plain refusal. */
type Demand = 'open' | 'oauth' | 'credentials';

/** How requests to a server are authenticated (`auth_type`, CONTRACT §7): all that differs by type. */
export type UpstreamAuth = Ways & {
  /** The members of a server, as the API takes it, that depend on its auth type. The form of a server has their fields. */
  settings(basis: Basis): AuthSettings;
  /** True when the gateway can have no account there: a server lists its tools to each caller. */
  isListedForAsker?: true;
  words: {
    /** The way, as the choice of Authentication reads: its name, and behind a colon what it means. */
    label: string;
    says: string;
    /** The same in the API's description, after the type's name. */
    api: string;
  };
  /** The demand this type answers. Of those that answer one, the form proposes the type that `isProposed`. Null: any. */
  suits: Demand | null;
  isProposed?: true;
  /** @throws CredentialNeeded, UpstreamFailure when there is nothing to send. */
  credentials(connection: Connection): Promise<ServerCredentials>;
};
