import { type Choice, isTicked } from './choice';
import type { UsableServer } from './services';

/** What a form says once a button of its list was pressed: `open`, `pick`, or `tools.<server>` of one that is opened. */
export function press(form: URLSearchParams, usable: readonly UsableServer[], choice: Choice): Choice {
  if (form.has('decision')) return choice;
  const isOpened = ({ name }: UsableServer) => choice.opened.includes(name);
  const open = usable.find(({ name }) => name === form.get('open'));
  if (open) return { ...opening(choice, open), access: 'chosen' };
  const one = usable.find((server) => isOpened(server) && form.has(`tools.${server.name}`));
  if (one) return picking(choice, [one], form.get(`tools.${one.name}`));
  return form.has('pick') ? picking(choice, usable, form.get('pick')) : choice;
}

/** The same with the tools of one more server shown, ticked as the server says: of one that is not ticked none is. */
function opening(choice: Choice, server: UsableServer): Choice {
  const wasReading = choice.reading.includes(server.name);
  const isOut = !isTicked(choice, server.name);
  const out = exposedOf([server], ({ readOnly }) => isOut || (wasReading && !readOnly));
  return {
    ...choice,
    opened: [...new Set([...choice.opened, server.name])],
    reading: choice.reading.filter((name) => name !== server.name),
    unticked: { ...choice.unticked, tools: [...choice.unticked.tools, ...out] },
  };
}

/** The same with all, only the read-only, or none of the tools of these servers ticked. */
function picking(choice: Choice, servers: readonly UsableServer[], which: string | null): Choice {
  const names = servers.map(({ name }) => name);
  const opened = names.filter((name) => choice.opened.includes(name));
  const isOut = (server: UsableServer) =>
    which === 'none' || (which === 'read' && !server.tools.some(({ readOnly }) => readOnly));
  const out = servers.filter(isOut).map(({ name }) => name);
  const shut = servers.filter(({ name }) => opened.includes(name));
  const outTools = which === 'all' ? [] : exposedOf(shut, ({ readOnly }) => which === 'none' || !readOnly);
  const boxless = which === 'none' ? opened : [];
  const { unticked } = choice;
  return {
    ...choice,
    access: 'chosen',
    reading: [
      ...others(choice.reading, names),
      ...(which === 'read' ? others(names, [...opened, ...out]) : []),
    ],
    unticked: {
      servers: [...others(unticked.servers, names), ...out],
      tools: [...others(unticked.tools, exposedOf(shut)), ...outTools],
      resources: [...others(unticked.resources, names), ...boxless],
      prompts: [...others(unticked.prompts, names), ...boxless],
    },
  };
}

/** The exposed names of the tools of these servers, or of those that fit. */
export function exposedOf(
  servers: readonly UsableServer[],
  fits: (tool: UsableServer['tools'][number]) => boolean = () => true,
): string[] {
  return servers.flatMap(({ tools }) => tools.filter(fits).map(({ exposedName }) => exposedName));
}

function others(list: readonly string[], mine: readonly string[]): string[] {
  const out = new Set(mine);
  return list.filter((name) => !out.has(name));
}
