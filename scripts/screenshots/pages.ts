import type { Page } from 'playwright-core';
import type { Furniture } from './furnish.ts';

/** A page to be photographed: what its picture is called, where it is, and what is done there first. */
export type Shot = { name: string; path: string; act?: (page: Page) => Promise<unknown> };

const NOTHING = 'A'.repeat(22);

/** Pages for people who connect apps, in a browser that knows the holder of the key. */
export function peoplePages({ grant }: Furniture): Shot[] {
  return [
    { name: 'home', path: '/' },
    { name: 'home-app', path: '/?app=claude-code' },
    { name: 'me', path: '/me' },
    { name: 'me-another', path: '/me?as=another' },
    { name: 'me-app', path: `/me/apps/${grant}` },
    { name: 'me-withdraw', path: `/me/apps/${grant}/withdraw` },
  ];
}

/** Pages of a link that connects an account, for the holder of the key. */
export function connectPages(link: string, { value }: Furniture): Shot[] {
  const prove = async (page: Page) => {
    await page.getByLabel('Access key').fill(value);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('heading', { level: 1 }).waitFor();
  };
  return [
    { name: 'connect-proof', path: link },
    { name: 'connect-accounts', path: link, act: prove },
  ];
}

/** What went wrong, and what to do. */
export const problemPages: Shot[] = [
  { name: 'problem-not-found', path: '/nowhere' },
  { name: 'problem-link', path: `/connect/${NOTHING}` },
  { name: 'problem-gone', path: `/admin/keys/${NOTHING}` },
];

/** Pages of administrators. */
export function adminPages({ server, toolset, key, grant, client }: Furniture): Shot[] {
  const press = (name: string) => async (page: Page) => {
    await page.getByRole('button', { name, exact: true }).first().click();
    await page.waitForLoadState();
  };
  return [
    { name: 'overview', path: '/admin' },
    { name: 'servers', path: '/admin/servers' },
    { name: 'server-add', path: '/admin/servers/new' },
    {
      name: 'server-checked',
      path: '/admin/servers/new',
      act: async (page) => {
        await page.getByLabel('Paste anything that describes it').fill('http://127.0.0.1:9/mcp');
        await press('Check')(page);
      },
    },
    { name: 'server-known', path: '/admin/servers/new?preset=github' },
    { name: 'server', path: `/admin/servers/${server}` },
    { name: 'server-used-by', path: `/admin/servers/${server}/used-by` },
    { name: 'server-account', path: `/admin/servers/${server}/account` },
    { name: 'server-settings', path: `/admin/servers/${server}/settings` },
    { name: 'server-delete', path: `/admin/servers/${server}/delete` },
    { name: 'server-try', path: `/admin/servers/${server}/try?tool=get-sum` },
    {
      name: 'server-tried',
      path: '/admin/servers',
      act: async (page) => {
        await page.getByRole('link', { name: 'demo', exact: true }).click();
        await page.getByRole('link', { name: 'Try get-sum' }).click();
        await page.getByRole('spinbutton').first().fill('2');
        await page.getByRole('spinbutton').last().fill('40');
        await press('Run')(page);
      },
    },
    { name: 'keys', path: '/admin/keys' },
    {
      name: 'key-add',
      path: '/admin/keys/new',
      act: async (page) => {
        await page.getByLabel('Add a server').fill('demo');
        await press('Add')(page);
        await page.getByRole('combobox', { name: /^demo/ }).selectOption('Selected tools');
        await page.getByLabel('Find a tool of demo').waitFor();
      },
    },
    {
      name: 'key-refused',
      path: '/admin/keys/new',
      act: async (page) => {
        await page.getByLabel('Name', { exact: true }).fill('demo');
        await press('Create key')(page);
      },
    },
    { name: 'key', path: `/admin/keys/${key}` },
    { name: 'key-rotate', path: `/admin/keys/${key}/rotate` },
    { name: 'key-delete', path: `/admin/keys/${key}/delete` },
    { name: 'toolsets', path: '/admin/toolsets' },
    { name: 'toolset-add', path: '/admin/toolsets/new' },
    { name: 'toolset', path: `/admin/toolsets/${toolset}` },
    { name: 'toolset-keys', path: `/admin/toolsets/${toolset}/keys` },
    { name: 'toolset-connect', path: `/admin/toolsets/${toolset}/connect` },
    { name: 'toolset-delete', path: `/admin/toolsets/${toolset}/delete` },
    { name: 'access', path: '/admin/access' },
    { name: 'access-one', path: `/admin/access/${grant}` },
    { name: 'access-change', path: `/admin/access/${grant}/change` },
    { name: 'access-end', path: `/admin/access/${grant}/end` },
    { name: 'access-end-all', path: `/admin/access/end?key=${key}` },
    { name: 'apps', path: '/admin/apps' },
    { name: 'app-delete', path: `/admin/apps/delete?app=${client}` },
    { name: 'people', path: '/admin/people' },
    { name: 'audit', path: '/admin/audit' },
    { name: 'settings', path: '/admin/settings' },
    ...['gateway', 'sign-in', 'apps', 'everyone', 'times', 'servers', 'accounts'].map((group) => ({
      name: `settings-${group}`,
      path: `/admin/settings/${group}`,
    })),
  ];
}
