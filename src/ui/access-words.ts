import { countOf } from './english';
import { cut } from './name';

/** What an app can use, in a line. @param servers null: everything; `tools` null: all of a server's */
export function canUseWords(
  servers: readonly { name: string; tools: readonly string[] | null }[] | null,
  isReadOnly: boolean,
): string {
  if (!servers) return isReadOnly ? 'Read-only tools' : 'Everything';
  const [only] = servers;
  if (!only) return 'Nothing';
  const where = servers.length === 1 ? cut(only.name) : countOf(servers.length, 'server');
  const isPart = servers.every(({ tools }) => tools);
  const tools = isPart ? `, ${countOf(servers.flatMap(({ tools }) => tools ?? []).length, 'tool')}` : '';
  return `${where}${tools}${isReadOnly ? ', read-only' : ''}`;
}
