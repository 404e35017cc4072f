import type { Browser } from 'playwright-core';
import { findChromium, launchChromium } from '../../../scripts/screenshots/chromium.ts';

/** Chromium's path. Null: there is none here. */
export const executable = await findChromium();

const shared = globalThis as { toolgateChromium?: Promise<Browser> };

/** The Chromium that the files of a process share: to start one takes 2 s of CPU. It ends with the process. */
export function sharedChromium(): Promise<Browser> {
  shared.toolgateChromium ??= launchChromium(executable ?? '');
  return shared.toolgateChromium;
}

/** Closes what a file has opened. */
export async function closePages(browser: Browser | undefined): Promise<void> {
  await Promise.all(browser?.contexts().map((context) => context.close()) ?? []);
}
