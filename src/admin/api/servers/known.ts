import type { McpConfig } from '../../../protocol/mcp-config';
import { namesOfServers } from '../../../servers/summaries';
import { refusal } from '../error';

/**
 * The same list with every server's name as it is spelled.
 * @param within the dotted name of the list
 * @throws ApiError at a server that is not there, or there twice.
 */
export async function knownServers(
  db: D1Database,
  configs: McpConfig[],
  within = 'mcp_configs',
): Promise<McpConfig[]> {
  const servers = configs.length ? await namesOfServers(db) : new Map<string, string>();
  const names = new Map([...servers.values()].map((name) => [name.toLowerCase(), name]));
  const seen = new Set<string>();
  return configs.map((config, at) => {
    const name = names.get(config.mcp_client_name.toLowerCase());
    const field = `${within}.${at}.mcp_client_name`;
    if (!name) throw refusal('unknown_server_name', { name: config.mcp_client_name }, field);
    if (seen.has(name)) throw refusal('repeated_server_name', { name }, field);
    seen.add(name);
    return { ...config, mcp_client_name: name };
  });
}
