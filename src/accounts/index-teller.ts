import { log } from '../log';
import { faultFacts } from '../protocol/faults/storage';
import type { ObjectState } from '../schema/object-state';
import { forgetCredential, recordCredential } from './credentials';
import { credentialOf, type Gone, type StoredCredential } from './kept-credential';
import { KEY as UNCONFIRMED } from './unconfirmed';

/** Where the object stores how often in a row the index did not answer. */
const TRIES = 'untold_tries';
/** The first pause before the index is told again, and the longest: each is twice as long as the one before. Seconds. */
const TELL_AGAIN = 10;
const TELL_AGAIN_AT_MOST = 3_600;

/** Tells the index (D1's `credential`) what a connection's object decided, one thing after the other. */
export class IndexTeller {
  private telling: Promise<void> | null = null;

  /** @param told called once the index was told, or did not answer: the alarm is due for what is left */
  constructor(
    private readonly db: D1Database,
    private readonly storage: DurableObjectStorage,
    private readonly kv: ObjectState,
    private readonly told: () => void,
  ) {}

  /** How long after a try the index is told again, seconds. */
  get pause(): number {
    return Math.min(TELL_AGAIN * 2 ** Math.max(0, this.tries - 1), TELL_AGAIN_AT_MOST);
  }

  private get tries(): number {
    return this.kv.get<number>(TRIES) ?? 0;
  }

  /** Tells the index what it does not know yet. While it does not answer, the alarm goes on. */
  tell(): Promise<void> {
    this.telling ??= this.tellAll()
      .catch((error: unknown) => {
        log('credential.not_indexed', { server: this.state()?.serverId, ...faultFacts(error) });
        this.kv.put(TRIES, this.tries + 1);
      })
      .finally(() => {
        this.telling = null;
        this.told();
      });
    return this.telling;
  }

  private async tellAll(): Promise<void> {
    for (let state = this.state(); state; state = this.state()) {
      const untold = this.kv.get('untold');
      if (state.status === 'gone') {
        if (untold) await forgetCredential(this.db, state);
        if (this.state()?.status !== 'gone') continue;
        if (this.kv.get(UNCONFIRMED) !== undefined) {
          for (const key of ['state', 'untold', TRIES]) this.kv.delete(key);
          return;
        }
        this.storage.deleteAlarm();
        await this.storage.deleteAll();
        return;
      }
      if (!untold) return;
      await recordCredential(this.db, credentialOf(state));
      if (this.kv.get('untold') === untold) this.kv.delete('untold');
      if (this.tries) this.kv.delete(TRIES);
    }
  }

  private state(): StoredCredential | Gone | undefined {
    return this.kv.get<StoredCredential | Gone>('state');
  }
}
