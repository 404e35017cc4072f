import { judgeWhole } from '../../governance/policy';
import type { JsonObject } from '../../protocol/mcp';
import type { Call } from '../call';
import { askedMethod, forward } from '../forward';
import { wordsOfOne } from '../instructions';
import { refuseWhenSpent } from '../limits';

/** What begins the methods of MCP itself, also those that only the other era has, and of authorization, which is ours. No extension may have them. */
const NEVER =
  /^(initialize$|ping$|(server|client|tools|prompts|resources|completion|logging|tasks|subscriptions|notifications|roots|sampling|elicitation|rpc)[./])|auth/i;

/** Members of a request that are not its method's own. */
const OURS = ['_meta', 'inputResponses', 'requestState'];

/**
 * Asks the server at its address by a method of an extension, or of an experimental capability, which is forwarded as it is
 * (PROTOCOL §6). No rule says what such a method does, so its caller has to be allowed the whole server. Null: there is no
 * such method for them, here.
 */
export async function askExtension(call: Call): Promise<Response | null> {
  const { method, params } = call.request;
  const [entry] = call.entries;
  if (!call.isOneServer || !entry || NEVER.test(method)) return null;
  if (judgeWhole(call.rules, entry.server) !== 'allowed') return null;
  const words = await wordsOfOne(call);
  if (!words || !Object.keys(words.offers).length) return null;
  await refuseWhenSpent(call);
  const own: JsonObject = Object.fromEntries(Object.entries(params).filter(([name]) => !OURS.includes(name)));
  return forward(call, entry, own, askedMethod(method));
}
