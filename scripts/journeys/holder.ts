import type { Locator } from 'playwright-core';
import { type Connection, OAuthMemory, SDK_CLIENTS } from '../../demo/clients.ts';
import { beginningOf, type Cast, type Crowd, type LongServer } from './crowd.ts';
import { TOOLS } from './peer.ts';
import { until, untilRefused } from './until.ts';
import type { Walk } from './walk.ts';

const [client] = SDK_CLIENTS;
/** Until the consent page is first painted, with 64 servers of 40 tools. Milliseconds. */
export const MOST_PAINT = 500;
const TIMED = { mostPaint: MOST_PAINT };
const PERSON = 'Ada';
/** Of the demo's servers the one where everyone has a key of their own. */
const OWN = 'tickets';
const TOOL = 'read_item_2';
const MORE = 'read_item_4';

/** Someone whose app asks at consent: only reading first, then a choice with an account of their own; at /me they change and end it. */
export async function connect(
  walk: Walk,
  crowd: Crowd,
  { holder, names, chosen: server }: Cast,
): Promise<void> {
  const { page } = walk;
  const reader = new App(walk, crowd, names[2] ?? '');
  const chooser = new App(walk, crowd, names[3] ?? '');
  const end = server.name.slice(-3);

  await walk.step(
    'is sent to consent',
    async (person) => {
      await page.goto(await reader.ask());
      await person.sees('heading', 'wants to use your tools');
    },
    TIMED,
  );
  await walk.step('mistypes the key', async (person) => {
    await person.type('Access key', holder.value.slice(0, -1));
    await person.press('button', 'Continue');
    await person.sees('alert', 'doesn’t work here');
  });
  await walk.step(
    'enters the key',
    async (person) => {
      await person.type('Access key', holder.value);
      await person.press('button', 'Continue');
      await person.sees('heading', 'What can');
    },
    { ...TIMED, goesBack: true },
  );
  await walk.step('chooses only reading', (person) => person.mark('Read-only tools'));
  await walk.step('allows', () => reader.allow(), { goesBack: true });
  await walk.step('the app reads', async () => {
    const tools = await reader.tools();
    const listed = tools.filter((name) => name.startsWith(server.begins)).length;
    walk.expect(
      listed === TOOLS / 2,
      `the app lists ${listed} tools of a server where ${TOOLS / 2} only read`,
    );
  });

  await walk.step(
    'is sent there by another app',
    async (person) => {
      await page.goto(await chooser.ask());
      await person.sees('heading', 'wants to use your tools');
      await person.press('button', /^Continue as/);
      await person.sees('heading', 'What can');
    },
    TIMED,
  );
  await walk.step('filters, ticks one tool', async (person) => {
    await person.mark('Let me choose');
    await person.press('button', 'None');
    await page.getByRole('checkbox', { checked: true }).first().waitFor({ state: 'detached' });
    if (walk.hasScript) await person.type('Find a server', end);
    const row = await openTools(walk, server);
    if (!walk.hasScript) {
      await person.press('button', 'None', row);
      await person.tick([new RegExp(`^${server.begins}`)], 'Servers');
    }
    await person.tick([TOOL], new RegExp(`^Tools of ${server.begins}`));
  });
  await walk.step('ticks a server of their own', async (person) => {
    if (walk.hasScript) await person.type('Find a server', '');
    await person.tick([OWN], 'Servers');
  });
  await walk.step('connects an account there', async (person) => {
    await person.unfold(OWN, page.getByRole('region', { name: /account/ }));
    await person.type('Your tickets key', `key-of-${PERSON}`);
    await person.press('button', `Save for ${OWN}`);
    await page.getByText('Connected: ').first().waitFor();
    walk.expect(await page.getByRole('radio', { name: 'Let me choose' }).isChecked(), 'lost the choice');
  });
  await walk.step('allows that app', () => chooser.allow(), { goesBack: true });
  await walk.step('that app calls', async () => {
    const listed = await chooser.tools();
    walk.expect(
      listed.length === 2,
      `the app lists ${listed.length} tools, and was given 2: ${listed.slice(0, 4)}`,
    );
    const text = await chooser.call(`${OWN}-whoami`);
    walk.expect(text === `You are ${PERSON}.`, `the tool answered ${text.slice(0, 100)}`);
  });

  await walk.step('opens /me', async (person) => {
    await page.goto(`${crowd.facts.url}/me`);
    await person.sees('heading', 'Your apps');
  });
  await walk.step('opens that app there', async (person) => {
    await person.press('link', beginningOf(names[3] ?? ''));
    await person.sees('heading', 'What it can use');
  });
  await walk.step('gives it one more tool', async (person) => {
    await openTools(walk, server);
    await person.tick([MORE], new RegExp(`^Tools of ${server.begins}`));
    await person.press('button', 'Save changes');
    await person.sees('heading', 'more access?');
  });
  await walk.step(
    'confirms that with the key',
    async (person) => {
      await person.type('Access key', holder.value);
      await person.press('button', 'Give more access');
      await person.sees('status', 'Saved.');
      walk.expect(
        await until(async () => (await chooser.tools()).length === 3),
        'the app does not get the tool',
      );
    },
    { goesBack: true },
  );
  await walk.step('goes to withdraw it', async (person) => {
    await person.press('link', 'Revoke access…');
    await person.sees('heading', /’s access\?/);
  });
  await walk.step(
    'withdraws it',
    async (person) => {
      await person.press('button', 'Revoke access');
      await person.sees('status', 'Access revoked');
      walk.expect(await untilRefused(() => chooser.tools()), 'the app still gets in');
    },
    { goesBack: true },
  );
}

/** Has the tools of a server in a list to choose from shown. @returns its row */
async function openTools({ page, person, hasScript }: Walk, { begins }: LongServer): Promise<Locator> {
  const row = page.getByRole('list', { name: 'Servers' }).getByRole('listitem').filter({ hasText: begins });
  const list = page.getByRole('list', { name: new RegExp(`^Tools of ${begins}`) });
  if (await list.isVisible()) return row;
  await person.unfold(/\d tools?/, row);
  if (!hasScript) await person.press('button', 'Show the 40 tools');
  await list.waitFor();
  return row;
}

/** An official client as an app that someone allows in this browser. */
class App {
  private readonly walk: Walk;
  private readonly mcpUrl: string;
  private readonly memory: OAuthMemory;

  constructor(walk: Walk, { facts, peer }: Crowd, name: string) {
    this.walk = walk;
    this.mcpUrl = facts.mcp_url;
    this.memory = new OAuthMemory(name, undefined, peer.callback);
  }

  /** Where the app sends its person. */
  async ask(): Promise<string> {
    await client.connect(this.mcpUrl, this.memory).catch(() => null);
    return String(this.memory.authorizationUrl);
  }

  /** Presses Allow; the app redeems what it is sent. */
  async allow(): Promise<void> {
    const { page, person } = this.walk;
    await person.press('button', 'Allow');
    await person.sees('heading', 'Back at the app');
    await client.finishAuth(this.mcpUrl, this.memory, new URL(page.url()));
  }

  async tools(): Promise<string[]> {
    const connection = await this.connected();
    const tools = await connection.listTools();
    await connection.close();
    return tools;
  }

  /** The text that a tool answers. */
  async call(tool: string): Promise<string> {
    const connection = await this.connected();
    const { text } = await connection.callTool(tool, {});
    await connection.close();
    return text;
  }

  private connected(): Promise<Connection> {
    return client.connect(this.mcpUrl, this.memory);
  }
}
