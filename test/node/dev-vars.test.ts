import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensureDevVars } from '../../scripts/dev/vars.ts';

describe('the secrets of local development', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'toolgate-'));
    file = join(folder, '.dev.vars');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('are made once, 32 random bytes each, for their owner only', () => {
    const { values, added } = ensureDevVars(file);

    expect(added).toEqual(['ENCRYPTION_KEY', 'ADMIN_TOKEN']);
    expect(Buffer.from(values.ENCRYPTION_KEY, 'base64url')).toHaveLength(32);
    expect(values.ADMIN_TOKEN).toMatch(/^[\w-]{43}$/);
    expect(values.ADMIN_TOKEN).not.toBe(values.ENCRYPTION_KEY);
    expect(parseEnv(readFileSync(file, 'utf8'))).toEqual(values);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('are left as they are by every later start', () => {
    const first = ensureDevVars(file);
    const before = readFileSync(file);

    const second = ensureDevVars(file);

    expect(second).toEqual({ values: first.values, added: [] });
    expect(readFileSync(file)).toEqual(before);
  });

  it('are completed without touching a line of what someone wrote', () => {
    const written = '# mine\nADMIN_TOKEN=my own token\nOTHER="1"';
    writeFileSync(file, written);

    const { values, added } = ensureDevVars(file);

    expect(added).toEqual(['ENCRYPTION_KEY']);
    expect(values.ADMIN_TOKEN).toBe('my own token');
    expect(readFileSync(file, 'utf8')).toBe(`${written}\nENCRYPTION_KEY="${values.ENCRYPTION_KEY}"\n`);
  });
});
