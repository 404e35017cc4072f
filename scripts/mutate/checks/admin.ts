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
        'a spent address is refused',
        "  if (isSpent(c)) return 'spent';\n  const verdicts = await Promise.all(presented.map((token) => isAdminToken(token, c.env.ADMIN_TOKEN)));\n  if (isSpent(c)) return 'spent';",
        '  const verdicts = await Promise.all(presented.map((token) => isAdminToken(token, c.env.ADMIN_TOKEN)));',
        { story: 'is over after 10 wrong ones' },
      ],
      [
        'a spent address is compared no more',
        "  if (!presented.length) return 'nothing';\n  if (isSpent(c)) return 'spent';",
        "  if (!presented.length) return 'nothing';",
        {
          story: 'is over after 10 wrong ones',
          argued:
            'the question after the comparison refuses it as well (`a spent address is refused` deletes both): this one saves the comparison',
        },
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
      [
        'a session has its time',
        'if (!session || session.expiresAt <= now) return null;',
        'if (!session) return null;',
        { tests: ['test/identity/sign-in.test.ts'], story: 'is over after 12 hours' },
      ],
      [
        'a session is of today’s ADMIN_TOKEN, or of a person who was not blocked since',
        '  if (!equalSecrets(session.proof, await proofOf(env, secretHash, user))) return null;\n',
        '',
        { tests: ['test/identity/sign-in.test.ts'], story: 'once ADMIN_TOKEN is another' },
      ],
      [
        'a person’s session is of a person who is there and active',
        '  if (isSubject(session.subject) && !user?.isActive) return null;\n',
        '',
        { tests: ['test/identity/sign-in.test.ts'], story: 'whose row says blocked' },
      ],
      [
        'a session that signed out is gone',
        "  await db.prepare('DELETE FROM browser_session WHERE secret_hash = ?1').bind(secretHash).run();\n",
        '',
        { tests: ['test/identity/sign-in.test.ts'], story: 'is ended by itself' },
      ],
    ],
  ),
  ...checksOf(
    'admin',
    'src/identity/browser-session.ts',
    ['test/identity/sign-in.test.ts', 'test/identity/suspended.test.ts'],
    [
      [
        'a session is of a person who may sign in now',
        'if (session && (!session.user || maySignIn(c.var.settings, session.user))) return session;',
        'if (session) return session;',
      ],
      [
        'whom Access vouches for may have been blocked',
        '  if (!user?.isActive) return null;\n',
        '  if (!user) return null;\n',
        { story: 'a blocked person never' },
      ],
    ],
  ),
  ...checksOf(
    'admin',
    'src/admin/api/session.ts',
    ['test/identity/sign-in.test.ts'],
    [
      [
        'a browser signs in from no other site',
        'if (isForeign(c.req.raw.headers, baseOf(c))) {',
        'if (false) {',
      ],
      [
        'a browser is signed out by its own page',
        "      await requireOwnWrite(c, known, c.req.header('x-csrf-token'));\n",
        '',
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
        {
          story: 'refuses the form of one browser',
          argued:
            'no form is made for a browser without a secret: `a form’s value is bound to its browser` refuses what it sends as well',
        },
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
    [
      ['a form acts for whom it was shown', 'if (!(await form.isFor(identity.subject))) continue;', ''],
      [
        'a page is kept for the browser',
        "['people', visitOf(c).secret, proofs]",
        "['people', proofs]",
        { tests: ['test/kept-pages.test.ts'], story: 'is kept for this browser with this person' },
      ],
      [
        'and for whom it knows',
        "['people', visitOf(c).secret, proofs]",
        "['people', visitOf(c).secret]",
        { tests: ['test/kept-pages.test.ts'], story: 'is kept for this browser with this person' },
      ],
    ],
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
    'src/kept-pages.ts',
    ['test/kept-pages.test.ts'],
    [
      [
        'a kept page is its owner’s',
        "['kept page', owner, url.pathname, id]",
        "['kept page', url.pathname, id]",
        { story: 'is shown to this browser and session' },
      ],
      [
        'a kept page is of its path',
        "['kept page', owner, url.pathname, id]",
        "['kept page', owner, id]",
        { story: 'is shown to this browser and session' },
      ],
      [
        'a kept page is over after two minutes',
        'return until > now ?',
        'return until ?',
        { story: 'is there for two minutes' },
      ],
      [
        'no page with a code is kept',
        " || headers.has('refresh')",
        '',
        { story: 'is never one with a code' },
      ],
      [
        'as many pages are kept as may be',
        " WHERE (SELECT count(*) FROM form_once WHERE digest = 'page') < ?4",
        ' WHERE ?4',
        { story: 'is at most 500 at one time' },
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
  ...checksOf(
    'admin',
    'src/admin/api/audit.ts',
    ['test/audit.test.ts'],
    [
      [
        'no cell of the audit is a formula',
        "  const safe = FORMULA.test(text) ? `'${text}` : text;",
        '  const safe = text;',
        { story: 'for text' },
      ],
      [
        'nor behind a tab or a line break',
        'const FORMULA = /^[=+\\-@＝＋－＠\\t\\r\\n]/;',
        'const FORMULA = /^[=+\\-@＝＋－＠]/;',
        { story: 'however it came to be stored' },
      ],
    ],
  ),
];
