import { SDK_CLIENTS } from '../../demo/clients.ts';
import type { Cast, Crowd } from './crowd.ts';
import type { Walk } from './walk.ts';

const TOOLS = ['echo', 'get-sum'];

/** A developer with the README: from the address that `npm run dev` prints to an app that calls a tool with a key. */
export async function develop(walk: Walk, { facts }: Crowd, { added: server, names }: Cast): Promise<void> {
  const [keyName = '', message = ''] = names;
  const { page } = walk;

  await walk.step('opens the address', async (person) => {
    await page.goto(facts.url);
    await person.sees('heading', 'Connect an app to');
  });
  await walk.step('chooses Claude Code', async (person) => {
    await person.press('link', 'Claude Code');
    await person.sees('heading', 'Claude Code');
  });
  await walk.step('opens /admin', async (person) => {
    await page.goto(`${facts.url}/admin`);
    await person.sees('heading', 'Sign in to administration');
  });
  await walk.step('signs in with the token', async (person) => {
    await person.type('Administrator token', facts.admin_token);
    await person.press('button', 'Sign in');
    await person.sees('heading', 'Overview');
  });
  await walk.step('goes to add a server', async (person) => {
    await person.press('link', /^Servers/);
    await person.press('link', 'Add a server');
    await person.sees('heading', 'Add a server');
  });
  await walk.step('pastes its address', async (person) => {
    await person.type('Paste anything that describes it', facts.demo_server.url);
    await person.press('button', 'Check');
    await person.sees('status', 'without asking for a sign-in');
  });
  await walk.step(
    'names and adds it',
    async (person) => {
      await person.type('Name', server);
      await person.press('button', 'Add server');
      await person.sees('heading', 'Next steps');
    },
    { goesBack: true },
  );
  await walk.step('tries a tool', async (person) => {
    await person.press('link', 'Try echo');
    await person.type('message required', message);
    await person.press('button', 'Run');
    await person.sees('region', 'Echo:');
    await walk.keeps('message required', message);
  });
  await walk.step(
    'goes to create a key',
    async (person) => {
      await person.press('link', 'Access keys');
      await person.press('link', 'Create key');
      await person.sees('heading', 'Create key');
    },
    { goesBack: true },
  );
  await walk.step('names it, adds the server', async (person) => {
    await person.type('Name', keyName);
    await person.type('Add a server', server);
    await person.press('button', 'Add');
    await person.sees('status', 'was added');
    await walk.keeps('Name', keyName);
  });
  await walk.step('selects two tools', async (person) => {
    await person.choose(server, 'Selected tools');
    if (!walk.hasScript) await person.press('button', `Choose tools of ${server}`);
    await person.tick(TOOLS, `Tools of ${server}`);
    await walk.keeps('Name', keyName);
  });
  const key = await walk.step(
    'creates the key',
    async (person) => {
      await person.press('button', 'Create key');
      return person.reads(/^sk-bf-/);
    },
    { goesBack: true },
  );
  await walk.step('connects an app with it', async () => {
    const connection = await SDK_CLIENTS[0].connect(facts.mcp_url, { authorization: `Bearer ${key}` });
    const listed = await connection.listTools();
    const { text } = await connection.callTool(`${server}-echo`, { message });
    await connection.close();
    walk.expect(listed.length === TOOLS.length, `the app lists ${listed.join(', ') || 'no tools'}`);
    walk.expect(text === `Echo: ${message}`, `the tool answered ${text.slice(0, 100)}`);
  });
}
