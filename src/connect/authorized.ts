import type { Context } from 'hono';
import { audit } from '../audit';
import { type App, forgetDeployment } from '../config';
import { wantLists } from '../mcp-client/server-acts';
import { within } from '../protocol/patience';
import { recordStatus } from '../servers/oauth-config-store';
import type { Server } from '../servers/server';
import { markVerified } from '../servers/store';

/** How long an administrator waits for a server's list of tools. Milliseconds. */
const LISTING_TIME = 8_000;

/** The gateway has an account at a server: from now on callers see it, with the tools it lists. */
export async function nowAuthorized(c: Context<App>, issuer: string, server: Server): Promise<void> {
  const now = Math.floor(Date.now() / 1000);
  await recordStatus(c.env.DB, server.oauthConfigId ?? '', { status: 'authorized' }, now);
  await markVerified(c.env.DB, server.id);
  audit(c, { act: 'server.authorized', server: server.id });
  const wanted = { serverId: server.id, issuer, owner: null, reason: 'now' } as const;
  await within(LISTING_TIME, wantLists(c.env.SERVERS, wanted));
  forgetDeployment(); // so that this isolate's next request finds it
}
