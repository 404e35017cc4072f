import type { HourOfCalls } from '../../../governance/tool-counts';
import type { Server } from '../../../servers/server';
import type { Unreadable } from '../../api/sealed-values';
import type { GrantView } from '../access/words';

/** What the overview says. */
export type OverviewFacts = {
  serverCount: number;
  /** Servers that need an administrator, the most urgent first. */
  troubled: Server[];
  /** The last day, an entry an hour. */
  hours: HourOfCalls[];
  /** Calls of the day before. */
  callsBefore: number;
  /** The name of the server at which most calls of the last day failed; null: none did, or it is gone. */
  mostFailedAt: string | null;
  accessCount: number;
  /** How many of today's apps were allowed on each of the last days, the newest last. */
  allowedByDay: number[];
  recent: GrantView[];
  people: { count: number; signedIn: number };
  keyCount: number;
  withOldValue: { id: string; name: string; until: number }[];
  /** How many apps lost their access this week because a spent token came back. */
  reused: number;
  /** Stored values that do not open. */
  unreadable: Unreadable[];
};
