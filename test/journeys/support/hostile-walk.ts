import type { Browser, Page } from 'playwright-core';
import type { DevFacts } from '../../../scripts/dev/state.ts';
import { Person, pointer } from '../../../scripts/journeys/person.ts';
import { newLink } from '../../../scripts/screenshots/furnish.ts';
import {
  adminPages,
  connectPages,
  peoplePages,
  problemPages,
  type Shot,
} from '../../../scripts/screenshots/pages.ts';
import type { HostileFurniture } from './hostile.ts';

type Look = (name: string, page: Page) => Promise<void>;

/** Does `look` at every page there is: to a stranger, to the holder of a key who is an administrator too, and to a person. */
export async function walkEverywhere(
  browser: Browser,
  { url, admin_token }: DevFacts,
  furniture: HostileFurniture,
  look: Look,
): Promise<void> {
  const visit = async (page: Page, shots: readonly Shot[]) => {
    for (const { name, path, act } of shots) {
      await page.goto(url + path);
      await act?.(page);
      await look(name, page);
    }
  };
  const [stranger, holder, someone] = (await Promise.all(
    [1, 2, 3].map(async () => (await browser.newContext()).newPage()),
  )) as [Page, Page, Page];

  const link = await newLink(url, furniture.value, furniture.own);
  await someone.goto(`${url}/oauth/sign-in?return_to=/me`);
  await visit(someone, [
    { name: 'person, me', path: '/me' },
    { name: 'person, refused at admin', path: '/admin' },
  ]);
  await visit(stranger, [{ name: 'entrance', path: '/me' }, ...connectPages(link, furniture)]);

  const atConsent = new Person(holder, pointer);
  for (const [at, app] of furniture.apps.entries()) {
    await holder.goto(app);
    await look(`consent, who, ${at}`, holder);
    if (at > 1) continue;
    await holder.locator('summary', { hasText: 'Use an access key' }).click();
    await holder.locator('#virtual_key').fill(furniture.value);
    await atConsent.press('button', 'Continue with key');
    await holder.locator('[name="access"][value="chosen"]').check();
    await holder.getByRole('checkbox').first().waitFor();
    for (const summary of await holder.locator('summary').all()) await summary.click();
    await look(`consent, what, ${at}`, holder);
  }
  await holder.goto(`${url}/me`);
  await holder.locator('#virtual_key').fill(furniture.value);
  await atConsent.press('button', 'Continue');
  await visit(holder, peoplePages(furniture));
  await holder.goto(furniture.apps[0] ?? '');
  await look('consent, remembered', holder);
  await holder.goto(`${url}/admin`);
  await holder.locator('summary', { hasText: 'Use the administrator token' }).click();
  await atConsent.type('Administrator token', admin_token);
  await atConsent.press('button', 'Sign in');
  await holder.goto(`${url}/admin/people`);
  const person = (await holder.locator('a[href^="/admin/people/"]').first().getAttribute('href')) ?? '';
  await visit(holder, [...adminPages(furniture), ...problemPages, ...morePages(furniture, person)]);

  await Promise.all([stranger, holder, someone].map((page) => page.context().close()));
}

/** What only a gateway with such names shows. */
function morePages({ server, tool, key, client }: HostileFurniture, person: string): Shot[] {
  const press = (name: string) => async (page: Page) => {
    await page.getByRole('button', { name, exact: true }).first().click();
    await page.waitForLoadState();
  };
  return [
    { name: 'person', path: person },
    { name: 'person-block', path: `${person}/block` },
    { name: 'person-delete', path: `${person}/delete` },
    { name: 'tool tried', path: `/admin/servers/${server}/try?tool=${tool}`, act: press('Run') },
    { name: 'access of an app', path: `/admin/access?app=${client}` },
    { name: 'access of a key', path: `/admin/access?key=${key}` },
    { name: 'access ended', path: '/admin/access?state=ended' },
    { name: 'access searched', path: `/admin/access?search=${'W'.repeat(200)}` },
    { name: 'audit of a key', path: `/admin/audit?actor=vk:${key}` },
    { name: 'api', path: '/api/docs' },
  ];
}
