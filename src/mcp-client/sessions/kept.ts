import { open, seal } from '../../crypto/secrets';
import type { ObjectState } from '../../schema/object-state';
import type { Session } from './session';
import type { Meeting } from './session-acts';

/** A session as it is stored: its id is sealed. Times are epoch milliseconds. */
export type Kept = Meeting & Omit<Session, 'id'> & { sealed: string; askedAt: number };

/** The sessions that a client session has at servers, one each, as its object stores them. */
export class KeptSessions {
  /** @param keys the value of `ENCRYPTION_KEY` @param name of the object */
  constructor(
    private readonly kv: ObjectState,
    private readonly keys: string,
    private readonly name: string,
  ) {}

  get all(): Kept[] {
    return this.kv.list<Kept>('at:').map(([, kept]) => kept);
  }

  at(serverId: string): Kept | null {
    return this.kv.get<Kept>(`at:${serverId}`) ?? null;
  }

  note(kept: Kept): void {
    this.kv.put(`at:${kept.serverId}`, kept);
  }

  /** Forgets a session, unless another is there. */
  drop({ serverId, ref }: Kept): void {
    if (this.at(serverId)?.ref === ref) this.kv.delete(`at:${serverId}`);
  }

  /**
   * The session that serves where a client session meets a server now; null: another has to be begun.
   * @param unknown our name for the session that the server does not know
   */
  serving({ serverId, url, credential, generation }: Meeting, unknown: string | null): Kept | null {
    const kept = this.at(serverId);
    if ((kept?.generation ?? 0) !== generation) return null; // an older version of this code stored none
    const serves = kept?.url === url && kept.credential === credential && kept.ref !== unknown;
    return kept && serves ? kept : null;
  }

  sealed(ref: string, id: string): Promise<string> {
    return seal(this.keys, this.contextOf(ref), id);
  }

  /** The session with its id; null when its seal does not open. */
  async opened(kept: Kept): Promise<Session | null> {
    const { ref, version, capabilities, credential, sealed } = kept;
    const id = await open(this.keys, this.contextOf(ref), sealed);
    return id === null ? null : { ref, id, version, capabilities, credential };
  }

  private readonly contextOf = (ref: string) => `session/${this.name}/${ref}`;
}
