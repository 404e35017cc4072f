import { log } from '../../log';
import { faultAnswer, faultFacts } from '../../protocol/faults/storage';
import { CODE, errorText, type JsonObject, resultText } from '../../protocol/mcp';
import type { UpstreamFailure } from '../../servers/failure';
import { stamped } from '../answer';
import type { Call } from '../call';

/** A tool result that the model reads as an error. */
export function toolError(text: string): JsonObject {
  return { content: [{ type: 'text', text }], isError: true };
}

/** How a request says that its server failed: to the model where it ran a tool. */
export function failureText(call: Call, { message }: UpstreamFailure): string {
  return insteadText(call, message, 'upstream_failed');
}

/** How a request says in words why there is no answer. @param type names the reason to programs */
export function insteadText(call: Call, message: string, type: string): string {
  const { id, method } = call.request;
  if (method === 'tools/call') return resultText(id, stamped(call, toolError(message)));
  return errorText(id, { code: CODE.internalError, message, data: { type } });
}

/** The response to a request that failed here after its stream had begun; elsewhere app.ts says the same. */
export function brokenText({ request, requestId }: Call, error: unknown): string {
  log('request.failed', { request_id: requestId, path: '/mcp', ...faultFacts(error) });
  const { type, title, text } = faultAnswer(error);
  const data = { type, request_id: requestId };
  return errorText(request.id, { code: CODE.internalError, message: `${title}. ${text}`, data });
}
