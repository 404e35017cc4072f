import { join } from 'node:path';
import type { TestModule, TestProject, Vitest } from 'vitest/node';
import { createVitest } from 'vitest/node';
import { Stop } from '../stop.ts';
import type { Check } from './check.ts';
import type { Tree } from './tree.ts';

/** What became of a deleted check. `broken`: its file does not load any more, which proves nothing. */
export type Verdict = { is: 'killed'; by: string } | { is: 'survived' } | { is: 'broken'; why: string };

/** How long a test file may take, milliseconds: five minutes, on a busy machine too. */
const PATIENCE = 300_000;

/** Vitest on a copy of the tree: one worker, which goes on from check to check, so that what did not change is loaded once. */
export class TestRun {
  private readonly tree: Tree;
  private readonly vitest: Vitest;
  private readonly project: TestProject;

  private constructor(tree: Tree, vitest: Vitest, project: TestProject) {
    this.tree = tree;
    this.vitest = vitest;
    this.project = project;
  }

  static async on(tree: Tree): Promise<TestRun> {
    process.chdir(tree.folder);
    process.env.PWD = tree.folder;
    const vitest = await createVitest('test', {
      root: tree.folder,
      project: ['worker'],
      watch: false,
      bail: 1,
      maxWorkers: 1,
      silent: true,
      reporters: [{}],
    });
    const [project] = vitest.projects;
    if (!project) throw new Error('vitest.config.ts has no project called worker');
    return new TestRun(tree, vitest, project);
  }

  /** What the files say as they are. @param only tests with this in their name; undefined: all */
  async of(files: readonly string[], only?: RegExp): Promise<Verdict> {
    const which = only && { testNamePattern: only };
    const specifications = files.map((file) =>
      this.project.createSpecification(join(this.tree.folder, file), which),
    );
    const { testModules } = await inTime(this.vitest.rerunTestSpecifications(specifications), files);
    const asked = new Set(specifications.map(({ moduleId }) => moduleId));
    return verdictOn(testModules.filter(({ moduleId }) => asked.has(moduleId))); // those of earlier runs are among them
  }

  /** What the related files say without a check: the test that missed it before is asked first. */
  async without(check: Check): Promise<Verdict> {
    const { path, restore } = this.tree.delete(check);
    this.vitest.invalidateFile(path);
    try {
      if (check.story === undefined) return await this.of(check.tests);
      const first = await this.of(check.tests, containing(check.story));
      return first.is === 'killed' ? first : await this.of(check.tests);
    } finally {
      restore();
      this.vitest.invalidateFile(path);
    }
  }

  close(): Promise<void> {
    return this.vitest.close();
  }
}

/** @throws Stop when it takes longer than {@link PATIENCE}: Vitest says nothing more then, and is of no more use. */
async function inTime<T>(work: Promise<T>, files: readonly string[]): Promise<T> {
  const most = PATIENCE * files.length;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const words = `${files.join(', ')}: nothing was heard for ${most / 60_000} minutes. Run the rest again.`;
    timer = setTimeout(() => reject(new Stop(words)), most);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

function containing(words: string): RegExp {
  return new RegExp(words.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
}

function verdictOn(modules: readonly TestModule[]): Verdict {
  const [failed] = modules.flatMap((module) => [...module.children.allTests('failed')]);
  if (failed) return { is: 'killed', by: failed.fullName };
  const [error] = modules.flatMap((module) => module.errors());
  if (error) return { is: 'broken', why: error.message };
  const passed = modules.flatMap((module) => [...module.children.allTests('passed')]);
  return passed.length ? { is: 'survived' } : { is: 'broken', why: 'no test ran' };
}
