import * as fc from 'fast-check';
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

/** What parsers read differently, what ends a header or a host, and harmless text between. */
const PARTS = [
  ...[
    '/',
    '//',
    '\\',
    '.',
    '..',
    '%2e',
    '%2E',
    '%2f',
    '%5c',
    '%00',
    '%',
    ';',
    '..;',
    '@',
    ':',
    '?',
    '#',
    '&',
    '=',
  ],
  ...[
    '\t',
    '\n',
    '\r',
    '\r\nlocation: //evil.example',
    ' ',
    '\u0000',
    '\u00a0',
    '\u2028',
    '\ufeff',
    '\uff0f',
    '\u3002',
    '\ud800',
  ],
  ...['evil.example', '[::1]', 'https:', 'javascript:', 'grüße', 'me', 'x'.repeat(3000)],
];
/** Such a path, or any text at all. */
const anyPath = fc.oneof(
  fc.array(fc.constantFrom(...PARTS), { maxLength: 9 }).map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 40 }).map((text) => `/${text}`),
  fc.webUrl({ withQueryParameters: true, withFragments: true }),
);

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
    const wrong = HOSTILE.map((value) => [value, ownPath(value), fault(ownPath(value))]).filter(
      ([, , why]) => why,
    );

    expect(HOSTILE.length).toBeGreaterThan(60);
    expect(wrong).toEqual([]);
  });

  it('stays here whatever is asked for, at the issuer and as a bare path', () => {
    fc.assert(
      fc.property(anyPath, fc.constantFrom(...ORIGINS, null), (asked, origin) => {
        const path = ownPath(asked);

        expect(fault(path)).toBeNull();
        expect(Destination.own(origin, asked).url).toBe(`${origin ?? ''}${path}`);
      }),
      { numRuns: 3000 },
    );
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

describe('a registered redirect URI (SECURITY 31)', () => {
  const registered = [
    'https://app.example/cb',
    'https://app.example/cb?tenant=1',
    'http://127.0.0.1:7777/callback',
    'cursor://anysphere.cursor/cb',
    'com.example.app:/cb',
  ];

  it('keeps its text, and carries whatever a client asked for as parameters', () => {
    fc.assert(
      fc.property(fc.constantFrom(...registered), anyPath, (uri, state) => {
        const { url } = Destination.client(uri, new URLSearchParams({ code: 'c', state }));

        expect(url.startsWith(`${uri}${uri.includes('?') ? '&' : '?'}`)).toBe(true);
        expect(url).toMatch(/^[\x21-\x7e]+$/);
        expect(new URL(url).searchParams.get('state')).toBe(state.toWellFormed());
        expect(new URL(url).href.split('?')[0]).toBe(new URL(uri).href.split('?')[0]);
        expect(new URL(url).hash).toBe('');
      }),
      { numRuns: 1000 },
    );
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
      /\b(c|Response)\.redirect\(|http-equiv|\blocation:|\{ location\b|(?<!(?:has|get)\()'location'|headers\S*(?<!has)\('refresh'/i;

    const found = Object.entries(sources)
      .filter(([file, text]) => !file.includes('/admin/openapi/') && ways.test(text))
      .map(([file]) => file);

    expect(found).toEqual(['../../src/ui/layout.tsx']);
  });
});
