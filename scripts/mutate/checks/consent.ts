import { type Check, checksOf } from '../check.ts';

/** A flow of one browser, who its person is, and what they allow. */
export const consent: Check[] = [
  ...checksOf(
    'consent',
    'src/consent/kept-choice.ts',
    ['test/consent/ticks.test.ts'],
    [
      [
        'ticks are of the list they were made for',
        'if (rest.slice(length, length + DIGEST) !== (await listDigest(tools)))',
        'if (false)',
        { story: 'lets in nothing of a server that lists other tools by then' },
      ],
      [
        'of a server that is new nothing is ticked',
        'if (rest === undefined) return { marks: NONE,',
        'if (rest === undefined) return { marks: { ...NONE, ticked: true },',
        { story: 'nor of one that is new' },
      ],
    ],
  ),
  ...checksOf(
    'consent',
    'src/consent/step.ts',
    ['test/consent/page.test.ts'],
    [
      [
        'a step is of the browser that began',
        '!state || !equalSecrets(flow.browserHash, await hashSecret(state.secret))',
        '!state',
        { story: 'was not set when it began' },
      ],
      ['a step is taken within 15 minutes', 'if (now >= state.at + STEP_LIFE)', 'if (false)'],
      [
        'a flow is answered once',
        'if (answer) throw answered(flow, answer);',
        '',
        { story: 'is answered once: calm' },
      ],
      [
        'the list of callbacks is asked at each step',
        '  requireAllowedRedirect(c.var.settings, flow.request.redirectUri);',
        '',
        { tests: ['test/clients/registered.test.ts'], story: 'sends nobody anywhere from a flow under way' },
      ],
      [
        'a form is of no other site',
        'if (isForeign(c.req.raw.headers, issuerOf(c.var.issuer))) {',
        'if (false) {',
        { story: 'a flow belongs to one browser' },
      ],
      [
        'a form carries its value',
        "if (!(await verifyFormValue(c.env.ENCRYPTION_KEY, step.flowId, step.state, form.get('form') ?? ''))) {",
        'if (false) {',
        { story: 'refuses the form value' },
      ],
    ],
  ),
  ...checksOf(
    'consent',
    'src/oauth/flow-cookie.ts',
    ['test/oauth/authorize.test.ts'],
    [
      [
        'a form’s value is bound to who it says',
        " ${identity?.subject ?? ''}`;",
        '`;',
        { tests: ['test/consent/page.test.ts'], story: 'refuses a form shown before the identity changed' },
      ],
      [
        'a browser has five flows',
        'at === 0 || place >= MOST_FLOWS - 1',
        'at === 0',
        { story: 'lets a browser have five flows' },
      ],
      [
        'flow cookies of others end',
        'at === 0 || place >= MOST_FLOWS - 1',
        'place >= MOST_FLOWS - 1',
        { story: 'ends flow cookies it did not make' },
      ],
    ],
  ),
  ...checksOf(
    'consent',
    'src/flows.ts',
    ['test/consent/page.test.ts'],
    [
      [
        'a flow ends after an hour',
        'value && now < value.expiresAt ? value : null',
        'value',
        { story: 'an hour after its first' },
      ],
    ],
  ),
  ...checksOf(
    'consent',
    'src/protocol/own-origin.ts',
    ['test/consent/page.test.ts'],
    [
      [
        'Origin is ours',
        '(from !== null && from !== origin) || ',
        '',
        { story: 'a flow belongs to one browser' },
      ],
      [
        'Sec-Fetch-Site is ours',
        " || (site !== null && site !== 'same-origin' && site !== 'none')",
        '',
        { story: 'a flow belongs to one browser' },
      ],
    ],
  ),
  ...checksOf(
    'consent',
    'src/consent/identity.ts',
    ['test/consent/page.test.ts', 'test/people/me.test.ts'],
    [
      [
        'attempts at a key are counted',
        'if (mode.typed) await countAttempt(c, step.flowId, consentPath(step));',
        '',
        { story: 'counts attempts at a key' },
      ],
    ],
  ),
];
