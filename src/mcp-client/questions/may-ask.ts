import { CODE, isObject, type JsonObject, type RpcErrorObject } from '../../protocol/mcp';

/** What servers may ask, by the capability that a client declares for it (MCP 2025-11-25, Client Features). */
const ASKED: ReadonlyMap<string, string> = new Map([
  ['elicitation/create', 'elicitation'],
  ['sampling/createMessage', 'sampling'],
  ['roots/list', 'roots'],
]);

/** Why a client that declared `capabilities` is not asked this; null: it may be. */
export function refusalOf(
  capabilities: JsonObject | undefined,
  method: string,
  { mode }: JsonObject,
): RpcErrorObject | null {
  const declared = capabilities?.[ASKED.get(method) ?? ''];
  if (!isObject(declared))
    return { code: CODE.methodNotFound, message: `The client does not take ${method.slice(0, 200)}.` };
  const isUrl = mode === 'url';
  const takesForms = !isObject(declared.url) || isObject(declared.form);
  if (method === 'elicitation/create' && !(isUrl ? isObject(declared.url) : takesForms))
    return { code: CODE.invalidParams, message: `The client takes no elicitation of this mode.` };
  return null;
}

/** True when a client that declared `capabilities` may be asked something. */
export function mayBeAsked(capabilities: JsonObject): boolean {
  return [...ASKED.values()].some((name) => isObject(capabilities[name]));
}

/** The capability that a client has to declare to be asked this (MCP 2026-07-28, Missing Client Capability). */
export function wantedFor(method: string, { mode }: JsonObject): JsonObject {
  const name = ASKED.get(method);
  if (name === undefined) return {};
  return { [name]: name === 'elicitation' ? { [mode === 'url' ? 'url' : 'form']: {} } : {} };
}
