import { HeaderName } from '../../../servers/header-values';

/**
 * What an administrator pasted where a server's address is asked for. `lacking`: headers whose value has to be entered, for what
 * stands there is a placeholder. `runner`: the program that starts the server, such as `npx`.
 */
export type Pasted =
  | { kind: 'address'; address: string; name: string; headers: Record<string, string>; lacking: string[] }
  | { kind: 'several'; names: string[] }
  | { kind: 'command'; runner: string }
  | { kind: 'unreadable' };

type Entry = { [member: string]: unknown };
type Remote = Pasted & { kind: 'address' };

/** Programs that start servers. */
const RUNNERS =
  /^(npx|npm|pnpm|pnpx|yarn|bunx?|deno|node|tsx|ts-node|uvx?|pipx?|python[\d.]*|docker|podman|cmd|sh|bash|zsh|powershell|pwsh|java|go|cargo|dotnet|ruby|php|wsl|sudo|env)(\.exe|\.cmd)?$/i;
/** Programs whose only work is to reach a server elsewhere: its address stands among their arguments. */
const BRIDGES = /^(mcp-remote|supergateway|mcp-proxy|fastmcp|@[\w-]+\/mcp-remote)(@[\w.-]+)?$/;
/** Members that hold entries by name, in the configuration of clients. */
const HOLDERS = ['mcpServers', 'servers', 'mcp_servers', 'context_servers', 'mcp'];
const ADDRESSES = ['url', 'serverUrl', 'httpUrl', 'uri', 'endpoint'];
const PLACEHOLDER = /\$\{|\$[A-Z_]+\b|\{\{|<[^>]*>|\.\.\.|…|x{4,}|\byour[-_ ]|[-_]here\b|%[A-Z_]+%/i;

/** Reads an address, the configuration of an MCP client as JSON, or a command line. Nothing is asked. */
export function readPasted(text: string): Pasted {
  const input = text.trim();
  if (/^["{[]/.test(input)) return readConfiguration(input);
  const words = wordsOf(input);
  const embedded = words.find((word) => /^\{[\s\S]*\}$/.test(word)); // code --add-mcp '{…}', claude mcp add-json name '{…}'
  if (words.length > 1 && embedded) return readConfiguration(embedded);
  if (words.length === 1 && !RUNNERS.test(input)) return remote(input, '', {});
  return readCommandLine(words);
}

/** The words of a command line, without quotes. */
function wordsOf(line: string): string[] {
  const found = line.replace(/\\\r?\n/g, ' ').matchAll(/((?:"(?:\\.|[^"\\])*"|'[^']*'|[^\s"'])+)/g);
  return [...found].map(([word]) =>
    word.replace(
      /"((?:\\.|[^"\\])*)"|'([^']*)'/g,
      (_, double, single) => double?.replace(/\\(.)/g, '$1') ?? single ?? '',
    ),
  );
}

function readCommandLine(all: string[]): Pasted {
  const words = all.filter((word, at) => !(at === 0 && /^[$>#%]$/.test(word)));
  const [variables, rest] = leadingVariables(words);
  const [command = '', ...args] = rest;
  const adds = args.indexOf('add');
  if (/^(claude|codex|gemini|cursor|code|goose|amp)$/.test(command) && adds >= 0 && args.includes('mcp')) {
    const separator = args.indexOf('--');
    if (separator >= 0) return started(args.slice(separator + 1), variables);
    const name = args
      .slice(adds + 1)
      .find((word, at, list) => !word.startsWith('-') && !takesValue(list[at - 1]));
    return reached(args, variables, isAddress(name ?? '') ? '' : (name ?? '')) ?? { kind: 'unreadable' };
  }
  if (RUNNERS.test(programOf(command)) || /^[.~/]|^[a-z]:\\/i.test(command)) return started(rest, variables);
  const addresses = words.filter(isAddress);
  const [only] = new Set(addresses);
  if (only && new Set(addresses).size === 1) return remote(only, '', {});
  return /^[\w.-]+$/.test(command) && args.some((word) => /^-|[/\\=]/.test(word))
    ? { kind: 'command', runner: command }
    : { kind: 'unreadable' };
}

const takesValue = (option: string | undefined) =>
  /^(-t|-s|-e|-H|--(transport|scope|env|header|url|type))$/.test(option ?? '');

/** Assignments before a command, and the rest. */
function leadingVariables(words: string[]): [Entry, string[]] {
  const first = words.findIndex((word) => !/^[A-Za-z_]\w*=/.test(word));
  const assigned = words.slice(0, first < 0 ? words.length : first);
  return [
    Object.fromEntries(assigned.map((word) => word.split(/=(.*)/s).slice(0, 2))),
    words.slice(assigned.length),
  ];
}

/** A program that would be started, unless it only reaches a server elsewhere. */
function started(words: string[], variables: Entry, name = ''): Pasted {
  const bridge = words.some((word) => BRIDGES.test(word)) && reached(words, variables, name);
  if (bridge) return bridge;
  const runner = words
    .map(programOf)
    .find((word) => RUNNERS.test(word) && !/^(cmd|sudo|env|wsl)/i.test(word));
  return {
    kind: 'command',
    runner: (runner ?? programOf(words[0] ?? '')).replace(/\.(exe|cmd)$/i, '').slice(0, 40),
  };
}

/** The server at the address among the words of a command, with the headers these name. */
function reached(words: string[], variables: Entry, name: string): Remote | null {
  const address = words.find(isAddress);
  if (!address) return null;
  const lines = words.flatMap((word, at) =>
    /^(--header|-H)$/.test(words[at - 1] ?? '') ? [word] : /^--header=/.test(word) ? [word.slice(9)] : [],
  );
  const headers = lines.map((line) => line.split(/\s*[:=]\s*(.*)/s).slice(0, 2));
  return remote(address, name, Object.fromEntries(headers), variables);
}

const isAddress = (word: string) => /^https?:\/\/[^\s/]/i.test(word);
const programOf = (path: string) => path.split(/[\\/]/).at(-1) ?? '';

function readConfiguration(text: string): Pasted {
  const value = [text, `{${text}}`].map(parsed).find((one) => one !== undefined);
  if (typeof value === 'string') return /^["{[]/.test(value) ? { kind: 'unreadable' } : readPasted(value);
  const entries = entriesIn(Array.isArray(value) ? Object.fromEntries(value.entries()) : value, 0);
  const read = entries.map(([name, entry]) => ({ name, found: readEntry(name, entry) }));
  const remotes = read.flatMap(({ found }) => (found?.kind === 'address' ? [found] : []));
  if (remotes.length > 1) return { kind: 'several', names: remotes.map(({ name }) => name).slice(0, 50) };
  return remotes[0] ?? read.find(({ found }) => found)?.found ?? { kind: 'unreadable' };
}

/** The value of a JSON text, which may have comments and commas too many; undefined when it has none. */
function parsed(text: string): unknown {
  const strings = /("(?:\\.|[^"\\])*")/;
  const clean = (pattern: RegExp) => (source: string) =>
    source.replace(new RegExp(`${strings.source}|${pattern.source}`, 'g'), (_, string) => string ?? '');
  const plain = clean(/,(?=\s*[}\]]|\s*$)/)(clean(/\/\/[^\n]*|\/\*[\s\S]*?\*\//)(text));
  try {
    return JSON.parse(plain);
  } catch {
    return undefined;
  }
}

function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Entries of servers by name, wherever a client's configuration keeps them. */
function entriesIn(value: unknown, depth: number): [name: string, entry: Entry][] {
  if (!isEntry(value) || depth > 3) return [];
  if (
    [...ADDRESSES, 'command'].some((member) => isText(value[member]) || isEntry(value[member])) ||
    Array.isArray(value.command)
  )
    return [[isText(value.name) ? value.name : '', value]];
  const holder = HOLDERS.find((member) => isEntry(value[member]));
  if (holder) return entriesIn(value[holder], depth + 1);
  return Object.entries(value).flatMap(([name, inner]) =>
    entriesIn(inner, depth + 1).map(([own, entry]): [string, Entry] => [own || name, entry]),
  );
}

const isText = (value: unknown): value is string => typeof value === 'string' && value.trim() !== '';

function readEntry(name: string, entry: Entry): Pasted | null {
  const address = ADDRESSES.map((member) => entry[member]).find(isText);
  if (address) return remote(address.trim(), name, headersIn(entry), isEntry(entry.env) ? entry.env : {});
  const { command, args, env } = entry;
  const nested = isEntry(command) ? command : entry; // Zed: {"command": {"path": …, "args": […]}}
  const first = [isEntry(command) ? command.path : command].flat().filter(isText);
  const others = (Array.isArray(nested.args) ? nested.args : Array.isArray(args) ? args : []).filter(isText);
  const words = first.length === 1 && !others.length ? wordsOf(first[0] ?? '') : [...first, ...others];
  return words.length ? started(words, isEntry(env) ? env : {}, name) : null;
}

function headersIn({ headers, http_headers, requestInit }: Entry): Entry {
  const found = [headers, http_headers, isEntry(requestInit) ? requestInit.headers : null].find(isEntry);
  return found ?? {};
}

/** @param variables what `${NAME}` stands for in header values */
function remote(address: string, name: string, headers: Entry, variables: Entry = {}): Remote {
  const known: Record<string, string> = {};
  const lacking: string[] = [];
  for (const [header, value] of Object.entries(headers)) {
    if (!HeaderName.safeParse(header.trim()).success) continue; // of the exchange itself, such as Accept
    const said = typeof value === 'object' ? '' : String(value);
    const filled = said.replace(/\$\{(?:env:)?(\w+)\}/g, (whole, variable) =>
      isText(variables[variable]) ? String(variables[variable]) : whole,
    );
    if (!filled.trim() || PLACEHOLDER.test(filled)) lacking.push(header.trim());
    else known[header.trim()] = filled.trim();
  }
  return { kind: 'address', address, name, headers: known, lacking };
}
