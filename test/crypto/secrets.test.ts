import { describe, expect, it } from 'vitest';
import {
  encryptionKeys,
  equalSecrets,
  mac,
  open,
  randomSecret,
  seal,
  verifyMac,
} from '../../src/crypto/secrets';

const one = randomSecret();
const two = randomSecret();

describe('sealing (SECURITY 19)', () => {
  it('opens what it sealed at the same place, and never seals alike twice', async () => {
    const sealed = await seal(one, 'server/1/headers', 'läuft 🚪');

    expect(await open(one, 'server/1/headers', sealed)).toBe('läuft 🚪');
    expect(await seal(one, 'server/1/headers', 'läuft 🚪')).not.toBe(sealed);
    expect(sealed).not.toContain('läuft');
  });

  it('does not open what was moved, altered or sealed with another key', async () => {
    const sealed = await seal(one, 'server/1/headers', 'secret');
    const [id, iv, text = ''] = sealed.split('.');
    const altered = `${id}.${iv}.${text.startsWith('A') ? 'B' : 'A'}${text.slice(1)}`;

    expect(await open(one, 'server/2/headers', sealed)).toBeNull();
    expect(await open(one, 'server/1/headers', altered)).toBeNull();
    expect(await open(two, 'server/1/headers', sealed)).toBeNull();
    expect(await open(one, 'server/1/headers', 'nonsense')).toBeNull();
  });

  it('seals with the first key of a list and opens with all', async () => {
    const old = await seal(one, 'p', 'x');
    const list = `${two},${one}`;

    expect(await open(list, 'p', old)).toBe('x');
    expect(await open(two, 'p', await seal(list, 'p', 'y'))).toBe('y');
    expect(await open(one, 'p', await seal(list, 'p', 'y'))).toBeNull();
  });

  it('knows its own marks under any of the keys, and no other', async () => {
    const tag = await mac(one, 'text');

    expect(await verifyMac(`${two},${one}`, 'text', tag)).toBe(true);
    expect(await verifyMac(two, 'text', tag)).toBe(false);
    expect(await verifyMac(one, 'other', tag)).toBe(false);
  });

  it('compares without regard to where secrets differ', () => {
    expect(equalSecrets('abc', 'abc')).toBe(true);
    expect(equalSecrets('abc', 'abd')).toBe(false);
    expect(equalSecrets('abc', 'abcd')).toBe(false);
  });

  it('takes 32 bytes of base64url as a key, or a list of them, and nothing else', () => {
    expect(encryptionKeys(`${one}, ${two}`)).toEqual([one, two]);
    for (const bad of [undefined, '', 'short', `${one},short`]) expect(encryptionKeys(bad)).toBeNull();
  });
});
