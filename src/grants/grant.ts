import type { Subject } from '../protocol/subject';

/** What a person allowed a client to do, and what the code for it is bound to. Times are epoch seconds. */
export type GrantTerms = {
  clientId: string;
  subject: Subject;
  /** Of the key that allowed it; 0 for other identities. */
  generation: number;
  scope: string;
  resource: string;
  redirectUri: string;
  codeChallenge: string;
  codeHash: string;
  codeExpiresAt: number;
  /** When the browser flow that opened the grant can no longer be answered. */
  flowExpiresAt: number;
  /** Null: until withdrawn. */
  expiresAt: number | null;
};

/** Why a grant ended, as the list of grants names it. */
export type EndReason =
  | 'revoked_by_client'
  | 'revoked_by_administrator'
  | 'revoked_by_person'
  | 'code_replayed'
  | 'refresh_token_reused'
  | 'code_never_redeemed'
  | 'idle'
  | 'expired'
  | 'key_refused'
  | 'identity_refused'
  | 'key_leaked'
  | 'key_deleted'
  | 'user_blocked'
  | 'user_deleted'
  | 'client_deleted'
  | 'issuer_changed';

export type Redemption =
  | { ok: true; terms: GrantTerms; refreshToken: string; n: number }
  | {
      ok: false;
      reason:
        | 'unknown'
        | 'wrong_client'
        | 'wrong_redirect_uri'
        | 'wrong_resource'
        | 'wrong_issuer'
        | 'wrong_verifier'
        | 'expired'
        | 'repeated'
        | 'replayed';
    };

export type Rotation =
  | { ok: true; refreshToken: string; n: number }
  | { ok: false; reason: 'unknown' | 'wrong_client' | 'ended' | 'reused' };
