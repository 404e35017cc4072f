/** What the table needs of a setting of src/settings.ts, which this file must not import: it belongs to another runtime. */
export type Setting = {
  name: string;
  variable: string;
  schema: { safeParse(value: undefined): { data?: unknown } };
  meta: Readonly<Record<string, unknown>>;
};

/** The README's table of settings: a row for each, in the order of src/settings.ts. */
export function settingsTable(settings: readonly Setting[]): string {
  const rows = settings.map(({ name, variable, schema, meta }) => {
    const { type, does } = meta;
    return [`\`${name}\``, `\`${variable}\``, type, shown(schema.safeParse(undefined).data), does];
  });
  const header = ['setting', 'variable', 'type', 'default', 'what it does'];
  return [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function shown(value: unknown): string {
  const isNothing = value === undefined || value === '' || (Array.isArray(value) && !value.length);
  return isNothing ? '–' : `\`${value}\``;
}

const BEGIN = '<!-- settings -->';
const END = '<!-- /settings -->';

/** The table as it stands in the README; null when its markers are missing. */
export function tableIn(readme: string): string | null {
  const [, after] = readme.split(`${BEGIN}\n`);
  return after?.includes(END) ? (after.split(END)[0] ?? '').trim() : null;
}

/** The README with `table` between its markers. */
export function withTable(readme: string, table: string): string {
  const [before = '', rest = ''] = readme.split(BEGIN);
  return `${before}${BEGIN}\n${table}\n${END}${rest.split(END)[1] ?? ''}`;
}
