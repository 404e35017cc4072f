import type { ConsentedServer } from '../grants/grant';
import { countOf } from '../ui/english';
import { type Choice, EVERYTHING } from './choice';
import { exposedOf, press } from './press';
import { shownValue, type UsableServer } from './services';

/** What a form lets in, and what it says, to be shown again. `servers` null: nothing is narrowed (CONTRACT §4). */
export type Ticks = { servers: ConsentedServer[] | null; choice: Choice };

/**
 * Reads `access`, and with it `server`, `tool`, `shown`, `tools.<server>`, `allow_resources` and `allow_prompts`. A form from
 * before `access` says `services=shown` instead. Of a server that was sent the tools sent are in; when they are those the
 * form showed, all of them, so is the whole server with its later tools. What the form showed comes back with it (`shown`),
 * for the server may list other tools by then: one that was unticked must not come in by having been away for a moment.
 */
export async function readTicks(form: URLSearchParams, usable: readonly UsableServer[]): Promise<Ticks> {
  const access = accessOf(form);
  const sent = sentBy(form);
  const choice = press(form, usable, { ...choiceOf(sent, usable), access });
  if (access !== 'chosen') return { servers: null, choice };
  const ticked = usable.filter(({ name }) => sent.servers.has(name));
  return { servers: await Promise.all(ticked.map((server) => consented(server, sent))), choice };
}

/** Characters that the audit keeps of what was let in. */
const MOST_WORDS = 2000;

/** True when nothing at all was let in. */
export function isNothing(servers: readonly ConsentedServer[]): boolean {
  return servers.every(
    ({ tools, allow_resources, allow_prompts }) => tools?.length === 0 && !allow_resources && !allow_prompts,
  );
}

/** What was let in, for the audit: names of servers, with how many tools where it is not all of them. */
export function chosenWords(chosen: readonly ConsentedServer[], usable: readonly UsableServer[]): string {
  const names = new Map(usable.map(({ id, name }) => [id, name]));
  return chosen
    .map(({ id, tools }) => (tools ? `${names.get(id)} (${countOf(tools.length, 'tool')})` : names.get(id)))
    .join(', ')
    .slice(0, MOST_WORDS);
}

/** Another value than those of CONTRACT §4 narrows, as `chosen` does. */
function accessOf(form: URLSearchParams): Choice['access'] {
  const said = form.get('access') ?? (form.get('services') === 'shown' ? 'chosen' : 'all');
  if (said === 'all') return form.get('read_only') === 'on' ? 'read' : 'all';
  return said === 'read' ? 'read' : 'chosen';
}

/** What stands on a form: values of its fields, by what they are for. */
type Sent = {
  servers: ReadonlySet<string>;
  tools: ReadonlySet<string>;
  shown: ReadonlySet<string>;
  isShown: (server: UsableServer) => boolean;
  isReading: (server: UsableServer) => boolean;
  /** Whether a server's resources or prompts were ticked; undefined where the form says so of ticked boxes only. */
  boxOf: (server: UsableServer, kind: 'resources' | 'prompts') => boolean | undefined;
};

function sentBy(form: URLSearchParams): Sent {
  const shown = form.getAll('shown');
  const names = new Set(shown.flatMap((value) => [value, value.replace(/:[^:]*$/, '')]));
  /** Forms from before `access` showed the tools of every server, each by its digest alone. */
  const showsAll = !form.has('access') && shown.some((value) => /^[\w-]{43}$/.test(value));
  const isShown = ({ name }: UsableServer) => showsAll || names.has(name);
  const boxes = new Set(form.getAll('shown_boxes'));
  const ticked = {
    resources: new Set(form.getAll('allow_resources')),
    prompts: new Set(form.getAll('allow_prompts')),
  };
  return {
    servers: new Set(form.getAll('server')),
    tools: new Set(form.getAll('tool')),
    shown: new Set(shown),
    isShown,
    isReading: (server) => !isShown(server) && form.get(`tools.${server.name}`) === 'read',
    boxOf: ({ name }, kind) => ticked[kind].has(name) || (boxes.has(name) ? false : undefined),
  };
}

async function consented(server: UsableServer, sent: Sent): Promise<ConsentedServer> {
  const { id } = server;
  if (sent.isReading(server)) {
    return { id, tools: server.tools.filter(({ readOnly }) => readOnly).map(({ name }) => name) };
  }
  const boxes = {
    allow_resources: sent.boxOf(server, 'resources'),
    allow_prompts: sent.boxOf(server, 'prompts'),
  };
  if (await isWhole(server, sent)) {
    return {
      id,
      tools: null,
      ...(boxes.allow_resources === false && { allow_resources: false }),
      ...(boxes.allow_prompts === false && { allow_prompts: false }),
    };
  }
  const ticked = server.tools.filter(({ exposedName }) => sent.tools.has(exposedName));
  return {
    id,
    tools: ticked.map(({ name }) => name),
    ...(boxes.allow_resources && { allow_resources: true }),
    ...(boxes.allow_prompts && { allow_prompts: true }),
  };
}

/** True when the tools sent are all of a server's, as the form showed them, else as they are now; or none was shown or sent. */
async function isWhole(server: UsableServer, { tools, shown, isShown }: Sent): Promise<boolean> {
  const known = new Set(server.tools.map(({ exposedName }) => exposedName));
  const sent = [...tools].filter((tool) => known.has(tool) || tool.startsWith(`${server.name}-`));
  if (!isShown(server) && !sent.length) return true;
  const value = await shownValue(server.name, sent);
  const digest = value.slice(server.name.length + 1);
  if (shown.has(value) || shown.has(digest)) return true;
  return value === server.shown && (!isShown(server) || shown.has(server.name));
}

function choiceOf(sent: Sent, usable: readonly UsableServer[]): Choice {
  const names = (servers: readonly UsableServer[]) => servers.map(({ name }) => name);
  const opened = usable.filter(
    (server) => sent.isShown(server) || exposedOf([server]).some((tool) => sent.tools.has(tool)),
  );
  const without = (kind: 'resources' | 'prompts') =>
    names(opened.filter((server) => sent.boxOf(server, kind) === false));
  return {
    ...EVERYTHING,
    unticked: {
      servers: names(usable.filter(({ name }) => !sent.servers.has(name))),
      tools: exposedOf(opened).filter((tool) => !sent.tools.has(tool)),
      resources: without('resources'),
      prompts: without('prompts'),
    },
    opened: names(opened),
    reading: names(usable.filter(sent.isReading)),
  };
}
