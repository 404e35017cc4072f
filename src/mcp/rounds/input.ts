import { refusalOf, wantedFor } from '../../mcp-client/questions/may-ask';
import { CODE, errorText, isObject, type JsonObject, readObject, resultText } from '../../protocol/mcp';
import { failures } from '../../servers/failure';
import { withoutOurs } from '../auth-required';
import type { Call } from '../call';
import { capabilitiesFor } from '../capabilities';
import { failureText } from '../flow/texts';
import type { Instead } from '../passing/passage';
import { MOST_STATE, type RequestState, sealState } from './request-state';

/** What a server asks for, by the names it gave. */
export type InputRequired = {
  result: JsonObject;
  requests: { name: string; method: string; params: JsonObject; whole: JsonObject }[];
  /** The server's own; null: it gave none. */
  state: string | null;
};

/** What an `input_required` asks for; null when it asks for nothing, or in another way than MCP has it. */
export function readInput(text: string): InputRequired | null {
  const result = readObject(text);
  if (!result) return null;
  const { inputRequests, requestState } = result;
  const isRight =
    (inputRequests === undefined || isObject(inputRequests)) &&
    (requestState === undefined || typeof requestState === 'string');
  if (!isRight || (inputRequests === undefined && requestState === undefined)) return null;
  const requests = Object.entries(inputRequests ?? {}).map(([name, whole]) => {
    const { method, params } = isObject(whole) ? whole : {};
    return {
      name,
      method: typeof method === 'string' ? method : '',
      params: isObject(params) ? params : {},
      whole: isObject(whole) ? whole : {},
    };
  });
  return { result, requests, state: requestState ?? null };
}

/**
 * The response that brings a client of 2026-07-28 what its server asks for, its state sealed (PROTOCOL §4). What the client
 * did not say it can answer does not reach it (MCP 2026-07-28, Multi Round-Trip Requests, Server Requirements).
 * @param asks whose state it is
 */
export async function sealedInput(
  call: Call,
  server: { id: string; name: string },
  text: string,
  asks: Omit<RequestState, 'state'>,
): Promise<Instead> {
  const { id } = call.request;
  const required = readInput(text);
  if (!required) return { text: failureText(call, failures.notMcp(server.name)) };
  const { requests, result, state } = required;
  if (state !== null && state.length > MOST_STATE)
    return { text: failureText(call, failures.tooLarge(server.name)) };
  const declared = capabilitiesFor(call);
  const undeclared = requests.find(({ method, params }) => refusalOf(declared, method, params));
  if (undeclared) return { text: undeclaredText(call, server.name, undeclared), status: 400 };
  if (state === null) return { text: resultText(id, result) };
  const requestState = await sealState(call, server.id, { ...asks, state });
  return { text: resultText(id, { ...result, requestState }) };
}

/** What a server gets besides what it got before. */
export type Brought = { inputResponses?: unknown; requestState?: string };

/** What the client brings its server with this request: the state is the server's own again. */
export function broughtBy({ era, request }: Call, state: RequestState | null): Brought {
  if (era === '2025') return {};
  const inputResponses = withoutOurs(request.params.inputResponses);
  return {
    ...(inputResponses !== undefined && { inputResponses }),
    ...(state?.kind === 'server' && { requestState: state.state }),
  };
}

function undeclaredText(
  { request }: Call,
  server: string,
  { method, params }: InputRequired['requests'][number],
): string {
  const message = `The server ${server} asks for ${method.slice(0, 200) || 'something'}, which this client did not declare.`;
  const data = { requiredCapabilities: wantedFor(method, params) };
  return errorText(request.id, { code: CODE.missingClientCapability, message, data });
}
