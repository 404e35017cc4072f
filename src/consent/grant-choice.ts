import type { Context } from 'hono';
import type { App } from '../config';
import type { GrantChange } from '../grants/change';
import type { ConsentedServer } from '../grants/grant';
import type { Grant } from '../grants/store';
import { covers } from '../protocol/authorization';
import { type Choice, EVERYTHING } from './choice';
import { type UsableServer, usableServers } from './services';
import { readTicks } from './ticks';

/** What a form says that changes what an app may use afterwards. */
export type GrantChoice = Choice & {
  /** The box beside a choice of servers: of these, only what reads. */
  isReading: boolean;
  /** In how many seconds access is to end; null: when it does now. */
  endsIn: number | null;
};

/** Ends that can be chosen, as far as they are earlier than the one there is. Seconds. */
const ENDS = [2_592_000, 28_800];

/** The ends that a grant may be given at `now` (epoch seconds), in seconds from then. */
export function endsOf({ expiresAt }: Grant, now: number): number[] {
  return ENDS.filter((seconds) => expiresAt === null || now + seconds < expiresAt);
}

/** The servers that an app may be given, within the scope it asked for. */
export function usableFor(c: Context<App>, grant: Grant): Promise<UsableServer[]> {
  const { subject, resource, scope, askedScope } = grant;
  return usableServers(c.env, c.var.settings, subject, { resource, scope: askedScope ?? scope });
}

/** True when a person can choose to let an app read only: it asked for more than that. */
export function mayNarrow({ askedScope, scope }: Grant): boolean {
  const asked = askedScope ?? scope;
  return covers(asked, 'mcp:read') && covers(asked, 'mcp:write');
}

/** What the form of a grant says before anybody has touched it. Servers of which it has a part are opened. */
export function choiceOfGrant({ servers, readOnly }: Grant, usable: readonly UsableServer[]): GrantChoice {
  const rest = { isReading: readOnly && servers !== null, endsIn: null };
  if (servers === null) return { ...EVERYTHING, ...rest, access: readOnly ? 'read' : 'all' };
  const kept = new Map(servers.map((server) => [server.id, server]));
  const partly = usable.flatMap((server) => {
    const own = kept.get(server.id);
    return own && isPart(own) ? [{ server, own }] : [];
  });
  const without = (member: 'allow_resources' | 'allow_prompts') =>
    partly.filter(({ own }) => !(own[member] ?? own.tools === null)).map(({ server }) => server.name);
  return {
    ...rest,
    access: 'chosen',
    opened: partly.map(({ server }) => server.name),
    reading: [],
    unticked: {
      servers: usable.filter(({ id }) => !kept.has(id)).map(({ name }) => name),
      tools: partly.flatMap(({ server, own: { tools } }) =>
        server.tools
          .filter(({ name }) => tools && !tools.includes(name))
          .map(({ exposedName }) => exposedName),
      ),
      resources: without('allow_resources'),
      prompts: without('allow_prompts'),
    },
  };
}

/** True when a grant has not all of a server. */
function isPart({ tools, allow_resources, allow_prompts }: ConsentedServer): boolean {
  return tools !== null || allow_resources === false || allow_prompts === false;
}

/** What a form that was shown for a grant asks to change, and what it says, to be shown again. */
export async function changeIn(
  form: URLSearchParams,
  grant: Grant,
  usable: readonly UsableServer[],
  now: number,
): Promise<{ change: Required<Omit<GrantChange, 'givenName'>>; choice: GrantChoice }> {
  const { servers, choice } = await readTicks(form, usable);
  const isAll = form.get('access') === 'all'; // the box may be ticked still: it belongs to the choice of servers
  const isReading = !isAll && form.get('read_only') === 'on';
  const endsIn = endsOf(grant, now).find((seconds) => String(seconds) === form.get('ends')) ?? null;
  const change = {
    servers: servers && withKept(servers, grant.servers ?? [], usable, choice),
    readOnly: mayNarrow(grant) ? isReading || (!isAll && choice.access === 'read') : grant.readOnly,
    expiresAt: endsIn === null ? grant.expiresAt : now + endsIn,
  };
  return {
    change,
    choice: {
      ...choice,
      ...(isAll && !form.has('pick') && !form.has('open') && { access: 'all' as const }),
      isReading,
      endsIn,
    },
  };
}

/** What was ticked, and what the form could not show: servers and tools that are away for the moment stay as they are. */
function withKept(
  ticked: readonly ConsentedServer[],
  kept: readonly ConsentedServer[],
  usable: readonly UsableServer[],
  { opened, reading }: Choice,
): ConsentedServer[] {
  const here = new Map(usable.map((server) => [server.id, server]));
  const away = kept.filter(({ id }) => !here.has(id));
  const servers = ticked.map((server) => {
    const was = kept.find(({ id }) => id === server.id);
    const shown = here.get(server.id);
    if (!was || !shown || !isPart(was)) return server;
    if (!opened.includes(shown.name) && !reading.includes(shown.name)) return was;
    if (server.tools === null) return server;
    const listed = new Set(shown.tools.map(({ name }) => name));
    const { allow_resources, allow_prompts } = was;
    return {
      ...(allow_resources === false && { allow_resources }),
      ...(allow_prompts === false && { allow_prompts }),
      ...server,
      tools: [...server.tools, ...(was.tools ?? []).filter((name) => !listed.has(name))],
    };
  });
  return [...servers, ...away];
}
