import type { Subject } from '../protocol/subject';
import type { Tokens } from '../providers/tokens';

/**
 * Whose a credential at a server is: an identity's, or the gateway's own. The gateway's is the shared account of `oauth`
 * servers; at per-user ones it is the administrator's, kept only to refresh the tool list.
 */
export type CredentialOwner = Subject | 'gateway';

/** What may be told of a credential. `needs_update`: the server wants other headers than the ones held. */
export type CredentialStatus = 'active' | 'needs_reauth' | 'needs_update';

/** A credential as lists know it (the row of `credential`). Times are epoch seconds. */
export type Credential = {
  id: string;
  owner: CredentialOwner;
  serverId: string;
  kind: 'token' | 'header';
  /** The server's `credentialGeneration` when it was obtained. */
  generation: number;
  /** `unreadable`: no entry of `ENCRYPTION_KEY` opens what its object holds. */
  status: 'active' | 'needs_reauth' | 'unreadable';
  /** Names of the headers held; null for tokens. */
  headerKeys: string[] | null;
  tokenType: string | null;
  scopes: string[] | null;
  /** What the server named in a 403, asked for at every authorization since; null: nothing. */
  wantedScopes: string[] | null;
  expiresAt: number | null;
  /** The entry of `ENCRYPTION_KEY` that its object sealed it with, as `sealerOf` tells it; null: not known. */
  sealedBy: string | null;
  lastRefreshedAt: number | null;
  createdAt: number;
  updatedAt: number;
};

/**
 * What a credential must agree with to serve: the server as the gateway knows it now. A credential obtained under others
 * needs its owner again.
 */
export type CredentialTerms = {
  serverId: string;
  owner: CredentialOwner;
  /** Where the credential may go. */
  origin: string;
  /** The server's `credentialGeneration`. */
  generation: number;
  /** Names of the headers its owner enters; null for tokens. */
  headerKeys: string[] | null;
  /** Ours: what a client of this gateway at the provider is made for. Null while it is not set. */
  issuer: string | null;
};

/**
 * What the connection's object answers when it is asked for its credential: headers to send and which version of it they
 * are, or why there are none. `unavailable` passes, and so may a refusal of what was renewed just now (`refused_anew`); everything else needs the person (or, for the gateway's, an administrator).
 */
export type Held =
  | {
      ok: true;
      /** Another after every change. */
      version: string;
      headers: Record<string, string>;
      /** Until when they may be sent without asking again, epoch seconds; null: no end is known. */
      goodUntil: number | null;
    }
  | { ok: false; reason: Lack }
  | { ok: false; reason: 'unavailable' | 'refused_anew'; retryAfter: number };

/** Why there is no credential that serves: its owner can fix it. */
export type Lack = 'none' | 'needs_reauth' | 'needs_update';

/** What became of header values that were entered: kept, or which of those the server wants are still missing. */
export type SavedHeaders = { ok: true } | { ok: false; missing: string[] };

/** For what tokens are held that someone has to confirm first. */
export type HeldFor = {
  /** The authorization they came of. */
  authorizationId: string;
  /** Epoch seconds: then they are revoked. */
  endsAt: number;
};

/** What the object of a connection is asked from elsewhere. Its class says what each act does. */
export interface ConnectionActs {
  held(terms: CredentialTerms): Promise<Held>;
  renew(terms: CredentialTerms, version: string, isOwners: boolean): Promise<Held>;
  refuse(terms: CredentialTerms, version: string, isOwners: boolean): Promise<Held>;
  lackScopes(terms: CredentialTerms, version: string, scopes: readonly string[]): Promise<boolean>;
  saveTokens(terms: CredentialTerms, tokens: Tokens, issuedBy: string): Promise<void>;
  hold(terms: CredentialTerms, tokens: Tokens, issuedBy: string, held: HeldFor): Promise<void>;
  confirm(terms: CredentialTerms, authorizationId: string): Promise<boolean>;
  reject(authorizationId: string): Promise<boolean>;
  saveHeaders(terms: CredentialTerms, values: Record<string, string>): Promise<SavedHeaders>;
  keptHeaders(terms: CredentialTerms): Promise<Record<string, string>>;
  disconnect(place: Pick<CredentialTerms, 'owner' | 'serverId'>): Promise<boolean>;
}
