import { answer } from '../../../src/mcp/answer';
import type { MethodHandler } from '../../../src/mcp/dispatch';

/** A method that answers with what it was asked with, and in whose name. */
export const echo: MethodHandler = async (call) =>
  answer(call, { said: call.request.params.text, by: call.caller.subject });
