import { readFileSync, writeFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { ROOT } from '../dev/state.ts';
import { type Setting, settingsTable, withTable } from './settings-markdown.ts';

/** Node reads the Worker's sources as wrangler bundles them: imports without an ending. */
registerHooks({
  resolve(specifier, context, next) {
    const isBare = context.parentURL?.includes('/src/') && /^\.{1,2}\/[^.]*$/.test(specifier);
    return next(isBare ? `${specifier}.ts` : specifier, context);
  },
});

const { SETTINGS } = (await import(join(ROOT, 'src/settings.ts'))) as { SETTINGS: readonly Setting[] };
const readme = join(ROOT, 'README.md');
writeFileSync(readme, withTable(readFileSync(readme, 'utf8'), settingsTable(SETTINGS)));
