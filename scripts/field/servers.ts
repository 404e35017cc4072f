/** A tool and its arguments. */
export type Act = { tool: string; args: Record<string, unknown> };

/** A server of the field: a package as its users start it. */
export type FieldServer = {
  name: string;
  /** The package whose version is shown. */
  package: string;
  /** What it is built with, and how it answers. */
  kind: string;
  /** A command of `scripts/field/node_modules/.bin`, or a file of `scripts/field`. */
  program: string;
  args(port: number): string[];
  env(port: number): Record<string, string>;
  /** True for one that knows 2026-07-28 and no earlier revision. */
  isModern?: boolean;
  /** Runs without a network, or fails alike every time. */
  good: Act;
  /** Arguments that its schema refuses. */
  bad: Act;
  /** Reports progress. */
  progress?: Act;
};

const NOTHING = () => ({});
const PORT = (port: number) => ({ PORT: String(port) });
const BIN = 'node_modules/.bin';

/** Servers from npm, of different frameworks. Those that need a service answer with their own error, which has to come through. */
export const FIELD: readonly FieldServer[] = [
  {
    name: 'everything',
    package: '@modelcontextprotocol/server-everything',
    kind: 'SDK 1, Express; sessions, SSE, resumable',
    program: `${BIN}/mcp-server-everything`,
    args: () => ['streamableHttp'],
    env: PORT,
    good: { tool: 'get-sum', args: { a: 2, b: 40 } },
    bad: { tool: 'get-sum', args: { a: 'two' } },
    progress: { tool: 'trigger-long-running-operation', args: { duration: 1, steps: 3 } },
  },
  {
    name: 'modern',
    package: '@modelcontextprotocol/server',
    kind: 'SDK 2; 2026-07-28 only, JSON or SSE',
    program: 'programs/modern.mjs',
    args: () => [],
    env: PORT,
    isModern: true,
    good: { tool: 'add', args: { a: 2, b: 40 } },
    bad: { tool: 'add', args: { a: 'two' } },
    progress: { tool: 'count', args: {} },
  },
  {
    name: 'fast',
    package: 'fastmcp',
    kind: 'FastMCP; sessions, SSE',
    program: 'programs/fast.mjs',
    args: () => [],
    env: PORT,
    good: { tool: 'add', args: { a: 2, b: 40 } },
    bad: { tool: 'add', args: { a: 'two' } },
    progress: { tool: 'count', args: {} },
  },
  {
    name: 'fast_stateless',
    package: 'fastmcp',
    kind: 'FastMCP; no sessions, SSE',
    program: 'programs/fast.mjs',
    args: () => [],
    env: (port) => ({ ...PORT(port), STATELESS: '1' }),
    good: { tool: 'add', args: { a: 2, b: 40 } },
    bad: { tool: 'add', args: { a: 'two' } },
    progress: { tool: 'count', args: {} },
  },
  {
    name: 'filesystem',
    package: '@modelcontextprotocol/server-filesystem',
    kind: 'stdio behind supergateway; sessions, SSE',
    program: `${BIN}/supergateway`,
    args: (port) => [
      '--stdio',
      `${BIN}/mcp-server-filesystem programs`,
      '--outputTransport',
      'streamableHttp',
      '--stateful',
      '--port',
      `${port}`,
    ],
    env: NOTHING,
    good: { tool: 'list_allowed_directories', args: {} },
    bad: { tool: 'read_text_file', args: { path: 7 } },
  },
  {
    name: 'thinking',
    package: '@modelcontextprotocol/server-sequential-thinking',
    kind: 'stdio behind supergateway; no sessions, SSE',
    program: `${BIN}/supergateway`,
    args: (port) => [
      '--stdio',
      `${BIN}/mcp-server-sequential-thinking`,
      '--outputTransport',
      'streamableHttp',
      '--port',
      `${port}`,
    ],
    env: NOTHING,
    good: {
      tool: 'sequentialthinking',
      args: { thought: 'one', nextThoughtNeeded: false, thoughtNumber: 1, totalThoughts: 1 },
    },
    bad: { tool: 'sequentialthinking', args: { thought: 7 } },
  },
  {
    name: 'memory',
    package: '@modelcontextprotocol/server-memory',
    kind: 'stdio behind mcp-proxy; sessions, SSE, resumable',
    program: `${BIN}/mcp-proxy`,
    args: (port) => ['--port', `${port}`, '--server', 'stream', 'node', `${BIN}/mcp-server-memory`],
    env: NOTHING,
    good: { tool: 'read_graph', args: {} },
    bad: { tool: 'search_nodes', args: { query: 7 } },
  },
  {
    name: 'dbhub',
    package: '@bytebase/dbhub',
    kind: 'SDK 1, Express; no sessions, SSE',
    program: `${BIN}/dbhub`,
    args: (port) => ['--transport', 'http', '--port', `${port}`, '--demo'],
    env: NOTHING,
    good: { tool: 'execute_sql', args: { sql: 'SELECT 40 + 2' } },
    bad: { tool: 'execute_sql', args: { sql: 7 } },
  },
  {
    name: 'git',
    package: '@cyanheads/git-mcp-server',
    kind: 'mcp-ts-core, Hono; sessions, SSE',
    program: `${BIN}/git-mcp-server`,
    args: () => [],
    env: (port) => ({ MCP_TRANSPORT_TYPE: 'http', MCP_HTTP_PORT: `${port}`, MCP_AUTH_MODE: 'none' }),
    good: { tool: 'git_status', args: { path: '/' } },
    bad: { tool: 'git_status', args: { path: 7 } },
  },
  {
    name: 'mongodb',
    package: 'mongodb-mcp-server',
    kind: 'SDK 1, Express; sessions, SSE',
    program: `${BIN}/mongodb-mcp-server`,
    args: (port) => ['--transport', 'http', '--httpPort', `${port}`, '--telemetry', 'disabled'],
    env: NOTHING,
    good: { tool: 'list-databases', args: {} },
    bad: { tool: 'connect', args: { connectionString: 7 } },
  },
  {
    name: 'notion',
    package: '@notionhq/notion-mcp-server',
    kind: 'SDK 1, Express; sessions, SSE',
    program: `${BIN}/notion-mcp-server`,
    args: (port) => ['--transport', 'http', '--port', `${port}`, '--disable-auth'],
    env: () => ({ NOTION_TOKEN: 'none' }),
    good: { tool: 'API-get-self', args: {} },
    bad: { tool: 'API-get-user', args: { user_id: 7 } },
  },
  {
    name: 'chart',
    package: '@antv/mcp-server-chart',
    kind: 'SDK 1, Express; no sessions, JSON',
    program: `${BIN}/mcp-server-chart`,
    args: (port) => ['--transport', 'streamable', '--port', `${port}`],
    env: NOTHING,
    good: { tool: 'generate_pie_chart', args: { data: [{ category: 'a', value: 1 }] } },
    bad: { tool: 'generate_pie_chart', args: { data: 7 } },
  },
  {
    name: 'brave',
    package: '@brave/brave-search-mcp-server',
    kind: 'SDK 1, Express; sessions, SSE',
    program: `${BIN}/brave-search-mcp-server`,
    args: (port) => ['--transport', 'http', '--port', `${port}`],
    env: () => ({ BRAVE_API_KEY: 'none' }),
    good: { tool: 'brave_web_search', args: { query: 'a' } },
    bad: { tool: 'brave_web_search', args: { query: 7 } },
  },
  {
    name: 'context7',
    package: '@upstash/context7-mcp',
    kind: 'SDK 1, Express; no sessions, SSE',
    program: `${BIN}/context7-mcp`,
    args: (port) => ['--transport', 'http', '--port', `${port}`],
    env: NOTHING,
    good: { tool: 'resolve-library-id', args: { query: 'hono', libraryName: 'hono' } },
    bad: { tool: 'resolve-library-id', args: { libraryName: 7 } },
  },
  {
    name: 'figma',
    package: 'figma-developer-mcp',
    kind: 'SDK 1, Express; no sessions, SSE',
    program: `${BIN}/figma-developer-mcp`,
    args: (port) => ['--port', `${port}`, '--figma-api-key', 'none'],
    env: NOTHING,
    good: { tool: 'get_figma_data', args: { fileKey: 'none' } },
    bad: { tool: 'get_figma_data', args: { fileKey: 7 } },
  },
  {
    name: 'firecrawl',
    package: 'firecrawl-mcp',
    kind: 'a fork of FastMCP; no sessions, SSE, resumable',
    program: `${BIN}/firecrawl-mcp`,
    args: () => [],
    env: (port) => ({
      ...PORT(port),
      HTTP_STREAMABLE_SERVER: 'true',
      FIRECRAWL_API_URL: 'http://127.0.0.1:9',
      FIRECRAWL_API_KEY: 'none',
    }),
    good: { tool: 'firecrawl_map', args: { url: 'http://127.0.0.1:9/' } },
    bad: { tool: 'firecrawl_map', args: { url: 7 } },
  },
  {
    name: 'searxng',
    package: 'mcp-searxng',
    kind: 'SDK 1, Express; sessions, SSE',
    program: `${BIN}/mcp-searxng`,
    args: () => [],
    env: (port) => ({ MCP_HTTP_PORT: `${port}`, SEARXNG_URL: 'http://127.0.0.1:9' }),
    good: { tool: 'searxng_web_search', args: { query: 'a' } },
    bad: { tool: 'searxng_web_search', args: { query: 7 } },
  },
  {
    name: 'kubernetes',
    package: 'mcp-server-kubernetes',
    kind: 'SDK 1, Express; no sessions, SSE',
    program: `${BIN}/mcp-server-kubernetes`,
    args: () => [],
    env: (port) => ({ ...PORT(port), HOST: '127.0.0.1', ENABLE_UNSAFE_STREAMABLE_HTTP_TRANSPORT: '1' }),
    good: { tool: 'ping', args: {} },
    bad: { tool: 'kubectl_get', args: { resourceType: 7 } },
  },
];
