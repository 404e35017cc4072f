import { beforeAll, describe, expect, it } from 'vitest';
import type { Answers } from '../../../demo/consent';
import { Browser, type Page } from '../../support/browser';
import { administer } from '../../support/gate';
import { Upstream } from '../../support/upstream';

let browser: Browser;
let docs: Upstream;
beforeAll(async () => {
  browser = await Browser.administrator();
  docs = await Upstream.start(['read', 'write'], {
    registration: { name: 'Docs', allow_on_all_virtual_keys: false },
  });
});

type Reading = { allow_resources?: boolean | null; allow_prompts?: boolean | null };
type Config = Reading & { mcp_client_name: string; tools_to_execute: string[] };

async function open(path: string): Promise<Page> {
  const page = await browser.open(path);
  if (!page) throw new Error(`${path} led elsewhere`);
  return page;
}

const ticked = ({ html }: Page) =>
  [...html.matchAll(/name="(allow_\w+)[^"]*" value="on" checked/g)].map(([, name]) => name);

/** What a key's form saves, of what the key had. */
async function savedOfKey(had: Omit<Config, 'mcp_client_name'> | null, answers: Answers) {
  const mcp_configs = had ? [{ mcp_client_name: 'Docs', ...had }] : [];
  const body = { name: `key ${crypto.randomUUID()}`, mcp_configs };
  const { virtual_key } = await administer<{ virtual_key: { id: string } }>(
    'POST',
    '/governance/virtual-keys',
    body,
  );
  const page = await open(`/admin/keys/${virtual_key.id}`);
  await browser.submit(page, answers, undefined, 'description');
  const { virtual_key: key } = await administer<{ virtual_key: { mcp_configs: Config[] } }>(
    'GET',
    `/governance/virtual-keys/${virtual_key.id}`,
  );
  const [config] = key.mcp_configs;
  return { shown: ticked(page), tools: config?.tools_to_execute, ...readingOf(config ?? {}) };
}
const readingOf = ({ allow_resources: resources, allow_prompts: prompts }: Reading) => ({
  resources: resources ?? null,
  prompts: prompts ?? null,
});

const SOME = { 'pick.Docs': 'some', 'tool.Docs': 'read' };
const ON = { 'allow_resources.Docs': 'on' };
const OFF = { 'allow_resources.Docs': null };
const all = { tools_to_execute: ['*'] };
const some = { tools_to_execute: ['read'] };
const says = (allow_resources: boolean) => ({ allow_resources });

describe('the boxes for resources and prompts beside a server', () => {
  it.each([
    ['nothing to all, left as they are', null, { 'pick.Docs': 'all' }, null],
    ['nothing to some, left as they are', null, SOME, null],
    ['nothing to some, ticked', null, { ...SOME, ...ON }, true],
    ['nothing to all, ticked', null, { 'pick.Docs': 'all', ...ON }, null],
    ['all, left as they are', all, {}, null],
    ['all, unticked', all, OFF, false],
    ['all without resources, left as they are', { ...all, ...says(false) }, {}, false],
    ['all without resources, ticked', { ...all, ...says(false) }, ON, null],
    ['all to some, left as they are', all, SOME, null],
    ['some, left as they are', some, {}, null],
    ['some, ticked', some, ON, true],
    ['some and resources, left as they are', { ...some, ...says(true) }, {}, true],
    ['some and resources, unticked', { ...some, ...says(true) }, OFF, null],
    ['some and resources to all', { ...some, ...says(true) }, { 'pick.Docs': 'all' }, null],
    ['resources alone, left as they are', { tools_to_execute: [], ...says(true) }, {}, true],
    ['some to resources alone', some, { 'tool.Docs': null, ...ON }, true],
    ['some to nothing', some, { 'pick.Docs': 'none', ...ON }, null],
  ] as [string, Omit<Config, 'mcp_client_name'> | null, Answers, boolean | null][])(
    'of a key, from %s',
    async (_, had, answers, resources) => {
      const saved = await savedOfKey(had, answers);

      expect([saved.resources, saved.prompts]).toEqual([resources, null]);
      expect(saved.shown).toEqual([
        ...((had?.allow_resources ?? had === all) ? ['allow_resources'] : []),
        ...(had?.tools_to_execute.includes('*') ? ['allow_prompts'] : []),
      ]);
    },
  );

  it('keep what they were when the form is shown again', async () => {
    const page = await open('/admin/keys/new');

    const again = await browser.submit(page, { name: ' ', ...SOME, ...ON }, undefined, 'description');
    const name = `key ${crypto.randomUUID()}`;
    if (!again) throw new Error('the form led elsewhere');
    await browser.submit(again, { name }, undefined, 'description');
    const { virtual_keys } = await administer<{ virtual_keys: { mcp_configs: Config[] }[] }>(
      'GET',
      `/governance/virtual-keys?${new URLSearchParams({ search: name })}`,
    );

    expect(ticked(again)).toEqual(['allow_resources']);
    expect(virtual_keys[0]?.mcp_configs).toEqual([
      { mcp_client_name: 'Docs', ...some, allow_resources: true },
    ]);
  });

  it('of a toolset', async () => {
    const { virtual_mcp } = await administer<{ virtual_mcp: { id: string } }>('POST', '/mcp/virtual-mcps', {
      name: 'nights',
      tools: [{ mcp_client_id: docs.id, tool_names: [], allow_prompts: true }],
    });
    const page = await open(`/admin/toolsets/${virtual_mcp.id}`);
    await browser.submit(page, { 'tool.Docs': 'write', ...ON }, undefined, 'description');
    const after = await administer<{ virtual_mcp: { tools: object[] } }>(
      'GET',
      `/mcp/virtual-mcps/${virtual_mcp.id}`,
    );

    expect(ticked(page)).toEqual(['allow_prompts']);
    expect(after.virtual_mcp.tools).toEqual([
      { mcp_client_id: docs.id, tool_names: ['write'], allow_resources: true, allow_prompts: true },
    ]);
  });

  it('of the server itself', async () => {
    const server = await Upstream.start(['read', 'write']);
    const at = `/admin/servers/${server.id}`;
    const save = async (answers: Answers) => {
      await browser.submit(await open(at), answers, undefined, 'which');
      const { client } = await administer<{ client: Config }>('GET', `/mcp/client/${server.id}`);
      return [client.tools_to_execute, client.allow_resources, client.allow_prompts];
    };

    expect(await save({})).toEqual([['*'], null, null]);
    expect(await save({ which: 'some', tool: 'read' })).toEqual([['read'], null, null]);
    expect(await save({ allow_resources: 'on' })).toEqual([['read'], true, null]);
    expect(await save({ which: 'some', tool: 'write' })).toEqual([['write'], true, null]);
    expect(await save({ which: 'all' })).toEqual([['*'], null, null]);
    expect(await save({ allow_prompts: null })).toEqual([['*'], null, false]);
  });
});
