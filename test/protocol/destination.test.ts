import { describe, expect, it } from 'vitest';
import { Destination, ownPath } from '../../src/protocol/destination';

const ORIGINS = ['https://gate.example', 'http://localhost:8787'];

/** What leaves the site when it is not read as a browser reads it, or would once it was normalised. */
const HOSTILE = [
  ...[
    '//evil.example',
    '///evil.example',
    '////evil.example/x',
    '//evil.example@gate.example',
    '//@evil.example',
  ],
  ...['/\\evil.example', '/\\/evil.example', '\\\\evil.example', '\\/evil.example', '/\\\\evil.example'],
  ...['/.//evil.example', '/./evil.example/..//evil.example', '/..//evil.example', '/../..//evil.example'],
  ...[
    '/.\\/evil.example',
    '/.\\\\evil.example',
    '/./\\evil.example',
    '/..\\/evil.example',
    '/x/..//evil.example',
  ],
  ...[
    '/%2e//evil.example',
    '/%2E//evil.example',
    '/%2e%2e//evil.example',
    '/%2e.//evil.example',
    '/.%2E//evil.example',
  ],
  ...['/%2e\\/evil.example', '/%2e/%2e//evil.example', '/%2e/\\evil.example', '/x/%2e%2e//evil.example'],
  ...['/\t/evil.example', '/\n/evil.example', '/\r/evil.example', '\t//evil.example', '/\t\\evil.example'],
  ...[
    '/.\t//evil.example',
    '/.\n/\r/evil.example',
    '/%2\te//evil.example',
    '/\t/\t/evil.example',
    '\n/\n/evil.example',
  ],
  ...[
    ' //evil.example',
    '\u0000//evil.example',
    '/ /evil.example',
    '\u00a0//evil.example',
    '\ufeff//evil.example',
  ],
  ...[
    'https://evil.example',
    'https:evil.example',
    'https:/evil.example',
    'http:evil.example',
    'HTTPS:\\\\evil.example',
  ],
  ...[
    'javascript:alert(1)',
    'data:text/html,x',
    'mailto:a@evil.example',
    'blob:https://evil.example/x',
    'file:///etc',
  ],
  ...[
    'evil.example',
    '.evil.example',
    '@evil.example',
    ':80',
    '?x',
    '#x',
    '',
    '..//evil.example',
    './/evil.example',
  ],
  ...[
    'https://gate.example.evil.example',
    'https://gate.example@evil.example',
    '//gate.example@evil.example/x',
  ],
  ...[
    '//[::1',
    '//a b',
    '//evil.example:99999',
    '//%',
    '//evil.example\\@gate.example',
    '/\u2215/evil.example',
  ],
  ...[
    '/%2F/evil.example',
    '/%2f%2fevil.example',
    '/%5cevil.example',
    '/./%5cevil.example',
    '/%5C%5Cevil.example',
  ],
  ...[
    '/%09/evil.example',
    '/%0a/evil.example',
    '/%00//evil.example',
    '/;//evil.example',
    '/.;//evil.example',
  ],
  ...['/.//', '/..//', '/%2e//', '//', '///', '/\\', '\\', '/.\\', '/#//evil.example', '/?//evil.example'],
];

/** Every sequence of up to four of these. */
function generated(): string[] {
  const parts = [
    '/',
    '\\',
    '.',
    '%2e',
    '%2E',
    '%5c',
    '%2f',
    '\t',
    '\n',
    '@',
    ':',
    '//evil.example',
    'evil.example',
  ];
  const longer = (all: string[]) => all.flatMap((start) => parts.map((part) => start + part));
  const [one, two, three] = [longer(['']), longer(longer([''])), longer(longer(longer([''])))];
  return [...one, ...two, ...three, ...three.map((rest) => `/${rest}`)];
}

/** Why a path must not be sent; null: it stays here, wherever that is, and however often it is read. */
function fault(path: string): string | null {
  if (!/^\/(?![/\\])[\x21-\x7e]*$/.test(path)) return 'does not begin with one slash, or is not normalised';
  if (ownPath(path) !== path) return 'is another path when it is read again';
  const left = ORIGINS.filter((origin) => {
    const url = new URL(path, origin);
    return url.origin !== origin || url.pathname + url.search !== path;
  });
  return left.length ? `leaves ${left}` : null;
}

describe('a path to go on to (SECURITY 31)', () => {
  it.each([
    ['/', '/'],
    ['/admin/servers?offset=50', '/admin/servers?offset=50'],
    ['/oauth/consent?flow_id=abc', '/oauth/consent?flow_id=abc'],
    ['/me/apps/../accounts', '/me/accounts'],
    ['/admin//x', '/admin//x'],
    ['/admin?next=//evil.example', '/admin?next=//evil.example'],
    ['/grüße', '/gr%C3%BC%C3%9Fe'],
  ])('takes %s', (asked, path) => {
    expect(ownPath(asked)).toBe(path);
    expect(fault(path)).toBeNull();
  });

  it('stays here for everything else that is asked for', () => {
    const asked = [...HOSTILE, ...generated()];

    const wrong = asked
      .map((value) => [value, ownPath(value), fault(ownPath(value))])
      .filter(([, , why]) => why);

    expect(HOSTILE.length).toBeGreaterThan(60);
    expect(wrong).toEqual([]);
  });

  it.each([
    '/.//evil.example',
    '/%2e//evil.example',
    '/./\\evil.example',
    '/..//evil.example',
    '//evil.example',
  ])('is the front page for %s', (asked) => {
    expect(ownPath(asked)).toBe('/');
    for (const origin of ORIGINS) expect(Destination.own(origin, asked).url).toBe(`${origin}/`);
  });
});

const sources = import.meta.glob<string>('../../src/**/*.{ts,tsx}', {
  query: '?raw',
  import: 'default',
  eager: true,
});

describe('sending a browser on', () => {
  it('is done in one place', () => {
    const ways =
      /\b(c|Response)\.redirect\(|http-equiv|\blocation:|\{ location\b|(?<!(?:has|get)\()'location'|headers\S*\('refresh'/i;

    const found = Object.entries(sources)
      .filter(([file, text]) => !file.includes('/admin/openapi/') && ways.test(text))
      .map(([file]) => file);

    expect(found).toEqual(['../../src/ui/layout.tsx']);
  });
});
