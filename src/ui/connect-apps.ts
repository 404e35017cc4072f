import type { Glyph } from './icons';

/** What is connected to, as `endpointOf` of connect-lines.tsx makes it. */
type To = { url: string; name: string };

/** How an app is given an address: by `link`, else, or by hand, by what to do with `lines`. `next`: what it asks for next. */
export type Steps = {
  say: string;
  /** What each line is, as in `Copy the command`. */
  what: string;
  lines: readonly string[];
  link?: string;
  next?: string;
};

/** An app, and how it gets in: null where its maker documents no such way. Its glyph is its name in addresses, too. */
export type ConnectableApp = {
  name: string;
  glyph: Glyph;
  /** True when its maker's servers call the gateway, not this computer. */
  isRemote?: true;
  bySignIn: ((to: To) => Steps) | null;
  byKey: ((to: To, key: string) => Steps) | null;
};

type Ways = Required<Pick<ConnectableApp, 'bySignIn' | 'byKey'>>;
type Entry = Record<string, unknown>;

/** What stands for a key in lines to copy. */
export const YOUR_KEY = 'YOUR_ACCESS_KEY';

const json = (value: unknown) => JSON.stringify(value, null, 2);
const headerOf = (key: string) => `Authorization: Bearer ${key}`;
const bearer = (key: string) => ({ Authorization: `Bearer ${key}` });
const query = (fields: Record<string, string>) => new URLSearchParams(fields);

/** An app with a file of servers, each under its name in `root`. A key is in no link. */
function inFile(
  say: string,
  entryOf: (url: string) => Entry,
  { root = 'mcpServers', link }: { root?: string; link?: (to: To, entry: Entry) => string } = {},
): Ways {
  const stepsFor = (to: To, entry: Entry) => ({
    say,
    what: 'the configuration',
    lines: [json({ [root]: { [to.name]: entry } })],
  });
  return {
    bySignIn: (to) => {
      const entry = entryOf(to.url);
      return { ...stepsFor(to, entry), ...(link && { link: link(to, entry) }) };
    },
    byKey: (to, key) => stepsFor(to, { ...entryOf(to.url), headers: bearer(key) }),
  };
}

/** An app that is told by its command line. */
function byCommand(next: (name: string) => string, commandOf: (to: To) => string): Ways {
  const steps = { say: 'Run in a terminal:', what: 'the command' };
  return {
    bySignIn: (to) => ({ ...steps, lines: [commandOf(to)], next: next(to.name) }),
    byKey: (to, key) => ({ ...steps, lines: [`${commandOf(to)} --header "${headerOf(key)}"`] }),
  };
}

/** An app with a form. */
function inForm(say: string, link?: (to: To) => string): Ways {
  const steps = { say: `${say}:`, what: 'the value' };
  return {
    bySignIn: (to) => ({ ...steps, lines: [to.url], ...(link && { link: link(to) }) }),
    byKey: ({ url }, key) => ({ ...steps, lines: [url, headerOf(key)] }),
  };
}

const urlEntry = (url: string) => ({ url });

/**
 * The apps people use, as their makers document them (looked up 2026-11): code.claude.com/docs/en/mcp; claude.com/docs/connectors;
 * developers.openai.com/apps-sdk/deploy/connect-chatgpt; cursor.com/docs/mcp; code.visualstudio.com/docs/copilot/guides/mcp-developer-guide;
 * developers.openai.com/codex/mcp; google-gemini.github.io/gemini-cli; docs.windsurf.com; zed.dev/docs/ai/mcp; jetbrains.com/help/ai-assistant;
 * docs.cline.bot/mcp; block.github.io/goose; manual.raycast.com/ai; lmstudio.ai/docs/app/mcp; the READMEs of the Inspector and the SDK.
 */
