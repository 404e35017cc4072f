import type { ObjectState } from '../schema/object-state';
import type { ChangeableTerms, GrantTerms, ToldChange } from './grant';
import { recordTerms } from './store';

/** What is allowed since a change; kept apart from the grant's state, which every rotation writes. */
type Changed = Pick<ChangeableTerms, 'servers' | 'readOnly'>;
/** A change that the index has not been told of. */
type Untold = ToldChange & { version: number };

/** What was changed of a grant's terms, and what the index has to hear of it: as the grant's object stores it. */
export class ChangedTerms {
  constructor(
    private readonly kv: ObjectState,
    private readonly db: D1Database,
    private readonly grantId: string,
  ) {}

  /** Changes the index has not been told of. */
  get untold(): Untold[] {
    return this.kv.get<Untold[]>('untold') ?? [];
  }

  /** Keeps a change, the one that made this version. */
  note({ servers, readOnly }: ChangeableTerms, told: ToldChange, version: number): void {
    this.kv.put<Changed>('changed', { servers, readOnly });
    this.kv.put<Untold[]>('untold', [...this.untold, { ...told, version }]);
  }

  /** Makes the index say what the terms are in this version; a version without a change says nothing. */
  async tell({ scope, askedScope = scope, expiresAt }: GrantTerms, version: number): Promise<void> {
    const changed = this.kv.get<Changed>('changed');
    if (!changed) return;
    const now = { ...changed, scope, askedScope, expiresAt, termsVersion: version };
    await recordTerms(this.db, this.grantId, now, this.untold);
    this.kv.put<Untold[]>(
      'untold',
      this.untold.filter((one) => one.version > version),
    );
  }
}
