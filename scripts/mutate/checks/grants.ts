import { type Check, checksOf } from '../check.ts';

/** The code's one redemption, the order of refresh tokens, and the end. */
export const grants: Check[] = [
  ...checksOf(
    'grants',
    'src/grants/grant-object.ts',
    ['test/oauth/token.test.ts'],
    [
      [
        'a code is the one that was issued',
        "if (!equalSecrets(terms.codeHash, request.codeHash)) return { ok: false, reason: 'unknown' };",
        '',
      ],
      [
        'a code is redeemed by its client',
        "    if (terms.clientId !== request.clientId) return { ok: false, reason: 'wrong_client' };\n    if ((request.redirectUri",
        '    if ((request.redirectUri',
      ],
      [
        'a code is of its redirect_uri',
        '    if ((request.redirectUri ?? terms.redirectUri) !== terms.redirectUri)',
        '    if (false)',
        { story: 'decides the same where KV does not have the code yet' },
      ],
      [
        'a code is of its resource',
        'if ((request.resource ?? terms.resource) !== terms.resource)',
        'if (false)',
        { story: 'decides the same where KV does not have the code yet' },
      ],
      [
        'a code is of today’s issuer',
        "if (!isUnder(terms.resource, request.issuer)) return { ok: false, reason: 'wrong_issuer' };",
        '',
        { tests: ['test/grants/today.test.ts'], story: 'counts as ended wherever it is read' },
      ],
      [
        'a code wants its verifier (PKCE)',
        'if (!equalSecrets(terms.codeChallenge, request.codeChallenge))',
        'if (false)',
        { story: 'decides the same where KV does not have the code yet' },
      ],
      [
        'a code has its time',
        "if (now >= terms.codeExpiresAt * 1000) return { ok: false, reason: 'expired' };",
        '',
        { story: 'refuses a code after its time' },
      ],
      [
        'a code is redeemed once',
        'if (state.redeemedAt !== null) {',
        'if (false) {',
        { story: 'gives one of 50 parallel redemptions tokens, and the grant lives' },
      ],
      [
        'a code that comes back ends the grant',
        'if (isSameRequest)',
        'if (true)',
        { story: 'ends the grant when a code comes back 3 seconds later (RFC 9700 §4.5)' },
      ],
      [
        'terms are told for a right refresh token',
        'return seed !== null && (await this.seed.isTag(seed, n, tag));',
        'return seed !== null;',
        { tests: ['test/oauth/revoke.test.ts'], story: 'answers 200 for unknown tokens' },
      ],
      [
        'a refresh token is of our making',
        "if (!isOurs || state?.status !== 'open' || n > state.n)",
        "if (state?.status !== 'open' || n > state.n)",
        { story: 'is rotated by its object for the right token of its client alone, whoever asks' },
      ],
      [
        'a rotation is of its client',
        "if (state.terms.clientId !== request.clientId) return { ok: false, reason: 'wrong_client' };",
        '',
        { story: 'is rotated by its object for the right token of its client alone, whoever asks' },
      ],
      [
        'a rotation is by the terms that were judged',
        "if (!isSameTerms(judgedTerms(terms), request.judged)) return { ok: false, reason: 'other_terms' };",
        '',
        { tests: ['test/oauth/refresh.test.ts'], story: 'goes by the object for its identity' },
      ],
      [
        'an ended grant is seen by no token',
        "if (state?.status !== 'open') return false;\n    if (n === state.n",
        "if (!state || state.status !== 'open') return true;\n    if (n === state.n",
        { tests: ['test/oauth/revoke.test.ts'], story: 'yesterday came back in D1' },
      ],
    ],
  ),
  ...checksOf(
    'grants',
    'src/grants/restored.ts',
    ['test/grants/restored.test.ts'],
    [
      ['what a restore shows as open, its object is asked about', 'if (stands ||', 'if (true ||'],
      ['a consent under way is not ended by that', 'row.created_at > now - LONG_OPENED', 'false'],
    ],
  ),
  ...checksOf(
    'grants',
    'src/grants/store.ts',
    ['test/oauth/revoke.test.ts'],
    [
      [
        'the first reason of an end is kept',
        'ended_reason = ?3 WHERE grant_id = ?1 AND ended_at IS NULL',
        'ended_reason = ?3 WHERE grant_id = ?1',
        { story: 'keeps its first reason' },
      ],
    ],
  ),
];
