import { isPersonal } from '../../accounts/auth/index';
import { connect } from '../../accounts/connect';
import { CredentialNeeded } from '../../accounts/credential-needed';
import { open, seal } from '../../crypto/secrets';
import { judgeTool } from '../../governance/policy';
import { send } from '../../mcp-client/client';
import { readAnswer } from '../../mcp-client/exchange';
import { nextRequestId } from '../../mcp-client/request-ids';
import type { Session } from '../../mcp-client/sessions/session';
import { CODE, isObject, type JsonObject, RpcError } from '../../protocol/mcp';
import { UpstreamFailure } from '../../servers/failure';
import { answer } from '../answer';
import { askerOf, type Call } from '../call';
import { capabilitiesFor } from '../capabilities';
import type { CatalogServer } from '../catalog';
import { listsOf } from '../server-lists';
import { demandTasks } from './able';
import { sealTask, toolIn } from './task-id';

/** The most of one page, bytes, and how long its server may take, milliseconds. */
const MOST_PAGE = 1_048_576;
const PATIENCE = 30_000;

/** Where a list goes on: at which server, and with which cursor of its own; null: from its beginning. */
type Cursor = { serverId: string; cursor: string | null };

/**
 * The caller's tasks (MCP 2025-11-25, Listing Tasks), a page of one server after the other. Only of servers where everyone
 * has their own account, which list no one else's, and of which the caller may use every tool: which one runs in a task that
 * was begun elsewhere is not known.
 */
export async function listTasks(call: Call): Promise<Response> {
  demandTasks(call);
  const entries = await listable(call);
  const from = await cursorIn(call);
  const at = from ? entries.findIndex(({ server }) => server.id === from.serverId) : 0;
  if (at < 0) throw invalidCursor();
  const entry = entries[at];
  if (!entry) return answer(call, { tasks: [] });
  const page = await pageOf(call, entry, from?.cursor ?? null);
  const follows = entries[at + 1]?.server.id;
  const next: Cursor | null =
    page.next !== null
      ? { serverId: entry.server.id, cursor: page.next }
      : follows !== undefined
        ? { serverId: follows, cursor: null }
        : null;
  return answer(call, { tasks: page.tasks, ...(next && { nextCursor: await cursorOf(call, next) }) });
}

async function listable(call: Call): Promise<CatalogServer[]> {
  const found: CatalogServer[] = [];
  const personal = call.entries.filter(({ server }) => isPersonal(server));
  for await (const [entry, { items }] of listsOf(call.gate.env.DB, personal)) {
    const isWhole = items.tool.every((item) => judgeTool(call.rules, entry.server, item) === 'allowed');
    if (isWhole && items.tool.some(({ taskSupport }) => taskSupport !== null)) found.push(entry);
  }
  return found;
}

/** A page of a server, with our ids for its tasks. One that does not answer, or lists none, costs its own page only. */
async function pageOf(
  call: Call,
  { server }: CatalogServer,
  cursor: string | null,
): Promise<{ tasks: JsonObject[]; next: string | null }> {
  const { env, settings, issuer } = call.gate;
  const signal = AbortSignal.any([call.signal(), AbortSignal.timeout(PATIENCE)]);
  let ref = '';
  const onSession = (_: unknown, session: Session) => {
    ref = session.id === null ? '' : session.ref;
  };
  const params = cursor === null ? {} : { cursor };
  try {
    const peer = await connect(env, settings, issuer, server, askerOf(call, capabilitiesFor(call)));
    const asked = { id: nextRequestId(), method: 'tasks/list', params, era: call.era, onSession };
    const came = await send(peer, asked, signal);
    const { error, result } =
      came.kind === 'error' ? { ...came, result: undefined } : await readAnswer(peer, came, MOST_PAGE);
    if (error && cursor !== null && error.code === CODE.invalidParams) throw invalidCursor();
    const listed = Array.isArray(result?.tasks) ? result.tasks : [];
    const tasks = listed
      .filter(
        (task): task is JsonObject & { taskId: string } => isObject(task) && typeof task.taskId === 'string',
      )
      .map(async (task) => {
        const named = { serverId: server.id, ref, id: task.taskId };
        return { ...task, taskId: await sealTask(call, { ...named, tool: toolIn(call, named) }) };
      });
    const next = result?.nextCursor;
    return { tasks: await Promise.all(tasks), next: typeof next === 'string' && next !== '' ? next : null };
  } catch (error) {
    if (!(error instanceof UpstreamFailure) && !(error instanceof CredentialNeeded)) throw error;
    return { tasks: [], next: null };
  }
}

const placeOf = ({ caller, session }: Call) =>
  `mcp-tasks/${caller.subject ?? 'anonymous'}/${session?.id ?? ''}`;

function cursorOf(call: Call, { serverId, cursor }: Cursor): Promise<string> {
  return seal(call.gate.env.ENCRYPTION_KEY, placeOf(call), JSON.stringify([serverId, cursor]));
}

/** Where the client goes on; null: at the beginning. @throws RpcError for a cursor that is not of this client session */
async function cursorIn(call: Call): Promise<Cursor | null> {
  const { cursor: given } = call.request.params;
  if (given === undefined || given === null || given === '') return null;
  const opened =
    typeof given === 'string' ? await open(call.gate.env.ENCRYPTION_KEY, placeOf(call), given) : null;
  if (opened === null) throw invalidCursor();
  const [serverId, cursor] = JSON.parse(opened);
  return { serverId, cursor };
}

function invalidCursor(): RpcError {
  return new RpcError(200, CODE.invalidParams, 'Invalid cursor');
}
