import { existsSync } from 'node:fs';
import { type Browser, chromium as driver } from 'playwright-core';

/** Where people have a Chrome installed, on systems the packaged Chromium was not built for. */
const INSTALLED = [
  '/usr/bin/chromium',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

/** The path of a Chromium this machine can run: the one that npm installed, else an installed one, else null. */
export async function findChromium(): Promise<string | null> {
  if (process.env.CHROME_PATH) return process.env.CHROME_PATH;
  if (process.platform === 'linux' && process.arch === 'x64') {
    const packaged = await import('@sparticuz/chromium').catch(() => null);
    if (packaged) return packaged.default.executablePath();
  }
  return INSTALLED.find((path) => existsSync(path)) ?? null;
}

/** Starts a headless Chromium. `--single-process`, which the package suggests, would end it with its first page. */
export function launchChromium(executablePath: string): Promise<Browser> {
  const args = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--headless=shell',
    '--disable-background-networking',
  ];
  return driver.launch({ executablePath, args });
}
