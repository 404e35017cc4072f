import { type OpenServer, openServers } from '../accounts/open-servers';
import type { Env } from '../config';
import { hashSecret } from '../crypto/secrets';
import type { Subject } from '../protocol/subject';
import type { Settings } from '../settings';

/** A server as consent shows it. */
export type UsableServer = OpenServer & {
  /** What a form says of its tools, so that its ticks can be told from another list's. */
  shown: string;
};

/** The servers an identity may use at `resource` within `scope`, by name, before consent narrows them. */
export async function usableServers(
  env: Env,
  settings: Settings,
  subject: Subject,
  request: { resource: string; scope: string },
): Promise<UsableServer[]> {
  return withDigests(await openServers(env, settings, subject, request));
}

/** The same servers with what a form says of the tools of each. */
export function withDigests(servers: readonly OpenServer[]): Promise<UsableServer[]> {
  return Promise.all(
    servers.map(async (server) => {
      const names = server.tools.map(({ exposedName }) => exposedName);
      return { ...server, shown: await shownValue(server.name, names) };
    }),
  );
}

/** What a form carries of a server whose tools it shows: the server's name, and a digest of their exposed names. */
export async function shownValue(serverName: string, tools: readonly string[]): Promise<string> {
  return `${serverName}:${await hashSecret([serverName, ...tools.toSorted()].join('\n'))}`;
}
