import type { UsableServer } from './services';

/** What was left unticked on a form: names of servers, exposed names of tools; of opened servers, whose resources and prompts. */
type Unticked = { servers: string[]; tools: string[]; resources: string[]; prompts: string[] };

/** What a form with servers and tools to choose from says. Servers are given by their names. */
export type Choice = {
  /** Everything, its read-only tools, or what is ticked. */
  access: 'all' | 'read' | 'chosen';
  unticked: Unticked;
  /** Servers whose tools the form shows. */
  opened: string[];
  /** Servers whose tools it does not show, of which only the read-only tools are chosen. */
  reading: string[];
};

/** What a form says that no one has touched: everything. */
export const EVERYTHING: Choice = {
  access: 'all',
  unticked: { servers: [], tools: [], resources: [], prompts: [] },
  opened: [],
  reading: [],
};

/** True when the box of the server `name` is ticked. */
export function isTicked({ unticked }: Choice, name: string): boolean {
  return !unticked.servers.includes(name);
}

type Counted = Pick<UsableServer, 'name' | 'tools'>;

/** How much there is, or is chosen. `writes`: tools that are not read-only, as their servers describe them. */
export type Count = { servers: number; tools: number; writes: number };

/** How much there is in all. */
export function countAll(servers: readonly Counted[]): Count {
  return countTools(servers.map(({ tools }) => tools));
}

/** How much of it is ticked. */
export function countTicked(servers: readonly Counted[], choice: Choice): Count {
  const out = new Set(choice.unticked.tools);
  const ticked = servers.filter(({ name }) => isTicked(choice, name));
  return countTools(
    ticked.map(({ name, tools }) => {
      if (choice.opened.includes(name)) return tools.filter(({ exposedName }) => !out.has(exposedName));
      return choice.reading.includes(name) ? tools.filter(({ readOnly }) => readOnly) : tools;
    }),
  );
}

function countTools(lists: readonly UsableServer['tools'][]): Count {
  const tools = lists.flat();
  const writes = tools.filter(({ readOnly }) => !readOnly).length;
  return { servers: lists.length, tools: tools.length, writes };
}
