import { waitUntil } from 'cloudflare:workers';
import type { Sharer } from '../../accounts/connect';
import { setLevelIn } from '../../mcp-client/sessions/session-life';
import { sessionObjectOf } from '../../mcp-client/sessions/session-stub';
import { LogLevel, levelIn } from '../../protocol/log-level';
import { CODE, isObject, RpcError } from '../../protocol/mcp';
import { Memory } from '../../protocol/memory';
import { within } from '../../protocol/patience';
import { answer } from '../answer';
import { askerOf, type Call } from '../call';
import { inSessions } from './client-sessions';

/** How long a client waits for its servers to be told. Milliseconds. */
const PATIENCE = 2_000;
/** How long this isolate goes on from what it knows of a client session's level. Milliseconds. */
const LAG = 10_000;

const levels = new Memory<{ level: LogLevel | null }>(2000);

/**
 * Keeps from which level on the client wants log lines (MCP 2025-11-25, Setting Log Level), and tells the servers it has
 * sessions at. Without a client session there is none that lasts.
 */
export async function setLevel(call: Call): Promise<Response> {
  const level = LogLevel.safeParse(call.request.params.level);
  if (!level.success) throw new RpcError(200, CODE.invalidParams, 'params.level is no level of MCP.');
  const { sharer } = askerOf(call);
  if (sharer) {
    const { subject, via } = sharer;
    await (await sessionObjectOf(sharer)).setLevel(level.data, { subject, via });
    levels.forget(sharer.name);
    const takesLevel = ({ session }: { session: { capabilities: { logging?: unknown } } }) =>
      isObject(session.capabilities.logging);
    const telling = inSessions(call, takesLevel, (peer, session) => setLevelIn(peer, session, level.data));
    waitUntil(telling.catch(() => undefined));
    await within(
      PATIENCE,
      telling.catch(() => undefined),
    );
  }
  return answer(call, {});
}

/**
 * From which level on the client of a request wants log lines: as the request says, of the 2025 era what it set for its
 * client session. Null: it does not say.
 */
export async function levelOf({ era, request }: Call, sharer: Sharer | null): Promise<LogLevel | null> {
  if (era === '2026') return levelIn(request.params);
  const known =
    sharer &&
    (await levels
      .recall(sharer.name, LAG, async () => ({ level: await keptLevel(sharer) }))
      .catch(() => null));
  return known?.level ?? null;
}

async function keptLevel(sharer: Sharer): Promise<LogLevel | null> {
  return (await sessionObjectOf(sharer)).level().catch(() => null);
}
