import * as z from 'zod/mini';
import { open, sealAlike } from '../../crypto/secrets';
import type { Call } from '../call';

/** A task of a server that a client knows (PROTOCOL §5). */
const ServerTask = z.object({
  serverId: z.string(),
  /** Our name for the upstream session it is in; empty: it is in none. */
  ref: z.string(),
  /** The server's own name of the tool that runs in it; null: it was listed, and no one here knows. */
  tool: z.nullable(z.string()),
  /** As the server calls it. */
  id: z.string(),
});
export type ServerTask = z.infer<typeof ServerTask>;

/** What a request has to do with tasks, while its answer goes on: the tool it calls, or its client's id for the task it is about. */
export const KeptTask = z.object({ tool: z.nullable(z.string()), sealed: z.nullable(z.string()) });
export type KeptTask = z.infer<typeof KeptTask>;

/** No task id of ours is longer: it comes back in a header. */
const MOST = 4096;

/** Whose tasks are meant: of one client session of one subject, or without one of its grant. */
type Owner = Pick<Call, 'gate' | 'caller' | 'session'>;

function placeOf({ caller, session }: Owner): string {
  return `mcp-task/${caller.subject ?? 'anonymous'}/${session?.id ?? caller.grant?.grantId ?? ''}`;
}

/** The task id a client gets: always the same for the same task, since clients compare them. No one else's session opens it. */
export async function sealTask(owner: Owner, { serverId, ref, tool, id }: ServerTask): Promise<string> {
  if (tool !== null) learn(owner, { serverId, ref, tool, id });
  const text = JSON.stringify([serverId, ref, tool, id]);
  return sealAlike(owner.gate.env.ENCRYPTION_KEY, placeOf(owner), text);
}

/** What a task id of ours names; null: it is none, or another's. */
export async function openTask(owner: Owner, sealed: unknown): Promise<ServerTask | null> {
  if (typeof sealed !== 'string' || sealed.length > MOST) return null;
  const opened = await open(owner.gate.env.ENCRYPTION_KEY, placeOf(owner), sealed);
  if (opened === null) return null;
  const [serverId, ref, tool, id] = JSON.parse(opened);
  const task = ServerTask.parse({ serverId, ref, tool, id });
  if (task.tool !== null) learn(owner, task);
  return task;
}

/** Which tool runs in a task, as far as this isolate has met it. The one met longest ago first. */
const tools = new Map<string, string>();
const MOST_TOOLS = 5000;

const keyOf = (owner: Owner, { serverId, ref, id }: Omit<ServerTask, 'tool'>) =>
  JSON.stringify([placeOf(owner), serverId, ref, id]);

function learn(owner: Owner, task: ServerTask): void {
  const key = keyOf(owner, task);
  tools.delete(key);
  tools.set(key, task.tool ?? '');
  if (tools.size > MOST_TOOLS) tools.delete(tools.keys().next().value as string);
}

/** The tool that runs in a task; null: this isolate has not met it. */
export function toolIn(owner: Owner, task: Omit<ServerTask, 'tool'>): string | null {
  return tools.get(keyOf(owner, task)) ?? null;
}
