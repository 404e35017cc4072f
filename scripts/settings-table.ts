import { readFileSync, writeFileSync } from 'node:fs';
import { registerHooks, stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { ROOT } from './dev-state.ts';
import { type Setting, settingsTable, withTable } from './settings-markdown.ts';

/** Node reads the Worker's sources as wrangler bundles them: imports without an ending, SQL as text. */
registerHooks({
  resolve(specifier, context, next) {
    const isBare = context.parentURL?.includes('/src/') && /^\.{1,2}\/[^.]*$/.test(specifier);
    return next(isBare ? `${specifier}.ts` : specifier, context);
  },
  load(url, context, next) {
    if (url.endsWith('.sql')) return { format: 'module', source: 'export default ""', shortCircuit: true };
    if (!url.includes('/src/') || !url.endsWith('.ts')) return next(url, context);
    const source = stripTypeScriptTypes(readFileSync(new URL(url), 'utf8'), { mode: 'transform' });
    return { format: 'module', source, shortCircuit: true };
  },
});

const { SETTINGS } = (await import(join(ROOT, 'src/config.ts'))) as { SETTINGS: readonly Setting[] };
const readme = join(ROOT, 'README.md');
writeFileSync(readme, withTable(readFileSync(readme, 'utf8'), settingsTable(SETTINGS)));
