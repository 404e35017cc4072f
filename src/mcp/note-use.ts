import { waitUntil } from 'cloudflare:workers';
import { keyTouch, type VirtualKey } from '../governance/virtual-keys';
import { type Grant, grantTouch } from '../grants/store';
import { log } from '../log';
import { faultFacts } from '../protocol/faults/storage';

/** How finely the last use of a grant or a key is kept. Seconds. */
const NOTED_EVERY = 3600;

/** What a caller is known by; what is read of it again says when it was last used. */
type Used = { grant: Grant | null; key: VirtualKey | null };

/**
 * Notes in D1 that a grant, and the key it acts for, are in use: behind the answer, once an hour at most, whichever isolate
 * is the first. @param now epoch seconds
 */
export function noteUse(db: D1Database, { grant, key }: Used, now: number): void {
  const before = now - NOTED_EVERY;
  const notes: D1PreparedStatement[] = [];
  if (grant && isDue(grant, before)) notes.push(grantTouch(db, grant.grantId, before, noted(grant, now)));
  if (key && isDue(key, before)) notes.push(keyTouch(db, key.id, before, noted(key, now)));
  if (!notes.length) return;
  waitUntil(db.batch(notes).catch((error: unknown) => log('use.not_noted', faultFacts(error))));
}

type Dated = { lastUsedAt: number | null };

const isDue = ({ lastUsedAt }: Dated, before: number) => (lastUsedAt ?? 0) <= before;

/** What this isolate knows, until it reads that again, has the use noted. */
function noted(one: Dated, now: number): number {
  one.lastUsedAt = Math.floor(now);
  return one.lastUsedAt;
}
