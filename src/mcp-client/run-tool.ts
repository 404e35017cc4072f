import { type Asker, connect, type Sharer } from '../accounts/connect';
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
import { goOnHeld } from './held/sending';
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

/** What a server asks before it goes on, under a name of its own (MCP 2026-07-28, Multi Round-Trip Requests). */
export type AskedInput = { name: string; method: string; params: JsonObject };

/** Where a run goes on once its questions are answered; it holds what the server keeps there. */
export type RunPlace = { isHeld: boolean; state: string | null; oneCall: string };

/** What came of running a tool: its result, what is asked first, or why its server did not run it. */
export type Ran =
  | { kind: 'result'; result: JsonObject }
  | { kind: 'asks'; requests: AskedInput[]; place: RunPlace }
  | { kind: 'refused'; message: string };

/** The most that is read of a result someone looks at. */
const MOST = 1_048_576;

/** What is declared: someone looks at a page, and can answer there. */
const TAKES_QUESTIONS: JsonObject = { elicitation: { form: {}, url: {} } };

type Run = {
  server: Server;
  owner: Asker['owner'];
  tool: ToolDefinition;
  args: JsonObject;
  /** Where it goes on, and what was answered by the names of the questions. */
  next?: { place: RunPlace; responses: JsonObject };
};

/**
 * Runs a tool once, for someone to look at what it answers. A server of the 2025 era that asks something in the middle of it is
 * held meanwhile by an object of the call's own, as a call by a key is.
 * @param issuer ours; null while it is not set
 * @throws CredentialNeeded when the asker has to connect an account first; UpstreamFailure
 */
export async function runTool(
  env: Env,
  settings: Settings,
  issuer: string | null,
  { server, owner, tool, args, next }: Run,
): Promise<Ran> {
  const oneCall = next?.place.oneCall ?? crypto.randomUUID();
  const seconds = server.toolExecutionTimeout ?? settings.mcp_tool_execution_timeout;
  const limit = new AbortController();
  const { signal } = limit;
  const timer = setTimeout(() => limit.abort(new DOMException('', 'TimeoutError')), seconds * 1000);
  try {
    const peer = await connect(env, settings, issuer, server, {
      owner,
      sharer: sharerOf(env, issuer, owner, oneCall),
    });
    const { state = null, isHeld = false } = next?.place ?? {};
    const answer =
      next && isHeld
        ? await goOnHeld(peer, state ?? '', next.responses, signal)
        : await send(
            peer,
            {
              id: nextRequestId(),
              method: 'tools/call',
              params: {
                name: tool.name,
                arguments: args,
                ...(next && { inputResponses: next.responses }),
                ...(state !== null && { requestState: state }),
              },
              mirrored: mirroredParams(tool.inputSchema),
              capabilities: TAKES_QUESTIONS,
              comesBack: true,
            },
            signal,
          );
    if (answer.kind === 'error') return { kind: 'refused', message: answer.error.message };
    const { error, result } = await readAnswer(peer, answer, MOST).catch((failure: UpstreamFailure) => {
      throw signal.aborted ? failures.silent(server.name, seconds) : failure;
    });
    if (!result) return { kind: 'refused', message: error?.message ?? 'It answered with nothing.' };
    if (!answer.asks || result.resultType !== 'input_required') return { kind: 'result', result };
    const { inputRequests, requestState } = result;
    return {
      kind: 'asks',
      requests: requestsIn(inputRequests),
      place: {
        isHeld: answer.asks === 'held',
        state: typeof requestState === 'string' ? requestState : null,
        oneCall,
      },
    };
  } finally {
    clearTimeout(timer);
  }
}

/** Whose session a run has: one of its own, which is over with it. Null without an issuer. */
function sharerOf(env: Env, issuer: string | null, owner: Asker['owner'], oneCall: string): Sharer | null {
  const subject = owner ?? 'administrator';
  return issuer === null
    ? null
    : {
        name: `${subject} ${issuer} try ${oneCall}`,
        objects: env.SESSIONS,
        ...{ owner, issuer, subject, oneCall },
        via: null,
        capabilities: TAKES_QUESTIONS,
      };
}

function requestsIn(inputRequests: unknown): AskedInput[] {
  return Object.entries(isObject(inputRequests) ? inputRequests : {}).map(([name, asked]) => {
    const { method, params } = isObject(asked) ? asked : {};
    return { name, method: typeof method === 'string' ? method : '', params: isObject(params) ? params : {} };
  });
}
