import type { Env } from '../config';
import type { Subject } from '../protocol/subject';
import { listServers } from '../upstreams/store';

/** A server as consent shows it. */
export type UsableServer = {
  id: string;
  name: string;
  unstable: boolean;
  tools: { name: string; description: string; readOnly: boolean }[];
};

/** The servers an identity may use at `resource`, by name. */
export async function usableServers(env: Env, _subject: Subject, _resource: string): Promise<UsableServer[]> {
  const { servers } = await listServers(env.DB, { search: '', limit: 500, offset: 0 });
  return servers.map(({ id, name, state }) => ({ id, name, unstable: state === 'unstable', tools: [] }));
}
