import type { ConsentedServer } from '../grants/store';
import { shownValue, type UsableServer } from './services';

/** What was left unticked on a form that has to be shown again: names of servers, exposed names of tools. */
export type Unticked = { servers: string[]; tools: string[] };

/** Names of the servers whose resources or prompts were ticked: they are in though only some tools of the server are. */
export type TickedReading = { resources: string[]; prompts: string[] };

/** What a form's boxes let in, and what they leave out. Null: the form showed none, so nothing is narrowed (CONTRACT §4). */
export type Ticks = { servers: ConsentedServer[]; unticked: Unticked; reading: TickedReading };

/**
 * Reads `services`, `server`, `tool`, `allow_resources` and `allow_prompts`. Of a server that was sent, the tools sent are in; when they are those the form
 * showed, all of them, so is the whole server with its later tools. What the form showed comes back with it (`shown`), for
 * the server may list other tools by then: one that was unticked must not come in by having been away for a moment.
 */
export async function readTicks(
  form: URLSearchParams,
  usable: readonly UsableServer[],
): Promise<Ticks | null> {
  if (form.get('services') !== 'shown') return null;
  const names = new Set(form.getAll('server'));
  const tools = new Set(form.getAll('tool'));
  const shown = new Set(form.has('shown') ? form.getAll('shown') : usable.map((server) => server.shown));

  const known = (field: string) => {
    const ticked = new Set(form.getAll(field));
    return usable.map(({ name }) => name).filter((name) => ticked.has(name));
  };
  const reading = { resources: known('allow_resources'), prompts: known('allow_prompts') };
  const servers = usable
    .filter(({ name }) => names.has(name))
    .map(async (server): Promise<ConsentedServer> => {
      const known = new Set(server.tools.map(({ exposedName }) => exposedName));
      const sent = [...tools].filter((tool) => known.has(tool) || tool.startsWith(`${server.name}-`));
      const isWhole = shown.has(await shownValue(server.name, sent));
      const ticked = server.tools.filter(({ exposedName }) => tools.has(exposedName));
      if (isWhole) return { id: server.id, tools: null };
      return {
        id: server.id,
        tools: ticked.map(({ name }) => name),
        ...(reading.resources.includes(server.name) && { allow_resources: true }),
        ...(reading.prompts.includes(server.name) && { allow_prompts: true }),
      };
    });
  const unticked = {
    servers: usable.filter(({ name }) => !names.has(name)).map(({ name }) => name),
    tools: usable.flatMap((server) =>
      server.tools.map(({ exposedName }) => exposedName).filter((exposedName) => !tools.has(exposedName)),
    ),
  };
  return { servers: await Promise.all(servers), unticked, reading };
}

/** True when nothing at all was let in. */
export function isNothing(servers: readonly ConsentedServer[]): boolean {
  return servers.every(
    ({ tools, allow_resources, allow_prompts }) => tools?.length === 0 && !allow_resources && !allow_prompts,
  );
}
