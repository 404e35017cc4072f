import { type Asker, connect } from '../accounts/connect';
import type { Env } from '../config';
import { type Question, question } from '../database';
import { parseExact } from '../protocol/json/exact';
import { isObject, type JsonObject } from '../protocol/mcp';
import { mirroredParams } from '../protocol/mcp-headers';
import { failures, type UpstreamFailure } from '../servers/failure';
import type { Server } from '../servers/server';
import type { Settings } from '../settings';
import { send } from './client';
import { readAnswer } from './exchange';
import { nextRequestId } from './request-ids';

/** A tool as its server described it last. */
export type ToolDefinition = {
  name: string;
  description: string;
  inputSchema: unknown;
  annotations: JsonObject;
};

/** The tool of a server with this name of the server's own, or null. */
export function toolQuestion(
  db: D1Database,
  serverId: string,
  name: string,
): Question<ToolDefinition | null> {
  const statement = db
    .prepare(
      "SELECT definition FROM listing WHERE server_id = ?1 AND kind = 'tool' AND definition ->> 'name' = ?2",
    )
    .bind(serverId, name);
  return question<{ definition: string }, ToolDefinition | null>(statement, ([row]) => {
    if (!row) return null;
    const { description, inputSchema, annotations } = parseExact(row.definition) as JsonObject;
    return {
      name,
      description: typeof description === 'string' ? description : '',
      inputSchema,
      annotations: isObject(annotations) ? annotations : {},
    };
  });
}

/** What came of running a tool: its result, or why its server did not run it. */
export type Ran = { ok: true; result: JsonObject } | { ok: false; message: string };

/** The most that is read of a result someone looks at. */
const MOST = 1_048_576;

/**
 * Runs a tool once, for someone to look at what it answers.
 * @param issuer ours; null while it is not set
 * @throws CredentialNeeded when the asker has to connect an account first; UpstreamFailure
 */
export async function runTool(
  env: Env,
  settings: Settings,
  issuer: string | null,
  { server, asker, tool, args }: { server: Server; asker: Asker; tool: ToolDefinition; args: JsonObject },
): Promise<Ran> {
  const seconds = server.toolExecutionTimeout ?? settings.mcp_tool_execution_timeout;
  const signal = AbortSignal.timeout(seconds * 1000);
  const peer = await connect(env, settings, issuer, server, asker);
  const answer = await send(
    peer,
    {
      id: nextRequestId(),
      method: 'tools/call',
      params: { name: tool.name, arguments: args },
      mirrored: mirroredParams(tool.inputSchema),
    },
    signal,
  );
  if (answer.kind === 'error') return { ok: false, message: answer.error.message };
  const { error, result } = await readAnswer(peer, answer, MOST).catch((failure: UpstreamFailure) => {
    throw signal.aborted ? failures.silent(server.name, seconds) : failure;
  });
  return result
    ? { ok: true, result }
    : { ok: false, message: error?.message ?? 'It answered with nothing.' };
}
