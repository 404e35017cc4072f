import {
  equalSecrets,
  isSealedByNewest,
  keyOfSeed,
  macWith,
  open,
  randomSecret,
  seal,
  sealerOf,
} from '../crypto/secrets';
import type { ObjectState } from '../schema/object-state';

/** What a grant's refresh tokens are made from, `<grant id>.<n>.<HMAC(seed, n)>`, as the grant's object stores it: sealed. */
export class GrantSeed {
  private readonly place: string;

  /**
   * @param keysNow tells the value of `ENCRYPTION_KEY`
   * @param resealed told which entry of it seals the seed, where the index does not know that
   */
  constructor(
    private readonly kv: ObjectState,
    private readonly keysNow: () => string,
    private readonly grantId: string,
    private readonly resealed: (sealer: string) => void,
  ) {
    this.place = `grant/${grantId}/seed`;
  }

  private get keys(): string {
    return this.keysNow();
  }

  /** One that is not stored yet. */
  made(): Promise<string> {
    return seal(this.keys, this.place, randomSecret());
  }

  /** @param sealed by {@link made}, with the entry that the row of the grant names */
  keep(sealed: string): void {
    this.kv.put('seed', sealed);
    this.told(sealerOf(sealed));
  }

  /** Notes that the index knows what seals the seed. */
  told(sealer: string): void {
    this.kv.put('sealed_by', sealer);
  }

  forget(): void {
    this.kv.delete('seed');
  }

  /** The key that the seed is, or null; when an older entry of `ENCRYPTION_KEY` sealed it, it is sealed again by the first. */
  async opened(): Promise<CryptoKey | null> {
    const seed = await this.unsealed();
    return seed === null ? null : keyOfSeed(seed);
  }

  private async unsealed(): Promise<string | null> {
    const sealed = this.kv.get<string>('seed');
    const seed = sealed ? await open(this.keys, this.place, sealed) : null;
    if (!sealed || !seed) return null;
    const isNewest = await isSealedByNewest(this.keys, sealed);
    const current = isNewest ? sealed : await seal(this.keys, this.place, seed);
    if (this.kv.get('seed') !== sealed) return seed;
    if (!isNewest) this.kv.put('seed', current);
    if (this.kv.get('sealed_by') !== sealerOf(current)) this.resealed(sealerOf(current));
    return seed;
  }

  /** The refresh token `n`. */
  async token(seed: CryptoKey, n: number): Promise<string> {
    return `${this.grantId}.${n}.${await macWith(seed, String(n))}`;
  }

  /** True when `tag` is that of the refresh token `n`. */
  async isTag(seed: CryptoKey, n: number, tag: string): Promise<boolean> {
    return equalSecrets(await macWith(seed, String(n)), tag);
  }
}
