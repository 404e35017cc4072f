import type { Subject } from '../protocol/subject';

/**
 * Whose a credential at a server is: an identity's, or the gateway's own. The gateway's is the shared account of `oauth`
 * servers; at per-user ones it is the administrator's, kept only to refresh the tool list.
 */
export type Owner = Subject | 'gateway';

/** What a provider issued (RFC 6749 §5.1). */
export type Tokens = {
  accessToken: string;
  refreshToken: string | null;
  /** As the provider spells it. */
  tokenType: string;
  /** Epoch seconds; null when the provider did not say. */
  expiresAt: number | null;
  /** Null when the provider did not say. */
  scopes: string[] | null;
};

/** What may be told of a credential. `needs_update`: the server wants other headers than the ones held. */
export type CredentialStatus = 'active' | 'needs_reauth' | 'needs_update';

/** A credential as lists know it (the row of `credential`). Times are epoch seconds. */
export type Credential = {
  id: string;
  owner: Owner;
  serverId: string;
  kind: 'token' | 'header';
  /** The server's `credentialGeneration` when it was obtained. */
  generation: number;
  status: CredentialStatus;
  /** Names of the headers held; null for tokens. */
  headerKeys: string[] | null;
  tokenType: string | null;
  scopes: string[] | null;
  expiresAt: number | null;
  lastRefreshedAt: number | null;
  createdAt: number;
  updatedAt: number;
};

/**
 * What the connection's object answers when it is asked for its credential: headers to send and which version of it they
 * are, or why there are none. `unavailable` passes; everything else needs the person (or, for the gateway's, an administrator).
 */
export type Held =
  | { ok: true; version: number; headers: Record<string, string>; expiresAt: number | null }
  | { ok: false; reason: 'none' | 'needs_reauth' | 'needs_update' }
  | { ok: false; reason: 'unavailable'; retryAfter: number };
