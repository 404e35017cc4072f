import './examples/tea-setting';

import { beforeAll, describe, expect, it } from 'vitest';
import { settingsTable } from '../../scripts/readme/settings-markdown';
import { describeApi } from '../../src/admin/openapi/document';
import { SETTINGS } from '../../src/settings';
import { Browser } from '../support/browser';
import { deployedWith } from '../support/deployed';
import { admin, configure, ISSUER, read } from '../support/gate';

type Config = { tea_break: number; error: { message: string; field: string } };

const config = () => admin<Config>('GET', '/config');
const withVariable = async (value: string) => {
  const headers = { authorization: 'Bearer test-admin-token-of-32-characters' };
  return read<Config>(await deployedWith({ TEA_BREAK: value }, `${ISSUER}/api/config`, { headers }));
};

describe('a setting is one entry (CONTRIBUTING, Add a thing)', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await Browser.administrator();
  });

  it('has its default, and is read from its variable', async () => {
    expect((await config()).tea_break).toBe(300);
    expect((await withVariable('60')).body.tea_break).toBe(60);
    expect((await withVariable('soon')).status).toBe(500);
  });

  it('is saved and answered by the API, which names it when it is wrong', async () => {
    const refused = await admin<Config>('PUT', '/config', { tea_break: 3601 });
    await configure({ tea_break: 120 });
    const saved = await config();
    await configure({ tea_break: null });

    expect(refused).toMatchObject({ status: 400, error: { field: 'tea_break' } });
    expect(refused.error.message).toContain('tea_break');
    expect([saved.tea_break, (await config()).tea_break]).toEqual([120, 300]);
  });

  it('is on the settings page, in the words of people, and changed there', async () => {
    const form = await browser.open('/admin/settings/times');
    if (!form) throw new Error('the form led elsewhere');
    const changed = await browser.submit(form, { tea_break: '0' }, undefined, '/admin/settings/times');

    expect(form.html).toContain('A break for tea');
    expect(form.html).toMatch(/value="5"[^>]*><select[^>]*name="tea_break.unit"/);
    expect(form.html).toMatch(/<option value="minutes" selected="">/);
    expect(form.html).toContain('How long the gateway rests at four. From the next day on.');
    expect(changed?.html).toContain('Saved: A break for tea.');
    expect((await config()).tea_break).toBe(0);
  });

  it("is a row of the README's table", () => {
    const row = '| `tea_break` | `TEA_BREAK` | seconds, 0 = none | `300` | How long `/mcp` rests at four |';

    expect(settingsTable(SETTINGS)).toContain(row);
  });

  it('is described by the API, as it is answered and as it is sent', () => {
    const { Settings, SettingsChange } = describeApi().components.schemas;

    for (const schema of [Settings, SettingsChange])
      expect(schema?.properties?.tea_break?.description).toBe('How long `/mcp` rests at four');
    expect(JSON.stringify(SettingsChange?.properties?.tea_break)).toContain('"maximum":3600');
  });
});
