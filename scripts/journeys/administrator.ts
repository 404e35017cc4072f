import { readFileSync } from 'node:fs';
import { SDK_CLIENTS } from '../../demo/clients.ts';
import type { Cast, Crowd } from './crowd.ts';
import { untilRefused } from './until.ts';
import type { Walk } from './walk.ts';

/** Of the server in trouble: what is left to the key. */
const LEFT = 'read_item_2';
const SETTING = 'Apps pick up their access within';

/** An administrator among many servers and keys: trouble, a key, a toolset, the audit, a setting, an app. */
export async function administer(walk: Walk, crowd: Crowd, cast: Cast): Promise<void> {
  const { facts, api, peer } = crowd;
  const { run, sought, doomed, troubled, names, minutes } = cast;
  const { page } = walk;
  const toolset = names[1] ?? '';
  const others = crowd.servers.filter(({ id }) => id !== troubled.id).slice(-1);
  peer.fail(troubled.name, true);
  await api.send('POST', `/api/mcp/client/${troubled.id}/refresh-tools`).catch(() => null);

  await walk.step('signs in', async (person) => {
    await page.goto(`${facts.url}/admin`);
    await person.type('Administrator token', facts.admin_token);
    await person.press('button', 'Sign in');
    await person.sees('heading', /needs? attention/);
  });
  await walk.step('opens the server in trouble', async (person) => {
    await person.press('link', new RegExp(`^Check +${troubled.begins}`));
    await person.sees('heading', troubled.begins);
  });
  peer.fail(troubled.name, false);
  await walk.step('checks it again', async (person) => {
    await person.press('button', 'Check now');
    await person.sees('status', 'The server lists');
  });
  await walk.step('lists the keys', async (person) => {
    await person.press('link', 'Access keys');
    await person.sees('heading', 'Access keys');
  });
  await walk.step('finds one by a part of its name', async (person) => {
    await person.type('Find by name, owner or last 4 characters', sought.part);
    await person.press('button', 'Filter');
    await page.getByText('1–1 of 1 key', { exact: false }).first().waitFor();
  });
  await walk.step('opens it', async (person) => {
    await person.press('link', /^WWWWWWWW/);
    await person.sees('heading', 'WWWWWWWW');
  });
  await walk.step('selects tools of one server', async (person) => {
    const edit = new RegExp(`^Edit of ${troubled.begins}`); // of more than 30 servers each is a line
    if (await page.getByRole('button', { name: edit }).count()) await person.press('button', edit);
    await person.choose(new RegExp(`^${troubled.begins}`), 'Selected tools');
    if (!walk.hasScript) await person.press('button', new RegExp(`^Choose tools of ${troubled.begins}`));
    const list = new RegExp(`^Tools of ${troubled.begins}`);
    await page.getByRole('list', { name: list }).waitFor();
    await person.press('button', new RegExp(`^None of ${troubled.begins}`));
    await page.getByRole('checkbox', { name: LEFT, checked: false }).first().waitFor();
    if (walk.hasScript) await person.type(new RegExp(`^Find a tool of ${troubled.begins}`), LEFT);
    await person.tick([LEFT], list);
  });
  await walk.step(
    'saves it',
    async (person) => {
      await person.press('button', 'Save changes');
      await person.sees('status', 'was changed');
      const { mcp_configs } = await crowd.keyNow(sought);
      const of = mcp_configs.find(({ mcp_client_name }) => mcp_client_name === troubled.name);
      walk.expect(`${of?.tools_to_execute}` === LEFT, `the key can use ${of?.tools_to_execute}`);
      walk.expect(
        mcp_configs.length === sought.mcp_configs.length,
        `the key has ${mcp_configs.length} servers, and had ${sought.mcp_configs.length}`,
      );
    },
    { goesBack: true },
  );
  await walk.step('goes to create a toolset', async (person) => {
    await person.press('link', 'Toolsets');
    await person.press('link', 'Create toolset');
    await person.sees('heading', 'Create toolset');
  });
  await walk.step('names it, adds servers', async (person) => {
    await person.type('Name', toolset);
    await person.type('Address optional', `set-${run}`);
    for (const { name } of [troubled, ...others]) {
      await person.type('Add a server', name);
      await person.press('button', 'Add');
      await person.sees('status', name.slice(0, name.indexOf('_') + 1));
    }
    await walk.keeps('Name', toolset);
    await walk.keeps('Address optional', `set-${run}`);
  });
  await walk.step(
    'creates it',
    async (person) => {
      await person.press('button', 'Create toolset');
      await person.sees('status', 'was created');
    },
    { goesBack: true },
  );
  await walk.step('finds the key for it', async (person) => {
    const search = page.getByLabel('Find by name, owner or last 4 characters');
    if (await search.count()) {
      await person.type('Find by name, owner or last 4 characters', sought.part);
      await person.press('button', 'Search');
      await person.sees('heading', 'Used by 0 keys');
    }
  });
  await walk.step('gives it to the key', async (person) => {
    await person.tick([new RegExp(sought.value.slice(-4))]);
    await person.press('button', 'Save changes');
    await person.sees('status', '1 key can now use');
  });
  await walk.step('reads the audit log', async (person) => {
    await person.press('link', 'Audit log');
    await person.sees('heading', 'Audit log');
  });
  await walk.step('narrows it', async (person) => {
    await person.type('App, key, person, server or reference', sought.part);
    await person.choose('Event', 'Key changed');
    await person.press('button', 'Apply');
    await page.getByText('was changed').first().waitFor();
    await walk.keeps('App, key, person, server or reference', sought.part);
  });
  await walk.step('exports it', async (person) => {
    const coming = page.waitForEvent('download');
    await person.press('link', 'Export CSV');
    const file = await (await coming).path();
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    walk.expect(lines.length > 1, 'the file has no event');
    const isNarrow = lines.slice(1).every((line) => line.includes(sought.part));
    walk.expect(isNarrow, `the file has other events: ${lines[1]?.slice(0, 100)}`);
  });
  await walk.step('goes to time limits', async (person) => {
    await person.press('link', 'Settings');
    await person.press('link', 'Time limits');
    await person.sees('heading', 'Time limits');
  });
  await walk.step('enters too much', async (person) => {
    await person.type(SETTING, '99999999');
    await person.press('button', 'Save changes');
    await person.sees('alert', 'Use at most');
    await walk.keeps(SETTING, '99999999');
  });
  await walk.step(
    'corrects it',
    async (person) => {
      await person.type(SETTING, String(minutes));
      await person.press('button', 'Save changes');
      await person.sees('status', `Saved: ${SETTING}`);
    },
    { goesBack: true },
  );
  await walk.step('finds an app', async (person) => {
    await person.press('link', 'Apps');
    await person.type('Find by app, key or person', doomed.name);
    await person.press('button', 'Search');
    await page.getByText('1–1 of 1 app', { exact: false }).first().waitFor();
  });
  await walk.step('goes to revoke it', async (person) => {
    await person.press('link', /^Revoke… the access of/);
    await person.sees('heading', /’s access\?/);
  });
  await walk.step(
    'revokes it',
    async (person) => {
      await person.press('button', 'Revoke access');
      await person.sees('status', 'Access revoked');
      const connect = async () => (await SDK_CLIENTS[0].connect(facts.mcp_url, doomed.memory)).close();
      walk.expect(await untilRefused(connect), 'the app still gets in');
    },
    { goesBack: true },
  );
}
