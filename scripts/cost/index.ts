import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../dev/state.ts';
import { parts, withParts } from './reckon.ts';

const path = join(ROOT, 'docs/cost.md');
writeFileSync(path, withParts(readFileSync(path, 'utf8'), parts()));
