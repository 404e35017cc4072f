import type { By } from '../audit';
import type { ReadingTerms } from '../protocol/mcp-config';
import type { Subject } from '../protocol/subject';

/** What a person allowed a client to do, and what the code for it is bound to. Times are epoch seconds. */
export type GrantTerms = {
  clientId: string;
  subject: Subject;
  /** Of the key that allowed it; 0 for other identities. */
  generation: number;
  scope: string;
  /** What the client asked for, which no change goes beyond; absent: the same as `scope`. */
  askedScope?: string;
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

/** The terms that decide whether a refresh is granted. Those of a grant's object and of its row in the index may differ. */
export type JudgedTerms = Required<
  Pick<GrantTerms, 'clientId' | 'subject' | 'generation' | 'scope' | 'askedScope' | 'resource'>
>;

/** The {@link JudgedTerms} of a grant, as its object or its row in the index has them. */
export function judgedTerms({
  askedScope,
  ...terms
}: Omit<JudgedTerms, 'askedScope'> & { askedScope?: string | null }): JudgedTerms {
  const { clientId, subject, generation, scope, resource } = terms;
  return { clientId, subject, generation, scope, askedScope: askedScope ?? scope, resource };
}

/** A server that was left in, with the tools that were ticked, by the server's own names; null: all, and those to come. */
export type ConsentedServer = ReadingTerms & { id: string; tools: string[] | null };

/** What may be changed of a grant afterwards. Its object decides, and tells the index. */
export type ChangeableTerms = {
  /** Null: not narrowed. */
  servers: ConsentedServer[] | null;
  /** True when the person narrowed the scope to `mcp:read`. */
  readOnly: boolean;
  /** Epoch seconds, never later than before; null: until withdrawn. */
  expiresAt: number | null;
};

/** A change, as the audit tells of it: who, and what was and is allowed, in words. */
export type ToldChange = { by: By; before: string; after: string };

/** What became of a change. `elsewhere`: the terms are others than those it was decided on, and the index knows them by now. */
export type ChangeOutcome = 'changed' | 'elsewhere' | 'ended' | 'index_behind';

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
  | 'issuer_changed'
  | 'ended_before_restore';

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
  | { ok: true; terms: GrantTerms; version: number; refreshToken: string; n: number }
  | { ok: false; reason: 'unknown' | 'wrong_client' | 'other_terms' | 'ended' | 'reused' };

/** True when both give the same. */
export function isSameTerms(one: JudgedTerms, other: JudgedTerms): boolean {
  return (Object.keys(one) as (keyof JudgedTerms)[]).every((member) => one[member] === other[member]);
}
