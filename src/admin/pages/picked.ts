import type { McpConfig, ReadingTerms } from '../../protocol/mcp-config';
import { kindOf, type ServerChoice } from '../../servers/summaries';
import type { FormFields } from './api';
import { readingIn } from './reading-boxes';

/**
 * What was picked of a server: everything, later tools too; nothing, even where everyone may; or these tools. With it what is
 * said of its resources and prompts, where that is not what follows from the tools.
 */
export type PickedServer = { name: string; tools: 'all' | 'closed' | readonly string[] } & ReadingTerms;

/** What was picked, by the server's name in lower case. A server that is not named is as it is for everyone. */
export type Picked = ReadonlyMap<string, PickedServer>;

/** A server or a tool of one, as it can be typed and added. */
export type FoundChoice = { server: ServerChoice; tool?: string };

/** How a picker is shown: what is picked, and what became of the last step. */
export type PickerState = {
  picked: Map<string, PickedServer>;
  /** Servers whose tools are asked for, by name in lower case: the first of them, or all. */
  open: Map<string, 'first' | 'all'>;
  /** The server of the last step, by name in lower case; empty: none. */
  last: string;
  /** What was typed and is not added; what it may mean. */
  typed: string;
  found: readonly FoundChoice[];
  /** What was just added; with whether it was there before. */
  added: (FoundChoice & { isNew: boolean }) | null;
  /** What was just removed. */
  removed: ServerChoice | null;
};

/** True for a form that was sent to be shown again, with one step taken: nothing is saved. */
export function isStep(form: FormFields): boolean {
  return form.has('again') || Boolean(form.get('add')?.trim());
}

/** A picker with what is stored, or with what a form says and the step that its button asks for. */
export function pickerState(
  servers: readonly ServerChoice[],
  stored: Picked,
  sent: FormFields | undefined,
): PickerState {
  const state: PickerState = {
    picked: new Map(sent ? pickedIn(sent, servers, stored) : stored),
    open: new Map(),
    last: '',
    typed: '',
    found: [],
    added: null,
    removed: null,
  };
  if (!sent) return state;
  for (const [field, value] of sent) {
    if (field.startsWith('open.'))
      state.open.set(field.slice(5).toLowerCase(), value === 'all' ? 'all' : 'first');
  }
  const [, step = '', of = ''] = /^(\w+)(?:\.(.*))?$/s.exec(sent.get('again') ?? 'add') ?? [];
  if (step === 'add') add(state, servers, of || (sent.get('add') ?? ''));
  else takeStep(state, servers, step, of.toLowerCase());
  return state;
}

function takeStep(state: PickerState, servers: readonly ServerChoice[], step: string, at: string) {
  const { picked, open } = state;
  const server = servers.find(({ name }) => name.toLowerCase() === at);
  if (!server) return;
  state.last = at;
  if (step === 'remove' && picked.delete(at)) state.removed = server;
  if (['edit', 'open', 'more'].includes(step)) open.set(at, step === 'more' ? 'all' : 'first');
  const tools = server.tools.filter((tool) => step === 'all' || (step === 'read' && kindOf(tool) === 'read'));
  const isChosen = ['open', 'all', 'read', 'none'].includes(step);
  const before = picked.get(at);
  if (!isChosen) return;
  const kept = before && typeof before.tools !== 'string' ? before.tools : [];
  picked.set(at, {
    ...before,
    name: server.name,
    tools: step === 'open' ? kept : tools.map(({ name }) => name),
  });
  if (!open.has(at)) open.set(at, 'first');
}

/** Adds the one server or tool that a text names; where it names several, these are found. */
function add(state: PickerState, servers: readonly ServerChoice[], text: string): void {
  const found = foundBy(servers, text);
  const [one] = found;
  if (one && found.length === 1) pick(state, one);
  else Object.assign(state, { typed: text.trim(), found });
}

function pick(state: PickerState, found: FoundChoice): void {
  const { server, tool } = found;
  const { name } = server;
  const at = name.toLowerCase();
  const before = state.picked.get(at);
  const kept = before && typeof before.tools !== 'string' ? before.tools : [];
  const isNew = before?.tools !== 'all' && !(tool ? kept.includes(tool) : kept.length);
  Object.assign(state, { added: { ...found, isNew }, last: at });
  if (kept.length || tool) state.open.set(at, state.open.get(at) ?? 'first');
  if (!isNew) return;
  state.picked.set(at, { ...before, name, tools: tool ? [...new Set([...kept, tool])] : 'all' });
}

/** As it is typed to be added. */
export function labelOf({ server, tool }: FoundChoice): string {
  return tool === undefined ? server.name : `${server.name}: ${tool}`;
}

