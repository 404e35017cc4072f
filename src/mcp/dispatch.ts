import * as z from 'zod/mini';
import { isPersonal } from '../accounts/auth/index';
import { because } from '../protocol/faults/fault';
import {
  CODE,
  type Era,
  isObject,
  type JsonObject,
  LEGACY_VERSIONS,
  META,
  RpcError,
  SERVED_VERSIONS,
} from '../protocol/mcp';
import { answer, cachingHints, serverInfo } from './answer';
import type { Call } from './call';
import type { CatalogServer } from './catalog';
import { callTool, getPrompt, readResource } from './forward';
import { greet } from './instructions';
import { subscribe, unsubscribe } from './listen/subscribed';
import { listen } from './listen/subscriptions';
import { listPrompts, listResources, listTemplates, listTools } from './lists';
import { complete } from './methods/completion';
import { askExtension } from './methods/extension';
import { setLevel } from './methods/logging';
import { sealSession } from './session';
import { TASKS, tasksCapability } from './tasks/able';
import { listTasks } from './tasks/list-tasks';
import { askTask } from './tasks/tasks';

/** Answers one request. @throws RpcError */
export type MethodHandler = (call: Call) => Promise<Response>;

const IN_BOTH: readonly [string, MethodHandler][] = [
  ['tools/list', listTools],
  ['tools/call', callTool],
  ['prompts/list', listPrompts],
  ['prompts/get', getPrompt],
  ['resources/list', listResources],
  ['resources/templates/list', listTemplates],
  ['resources/read', readResource],
  ['completion/complete', complete],
  ['tasks/get', askTask],
  ['tasks/cancel', askTask],
];

/** What clients may ask, by era: the registry of methods. Maps, so that `method: "constructor"` finds nothing. */
export const METHODS: Readonly<Record<Era, ReadonlyMap<string, MethodHandler>>> = {
  '2025': new Map([
    ...IN_BOTH,
    ['resources/subscribe', subscribe],
    ['resources/unsubscribe', unsubscribe],
    ['initialize', initialize],
    ['ping', async (call) => answer(call, {})],
    ['logging/setLevel', setLevel],
    ['tasks/result', askTask],
    ['tasks/list', listTasks],
  ]),
  '2026': new Map([
    ...IN_BOTH,
    ['server/discover', discover],
    ['subscriptions/listen', listen],
    ['tasks/update', askTask],
  ]),
};

/** Answers one request. @throws RpcError −32601 for a method that neither its era has, here, nor the server at its address. */
export async function dispatch(call: Call): Promise<Response> {
  const handler = METHODS[call.era].get(call.request.method);
  if (handler) return handler(call);
  const answered = await askExtension(call);
  if (answered) return answered;
  throw new RpcError(call.era === '2026' ? 404 : 200, CODE.methodNotFound, 'Method not found');
}

/** What the gateway offers every caller. */
const CAPABILITIES = {
  completions: {},
  logging: {},
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
};

const hasOwnAccounts = ({ server }: CatalogServer) => isPersonal(server);

const Initialize = z.object({
  protocolVersion: z.string(),
  capabilities: z._default(z.custom<JsonObject>(isObject, because('not_object')), {}),
  clientInfo: z._default(z.object({ name: z.nullish(z.string()) }), { name: '' }),
});

/** MCP 2025-11-25, Initialization: the version asked for if it is served, else the newest of its era. */
async function initialize(call: Call): Promise<Response> {
  const params = Initialize.safeParse(call.request.params);
  if (!params.success) throw new RpcError(200, CODE.invalidParams, 'initialize needs a protocolVersion.');
  const { protocolVersion, capabilities, clientInfo } = params.data;
  const version = LEGACY_VERSIONS.includes(protocolVersion)
    ? protocolVersion
    : (LEGACY_VERSIONS[0] as string);
  const client = { version, clientName: clientInfo.name ?? '', capabilities };
  const { instructions, icons, offers } = await greet(call);
  const tasks = tasksCapability(version, call.entries.some(hasOwnAccounts));
  const result = {
    protocolVersion: version,
    capabilities: { ...CAPABILITIES, ...offers, ...tasks },
    serverInfo: withIcons(call, icons),
    instructions,
  };
  return answer(call, result, { 'mcp-session-id': await sealSession(call.gate.env.ENCRYPTION_KEY, client) });
}

/** MCP 2026-07-28, Discovery. */
async function discover(call: Call): Promise<Response> {
  const { instructions, icons, offers } = await greet(call);
  return answer(call, {
    supportedVersions: [...SERVED_VERSIONS],
    capabilities: { ...CAPABILITIES, ...offers, extensions: { ...offers.extensions, [TASKS]: {} } },
    instructions,
    ...cachingHints(call),
    _meta: { [META.serverInfo]: withIcons(call, icons) },
  });
}

/** Who answers, with the icons that only a greeting carries. */
function withIcons(call: Call, icons: unknown[]): JsonObject {
  return icons.length ? { ...serverInfo(call), icons } : serverInfo(call);
}
