import { type Address, whereIs } from '../servers/server';

const FAILURES = 5;
const WINDOW = 30_000;
const REST = 30_000;

type Record = { failedAt: number[]; restsUntil: number };

/** By server and address. One that fails {@link FAILURES} times within {@link WINDOW} ms is left alone for {@link REST} ms in this isolate. */
const records = new Map<string, Record>();

/** Seconds until a server may be asked again; 0: now. */
export function restOf(server: Address): number {
  const left = (records.get(whereIs(server))?.restsUntil ?? 0) - Date.now();
  return Math.max(0, Math.ceil(left / 1000));
}

/** Notes whether a server did its part. Success ends a row of failures. */
export function noteTurn(server: Address, succeeded: boolean): void {
  if (succeeded) {
    records.delete(whereIs(server));
    return;
  }
  const now = Date.now();
  const known = records.get(whereIs(server))?.failedAt.filter((at) => at > now - WINDOW) ?? [];
  const failedAt = [...known, now];
  const rests = failedAt.length >= FAILURES;
  records.set(whereIs(server), { failedAt: rests ? [] : failedAt, restsUntil: rests ? now + REST : 0 });
}
