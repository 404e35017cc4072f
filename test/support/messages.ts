/** What is answered to a request. */
export type Answer = {
  status: number;
  headers: Headers;
  body: {
    id?: unknown;
    result?: Record<string, unknown> & {
      tools?: { name: string }[];
      content?: { text: string }[];
      isError?: boolean;
    };
    error?: { code: number; message: string; data?: Record<string, unknown> };
  };
};

const MODERN = '2026-07-28';
const NAMED: Record<string, string> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
};

/** The messages of an event stream; events without data have none. */
export function eventsOf(text: string): Answer['body'][] {
  return text
    .split('\n')
    .filter((line) => /^data: ./.test(line))
    .map((line) => JSON.parse(line.slice(6)));
}

/** Params as a client of 2026-07-28 sends them. */
export function modern(
  params: Record<string, unknown>,
  meta: Record<string, unknown> = {},
): Record<string, unknown> {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': MODERN,
    'io.modelcontextprotocol/clientCapabilities': {},
    ...(params._meta as Record<string, unknown> | undefined),
    ...meta,
  };
  return { ...params, _meta };
}

/** The headers in which a client of 2026-07-28 says again what its message says. */
export function mirrors(message: unknown): [string, string][] {
  const { method = '', params = {} } = message as { method?: string; params?: Record<string, unknown> };
  const name = params[NAMED[method] ?? ''];
  const headers: [string, string][] = [
    ['mcp-protocol-version', MODERN],
    ['mcp-method', method],
  ];
  return typeof name === 'string' ? [...headers, ['mcp-name', name]] : headers;
}
