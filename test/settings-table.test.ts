import { describe, expect, it } from 'vitest';
import { settingsTable, tableIn } from '../scripts/readme/settings-markdown';
import { SETTINGS } from '../src/settings';

const [readme = ''] = Object.values(
  import.meta.glob<string>('../README.md', { query: '?raw', import: 'default', eager: true }),
);

describe("the README's table of settings", () => {
  it('says what the code does (npm run readme writes it)', () => {
    expect(tableIn(readme)).toBe(settingsTable(SETTINGS));
  });
});
