import { type Check, checksOf } from '../check.ts';

/** Sealing, marks, cookies, keys and what they sign. */
export const crypto: Check[] = [
  ...checksOf(
    'crypto',
    'src/crypto/secrets.ts',
    ['test/crypto/secrets.test.ts'],
    [
      [
        'secrets are compared to the end',
        'left.byteLength === right.byteLength && crypto.subtle.timingSafeEqual(left, right)',
        'left.byteLength === right.byteLength && left[0] === right[0]',
      ],
      [
        'secrets of other lengths differ',
        'left.byteLength === right.byteLength && crypto.subtle.timingSafeEqual(left, right)',
        'crypto.subtle.timingSafeEqual(left, right.slice(0, left.byteLength))',
      ],
      [
        'a mark is compared',
        "if (equalSecrets(await macWith(await derive(entry, 'mac'), text), tag)) return true;",
        'return true;',
      ],
      ['a value is opened by the key that sealed it', 'if ((await keyId(entry)) !== id) continue;', ''],
      ['a key is 32 bytes', 'entries.every((entry) => /^[A-Za-z0-9_-]{43}=?$/.test(entry))', 'true'],
      ['keys of two purposes differ', 'const name = `${purpose} ${entry}`;', 'const name = entry;'],
    ],
  ),
  ...checksOf(
    'crypto',
    'src/crypto/sealed-cookie.ts',
    ['test/crypto/sealed-cookie.test.ts'],
    [
      ['a cookie opens under its own id', "['cookie', kind, id, boundTo]", "['cookie', kind, boundTo]"],
      ['a cookie opens as its own kind', "['cookie', kind, id, boundTo]", "['cookie', id, boundTo]"],
    ],
  ),
];
