const FAILURES = 5;
const WINDOW = 30_000;
const REST = 30_000;

type Record = { failedAt: number[]; restsUntil: number };

/** A server that fails {@link FAILURES} times within {@link WINDOW} ms is left alone for {@link REST} ms in this isolate. */
const records = new Map<string, Record>();

/** Seconds until a server may be asked again; 0: now. */
export function restOf(serverId: string): number {
  const left = (records.get(serverId)?.restsUntil ?? 0) - Date.now();
  return Math.max(0, Math.ceil(left / 1000));
}

/** Notes whether a server did its part. Success ends a row of failures. */
export function noteTurn(serverId: string, succeeded: boolean): void {
  if (succeeded) {
    records.delete(serverId);
    return;
  }
  const now = Date.now();
  const known = records.get(serverId)?.failedAt.filter((at) => at > now - WINDOW) ?? [];
  const failedAt = [...known, now];
  const rests = failedAt.length >= FAILURES;
  records.set(serverId, { failedAt: rests ? [] : failedAt, restsUntil: rests ? now + REST : 0 });
}
