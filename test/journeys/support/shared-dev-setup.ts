import type { TestProject } from 'vitest/node';
import { isAlive, StateFolder } from './dev-session.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder of the shared `npm run dev`'s state. */
    sharedDev: string;
  }
}

/** Gives the shared `npm run dev` a folder, and ends what was started there. */
export default function setUp(project: TestProject): () => Promise<void> {
  const state = new StateFolder();
  project.provide('sharedDev', state.path);
  return async () => {
    const { pid } = state.facts() ?? {};
    if (pid !== undefined && isAlive(pid)) {
      process.kill(pid, 'SIGINT');
      while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 50));
    }
    state.remove();
  };
}
