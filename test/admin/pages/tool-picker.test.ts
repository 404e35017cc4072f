import { beforeAll, describe, expect, it } from 'vitest';
import type { Answers } from '../../../demo/consent';
import stylesheet from '../../../public/toolgate.css?raw';
import script from '../../../public/toolgate.js?raw';
import { foldedOf, type Picked, pickedIn } from '../../../src/admin/pages/picked';
import type { ServerChoice } from '../../../src/servers/summaries';
import { Browser, type Page } from '../../support/browser';
import { admin, gate } from '../../support/gate';
import { Upstream } from '../../support/upstream';

const API = '/governance/virtual-keys';
type Config = { mcp_client_name: string; tools_to_execute: string[] };
type One = { virtual_key: { id: string; mcp_configs: Config[] } };

const tool = (name: string, annotations: object = {}) => ({
  name,
  inputSchema: { type: 'object' },
  annotations,
});

let browser: Browser;
beforeAll(async () => {
  browser = await Browser.administrator();
  const registration = { allow_on_all_virtual_keys: false };
  const wiki = [
    tool('find_page', { readOnlyHint: true }),
    tool('edit_page'),
    tool('drop_page', { destructiveHint: true }),
  ];
  await Upstream.start(wiki, { registration: { name: 'Wiki', ...registration } });
  await Upstream.start(['list_issues', 'find_issue'], { registration: { name: 'Tracker', ...registration } });
  await Upstream.start(['weather'], { registration: { name: 'Open', allow_on_all_virtual_keys: true } });
});

const newKey = async (mcp_configs: Config[] = []) =>
  (await admin<One>('POST', API, { name: `key ${crypto.randomUUID()}`, mcp_configs })).virtual_key;
const configsOf = async (id: string) =>
  (await admin<One>('GET', `${API}/${id}`)).virtual_key.mcp_configs.map(
    ({ mcp_client_name, tools_to_execute }) => [mcp_client_name, ...tools_to_execute],
  );
const some = (mcp_client_name: string, ...tools_to_execute: string[]) => ({
  mcp_client_name,
  tools_to_execute,
});

async function openKey({ id }: { id: string }): Promise<Page> {
  const page = await browser.open(`/admin/keys/${id}`);
  if (!page) throw new Error('it led elsewhere');
  return page;
}

async function step(page: Page, answers: Answers): Promise<Page> {
  const next = await browser.submit(page, answers, undefined, 'description');
  if (!next) throw new Error('the form led elsewhere');
  return next;
}

