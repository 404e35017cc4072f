import type { CredentialOwner } from '../accounts/credential';
import type { NeededKind } from '../accounts/credential-needed';
import type { Env } from '../config';
import { retrying } from '../protocol/patience';
import type { FailureStated } from '../servers/failure-words';
import type { Server } from '../servers/server';
import type { Settings } from '../settings';
import { type Eras, noteEras } from './eras';

/** For whom a server is asked, where only callers' own accounts list it, and our issuer; null while it is not set. */
export type ListsAsker = { serverId: string; issuer: string | null; owner: CredentialOwner | null };

/**
 * Why lists are wanted. `now`: someone waits, and what began before they asked does not serve them; `missing`: someone waits
 * for lists that never came; `due`: they are older than they may be.
 */
export type ListsWanted = ListsAsker & { reason: 'now' | 'missing' | 'due' };

/**
 * What came of wanting lists. `known`: the server as it is now, whether its tools came when it was asked last, which eras it
 * speaks and where its address led, as far as its object knows; `needed`: an account of the asker's own; `refused`: the server
 * does not list for that account; `gone`: there is no such server.
 */
export type ListsAnswer =
  | { kind: 'known'; server: Server; isListed: boolean; eras: Eras | null; ledTo: string | null }
  | { kind: 'needed'; need: NeededKind }
  | { kind: 'refused'; failure: FailureStated }
  | { kind: 'gone' };

/** What the object of a server is asked from elsewhere. Its class says what each act does. */
export interface ServerActs {
  list(wanted: ListsWanted): Promise<ListsAnswer>;
  changed(asker: ListsAsker): Promise<ListsAnswer | null>;
  forget(): Promise<void>;
}

/** How soon a server that is not well is asked again. Milliseconds. */
export const PAUSE = 30_000;

/** Milliseconds between two listings of a server. */
export function syncInterval(settings: Settings, { toolSyncInterval }: Server): number {
  return (toolSyncInterval ?? settings.mcp_tool_sync_interval) * 60_000;
}

/** True when what is known of a server's lists is older than it may be: one that is not well is looked after more often. */
export function isOutOfDate(settings: Settings, server: Server, now: number): boolean {
  const interval = server.state === 'healthy' ? syncInterval(settings, server) : PAUSE;
  return (server.listedAt ?? 0) * 1000 + interval <= now;
}

/** Has a server's object list it, or waits with it. Goes on there whatever becomes of who asks. */
export async function wantLists(objects: Env['SERVERS'], wanted: ListsWanted): Promise<ListsAnswer> {
  const answer = await retrying(() => serverObject(objects, wanted.serverId).list(wanted));
  if (answer.kind === 'known' && answer.eras) noteEras(answer.server, answer.eras);
  return answer;
}

/** The object of a server. */
export function serverObject(objects: Env['SERVERS'], serverId: string): ServerActs {
  return objects.get(objects.idFromName(serverId));
}
