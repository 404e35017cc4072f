import type { Child } from 'hono/jsx';
import { slugOf } from '../protocol/authorization';
import { isLoopback } from '../protocol/public-url';
import { Copy } from './parts';

/** What is connected to: an MCP address of this gateway, and the name apps file it under (letters, digits, `-`). */
export type Endpoint = { url: string; name: string };

/** `/mcp` itself, or the toolset or server at `slug`. */
export function endpointOf(issuer: string, displayName: string, slug: string | null): Endpoint {
  if (slug !== null) return { url: `${issuer}/mcp/${slug}`, name: slug };
  return { url: `${issuer}/mcp`, name: slugOf(displayName) || 'toolgate' };
}

/** Which credentials `/mcp` takes (`mcp_server_auth_mode`). */
export type AuthMode = 'headers' | 'both' | 'oauth';

/** A line to copy; `label` says what it is. */
type Line = { label: string; text: string };

/** How an app is told of an address: words, a link that does it by itself, and what to copy, `byHand` where there is the link too. */
type Steps = { say: string; link?: { label: string; href: string }; byHand?: string; lines: Line[] };

/** An app, and how it gets in: null where it has no such way. */
export type ConnectableApp = {
  name: string;
  /** True when its maker's servers call the gateway, not this computer. */
  isRemote?: true;
  bySignIn: (to: Endpoint) => Steps;
  byKey: ((to: Endpoint, key: string) => Steps) | null;
};

/** What stands for a key in lines to copy. */
const YOUR_KEY = 'YOUR_ACCESS_KEY';

const json = (value: unknown) => JSON.stringify(value, null, 2);
const bearer = (key: string) => ({ Authorization: `Bearer ${key}` });

/** `vscode:mcp/install?` and what `--add-mcp` takes, as JSON (code.visualstudio.com/docs/copilot/guides/mcp-developer-guide, "MCP URL handler"). */
function vsCodeLink(server: Record<string, unknown>): string {
  return `vscode:mcp/install?${encodeURIComponent(JSON.stringify(server))}`;
}

/** `config` is what stands under the name in mcp.json, as base64 (cursor.com/docs/mcp/install-links). */
function cursorLink({ url, name }: Endpoint): string {
  const config = btoa(JSON.stringify({ url }));
  return `cursor://anysphere.cursor-deeplink/mcp/install?${new URLSearchParams({ name, config })}`;
}

/** The "Add custom connector" dialog, filled in (claude.com/docs/connectors/building/directory-vs-custom). */
function claudeLink({ url, name }: Endpoint): string {
  const query = { modal: 'add-custom-connector', connectorName: name, connectorUrl: url };
  return `https://claude.ai/customize/connectors?${new URLSearchParams(query)}`;
}

/**
 * The apps people use, as their makers document them (looked up 2026-11): code.claude.com/docs/en/mcp; claude.com/docs/connectors;
 * developers.openai.com/apps-sdk/deploy/connect-chatgpt; cursor.com/docs/mcp; code.visualstudio.com/docs/copilot/guides/mcp-developer-guide;
 * developers.openai.com/codex/mcp; the README of @modelcontextprotocol/sdk.
 */
