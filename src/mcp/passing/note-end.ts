import { waitUntil } from 'cloudflare:workers';
import { isPersonal } from '../../accounts/auth/index';
import { addCalls, countCall } from '../../governance/tool-counts';
import { log } from '../../log';
import { isServers } from '../../mcp-client/breaker';
import { measure } from '../../metrics';
import { metaOf } from '../../protocol/mcp';
import { traceIdOf } from '../../protocol/trace-context';
import type { UpstreamFailure } from '../../servers/failure';
import { recordFailure, recordRecovery } from '../../servers/standing';
import type { Call } from '../call';
import type { CatalogServer } from '../catalog';
import type { CallOutcome } from './passage';

/** Notes how a request ended: a line, a count, and what its server is known to be. */
export function noteEnd(
  call: Call,
  entry: CatalogServer,
  item: string,
  startedAt: number,
  outcome: CallOutcome,
  failure: UpstreamFailure | null,
): void {
  const { caller, gate, headers, request, requestId } = call;
  const { subject, grant } = caller;
  const { method } = request;
  const server = entry.server.id;
  const who = { subject, client: grant?.clientId, grant: grant?.grantId };
  const ms = Date.now() - startedAt;
  if (isLogged(call, outcome)) {
    const trace_id = traceIdOf(headers, metaOf(request.params));
    log('mcp.forwarded', { request_id: requestId, trace_id, method, item, server, ...who, outcome, ms });
  }
  if (method === 'tools/call' && outcome !== 'left') {
    const { METRICS } = gate.env;
    countCall({ server, tool: item, outcome });
    if (METRICS)
      measure(METRICS, {
        event: 'call',
        server: entry.server.endpointSlug,
        item,
        outcome,
        era: call.era,
        ms,
      });
  }
  addCalls(gate.env.DB);
  if (failure || isUnsound(entry)) waitUntil(noteStanding(call, entry, outcome, failure));
}

/** Whether a request that ended so is a log line: a tool call is as the setting says (CONTRACT §1). */
function isLogged({ gate, request }: Call, outcome: CallOutcome): boolean {
  const { log_tool_calls: which } = gate.settings;
  if (request.method !== 'tools/call' || which === 'all') return true;
  return which === 'failed' && !ENDED_WELL.includes(outcome);
}

/** `gone`: the client's own doing. */
const ENDED_WELL: readonly CallOutcome[] = ['answered', 'left', 'gone'];

/** False for a server whose answer is no news. */
function isUnsound({ server: { state } }: CatalogServer): boolean {
  return state === 'unstable' || state === 'needs_reauth';
}

/** Keeps in D1 whether the server does its part, when that is news. */
async function noteStanding(
  { gate }: Call,
  entry: CatalogServer,
  outcome: CallOutcome,
  failure: UpstreamFailure | null,
): Promise<void> {
  const now = Math.floor(Date.now() / 1000);
  const { server } = entry;
  // Where everyone has their own account, a caller's that serves says nothing of the one its tools are listed with.
  const isMended = server.state === 'unstable' || (server.state === 'needs_reauth' && !isPersonal(server));
  if (failure && !isServers(server, failure)) return;
  if (failure) entry.server = await recordFailure(gate.env.DB, server, 'call', failure, now);
  else if ((outcome === 'answered' || outcome === 'refused') && isMended) {
    entry.server = await recordRecovery(gate.env.DB, server);
  }
}