/** Servers and tools a text names: exactly, else those that hold it anywhere. */
function foundBy(servers: readonly ServerChoice[], text: string): FoundChoice[] {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return [];
  const whole: FoundChoice[] = servers.map((server) => ({ server }));
  const tools: FoundChoice[] = servers.flatMap((server) =>
    server.tools.map(({ name: tool }) => ({ server, tool })),
  );
  const is = (one: FoundChoice) => labelOf(one).toLowerCase() === wanted;
  const isTool = ({ tool = '' }: FoundChoice) => tool.toLowerCase() === wanted;
  const holds = (text: string | undefined) => text?.toLowerCase().includes(wanted);
  for (const exact of [whole.filter(is), tools.filter(is), tools.filter(isTool)])
    if (exact.length) return exact;
  return [
    ...whole.filter(({ server }) => holds(server.name)),
    ...tools.filter((one) => holds(one.tool) || (wanted.includes(': ') && holds(labelOf(one)))),
  ];
}

/** A name in few characters (FNV-1a, 32 bits): a form may hold thousands. */
function markOf(name: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  return (hash >>> 0).toString(36);
}

/** What marks stand for: the first that has one, of the tools of a server that are stored, then of those it lists. */
function namesByMark(
  server: ServerChoice | undefined,
  stored: PickedServer | undefined,
): Map<string, string> {
  const known = stored && typeof stored.tools !== 'string' ? [...stored.tools] : [];
  for (const { name } of server?.tools ?? []) known.push(name);
  return new Map(known.reverse().map((name) => [markOf(name), name]));
}

/** Names of tools as a form holds them that does not show them: as marks, and whole where a mark would not say which. */
export function foldedOf(
  names: readonly string[],
  server: ServerChoice,
  stored: PickedServer | undefined,
): { marks: string; kept: string } {
  const known = namesByMark(server, stored);
  const isKnown = (name: string) => known.get(markOf(name)) === name;
  return {
    marks: names.filter(isKnown).map(markOf).join(' '),
    kept: names.filter((name) => !isKnown(name)).join('\n'),
  };
}

/** What a form with a picker picked, where `stored` is what was before. */
export function pickedIn(form: FormFields, servers: readonly ServerChoice[], stored: Picked): Picked {
  const byName = new Map(servers.map((server) => [server.name.toLowerCase(), server]));
  const picked = new Map<string, PickedServer>();
  for (const [field, choice] of form) {
    const [, name] = /^pick\.(.+)$/.exec(field) ?? [];
    if (!name || (choice !== 'some' && choice !== 'all')) continue;
    const at = name.toLowerCase();
    const known = namesByMark(byName.get(at), stored.get(at));
    const marked = form.get(`marks.${name}`)?.split(' ') ?? [];
    const kept = form.get(`kept.${name}`)?.split(/\r?\n/) ?? [];
    const whole = [
      ...marked.flatMap((mark) => known.get(mark) ?? []),
      ...kept,
      ...form.getAll(`tool.${name}`),
    ];
    const tools = choice === 'all' ? choice : [...new Set(whole)];
    picked.set(at, { name, tools, ...readingIn(form, `.${name}`, choice === 'all') });
  }
  for (const name of form.getAll('closed')) {
    if (!picked.has(name.toLowerCase())) picked.set(name.toLowerCase(), { name, tools: 'closed' });
  }
  return picked;
}

/** A sentence on a server of which only some tools were to be picked, and none was; null when there is none. */
export function unpicked(picked: Picked): string | null {
  const isEmpty = ({ tools, allow_resources, allow_prompts }: PickedServer) =>
    typeof tools !== 'string' && !tools.length && !allow_resources && !allow_prompts;
  const name = [...picked.values()].find(isEmpty)?.name;
  return name === undefined ? null : `Select at least one tool of ${name}, or remove ${name}.`;
}

/** What the API's lists say of a server, by its name: `*` is all tools, an empty list none. */
export function pickedOf(
  lists: readonly (readonly [name: string, tools: readonly string[], reading: ReadingTerms])[],
): Picked {
  return new Map(
    lists.map(([name, tools, { allow_resources, allow_prompts }]) => {
      const isSome = tools.length || allow_resources || allow_prompts;
      const picked = tools.includes('*') ? 'all' : isSome ? tools : 'closed';
      return [name.toLowerCase(), { name, tools: picked, allow_resources, allow_prompts }];
    }),
  );
}

/** The names of tools the API takes for what was picked of a server. */
export function toolNames({ tools }: PickedServer): string[] {
  if (tools === 'all') return ['*'];
  return tools === 'closed' ? [] : [...tools];
}

/** What the API takes of its resources and prompts. */
export function readingOf({ allow_resources, allow_prompts }: PickedServer): ReadingTerms {
  return {
    ...(typeof allow_resources === 'boolean' && { allow_resources }),
    ...(typeof allow_prompts === 'boolean' && { allow_prompts }),
  };
}

/** As keys, people and settings hold it. */
export function pickedFrom(configs: readonly McpConfig[]): Picked {
  return pickedOf(
    configs.map(({ mcp_client_name, tools_to_execute, ...reading }) => [
      mcp_client_name,
      tools_to_execute,
      reading,
    ]),
  );
}

/** As keys, people and settings take it. */
export function configsOf(picked: Picked): McpConfig[] {
  return [...picked.values()].map((pick) => ({
    mcp_client_name: pick.name,
    tools_to_execute: toolNames(pick),
    ...readingOf(pick),
  }));
}