export const APPS: readonly ConnectableApp[] = [
  {
    name: 'Claude Code',
    bySignIn: ({ url, name }) => ({
      say: 'Run this, then type /mcp in Claude Code and choose it: your browser opens.',
      lines: [{ label: 'the command', text: `claude mcp add --transport http ${name} ${url}` }],
    }),
    byKey: ({ url, name }, key) => ({
      say: 'Run this:',
      lines: [
        {
          label: 'the command',
          text: `claude mcp add --transport http ${name} ${url} --header "Authorization: Bearer ${key}"`,
        },
      ],
    }),
  },
  {
    name: 'Claude',
    isRemote: true,
    bySignIn: (to) => ({
      say: 'Opens “Add custom connector” with the address filled in.',
      byHand: 'By hand: Customize, Connectors, +, Add custom connector, with this address.',
      lines: [{ label: 'the address', text: to.url }],
      link: { label: 'Add to Claude', href: claudeLink(to) },
    }),
    byKey: null,
  },
  {
    name: 'ChatGPT',
    isRemote: true,
    bySignIn: ({ url }) => ({
      say: 'In Settings, Connectors, Advanced, turn Developer mode on. Then choose Create, paste the address and pick OAuth.',
      lines: [{ label: 'the address', text: url }],
    }),
    byKey: null,
  },
  {
    name: 'Cursor',
    bySignIn: (to) => ({
      say: 'Cursor adds it, then asks you to sign in.',
      byHand: 'By hand, in ~/.cursor/mcp.json:',
      lines: [{ label: 'the configuration', text: json({ mcpServers: { [to.name]: { url: to.url } } }) }],
      link: { label: 'Add to Cursor', href: cursorLink(to) },
    }),
    byKey: ({ url, name }, key) => ({
      say: 'In ~/.cursor/mcp.json:',
      lines: [
        {
          label: 'the configuration',
          text: json({ mcpServers: { [name]: { url, headers: bearer(key) } } }),
        },
      ],
    }),
  },
  {
    name: 'VS Code',
    bySignIn: ({ url, name }) => ({
      say: 'VS Code adds it, then asks you to sign in.',
      byHand: 'By hand, in .vscode/mcp.json:',
      lines: [{ label: 'the configuration', text: json({ servers: { [name]: { type: 'http', url } } }) }],
      link: { label: 'Add to VS Code', href: vsCodeLink({ name, type: 'http', url }) },
    }),
    byKey: ({ url, name }) => {
      const inputs = [{ type: 'promptString', id: 'key', description: 'Access key', password: true }];
      const server = { type: 'http', url, headers: bearer(`\${input:key}`) }; // VS Code fills it in from `inputs`
      return {
        say: 'VS Code adds it, asks for the key and keeps it among its secrets.',
        byHand: 'By hand, in .vscode/mcp.json:',
        lines: [{ label: 'the configuration', text: json({ inputs, servers: { [name]: server } }) }],
        link: { label: 'Add to VS Code', href: vsCodeLink({ name, ...server, inputs }) },
      };
    },
  },
  {
    name: 'Codex',
    bySignIn: ({ url, name }) => ({
      say: 'Run these; the second opens your browser.',
      lines: [
        { label: 'the command that adds it', text: `codex mcp add ${name} --url ${url}` },
        { label: 'the command that signs in', text: `codex mcp login ${name}` },
      ],
    }),
    byKey: ({ url, name }, key) => ({
      say: 'Codex reads the key from its environment: set it wherever Codex is started.',
      lines: [
        { label: 'the line for the environment', text: `export TOOLGATE_KEY="${key}"` },
        {
          label: 'the command that adds it',
          text: `codex mcp add ${name} --url ${url} --bearer-token-env-var TOOLGATE_KEY`,
        },
      ],
    }),
  },
  {
    name: 'Your own program',
    bySignIn: ({ url }) => ({
      say: 'With the official SDK; the provider is yours (OAuthClientProvider).',
      lines: [
        { label: 'the code', text: `new StreamableHTTPClientTransport(new URL('${url}'), { authProvider })` },
      ],
    }),
    byKey: ({ url }, key) => ({
      say: 'With the official SDK, or any HTTP client that sends the same header:',
      lines: [
        {
          label: 'the code',
          text: `new StreamableHTTPClientTransport(new URL('${url}'), {\n  requestInit: { headers: { Authorization: 'Bearer ${key}' } },\n})`,
        },
      ],
    }),
  },
];

type ConnectLinesProps = {
  to: Endpoint;
  mode: AuthMode;
  /** Null: no one's in particular. Never part of a link. */
  accessKey?: string | null;
  /** Only the lines that carry the key. */
  onlyByKey?: boolean;
};

/** How to connect each app to `to`: by signing in, and with a key, as far as the gateway and the app take them. */
export function ConnectLines({ to, mode, accessKey = null, onlyByKey = false }: ConnectLinesProps) {
  return (
    <div class="apps">
      {APPS.map((app) =>
        onlyByKey && !app.byKey ? null : (
          <details class="app" name="apps">
            <summary>{app.name}</summary>
            <div class="stack">
              <WaysIn app={app} to={to} mode={mode} accessKey={accessKey} onlyByKey={onlyByKey} />
            </div>
          </details>
        ),
      )}
    </div>
  );
}

/** The ways into `to` that one app and the gateway have in common. */
export function WaysIn(props: ConnectLinesProps & { app: ConnectableApp }) {
  const { app, to, mode, accessKey = null, onlyByKey = false } = props;
  const { name, bySignIn, byKey } = app;
  const takesSignIn = mode !== 'headers' && !onlyByKey;
  const steps = mode !== 'oauth' && byKey ? byKey(to, accessKey ?? YOUR_KEY) : null;
  if (!takesSignIn && !steps) return <OnlySignsIn name={name} />;
  if (isOutOfReach(app, to)) return <OnlyFromOutside name={name} />;
  const withKey = steps && <Way title="With an access key" steps={steps} />;
  if (!takesSignIn) return withKey;
  return (
    <>
      <Way title="By signing in" steps={bySignIn(to)} />
      {withKey && (
        <details class="quiet">
          <summary>With an access key instead, where no browser is at hand</summary>
          {withKey}
        </details>
      )}
    </>
  );
}

/** True for an app whose maker's servers cannot reach this address. */
export function isOutOfReach({ isRemote }: ConnectableApp, { url }: Endpoint): boolean {
  return isRemote === true && isLoopback(new URL(url).hostname);
}

function OnlyFromOutside({ name }: { name: string }) {
  return (
    <p class="muted">
      {name} calls the gateway from its maker’s servers, which cannot reach this computer. Deploy the gateway,
      and connect {name} to the address it has then.
    </p>
  );
}

function OnlySignsIn({ name }: { name: string }) {
  return (
    <p class="muted">
      {name} gets in only by signing in, and this gateway takes keys only. Whoever runs it can allow both in
      its settings.
    </p>
  );
}

function Way({ title, steps: { say, link, byHand, lines } }: { title: string; steps: Steps }): Child {
  return (
    <section class="stack tight">
      <h3>
        <b>{title}</b>
      </h3>
      <p class="muted">{say}</p>
      {link && (
        <p>
          <a class="button" href={link.href}>
            {link.label}
          </a>
        </p>
      )}
      {byHand && <p class="muted">{byHand}</p>}
      {lines.map(({ label, text }) => (
        <Copy text={text} label={label} />
      ))}
    </section>
  );
}
