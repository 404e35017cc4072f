import { type Check, checksOf } from '../check.ts';

/** Connect links, and coming back from a server's provider. */
export const connect: Check[] = [
  ...checksOf(
    'connect',
    'src/connect/page.tsx',
    ['test/connect/page.test.ts'],
    [
      [
        'a form is of no other site',
        'if (isForeign(c.req.raw.headers, issuer)) throw new PageProblem(FOREIGN);',
        '',
        { story: 'takes no form but the one this browser was shown, from a page of ours' },
      ],
      [
        'a form carries its value',
        '!visit.state || !(await verifyConnectForm(c.env.ENCRYPTION_KEY, visit.link.id, visit.state, value))',
        '!visit.state',
        { story: 'takes no form but the one this browser was shown, from a page of ours' },
      ],
      [
        'a link works for 15 minutes',
        'if (link.expiresAt <= now)',
        'if (false)',
        { story: 'works for 15 minutes; the browser that used it hears that what it connected stays' },
      ],
      [
        'a used link is for its browser',
        'if (link.usedAt !== null && !isMine && !mayRepeat)',
        'if (false)',
        { story: 'is used once: another browser' },
      ],
      [
        'a link’s identity stands',
        "if (standing.is !== 'valid' && (isMine || !mustSignIn))",
        'if (false)',
        { story: 'connect link' },
      ],
      [
        'a link leads to servers within reach',
        'server.isVerified && reach.get(subject)?.(server)',
        'server.isVerified',
        { story: 'not open to them any more' },
      ],
      [
        'a link wants its proof',
        'if (!(await proves(c, link, way, form))) {',
        'if ((await proves(c, link, way, form)) === null) {',
        { story: 'is refused to whoever is not' },
      ],
      [
        'a link is claimed once',
        'if (!used || !(await hasClaimed(used, secret))) throw new PageProblem(USED);',
        '',
        { story: 'at the same moment' },
      ],
      [
        'a browser has a new secret once it used a link',
        'mac(c.env.ENCRYPTION_KEY, `connect ${linkId} used by ${secret}`)',
        'Promise.resolve(secret)',
        { story: 'is never known by a secret' },
      ],
      [
        'the browser’s secret is compared',
        'browserHash !== null && equalSecrets(await hashSecret(secret), browserHash)',
        'browserHash !== null',
        { story: 'is used once: another browser' },
      ],
    ],
  ),
  ...checksOf(
    'connect',
    'src/providers/client.ts',
    ['test/providers/client.test.ts', 'test/providers/provider.test.ts', 'test/connect/page.test.ts'],
    [
      [
        'a provider is the one the person was sent to',
        'if (binding.issuer !== provider.issuer) {',
        'if (false) {',
        { story: 'when the provider has become another' },
      ],
      [
        'iss and state are compared',
        'return o.validateAuthResponse(server, client, given, binding.state);',
        "return o.validateAuthResponse(server, client, new URLSearchParams({ ...Object.fromEntries(given), state: binding.state, ...(given.has('iss') && { iss: server.issuer }) }), binding.state);",
        { story: 'is refused with another' },
      ],
    ],
  ),
  ...checksOf(
    'connect',
    'src/connect/callback.ts',
    ['test/connect/page.test.ts'],
    [
      [
        'one state comes back',
        'const take = more.length ? undefined : purposes.get(purpose);',
        'const take = purposes.get(purpose);',
        { story: 'two states' },
      ],
    ],
  ),
];
