import { isPersonal } from '../accounts/auth/index';
import type { Peer } from '../accounts/connect';
import { failures, UpstreamFailure } from '../servers/failure';
import { type Address, whereIs } from '../servers/server';

const FAILURES = 5;
const WINDOW = 30_000;
const REST = 30_000;
const MOST_SERVERS = 2000;

/** `turn`: which it was among all turns and failures of this isolate. `who`: whose account it was; null: everyone's. */
type Failed = { at: number; turn: number; who: string | null };
type Row = { failed: Failed[]; restsUntil: number };

/** By server and address. One that fails {@link FAILURES} times within {@link WINDOW} ms is left alone for {@link REST} ms in this isolate. */
const rows = new Map<string, Row>();

/** Counts turns and failures, so that their order is known within one millisecond. */
let turns = 0;

/** What became of a request: its server answered, or failed. Undefined: neither, as when its client left. */
export type TurnEnd = 'answered' | UpstreamFailure | undefined;

/**
 * Begins a request to a server.
 * @returns what is told how it ended. A server that answers ends the row of its failures, but for those that came after the
 * request began. @throws UpstreamFailure while the server rests
 */
export function beginTurn({ server, owner }: Pick<Peer, 'server' | 'owner'>): (end: TurnEnd) => void {
  const now = Date.now();
  const { restsUntil = 0 } = rows.get(whereIs(server)) ?? {};
  if (restsUntil > now) throw failures.resting(server.name, Math.ceil((restsUntil - now) / 1000));
  const turn = ++turns;
  return (end) => {
    if (end === 'answered') noteAnswer(server, turn);
    else if (end instanceof UpstreamFailure && end.kind === 'server') noteFailure(server, owner);
  };
}

/**
 * Whether a failure that a call met says something of the server: where everyone has their own account it does when two
 * people met one of the server's own at about the same time.
 */
export function isServers(server: Address, { kind }: UpstreamFailure): boolean {
  if (!isPersonal(server)) return true;
  if (kind !== 'server') return false;
  const row = rows.get(whereIs(server));
  return row !== undefined && (row.restsUntil > Date.now() || peopleIn(recent(row)) > 1);
}

function noteAnswer(server: Address, turn: number): void {
  const key = whereIs(server);
  const row = rows.get(key);
  if (!row) return;
  row.failed = row.failed.filter((failed) => failed.turn > turn);
  if (!row.failed.length && row.restsUntil <= Date.now()) rows.delete(key);
}

function noteFailure(server: Address, owner: Peer['owner']): void {
  const who = isPersonal(server) ? owner : null;
  if (who === null && isPersonal(server)) return; // someone whose values are being tried
  const key = whereIs(server);
  const now = Date.now();
  const row = rows.get(key) ?? { failed: [], restsUntil: 0 };
  if (row.restsUntil > now) return;
  row.failed = [...recent(row), { at: now, turn: ++turns, who }];
  const people = isPersonal(server) ? peopleIn(row.failed) : 2;
  if (row.failed.length >= FAILURES && people > 1) {
    row.restsUntil = now + REST;
    row.failed = [];
  }
  row.failed = row.failed.slice(-MOST_FAILED);
  rows.delete(key);
  rows.set(key, row);
  if (rows.size > MOST_SERVERS) rows.delete(rows.keys().next().value as string);
}

/** One person's failures are not kept without end. */
const MOST_FAILED = 50;

function recent({ failed }: Row): Failed[] {
  const now = Date.now();
  return failed.filter(({ at }) => at > now - WINDOW);
}

function peopleIn(failed: readonly Failed[]): number {
  return new Set(failed.map(({ who }) => who)).size;
}
