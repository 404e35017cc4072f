import { answer } from '../../../src/mcp/answer';
import type { Call } from '../../../src/mcp/call';

/** A method that answers with what it was asked with, and in whose name. */
export const echo = async (call: Call): Promise<Response> =>
  answer(call, { said: call.request.params.text, by: call.caller.subject });
