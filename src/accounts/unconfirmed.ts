import type { Env } from '../config';
import { open, seal } from '../crypto/secrets';
import type { Tokens } from '../providers/tokens';
import type { ObjectState } from '../schema/object-state';
import type { CredentialTerms, HeldFor } from './credential';
import { type CredentialFacts, credentialSealContext, describeTokens } from './kept-credential';
import { revokeAndLog } from './refresh';

/** Tokens that serve no one until an administrator has confirmed whose account they are of. */
type UnconfirmedTokens = HeldFor & {
  terms: CredentialTerms;
  facts: CredentialFacts & {
    /** JSON: `Tokens`. */
    sealed: string;
  };
};

/** Where the object stores it, and which authorization's was kept last. */
export const KEY = 'unconfirmed';
const KEPT = 'confirmed';

/** What a connection's object holds of the kind: one at a time. */
export class Unconfirmed {
  /** @param changed called when another end is due than before */
  constructor(
    private readonly env: Env,
    private readonly kv: ObjectState,
    private readonly changed: () => void,
  ) {}

  /** When what is held ends, epoch seconds; null: nothing is. */
  get endsAt(): number | null {
    return this.held()?.endsAt ?? null;
  }

  /** Holds tokens in place of what was held, which is revoked. */
  async hold(terms: CredentialTerms, tokens: Tokens, issuedBy: string, held: HeldFor): Promise<void> {
    const text = JSON.stringify(tokens);
    const sealed = await seal(this.env.ENCRYPTION_KEY, credentialSealContext(terms), text);
    const before = this.held();
    const facts = { ...describeTokens(tokens, issuedBy), sealed };
    this.kv.put<UnconfirmedTokens>(KEY, { ...held, terms, facts });
    this.changed();
    if (before) await this.revoke(before);
  }

  /** Takes out what is held of an authorization; null when there is none, or its time is over, or the server has changed. */
  async take(terms: CredentialTerms, authorizationId: string): Promise<UnconfirmedTokens['facts'] | null> {
    const held = this.remove(authorizationId);
    if (!held) return null;
    const { origin, generation } = held.terms;
    const isSame = origin === terms.origin && generation === terms.generation && !terms.headerKeys;
    if (isSame && held.endsAt > Date.now() / 1000) {
      this.kv.put(KEPT, authorizationId);
      return held.facts;
    }
    await this.revoke(held);
    return null;
  }

  /** True when what was held of this authorization was taken out, and no other's since. */
  wasTaken(authorizationId: string): boolean {
    return this.kv.get(KEPT) === authorizationId;
  }

  /** Revokes and forgets what is held, of one authorization or whatever it is. False: there is none. */
  async drop(authorizationId?: string): Promise<boolean> {
    const held = this.remove(authorizationId);
    if (held) await this.revoke(held);
    return held !== undefined;
  }

  private held(): UnconfirmedTokens | undefined {
    return this.kv.get<UnconfirmedTokens>(KEY);
  }

  private remove(authorizationId?: string): UnconfirmedTokens | undefined {
    const held = this.held();
    if (!held || (authorizationId !== undefined && held.authorizationId !== authorizationId))
      return undefined;
    this.kv.delete(KEY);
    this.changed();
    return held;
  }

  private async revoke({ terms, facts, authorizationId: id }: UnconfirmedTokens): Promise<void> {
    const text = await open(this.env.ENCRYPTION_KEY, credentialSealContext(terms), facts.sealed);
    const { serverId } = terms;
    if (text !== null)
      await revokeAndLog(this.env, { serverId, id, issuedBy: facts.issuedBy }, JSON.parse(text));
  }
}
