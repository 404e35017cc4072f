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
        'if (mayEnter(settings, verified.account.email)) return verified;',
        'return verified;',
        { story: 'another domain' },
      ],
      [
        'algorithms are asymmetric',
        "id_token_signing_alg_values_supported: algorithms?.length ? algorithms : ['RS256'],",
        'id_token_signing_alg_values_supported: metadata.id_token_signing_alg_values_supported,',
        { story: 'HS256' },
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
];
