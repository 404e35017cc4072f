import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { sealedCookie } from '../../src/crypto/sealed-cookie';
import { seal } from '../../src/crypto/secrets';
import { ISSUER } from '../support/gate';

const { ENCRYPTION_KEY: KEY } = env;
const Step = z.object({ step: z.number() });
const walk = sealedCookie({ kind: 'walk', schema: Step, life: 60, most: 3 });

/** The `Cookie` header of a browser with these `Set-Cookie` values. */
const header = (...set: string[]) => set.map((one) => one.split(';')[0]).join('; ');
const made = async (...ids: string[]) =>
  header(...(await Promise.all(ids.map((id, step) => walk.write(KEY, ISSUER, { step }, id)))));

describe('a sealed cookie (SECURITY 5)', () => {
  it('says what was written, by its id, and nothing of it to the browser', async () => {
    const cookie = await walk.write(KEY, ISSUER, { step: 1 }, 'a');

    expect(cookie).toMatch(
      /^__Host-toolgate-walk-a=[\w.-]+; Max-Age=60; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    );
    expect(await walk.read(KEY, ISSUER, header(cookie), 'a')).toEqual({ step: 1 });
    expect(await walk.read(KEY, ISSUER, header(cookie), 'b')).toBeNull();
    expect(await walk.read(KEY, ISSUER, undefined, 'a')).toBeNull();
  });

  it('does not open as another one: under another id, of another kind or for something else', async () => {
    const cookie = header(await walk.write(KEY, ISSUER, { step: 1 }, 'a'));
    const other = sealedCookie({ kind: 'run', schema: Step, life: 60 });
    const bound = sealedCookie({ kind: 'walk', schema: Step, life: 60, boundTo: 'Ada' });

    expect(await walk.read(KEY, ISSUER, cookie.replace('walk-a=', 'walk-b='), 'b')).toBeNull();
    expect(await other.read(KEY, ISSUER, cookie.replace('walk-a=', 'run-a='), 'a')).toBeNull();
    expect(await bound.read(KEY, ISSUER, cookie, 'a')).toBeNull();
  });

  it('is nothing where it is not of our making, or not of the schema', async () => {
    for (const text of ['no JSON', '{"step":"one"}', 'null']) {
      const sealed = await seal(KEY, 'cookie/walk/a', text);
      expect(await walk.read(KEY, ISSUER, `__Host-toolgate-walk-a=${sealed}`, 'a')).toBeNull();
    }
    expect(await walk.read(KEY, ISSUER, '__Host-toolgate-walk-a=guess', 'a')).toBeNull();
  });

  it('makes room for one more by ending the oldest', async () => {
    const cookies = await made('a', 'b', 'c', 'd');

    expect(walk.makeRoom(ISSUER, cookies, 'e')).toEqual([walk.end(ISSUER, 'a'), walk.end(ISSUER, 'b')]);
    expect(walk.makeRoom(ISSUER, cookies, 'a')).toEqual([walk.end(ISSUER, 'b')]);
    expect(walk.makeRoom(ISSUER, await made('a', 'b'), 'c')).toEqual([]);
    expect(walk.end(ISSUER, 'a')).toMatch(/^__Host-toolgate-walk-a=; Max-Age=0/);
  });

  it('tells all of a kind, also those that do not open', async () => {
    const cookies = `${await made('a', 'b')}; __Host-toolgate-walk-c=guess`;

    expect([...(await walk.readAll(KEY, ISSUER, cookies))]).toEqual([
      ['a', { step: 0 }],
      ['b', { step: 1 }],
      ['c', null],
    ]);
  });
});
