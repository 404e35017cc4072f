import { connect, type Peer } from '../../accounts/connect';
import type { Session } from '../../mcp-client/sessions/session';
import type { KeptSession } from '../../mcp-client/sessions/session-acts';
import { sessionObjectOf } from '../../mcp-client/sessions/session-stub';
import { inPool } from '../../protocol/patience';
import { askerOf, type Call } from '../call';

/** Servers that are told something at once. */
const POOL = 5;

/** Does `tell` in each session of this client session that is one of those, at servers the caller may use here. What fails is left out. */
export async function inSessions(
  asked: Omit<Call, 'request' | 'era'>,
  isMeant: (kept: KeptSession) => boolean,
  tell: (peer: Peer, session: Session) => Promise<void>,
): Promise<void> {
  const asker = askerOf(asked);
  if (!asker.sharer) return;
  const { env, settings, issuer } = asked.gate;
  const kept = await (await sessionObjectOf(asker.sharer)).sessions();
  await inPool(POOL, kept.filter(isMeant), async ({ serverId, session }) => {
    const entry = asked.entries.find(({ server }) => server.id === serverId);
    if (!entry) return;
    const telling = connect(env, settings, issuer, entry.server, asker).then((peer) =>
      // Other credentials may be another account: the session is not theirs.
      peer.credentials.version === session.credential ? tell(peer, session) : undefined,
    );
    await telling.catch(() => undefined);
  });
}
