import type { ServerAnswer } from '../../mcp-client/exchange';
import type { Session } from '../../mcp-client/sessions/session';
import { placeAt, placesOf, type StringPlace } from '../../protocol/json/strings-at';
import { CODE, isObject, type JsonObject, metaOf, RpcError } from '../../protocol/mcp';
import type { Call } from '../call';
import { RELATED } from './able';
import { withNamed } from './named-strings';
import { type KeptTask, openTask, type ServerTask, sealTask, toolIn } from './task-id';

/** What a server says of a task by itself. */
export const TASK_STATUS = 'notifications/tasks/status';

const related = placeAt('result', '_meta', RELATED, 'taskId');
const own = placeAt('result', 'taskId');
/** Of a task of the extension: its result, and what it asks for. */
const inside = placesOf(
  placeAt('result', 'result', '_meta', RELATED, 'taskId'),
  placeAt('result', 'inputRequests', '*', 'params', '_meta', RELATED, 'taskId'),
);

/** Where the response to each method says task ids. */
const PLACES: ReadonlyMap<string, StringPlace> = new Map([
  ['tools/call', placesOf(placeAt('result', 'task', 'taskId'), own, related)],
  ['tasks/get', placesOf(own, related, inside)],
  ['tasks/cancel', placesOf(own, related)],
  ['tasks/update', related],
  ['tasks/result', related],
]);

/** The server's task ids in what one request brings: its client gets ours for them, in every place. */
export class TaskIds {
  /** Our name for the session the request goes in. */
  private ref = '';

  /** @param asked the task that the request is about, and its client's id for it; null: it calls `tool` */
  constructor(
    private readonly call: Call,
    private readonly serverId: string,
    private readonly tool: string | null,
    private readonly asked: { task: ServerTask; sealed: string } | null,
  ) {}

  /** What a later invocation goes on with; undefined: nothing. */
  get kept(): KeptTask | undefined {
    return this.areExpected ? { tool: this.tool, sealed: this.asked?.sealed ?? null } : undefined;
  }

  /** Those of a request that was begun by another invocation. */
  static async restored(call: Call, serverId: string, kept: KeptTask | undefined): Promise<TaskIds> {
    const { tool = null, sealed = null } = kept ?? {};
    const task = await openTask(call, sealed);
    return new TaskIds(call, serverId, tool, task && sealed !== null ? { task, sealed } : null);
  }

  /** True for a request that is about a task, or may bring one: what comes with it may say its id. */
  get areExpected(): boolean {
    return this.tool !== null || this.asked !== null;
  }

  /** The request goes in this session. @throws RpcError when its task is in another: the same id may be another task there */
  goesIn(session: Pick<Session, 'id' | 'ref'>): void {
    this.ref = session.id === null ? '' : session.ref;
    if (this.asked && this.asked.task.ref !== this.ref) throw unknownTask();
  }

  /** The answer of a server with our ids in it. */
  inAnswer(answer: ServerAnswer): ServerAnswer {
    const place = PLACES.get(this.call.request.method);
    if (answer.kind === 'error' || !place || !this.areExpected) return answer;
    return withNamed(answer, place, (id) => this.named(id));
  }

  private async named(id: string): Promise<string> {
    const { asked, call, serverId, ref } = this;
    if (asked?.task.id === id) return asked.sealed;
    const tool = asked ? toolIn(call, { serverId, ref, id }) : this.tool;
    return sealTask(call, { serverId, ref, tool, id });
  }

  /** The id for a task that a message is about; null: this isolate does not know which tool runs in it. */
  private async known(id: unknown): Promise<string | null> {
    const { asked, call, serverId, ref } = this;
    if (typeof id !== 'string') return null;
    if (asked?.task.id === id) return asked.sealed;
    const tool = toolIn(call, { serverId, ref, id });
    return tool === null ? null : sealTask(call, { serverId, ref, tool, id });
  }

  /** What the client gets of a message of the server itself; null: nothing, of a task that is not known here. */
  async inMessage(message: JsonObject): Promise<JsonObject | null> {
    const { method } = message;
    const params = isObject(message.params) ? message.params : {};
    if (method === TASK_STATUS) {
      const taskId = await this.known(params.taskId);
      return taskId === null ? null : { ...message, params: { ...params, taskId } };
    }
    const { [RELATED]: about, ...others } = metaOf(params);
    if (about === undefined) return message;
    const taskId = isObject(about) ? await this.known(about.taskId) : null;
    const _meta = taskId === null ? others : { ...others, [RELATED]: { ...(about as JsonObject), taskId } };
    return { ...message, params: { ...params, _meta } };
  }
}

/** A client's answer to a question, as its server reads it: with its own id for the task that the answer is about. */
export async function withServersTask<A extends object>(
  owner: Pick<Call, 'gate' | 'caller' | 'session'>,
  answer: A,
): Promise<A> {
  const { result } = answer as { result?: unknown };
  const _meta = isObject(result) && isObject(result._meta) ? result._meta : {};
  const { [RELATED]: about, ...others } = _meta;
  if (!isObject(result) || about === undefined) return answer;
  const task = isObject(about) ? await openTask(owner, about.taskId) : null;
  const meta = task ? { ...others, [RELATED]: { taskId: task.id } } : others;
  return { ...answer, result: { ...result, _meta: meta } };
}

/** What a task that is not there, or another's, is answered with: all alike. */
function unknownTask(): RpcError {
  return new RpcError(200, CODE.invalidParams, 'Unknown task');
}
