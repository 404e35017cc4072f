import { type Access, type Connection, OAuthMemory, type SdkClient } from './clients.ts';
import { type Answers, consent } from './consent.ts';

/** Told of each step as it has succeeded: what was done, and what came of it. */
export type Tell = (step: string, outcome: string) => void;

const LONG_TOOL = 'demo-trigger-long-running-operation';

/** Something the gateway should have done and did not. */
class WalkFailed extends Error {
  override readonly name = 'WalkFailed';
}

/**
 * The whole way of a client that knows only the MCP URL, with a person whose answers at consent are `answers`: refused,
 * discovered, registered, allowed, connected, tools called, tokens refreshed.
 */
export async function walkWithConsent(
  client: SdkClient,
  mcpUrl: string,
  answers: Answers,
  tell: Tell,
  memory = new OAuthMemory(`Demo, ${client.name}`),
): Promise<void> {
  await connectRefused(client, mcpUrl, memory);
  const { authorizationUrl } = memory;
  if (!authorizationUrl)
    throw new WalkFailed('the gateway refused the client without telling it where to ask');
  tell('refused and discovered', `401 led to ${authorizationUrl.origin}${authorizationUrl.pathname}`);
  tell(memory.clientMetadataUrl ? 'described' : 'registered', `as client ${memory.client?.client_id}`);

  const callback = await consent(authorizationUrl, answers);
  tell(
    'allowed in the browser',
    `${callback.origin}${callback.pathname} got ${[...callback.searchParams.keys()].join(', ')}`,
  );

  await client.finishAuth(mcpUrl, memory, callback);
  tell('code redeemed', `access token for ${memory.tokens()?.expires_in} s, scope ${memory.tokens()?.scope}`);

  const connection = await client.connect(mcpUrl, memory);
  tell('connected', `MCP ${connection.revision}`);
  try {
    await useTools(connection, tell);
    await refresh(client, mcpUrl, memory);
    tell('refreshed', 'a new access token and a new refresh token');
    tell('called again', await echo(connection, 'the new token works'));
  } finally {
    await connection.close();
  }
}

/** The way of a machine that has an access key and sends it as a header. */
export async function walkWithKey(client: SdkClient, mcpUrl: string, key: string, tell: Tell): Promise<void> {
  const access: Access = { authorization: `Bearer ${key}` };
  const connection = await client.connect(mcpUrl, access);
  tell('connected', `MCP ${connection.revision}, with the access key as Bearer`);
  try {
    await useTools(connection, tell);
  } finally {
    await connection.close();
  }
}

async function connectRefused(client: SdkClient, mcpUrl: string, memory: OAuthMemory): Promise<void> {
  const connection = await client.connect(mcpUrl, memory).catch((error: unknown) => {
    if (!memory.authorizationUrl) throw error;
  });
  if (!connection) return;
  await connection.close();
  throw new WalkFailed('the gateway let a client in that had no credential');
}

async function useTools(connection: Connection, tell: Tell): Promise<void> {
  const tools = await connection.listTools();
  if (!tools.includes('demo-echo') || !tools.includes(LONG_TOOL)) {
    throw new WalkFailed(
      `the demo server's tools are not listed: ${tools.join(', ') || connection.instructions || 'none'}`,
    );
  }
  tell('listed', `${tools.length} tools: ${tools.slice(0, 3).join(', ')}, …`);
  tell('called demo-echo', await echo(connection, 'hello through the gateway'));

  const begun = Date.now();
  const heardAfter = new Map<number, number>();
  const long = await connection.callTool(LONG_TOOL, { duration: 1, steps: 4 }, (progress) =>
    heardAfter.set(progress, Date.now() - begun),
  );
  const steps = [...heardAfter.keys()].join(', ');
  if (long.isError || steps !== '1, 2, 3, 4') {
    throw new WalkFailed(`${LONG_TOOL} told of steps ${steps || '(none)'} of 4 and answered: ${long.text}`);
  }
  tell(
    'called a long tool',
    `progress ${steps} after ${[...heardAfter.values()].join(', ')} ms; ${long.text}`,
  );
}

async function echo(connection: Connection, message: string): Promise<string> {
  const { isError, text } = await connection.callTool('demo-echo', { message });
  if (isError || !text.includes(message)) throw new WalkFailed(`demo-echo answered: ${text}`);
  return text;
}

async function refresh(client: SdkClient, mcpUrl: string, memory: OAuthMemory): Promise<void> {
  const before = memory.tokens();
  await client.refresh(mcpUrl, memory);
  const after = memory.tokens();
  if (
    !after?.access_token ||
    after.access_token === before?.access_token ||
    after.refresh_token === before?.refresh_token
  ) {
    throw new WalkFailed('refreshing gave no new tokens');
  }
}
