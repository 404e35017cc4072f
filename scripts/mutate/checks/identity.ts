import { type Check, checksOf } from '../check.ts';

/** Who someone is: providers, browsers, keys, sessions. */
export const identity: Check[] = [
  ...checksOf(
    'identity',
    'src/identity/oidc.ts',
    ['test/identity/sign-in.test.ts'],
    [
      [
        'state is compared',
        'o.validateAuthResponse(provider, client, answer, state)',
        'o.validateAuthResponse(provider, client, answer, o.skipStateCheck)',
        {
          argued:
            'The state names the cookie of its sign-in, which opens under no other id: it was compared by being found.',
        },
      ],
      [
        'an ID token is signed by its provider',
        '  await o.validateApplicationLevelSignature(provider, response, options);\n',
        '',
      ],
      ['an address is verified', ' || described.email_verified !== true', '', { story: 'not verified' }],
      [
        'an address or its domain is allowed',
        'if (mayEnter(settings, email)) return verified;',
        'return verified;',
        { story: 'another domain' },
      ],
      [
        'algorithms are asymmetric',
        "id_token_signing_alg_values_supported: algorithms?.length ? algorithms : ['RS256'],",
        'id_token_signing_alg_values_supported: metadata.id_token_signing_alg_values_supported,',
        {
          story: 'HS256',
          argued:
            '`an ID token is signed by its provider` asks for a public key, which the library looks for with an asymmetric algorithm alone: HS256 and none are refused there as well',
        },
      ],
      [
        'clocks differ by two minutes',
        'const SKEW = 120;',
        'const SKEW = 1e9;',
        { story: 'over by more than 120' },
      ],
      [
        'userinfo is of the same person',
        'return o.processUserInfoResponse(provider, client, subject, response);',
        'return o.processUserInfoResponse(provider, client, o.skipSubjectCheck, response);',
        { story: 'refuses the userinfo' },
      ],
      [
        'a domain is compared whole',
        'settings.oidc.allowed_domains.includes(domain)',
        'settings.oidc.allowed_domains.some((one) => domain.endsWith(one))',
        { tests: ['test/identity/sign-in.test.ts', 'test/identity/user.test.ts'], story: 'only ends like' },
      ],
    ],
  ),
  ...checksOf(
    'identity',
    'src/identity/attempts.ts',
    ['test/connect/page.test.ts', 'test/people/me.test.ts'],
    [
      [
        'attempts are limited by address',
        'if (within.every(Boolean)) return;',
        'if (within[0]) return;',
        { story: 'counts the attempts of an address' },
      ],
    ],
  ),
  ...checksOf(
    'identity',
    'src/identity/session.ts',
    ['test/admin/api.test.ts'],
    [
      [
        'an anonymous value carries our mark',
        '(await verifyMac(encryptionKey, marked, tag)) ? `session:${id}` : null',
        '(await verifyMac(encryptionKey, marked, tag)) !== null ? `session:${id}` : null',
        { story: 'each one its own' },
      ],
      [
        'an anonymous value works for 90 days',
        'if (!id || (at && Number.parseInt(at, 36) + SESSION_LIFE <= Date.now() / 1000)) return null;',
        'if (!id) return null;',
        { story: 'is over after 90 days' },
      ],
    ],
  ),
  ...checksOf(
    'identity',
    'src/identity/virtual-key.ts',
    ['test/identity/standing.test.ts'],
    [
      [
        'a key proves no more than its owner, who signs in',
        '    if (ownerUserId !== null) return { mustSignIn: ownerUserId };\n',
        '',
        { tests: ['test/consent/person.test.ts'], story: 'stands for its owner, who signs in first' },
      ],
      [
        'an old value of a key has its time',
        "if (valueUntil !== null && valueUntil <= now) return 'unknown';",
        '',
        { tests: ['test/governance/keys.test.ts'] },
      ],
    ],
  ),
  ...checksOf(
    'identity',
    'src/identity/standing.ts',
    ['test/identity/standing.test.ts'],
    [
      [
        'what was proved before a leak or a block is over',
        "if (standing.is === 'gone' || standing.generation === generation) return standing;",
        'if (generation >= 0) return standing;',
      ],
    ],
  ),
];
