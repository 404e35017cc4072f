import { waitUntil } from 'cloudflare:workers';
import { tellIn } from '../../mcp-client/sessions/session-life';
import type { Call } from '../call';
import { inSessions } from './client-sessions';

/** Tells the servers that may ask this client for its roots that these have changed (MCP 2025-11-25, Root List Changes). */
export function forwardRootsChanged(coming: Omit<Call, 'request' | 'era'>): void {
  const message = { method: 'notifications/roots/list_changed' };
  const telling = inSessions(
    coming,
    ({ hasRoots }) => hasRoots,
    async (peer, session) => void (await tellIn(peer, session, message)),
  );
  waitUntil(telling.catch(() => undefined));
}
