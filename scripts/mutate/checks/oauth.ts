import { type Check, checksOf } from '../check.ts';

/** Authorize, token, revocation, registration and sign-in. */
export const oauth: Check[] = [
  ...checksOf(
    'oauth',
    'src/oauth/authorize.ts',
    ['test/oauth/authorize.test.ts'],
    [
      [
        'authorize sends people to registered URIs only',
        'if (redirectUriMatches(metadata.redirect_uris, asked)) return asked;',
        'return asked;',
        { story: 'shows an unregistered redirect URI as a page, and redirects nowhere' },
      ],
      ['authorize refuses a repeated client_id', 'if (ids.length > 1)', 'if (false)'],
      ['authorize refuses a repeated redirect_uri', 'if (uris.length > 1)', 'if (false)'],
      [
        'authorize asks the list of callbacks',
        '  requireAllowedRedirect(c.var.settings, redirectUri);',
        '',
        {
          tests: ['test/clients/registered.test.ts'],
          story: 'refuses at authorize a client that registered before',
        },
      ],
      [
        'HEAD begins no flow',
        "    if (c.req.method === 'HEAD') return lookedAt(issuer);",
        '',
        { tests: ['test/strangers.test.ts'] },
      ],
    ],
  ),
  ...checksOf(
    'oauth',
    'src/protocol/authorization.ts',
    ['test/oauth/authorize.test.ts'],
    [
      ['PKCE is S256', "if (params.code_challenge_method !== 'S256')", 'if (false)'],
      [
        'a code_challenge is a SHA-256',
        'if (!/^[A-Za-z0-9_-]{43}$/.test(params.code_challenge)) {',
        'if (false) {',
      ],
      [
        'a resource is one of this issuer',
        'new URL(origin).origin !== issuer || ',
        '',
        { story: 'resource' },
      ],
      [
        'a scope is never wider than allowed',
        'if (covers(scope, half) && !covers(allowed, half)) {',
        'if (false) {',
        { story: 'never more' },
      ],
      [
        'a person decides: prompt=none is refused',
        "if (params.prompt?.split(' ').includes('none')) {",
        'if (false) {',
      ],
    ],
  ),
  ...checksOf(
    'oauth',
    'src/oauth/grant-types/refresh-token.ts',
    ['test/oauth/token.test.ts'],
    [
      [
        'a refresh token is of its client',
        'if (terms.clientId !== client.clientId) throw refusal();',
        '',
        { story: 'leaves the grant alone when another client, resource or scope is asked for' },
      ],
      [
        'a refresh by the index is for an identity that may act',
        "if (indexed?.standing.is !== 'valid') return null;",
        'if (!indexed) return null;',
        { tests: ['test/identity/standing.test.ts'] },
      ],
    ],
  ),
  ...checksOf(
    'oauth',
    'src/clients/authenticate.ts',
    ['test/oauth/token.test.ts'],
    [
      [
        'a client’s secret is compared',
        '(client.secretHash && !equalSecrets(client.secretHash, await hashSecret(secret)))',
        'false',
      ],
      [
        'a client has one name',
        '  if (basic && form.client_id && form.client_id !== basic.id) {',
        '  if (false) {',
      ],
      ['a client authenticates in one way', '  if (basic && form.client_secret)\n', '  if (false)\n'],
    ],
  ),
  ...checksOf(
    'oauth',
    'src/oauth/revoke.ts',
    ['test/oauth/revoke.test.ts'],
    [
      [
        'a client revokes its own refresh tokens alone',
        'return owner === clientId ? refresh.grantId : null;',
        'return owner ? refresh.grantId : null;',
        { story: "another client's" },
      ],
      [
        'a client revokes its own access tokens alone',
        'return claims?.client_id === clientId ? claims.grant_id : null;',
        'return claims?.grant_id ?? null;',
        { story: "another client's" },
      ],
    ],
  ),
];
