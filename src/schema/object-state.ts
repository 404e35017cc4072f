import { log } from '../log';

/** What a Durable Object stores was written by a version of this code that is newer than this one. Nothing was read or changed. */
class NewerObjectState extends Error {
  override readonly name = 'NewerObjectState';

  constructor(found: number, known: number) {
    super(
      `The state of this object has version ${found}, and this version of the gateway knows versions up to ${known}. Deploy the newer version again.`,
    );
  }
}

/** Brings what an object stores from one version to the next, synchronously. */
export type ObjectStep = (kv: SyncKvStorage) => void;

/** Where an object stores the version of its state. State without one has the first. */
const VERSION = 'version';
const FIRST = 1;
/** When an alarm that newer state does not let run comes again. Milliseconds: an hour. */
const LATER = 3_600_000;

/** No alarm is set for later: the platform takes none of after 2189, and an alarm that comes early is set again. Milliseconds: a year. */
const FURTHEST = 31_536_000_000;

/** When an alarm is set that is due at `at`. Both epoch milliseconds. */
export function alarmFor(at: number): number {
  return Math.min(at, Date.now() + FURTHEST);
}

/**
 * What a Durable Object stores, of a known version: every read and write goes through here. Older state is brought up when
 * it is first used, in one transaction; newer state is refused, and stays as it is.
 */
export class ObjectState {
  private readonly newest: number;
  /** True once what is stored was seen to be of the newest version: nothing else writes here while this object is in memory. */
  private isNewest = false;

  /** @param steps the first leads from version 1 to 2; an object's state has the version after its last step */
  constructor(
    private readonly storage: DurableObjectStorage,
    private readonly steps: readonly ObjectStep[] = [],
  ) {
    this.newest = FIRST + steps.length;
  }

  /** @throws NewerObjectState */
  get<T>(key: string): T | undefined {
    return this.known().get<T>(key);
  }

  /** @throws NewerObjectState */
  put<T>(key: string, value: T): void {
    const kv = this.known();
    if (kv.get(VERSION) === undefined) kv.put(VERSION, this.newest);
    kv.put(key, value);
  }

  /** @throws NewerObjectState */
  delete(key: string): void {
    this.known().delete(key);
  }

  /** The entries whose keys begin with `prefix`. @throws NewerObjectState */
  list<T>(prefix: string): [string, T][] {
    return [...this.known().list<T>({ prefix })];
  }

  /**
   * True when an alarm has to leave newer state alone. It then comes again in an hour: the platform drops an alarm that
   * keeps failing, and the newer version would miss it.
   */
  async isBeyondAlarm(): Promise<boolean> {
    const found = this.version();
    if (found <= this.newest) return false;
    log('object.newer_state', { found, known: this.newest });
    await this.storage.setAlarm(Date.now() + LATER);
    return true;
  }

  private version(): number {
    return this.storage.kv.get<number>(VERSION) ?? FIRST;
  }

  private known(): SyncKvStorage {
    const { kv } = this.storage;
    if (this.isNewest) return kv;
    const found = this.version();
    this.isNewest = found === this.newest;
    if (found > this.newest) throw new NewerObjectState(found, this.newest);
    if (found < this.newest && [...kv.list({ limit: 1 })].length) {
      this.storage.transactionSync(() => {
        for (const step of this.steps.slice(found - FIRST)) step(kv);
        kv.put(VERSION, this.newest);
      });
    }
    return kv;
  }
}
