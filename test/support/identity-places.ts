import { env } from 'cloudflare:workers';
import { insertLink } from '../../src/accounts/links';
import { reachOf } from '../../src/accounts/reach';
import { SYSTEM } from '../../src/audit';
import { currentSettings } from '../../src/config';
import type { Subject } from '../../src/protocol/subject';
import { findServer } from '../../src/servers/find';
import type { Browser, Page } from './browser';
import { McpCaller } from './caller';
import { admin, gate } from './gate';
import type { McpClient, Tokens } from './mcp-client';

/** An identity that allowed an app, the browser it did so in, and what it sends to /mcp without a token. */
export type World = {
  subject: Subject;
  id: string;
  browser: Browser;
  client: McpClient;
  tokens: Tokens;
  headers: Record<string, string>;
  /** The server whose accounts it may have. */
  serverId: string;
};

/** The page a browser is at. @throws Error when it was sent to another host */
export function shown(page: Page | null): Page {
  if (!page) throw new Error('the browser was sent to another host');
  return page;
}

/** What each place answers, in a word. */
const PLACES = {
  async consent({ browser, client }: World) {
    const { html } = shown(await browser.open(await client.authorizeUrl()));
    return html.includes('name="remembered"') ? 'known' : 'asked';
  },
  async token({ tokens }: World) {
    return refusalOf(new McpCaller({ authorization: `Bearer ${tokens.access_token}` }));
  },
  async header({ headers }: World) {
    return refusalOf(new McpCaller(headers));
  },
  async connect({ browser, subject, serverId }: World) {
    const wanted = { subject, generation: generationOf(subject), serverIds: [serverId], clientName: '' };
    const link = await insertLink(env.DB, { ...wanted, grantId: null }, SYSTEM);
    const { status, html } = shown(await browser.open(`/connect/${link}`));
    return status === 200 ? (html.includes('Sign in to continue') ? 'sign in' : 'open') : String(status);
  },
  async me({ browser }: World) {
    return shown(await browser.open('/me')).html.includes('to see the apps you allowed') ? 'asked' : 'known';
  },
  async quota({ headers }: World) {
    const response = await gate('/api/governance/virtual-keys/quota', { headers });
    const { is_active } = (await response.json()) as { is_active?: boolean };
    return response.status === 200 ? (is_active ? 'active' : 'inactive') : String(response.status);
  },
  async account({ subject, serverId }: World) {
    const [settings, found] = await Promise.all([currentSettings(env), findServer(env.DB, serverId)]);
    return found && (await reachOf(env.DB, settings, subject))(found) ? 'theirs' : 'orphaned';
  },
  async refresh({ client, tokens }: World) {
    const { status, body } = await client.refresh(tokens.refresh_token);
    if (status === 200) return 'renewed';
    const [grantId] = tokens.refresh_token.split('.');
    const { session } = await admin<{ session: { status: string } }>('GET', `/oauth2/sessions/${grantId}`);
    return `${body.error}, ${session.status === 'active' ? 'kept' : 'ended'}`;
  },
};
export type Answers = Record<keyof typeof PLACES, string>;

const generationOf = (subject: Subject) => (subject.startsWith('session:') ? 0 : 1);

async function refusalOf(caller: McpCaller): Promise<string> {
  const { status, body } = await caller.ask('tools/list');
  const { type } = body.error?.data ?? {};
  const [word] =
    /inactive|expired|suspended/.exec(type === 'access_blocked' ? (body.error?.message ?? '') : '') ?? [];
  return [status, word ?? type].filter(Boolean).join(' ');
}

/** Every place in turn; refreshing comes last, because it may end the grant. */
export async function answersTo(world: World): Promise<Answers> {
  const answers: [string, string][] = [];
  for (const [place, ask] of Object.entries(PLACES)) answers.push([place, await ask(world)]);
  return Object.fromEntries(answers) as Answers;
}
