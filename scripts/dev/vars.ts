import { randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { Stop } from '../stop.ts';

/** The secrets the Worker cannot do without (CONTRACT §1): 32 random bytes each, base64url. */
export const SECRETS = ['ENCRYPTION_KEY', 'ADMIN_TOKEN'] as const;
export type SecretName = (typeof SECRETS)[number];

function readIfThere(path: string): string | null {
  if (!existsSync(path)) return null;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Stop(`${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}

/** A new value for one of {@link SECRETS}. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/**
 * Makes sure that the `.dev.vars` file at `path` holds every secret. What is there is never changed: a new file is
 * readable by its owner only, and an existing one gets just the missing lines appended.
 */
export function ensureDevVars(path: string): { values: Record<SecretName, string>; added: SecretName[] } {
  const before = readIfThere(path);
  const present = parseEnv(before ?? '');
  const added = SECRETS.filter((name) => !present[name]);

  const lines = added.map((name) => `${name}="${newSecret()}"\n`).join('');
  if (before === null) {
    const intro = '# Secrets of local development, made by `npm run dev`. Deployments have their own.\n';
    writeFileSync(path, intro + lines, { mode: 0o600, flag: 'wx' });
  } else if (lines) {
    appendFileSync(path, before === '' || before.endsWith('\n') ? lines : `\n${lines}`);
  }

  const { ENCRYPTION_KEY = '', ADMIN_TOKEN = '' } = parseEnv(readFileSync(path, 'utf8'));
  return { values: { ENCRYPTION_KEY, ADMIN_TOKEN }, added };
}