export const APPS: readonly ConnectableApp[] = [
  {
    name: 'Claude Code',
    glyph: 'claude-code',
    ...byCommand(
      (name) => `Type /mcp in Claude Code, choose ${name} and sign in`,
      ({ url, name }) => `claude mcp add --transport http ${name} ${url}`,
    ),
  },
  {
    name: 'Claude',
    glyph: 'claude',
    isRemote: true,
    ...inForm('In Customize, Connectors, choose +, then Add custom connector', ({ url, name }) => {
      const filled = { modal: 'add-custom-connector', connectorName: name, connectorUrl: url };
      return `https://claude.ai/customize/connectors?${query(filled)}`;
    }),
    byKey: null,
  },
  {
    name: 'ChatGPT',
    glyph: 'chatgpt',
    isRemote: true,
    ...inForm(
      'In Settings, Connectors, Advanced, turn Developer mode on. Choose Create, then OAuth, and enter',
    ),
    byKey: null,
  },
  {
    name: 'Cursor',
    glyph: 'cursor',
    ...inFile('In ~/.cursor/mcp.json:', urlEntry, {
      link: ({ name }, entry) =>
        `cursor://anysphere.cursor-deeplink/mcp/install?${query({ name, config: btoa(JSON.stringify(entry)) })}`,
    }),
  },
  {
    name: 'VS Code',
    glyph: 'vscode',
    ...inFile('In .vscode/mcp.json:', (url) => ({ type: 'http', url }), {
      root: 'servers',
      link: ({ name }, entry) => vsCodeLink({ name, ...entry }),
    }),
    byKey: ({ url, name }) => {
      const inputs = [{ type: 'promptString', id: 'key', description: 'Access key', password: true }];
      const server = { type: 'http', url, headers: bearer(`\${input:key}`) }; // VS Code fills it in from `inputs`
      return {
        say: 'In .vscode/mcp.json:',
        what: 'the configuration',
        lines: [json({ inputs, servers: { [name]: server } })],
        link: vsCodeLink({ name, ...server, inputs }),
        next: 'Enter your access key when VS Code asks for it',
      };
    },
  },
  {
    name: 'Codex',
    glyph: 'codex',
    bySignIn: ({ url, name }) => ({
      say: 'Run in a terminal:',
      what: 'the command',
      lines: [`codex mcp add ${name} --url ${url}`, `codex mcp login ${name}`],
    }),
    byKey: ({ url, name }, key) => ({
      say: 'Codex reads the key from its environment:',
      what: 'the command',
      lines: [
        `export TOOLGATE_KEY="${key}"`,
        `codex mcp add ${name} --url ${url} --bearer-token-env-var TOOLGATE_KEY`,
      ],
    }),
  },
  {
    name: 'Gemini CLI',
    glyph: 'gemini-cli',
    ...byCommand(
      (name) => `Type /mcp auth ${name} in Gemini CLI and sign in`,
      ({ url, name }) => `gemini mcp add --transport http ${name} ${url}`,
    ),
  },
  {
    name: 'Windsurf',
    glyph: 'windsurf',
    ...inFile('In ~/.codeium/windsurf/mcp_config.json:', (serverUrl) => ({ serverUrl })),
  },
  {
    name: 'Zed',
    glyph: 'zed',
    ...inFile('In settings.json, opened by “zed: open settings file”:', urlEntry, {
      root: 'context_servers',
    }),
  },
  {
    name: 'JetBrains IDEs',
    glyph: 'jetbrains',
    ...inFile('In Settings, Tools, AI Assistant, Model Context Protocol, choose Add and paste:', urlEntry),
    bySignIn: null,
  },
  {
    name: 'Cline',
    glyph: 'cline',
    ...inFile('In MCP Servers, Configure, choose Configure MCP Servers and add:', (url) => ({
      type: 'streamableHttp',
      url,
    })),
  },
  {
    name: 'Goose',
    glyph: 'goose',
    ...inForm('Run goose configure, choose Add Extension, then Remote Extension (Streamable HTTP)', (to) => {
      const { url, name } = to;
      const filled = { type: 'streamable_http', url, id: name, name, description: name };
      return `goose://extension?${query(filled)}`;
    }),
  },
  {
    name: 'Raycast',
    glyph: 'raycast',
    ...inForm('Run Install MCP Server, choose HTTP and enter'),
  },
  {
    name: 'LM Studio',
    glyph: 'lm-studio',
    ...inFile('In mcp.json, opened by Program, Install, Edit mcp.json:', urlEntry),
    bySignIn: null,
  },
  {
    name: 'MCP Inspector',
    glyph: 'inspector',
    bySignIn: ({ url }) => ({
      say: 'Run this, choose Streamable HTTP, enter the address and connect:',
      what: 'the value',
      lines: ['npx @modelcontextprotocol/inspector', url],
    }),
    byKey: ({ url }, key) => ({
      say: 'Run in a terminal:',
      what: 'the command',
      lines: [
        `npx @modelcontextprotocol/inspector --cli ${url} --transport http --header "${headerOf(key)}" --method tools/list`,
      ],
    }),
  },
  {
    name: 'Your own code',
    glyph: 'own',
    bySignIn: ({ url }) => ({
      say: 'With the official SDK. authProvider is your OAuthClientProvider.',
      what: 'the code',
      lines: [`new StreamableHTTPClientTransport(new URL('${url}'), { authProvider })`],
    }),
    byKey: ({ url }, key) => ({
      say: 'With the official SDK, or any HTTP client that sends this header:',
      what: 'the code',
      lines: [
        `new StreamableHTTPClientTransport(new URL('${url}'), {\n  requestInit: { headers: { Authorization: 'Bearer ${key}' } },\n})`,
      ],
    }),
  },
];

/** `vscode:mcp/install?` and what `--add-mcp` takes, as JSON. */
function vsCodeLink(server: Entry): string {
  return `vscode:mcp/install?${encodeURIComponent(JSON.stringify(server))}`;
}
