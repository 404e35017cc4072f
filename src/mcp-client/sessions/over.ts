import { connect } from '../../accounts/connect';
import { currentSettings, type Env } from '../../config';
import { log } from '../../log';
import { faultFacts } from '../../protocol/faults/storage';
import { inPool } from '../../protocol/patience';
import { findServer } from '../../servers/find';
import type { Kept } from './kept';
import type { Session } from './session';
import type { Flight } from './session-acts';
import { cancelIn, endSession } from './session-life';

/** A session that waits for its end, and the requests that end with it. */
export type Over = Kept & { flights?: Flight[] };

/** Outgoing requests of one invocation that await headers. */
const POOL = 5;

/** Ends a session at its server, where that is still at the same address. What fails is logged. */
export async function endOver(env: Env, { flights = [], ...kept }: Over, session: Session): Promise<void> {
  try {
    const server = await findServer(env.DB, kept.serverId);
    if (server?.connectionString !== kept.url) return;
    const asker = { owner: kept.owner, sharer: null };
    const peer = await connect(env, await currentSettings(env), kept.issuer, server, asker);
    await inPool(POOL, flights, ({ session: its, id }) => cancelIn(peer, its, id, 'The session is over.'));
    await endSession(peer, session);
  } catch (error) {
    log('session.not_ended', { server: kept.serverId, ...faultFacts(error) });
  }
}