/** The words of a page, without those for screen readers alone. */
const said = ({ html }: Page) =>
  html
    .replace(/<span class="unseen">[^<]*<\/span>/g, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ')
    .replaceAll(' ,', ',');
const given = ({ html }: Page) => [...html.matchAll(/id="pick-([A-Z]\w*)"/g)].map(([, name]) => name);
const ticked = ({ html }: Page) =>
  [...html.matchAll(/name="tool\.\w+" value="(\w+)" checked/g)].map(([, name]) => name);

describe('the picker of servers and tools', () => {
  it('shows what is given, and the others behind "Add a server"', async () => {
    const page = await openKey(await newKey([some('Wiki', 'find_page', 'edit_page')]));

    expect(given(page)).toEqual(['Wiki']);
    expect(said(page)).toContain('2 of 3 tools');
    expect(said(page)).toContain('Can use 1 server 2 tools, 1 can change something');
    for (const mark of ['find_page Read-only', 'edit_page Can edit', 'drop_page Can delete'])
      expect(said(page)).toContain(mark);
    expect(page.html).toContain('<option value="Tracker">');
    expect(page.html).not.toContain('list_issues');
  });

  it('adds a server by its name, in place, and saves nothing before the form is', async () => {
    const key = await newKey();

    const added = await step(await openKey(key), { add: 'tracker', again: 'add' });
    const before = await configsOf(key.id);
    await step(added, {});

    expect(given(added)).toEqual(['Tracker']);
    expect(added.html).toMatch(/id="p-Tracker" name="pick.Tracker" autofocus/);
    expect(said(added)).toContain('Tracker was added. Save to keep it.');
    expect([before, await configsOf(key.id)]).toEqual([[], [['Tracker', '*']]]);
  });

  it('finds a tool that the page never listed, by any part of its name', async () => {
    const key = await newKey([some('Wiki', 'edit_page')]);

    const both = await step(await openKey(key), { add: 'FIND_', again: 'add' });
    const one = await step(both, { again: 'add.Tracker: find_issue' });
    await step(one, {});

    expect(said(both)).toContain('2 matches for “FIND_”');
    expect(given(both)).toEqual(['Wiki']);
    expect(ticked(one)).toEqual(['find_issue', 'edit_page']);
    expect(one.html.match(/<[^>]* autofocus/g)).toEqual([expect.stringContaining('value="find_issue"')]);
    expect(said(one)).toContain('Tracker: find_issue was added. Save to keep it.');
    expect(await configsOf(key.id)).toEqual([
      ['Tracker', 'find_issue'],
      ['Wiki', 'edit_page'],
    ]);
  });

  it('says what is there already, and keeps what was selected of it', async () => {
    const page = await openKey(await newKey([some('Wiki', 'edit_page')]));

    const whole = await step(page, { add: 'wiki', again: 'add' });
    const tool = await step(whole, { add: 'edit_page', again: 'add' });

    expect(said(whole)).toContain('Wiki is here already.');
    expect(said(tool)).toContain('Wiki: edit_page is here already.');
    expect(ticked(tool)).toEqual(['edit_page']);
  });

  it('says that nothing matches, and keeps what was typed', async () => {
    const page = await step(await openKey(await newKey()), { add: 'no such <thing>', again: 'add' });

    expect(page.html).toContain('No server or tool matches “no such &lt;thing&gt;”.');
    expect(page.html).toContain('value="no such &lt;thing&gt;"');
  });

  it('takes what was typed for a step where Enter sends the form: nothing is lost, nothing saved', async () => {
    const key = await newKey();

    const page = await step(await openKey(key), { name: 'changed', add: 'Wiki' });

    expect(given(page)).toEqual(['Wiki']);
    expect(page.html).toContain('value="changed"');
    expect(await configsOf(key.id)).toEqual([]);
  });

  it.each([
    ['all', ['find_page', 'edit_page', 'drop_page']],
    ['read', ['find_page']],
    ['none', []],
  ])('ticks %s of a server, at the place of that server', async (which, tools) => {
    const page = await openKey(await newKey([some('Wiki', 'edit_page')]));

    const next = await step(page, { again: `${which}.Wiki` });

    expect(page.html).toContain(`value="${which}.Wiki" formnovalidate="" formaction="#pick-Wiki"`);
    expect(ticked(next)).toEqual(tools);
    expect(said(next)).toContain(`${tools.length} of 3 tools`);
  });

  it('removes a server; one of which nothing is selected has to be removed or chosen from', async () => {
    const key = await newKey([some('Wiki', 'edit_page')]);

    const refused = await step(await openKey(key), { 'tool.Wiki': null });
    const removed = await step(refused, { again: 'remove.Wiki' });
    await step(removed, {});

    expect(refused.status).toBe(400);
    expect(said(refused)).toContain('Select at least one tool of Wiki, or remove Wiki.');
    expect(given(removed)).toEqual([]);
    expect(await configsOf(key.id)).toEqual([]);
  });

  it('closes for one key what everyone gets, and opens it again', async () => {
    const key = await newKey();
    const page = await openKey(key);

    const closed = await step(page, { closed: 'Open' });
    const whileClosed = await configsOf(key.id);
    await step(closed, { closed: null });

    expect(said(page)).toContain('Everyone also gets 1 server: Open');
    expect(closed.html).toMatch(/name="closed" value="Open" checked/);
    expect([whileClosed, await configsOf(key.id)]).toEqual([[['Open']], []]);
  });

  it('says what removing gives where everyone gets the server, and closes it beside that', async () => {
    const key = await newKey([some('Open', 'weather')]);

    const removed = await step(await openKey(key), { again: 'remove.Open' });
    await step(removed, { closed: 'Open' });

    expect(said(removed)).toContain('Everyone gets Open, so this key now gets all its tools.');
    expect(removed.html).toMatch(/<details class="quiet" open/);
    expect(await configsOf(key.id)).toEqual([['Open']]);
  });

  it('suggests servers and tools of all servers, to administrators', async () => {
    const { html = '' } = (await browser.open('/admin/tools?search=ISSUE')) ?? {};
    const stranger = await gate('/admin/tools?search=issue');

    expect(html).toBe(
      '<option value="Tracker: find_issue"></option><option value="Tracker: list_issues"></option>',
    );
    expect(stranger.status).toBe(303);
  });

  it('weighs less than 150 KB with 64 servers of 40 tools each, whatever is opened, and loses none of them', {
    timeout: 60_000,
  }, async () => {
    const names = Array.from({ length: 40 }, (_, at) =>
      `create_an_item_of_the_backlog_${at}_`.padEnd(64, 'x'),
    );
    const upstreams: Upstream[] = [];
    for (let at = 0; at < 64; at++) {
      const registration = { name: `Large_${at}`, allow_on_all_virtual_keys: false };
      upstreams.push(
        await Upstream.start(
          names.map((name) => ({ ...tool(name), description: 'Creates an item, as it says. '.repeat(5) })),
          { registration },
        ),
      );
    }
    const configs = upstreams.map(({ name }, at) => some(name, ...(at === 1 ? ['*'] : names.slice(at % 3))));
    const key = await newKey(configs);
    const before = await configsOf(key.id);

    const page = await openKey(key);
    const opened = await step(page, { again: 'edit.Large_63' });
    const unticked = await step(opened, { again: 'edit.Large_62', 'tool.Large_63': names.slice(5) });
    const whole = await step(unticked, { again: 'edit.Large_1' });
    const closed = await step(whole, { again: 'remove.Large_2' });
    await step(closed, {});

    const pages = [page, opened, unticked, whole, closed];
    for (const { html } of pages)
      expect(html.length + script.length + stylesheet.length).toBeLessThan(150_000);
    expect(page.html).not.toContain('name="tool.Large_63"');
    expect(opened.html).toContain(`name="tool.Large_63" value="${names[39]}" checked`);
    expect(opened.html).toContain('as it says. Creates an item, as it…</small>'); // cut between two words
    expect(unticked.html).not.toContain('name="tool.Large_63"');
    expect(said(unticked)).toContain('Large_63 35 of 40 tools');
    expect(whole.html).toContain('<select class="input auto" id="p-Large_1" name="pick.Large_1"');
    const after = before
      .filter(([name]) => name !== 'Large_2')
      .map(([name, ...tools]) => [name, ...(name === 'Large_63' ? names.slice(5) : tools)]);
    expect((await configsOf(key.id)).sort()).toEqual(after.sort());
    for (const { id } of upstreams) await admin('DELETE', `/mcp/client/${id}`);
  });
});

describe('tools that a form holds and does not show', () => {
  const server = (...names: string[]): ServerChoice => ({
    ...{ id: 's', name: 'Wiki', isOpenToAll: false, toolsToExecute: ['*'] },
    tools: names.map((name) => ({ name })),
  });
  const was = (...tools: string[]): Picked => new Map([['wiki', { name: 'Wiki', tools }]]);
  const roundTrip = (tools: string[], stored: Picked, listed: ServerChoice, later = listed) => {
    const { marks, kept } = foldedOf(tools, listed, stored.get('wiki'));
    const form = new URLSearchParams({
      'pick.Wiki': 'some',
      'marks.Wiki': marks,
      ...(kept && { 'kept.Wiki': kept }),
    });
    return pickedIn(form, [later], stored).get('wiki')?.tools;
  };
  const LONG = 'create_an_item_of_the_backlog'.padEnd(64, 'x');

  it('are marks of at most seven characters each', () => {
    const { marks, kept } = foldedOf([LONG, 'find'], server(LONG, 'find'), undefined);

    expect(marks).toMatch(/^\w{1,7} \w{1,7}$/);
    expect(kept).toBe('');
  });

  it('are kept whole where nothing says what a mark stands for', () => {
    expect(foldedOf(['gone'], server('find'), undefined)).toEqual({ marks: '', kept: 'gone' });
    expect(roundTrip(['gone', 'find'], new Map(), server('find'))).toEqual(['find', 'gone']);
  });

  it('are told apart where their marks are the same', () => {
    const [one, other] = ['costarring', 'liquid']; // of one FNV-1a hash
    const folded = foldedOf([one, other] as string[], server('costarring', 'liquid'), undefined);

    expect(folded.marks).not.toBe('');
    expect(folded.kept).not.toBe('');
    expect(roundTrip(['liquid'], new Map(), server('costarring', 'liquid'))).toEqual(['liquid']);
    expect(roundTrip(['costarring'], new Map(), server('costarring', 'liquid'))).toEqual(['costarring']);
  });

  it('stay when the server has stopped listing them', () => {
    expect(roundTrip(['find', LONG], was('find', LONG), server('find', LONG), server('other'))).toEqual([
      'find',
      LONG,
    ]);
  });
});
