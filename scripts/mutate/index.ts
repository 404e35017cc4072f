import { run, Stop } from '../stop.ts';
import type { Check } from './check.ts';
import { AREAS, CHECKS } from './checks/index.ts';
import { TestRun, type Verdict } from './test-run.ts';
import { Tree, timesFound } from './tree.ts';

/**
 * `npm run mutate [-- <word>]`: deletes one check of the source after the other, in a copy, and runs the tests related to it.
 * @param word chooses the checks whose name or file has it
 */
await run(async () => {
  const [word = ''] = process.argv.slice(2);
  const chosen = CHECKS.filter(({ name, file }) => name.includes(word) || file.includes(word));
  if (!chosen.length) throw new Stop(`No check has ${word} in its name or file.`);
  const lost = chosen.filter((check) => timesFound(check) !== 1);
  if (lost.length)
    throw new Stop(
      `Not found exactly once:\n${lost.map(({ name, file }) => `- ${name} (${file})`).join('\n')}`,
    );

  const tree = new Tree();
  try {
    const tests = await TestRun.on(tree);
    await requireGreen(tests, chosen);
    const verdicts = new Map<Check, Verdict>();
    for (const check of chosen) {
      const verdict = await tests.without(check);
      verdicts.set(check, verdict);
      console.log(line(check, verdict));
    }
    await tests.close();
    console.log(summary(verdicts));
    // Set either way: vitest has set it to 1 for each check that its tests killed.
    process.exitCode = [...verdicts].some(([check, verdict]) => isBad(check, verdict)) ? 1 : 0;
  } finally {
    tree.remove();
  }
});
process.exit();

/** A red test would kill everything. @throws Stop */
async function requireGreen(tests: TestRun, checks: readonly Check[]): Promise<void> {
  const files = [...new Set(checks.flatMap((check) => check.tests))];
  const verdict = await tests.of(files);
  if (verdict.is === 'killed') throw new Stop(`With every check in place this fails: ${verdict.by}`);
  if (verdict.is === 'broken') throw new Stop(`With every check in place this does not load: ${verdict.why}`);
}

/** A check that no test misses has to be argued. */
function isBad({ argued }: Check, { is }: Verdict): boolean {
  return is === 'broken' || (is === 'survived' && argued === undefined);
}

function line({ name, file, argued }: Check, verdict: Verdict): string {
  switch (verdict.is) {
    case 'killed':
      return `killed    ${name}\n          by: ${verdict.by}`;
    case 'broken':
      return `BROKEN    ${name} (${file})\n          ${verdict.why}`;
    case 'survived':
      return argued === undefined ? `SURVIVED  ${name} (${file})` : `argued    ${name}\n          ${argued}`;
  }
}

function summary(verdicts: ReadonlyMap<Check, Verdict>): string {
  const rows = Object.entries(AREAS).flatMap(([area, checks]) => {
    const here = checks.flatMap((check) => {
      const verdict = verdicts.get(check);
      return verdict
        ? [{ ...verdict, isArgued: verdict.is === 'survived' && check.argued !== undefined }]
        : [];
    });
    const count = (is: Verdict['is']) => here.filter((one) => one.is === is && !one.isArgued).length;
    const argued = here.filter(({ isArgued }) => isArgued).length;
    const cells = [area, here.length, count('killed'), count('survived'), argued, count('broken')];
    return here.length ? [cells] : [];
  });
  const totals = [1, 2, 3, 4, 5].map((at) => rows.reduce((sum, row) => sum + Number(row[at]), 0));
  const head = ['area', 'checks', 'killed', 'survived', 'argued', 'broken'];
  return `\n${[head, ...rows, ['all', ...totals]].map((cells) => cells.map((cell) => String(cell).padEnd(10)).join('')).join('\n')}`;
}
