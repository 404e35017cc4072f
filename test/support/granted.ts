import { McpCaller } from './caller';
import { McpClient } from './mcp-client';

/** A caller with the access token of a grant of its own. */
export async function granted(era: '2025' | '2026' = '2026', path = '/mcp'): Promise<McpCaller> {
  const { access_token } = await (await McpClient.register()).obtainGrant();
  return new McpCaller({ authorization: `Bearer ${access_token}` }, era, path);
}
