import { type Check, checksOf } from '../check.ts';

/** Sessions of administrators, and the forms of pages. */
export const admin: Check[] = [
  ...checksOf(
    'admin',
    'src/admin/api/admin-token.ts',
    ['test/admin/admin-token.test.ts'],
    [
      [
        'ADMIN_TOKEN is compared',
        'return equalSecrets(await hashSecret(presented), await hashSecret(adminToken));',
        'return true;',
        { tests: ['test/admin/api.test.ts'] },
      ],
      [
        'a spent address is compared no more',
        "  if (!presented.length) return 'nothing';\n  if (isSpent(c)) return 'spent';",
        "  if (!presented.length) return 'nothing';",
      ],
      [
        'nor are those sent at the same moment',
        "  if (isSpent(c)) return 'spent'; // by requests",
        '  // by requests',
        {
          story: 'that come at the same moment',
          argued:
            'closes the moment between a comparison and its count: a request that slips through is counted all the same',
        },
      ],
      [
        'ten wrong ones are the most',
        'counted.count >= MOST_WRONG',
        'counted.count > MOST_WRONG',
        {
          story: 'is over after 10 wrong ones',
          argued:
            'the binding stops at ten as well, and sets this count: which of the two it was does not show',
        },
      ],
    ],
  ),
  ...checksOf(
    'admin',
    'src/admin/api/administrator.ts',
    ['test/identity/sign-in.test.ts'],
    [
      [
        'the API needs a credential',
        "      throw refusal('needs_admin_token');",
        '      return next();',
        { tests: ['test/admin/api.test.ts'], story: 'without a credential' },
      ],
      [
        'only administrators use the API',
        'if (!administers(c, session)) {',
        'if (false) {',
        { story: "an administrator's opens the API" },
      ],
      [
        'a browser’s write is its own',
        "if (!/^(GET|HEAD)$/.test(c.req.method)) await requireOwnWrite(c, session, c.req.header('x-csrf-token'));",
        '',
        { story: 'writes only with its csrf value' },
      ],
    ],
  ),
  ...checksOf(
    'admin',
    'src/identity/signed-in.ts',
    ['test/identity/sign-in.test.ts', 'test/once.test.ts'],
    [
      [
        'a write’s value is its session’s',
        'return verifyMac(encryptionKey, `csrf ${secretHash}`, value);',
        'return value.length === 43;',
      ],
    ],
  ),
  ...checksOf(
    'admin',
    'src/admin/pages/own-form.ts',
    ['test/once.test.ts', 'test/admin/confirm-account.test.ts'],
    [
      [
        'a page’s form is its own',
        "await requireOwnWrite(c, session, form.get('csrf') ?? '');",
        '',
        { story: 'is out of date where another session sends it' },
      ],
    ],
  ),
  ...checksOf(
    'admin',
    'src/people/own-form.ts',
    ['test/people/me.test.ts'],
    [
      [
        'a form of /me is of no other site',
        'if (isForeign(c.req.raw.headers, baseOf(c))) {',
        'if (false) {',
        { story: 'from another site' },
      ],
      [
        'a form of /me is its browser’s',
        'const secret = secretIn(c);\n  if (!secret) throw outOfDate(c);',
        "const secret = secretIn(c) ?? '';",
        { story: 'refuses the form of one browser' },
      ],
      [
        'a form’s value is bound to whom it acts for',
        " ${subject ?? ''}`;",
        '`;',
        {
          tests: ['test/once.test.ts', 'test/people/me.test.ts'],
          story: 'another person of the same browser',
        },
      ],
      [
        'a form’s value is bound to its browser',
        'people ${await hashSecret(secret)} ',
        'people ${secret && 1} ',
        { story: 'refuses the form of one browser' },
      ],
    ],
  ),
  ...checksOf(
    'admin',
    'src/people/visitor.ts',
    ['test/people/me.test.ts', 'test/once.test.ts'],
    [['a form acts for whom it was shown', 'if (!(await form.isFor(identity.subject))) continue;', '']],
  ),
  ...checksOf(
    'admin',
    'src/once.ts',
    ['test/once.test.ts'],
    [
      [
        'a form is of its time',
        'if (!isOnceValue(value, now)) throw new PageProblem(outOfDate(sent));',
        '',
        { story: 'is out of date where another session' },
      ],
      [
        'a form takes effect once',
        'if (!row) return perform(',
        'if (row?.answer !== undefined) return perform(',
        { story: 'is one, and shown by both answers' },
      ],
    ],
  ),
  ...checksOf(
    'admin',
    'src/admin/server-timing.ts',
    ['test/admin/server-timing.test.ts'],
    [
      [
        'only an administrator is told how long it took',
        "  if (c.var.isAdministrators) c.header('server-timing', timing.toString());",
        "  c.header('server-timing', timing.toString());",
      ],
    ],
  ),
];
