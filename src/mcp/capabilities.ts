import { isObject, type JsonObject, META, metaOf } from '../protocol/mcp';
import type { Call } from './call';
import { TASKS } from './tasks/able';

/** Extensions that pass at every address (PROTOCOL §6). */
const APPS = 'io.modelcontextprotocol/ui';
const EVERYWHERE = [APPS];
/** Never passed on: what is about authorization, which is ours. */
const NEVER = /auth/i;

/** A request, or a stream of a client session. */
type Asked = Pick<Call, 'era' | 'isOneServer' | 'form' | 'session'> & Partial<Pick<Call, 'request'>>;

/**
 * What the client declared, with this request or for its session, as its server may hear it: nothing that it did not declare,
 * and nothing whose answers would not find their way back. Of a client that reads JSON only, whom a question would not reach,
 * nothing is passed on (PROTOCOL §3).
 */
export function capabilitiesFor({ era, isOneServer, request, form, session }: Asked): JsonObject {
  const takesQuestions = era === '2025' || form !== 'json'; // a session is begun once, whatever its first call reads
  const said =
    era === '2026' ? request && metaOf(request.params)[META.clientCapabilities] : session?.capabilities;
  const declared = takesQuestions && said;
  if (!isObject(declared)) return {};
  const { tasks: _, extensions, experimental, ...others } = declared;
  const passed = isObject(extensions)
    ? Object.entries(extensions).filter(
        // Tasks of the 2025 era are no extension.
        ([name]) =>
          name === TASKS ? era === '2026' : EVERYWHERE.includes(name) || (isOneServer && !NEVER.test(name)),
      )
    : [];
  const all: JsonObject = {
    ...others,
    ...(passed.length ? { extensions: Object.fromEntries(passed) } : {}),
    ...(isOneServer ? { experimental: experimental ?? null } : {}),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => isObject(value)));
}

/** True when the client declared that it shows MCP Apps: with this request, or at `initialize`. */
export function declaresApps({ era, request, session }: Call): boolean {
  const declared = era === '2026' ? metaOf(request.params)[META.clientCapabilities] : session?.capabilities;
  return isObject(declared) && isObject(declared.extensions) && isObject(declared.extensions[APPS]);
}
