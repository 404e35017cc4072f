import type { AdminApi } from '../scripts/admin-api.ts';
import { type Connection, OAuthMemory, type OpenUrl, type SdkClient } from './clients.ts';
import { answerPages, consent } from './consent.ts';
import { Visitor } from './visitor.ts';
import type { Tell } from './walk.ts';

/** Someone with an access key of their own, and accounts at the demo's servers under their name. */
export type Person = { name: string; key: string };

/** A server where everyone has their own account, and what its person types to connect it. */
type Own = 'calendar' | 'tickets';

/** Something the gateway should have done and did not. */
class WalkFailed extends Error {
  override readonly name = 'WalkFailed';
}

/** Lets `walk` have a person whom an administrator has given a key, and takes that back with all they connected. */
export async function withPerson(
  api: AdminApi,
  name: string,
  walk: (person: Person) => Promise<void>,
): Promise<void> {
  const mcp_configs = ['calendar', 'tickets'].map((server) => ({
    mcp_client_name: server,
    tools_to_execute: ['*'],
  }));
  const { virtual_key } = await api.send<{ virtual_key: { id: string; value: string } }>(
    'POST',
    '/api/governance/virtual-keys',
    { name: `${name}, demo ${crypto.randomUUID().slice(0, 8)}`, mcp_configs },
  );
  try {
    await walk({ name, key: virtual_key.value });
  } finally {
    await api.send('DELETE', `/api/governance/virtual-keys/${virtual_key.id}`);
  }
}

/**
 * Connects one account while the person allows the client, and the other when the client calls a tool that wants it: by the link
 * the answer carries, in the form this client understands. Each server then says who called.
 * @param opensPages whether the client declares that it can open pages; else its link is in the text of a tool's result
 */
export async function walkWithAccounts(
  client: SdkClient,
  mcpUrl: string,
  person: Person,
  { atConsent, opensPages }: { atConsent: Own; opensPages: boolean },
  tell: Tell,
): Promise<void> {
  const memory = new OAuthMemory(`Demo, ${client.name}`);
  await client.connect(mcpUrl, memory).catch((error: unknown) => {
    if (!memory.authorizationUrl) throw error;
  });
  const callback = await consent(
    memory.authorizationUrl ?? '',
    { identity: 'virtual_key', virtual_key: person.key, ...accountOf(person, [atConsent]) },
    { connect: [atConsent] },
  );
  await client.finishAuth(mcpUrl, memory, callback);
  tell('connected at consent', `${person.name}'s account at ${atConsent}`);

  const openUrl: OpenUrl = async (url, asked) => {
    await openLink(url, person);
    tell('asked for an account', `${asked}: ${url}`);
  };
  const connection = await client.connect(mcpUrl, memory, opensPages ? openUrl : undefined);
  try {
    tell(`called ${atConsent}-whoami`, await whoami(connection, atConsent, person));
    const other = atConsent === 'calendar' ? 'tickets' : 'calendar';
    if (!opensPages) await openUrl(await linkInText(connection, other), "a tool result's text");
    tell(`called ${other}-whoami`, await whoami(connection, other, person));
  } finally {
    await connection.close();
  }
}

/** What a person enters to have accounts at `servers`: at the calendar their name, at tickets a key made of it. */
function accountOf({ name }: Person, servers: readonly Own[]): Record<string, string> {
  return {
    ...(servers.includes('calendar') ? { login: name } : {}),
    ...(servers.includes('tickets') ? { 'x-tickets-key': `key-of-${name}` } : {}),
  };
}

/** Opens a connect link as its person does: proves who they are, connects what is missing. */
async function openLink(url: string, person: Person): Promise<void> {
  const link = new URL(url);
  const answers = { virtual_key: person.key, ...accountOf(person, ['calendar', 'tickets']) };
  const { html, status } = await answerPages(new Visitor(link.origin), link, answers);
  if (status !== 200 || !html?.includes('All connected')) {
    throw new WalkFailed(`${url} ended with ${status} and did not connect everything`);
  }
}

async function linkInText(connection: Connection, server: Own): Promise<string> {
  const { isError, text } = await connection.callTool(`${server}-whoami`, {});
  const [link] = /https?:\/\/\S+\/connect\/\S+/.exec(text) ?? [];
  if (!isError || !link) throw new WalkFailed(`${server}-whoami carried no link: ${text}`);
  return link;
}

async function whoami(connection: Connection, server: Own, { name }: Person): Promise<string> {
  const { isError, text } = await connection.callTool(`${server}-whoami`, {});
  if (isError || text !== `You are ${name}.`) throw new WalkFailed(`${server}-whoami answered: ${text}`);
  return text;
}
