import type { HourOfCalls } from '../../../governance/tool-counts';
import type { Server } from '../../../servers/server';
import type { Unreadable } from '../../api/sealed-values';
import type { GrantView } from '../access/words';

/** What the overview says. */
export type OverviewFacts = {
  servers: Server[];
  serverCount: number;
  /** The last day, an entry an hour. */
  hours: HourOfCalls[];
  accessCount: number;
  lately: GrantView[];
  keyCount: number;
  withOldValue: { id: string; name: string; until: number }[];
  /** How many apps lost their access this week because a spent token came back. */
  reused: number;
  /** Servers that need an administrator to authorize them. */
  waiting: Server[];
  /** Stored values that do not open. */
  unreadable: Unreadable[];
};
