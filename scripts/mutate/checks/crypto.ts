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
  ...checksOf(
    'crypto',
    'src/crypto/access-tokens.ts',
    ['test/crypto/access-tokens.test.ts'],
    [
      ['a token is of its type', "      typ: 'at+jwt',\n", '', { story: 'refuses another type' }],
      ['a token is of this issuer', '      issuer,\n', '', { story: 'refuses another issuer' }],
      [
        'a token is signed by one of two algorithms',
        '      algorithms: [...SIGNING_ALGORITHMS],\n',
        '',
        {
          tests: ['test/crypto/access-tokens.test.ts', 'test/crypto/signing-algorithms.test.ts'],
          argued:
            '`a token is signed by the algorithm of its key` refuses the same: keys are made for these two only',
        },
      ],
      [
        'a token is signed by the algorithm of its key',
        '  if (key.alg !== alg) throw new errors.JOSEAlgNotAllowed();\n',
        '',
        { tests: ['test/crypto/signing-algorithms.test.ts'], story: 'nothing else in the header' },
      ],
      [
        'a token has its claims',
        "      requiredClaims: ['sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'client_id', 'scope', 'grant_id'],\n",
        '',
        { story: 'refuses no end' },
      ],
      [
        'the claims of a token are text',
        '    if (!areClaims(payload)) return null;\n',
        '',
        { story: 'refuses a client that is no text' },
      ],
      [
        'clocks of isolates differ by five seconds',
        '      clockTolerance: SKEW,\n',
        "      clockTolerance: '1h',\n",
        { story: 'refuses a time that is over' },
      ],
      [
        'a token that was verified has its time',
        '  if (now < known.claims.nbf - SKEW || now >= known.claims.exp + SKEW) return null;\n',
        '',
        {
          tests: ['test/crypto/signing-algorithms.test.ts'],
          story: 'while the key, the time and the issuer',
        },
      ],
      [
        'a token that was verified is of this issuer',
        'if (!known || known.claims.iss !== issuer) return null;',
        'if (!known) return null;',
        { tests: ['test/crypto/signing-algorithms.test.ts'], story: 'is none of another issuer' },
      ],
      [
        'a token that was verified has its key',
        'return (await verificationKey(db, known.kid))?.verifyKey === known.key ? known.claims : null;',
        'return known.claims;',
        { tests: ['test/crypto/signing-algorithms.test.ts'], story: 'refused once its key is gone' },
      ],
    ],
  ),
  ...checksOf(
    'crypto',
    'src/crypto/signing-keys.ts',
    ['test/crypto/signing-keys.test.ts'],
    [
      [
        'a retired key verifies nothing',
        'return key && !isRetired(key, Date.now() / 1000) ? key : null;',
        'return key ?? null;',
        { tests: ['test/crypto/access-tokens.test.ts'], story: 'verifies with a replaced key' },
      ],
      [
        'a retired key is not published',
        '    .filter((key) => !isRetired(key, now))\n',
        '',
        { story: 'keeps an old key until' },
      ],
      [
        'a key is kept while its tokens live',
        '.bind(now - KEPT)',
        '.bind(now)',
        { story: 'keeps an old key until' },
      ],
      [
        'a key is published before it signs',
        'signer ? now + AHEAD : now',
        'now',
        { story: 'ten minutes before it signs' },
      ],
      [
        'one key is stored when two are made at once',
        'WHERE NOT EXISTS (SELECT 1 FROM signing_key WHERE kid NOT IN (SELECT value FROM json_each(?6)))',
        'WHERE ?6 IS NOT NULL',
        {
          tests: ['test/crypto/access-tokens.test.ts', 'test/crypto/signing-keys.test.ts'],
          story: 'at the same moment',
        },
      ],
      [
        'unknown keys make the ring be read once in ten seconds',
        'if (!key && searchedAt + PAUSE <= Date.now()) {',
        'if (!key) {',
        { story: 'at most once in ten seconds' },
      ],
      [
        'nothing private is published',
        'kid, ...numbers })',
        'kid, ...privateJwk })',
        { tests: ['test/crypto/signing-algorithms.test.ts'], story: 'sealed as any' },
      ],
      [
        'a private key opens in its own row',
        'const sealContextOf = (kid: string) => `signing_key/${kid}/sealed`;',
        'const sealContextOf = (_: string) => `signing_key/sealed`;',
        { tests: ['test/crypto/access-tokens.test.ts'], story: 'moved to another row' },
      ],
    ],
  ),
];
