import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { app } from '../src/app';
import { Browser } from './support/browser';
import { gate, ISSUER } from './support/gate';
import { McpClient } from './support/mcp-client';

const sources = import.meta.glob<string>('../src/**/*.{ts,tsx}', {
  query: '?raw',
  import: 'default',
  eager: true,
});

/** Every name that some endpoint reads from a query, a form or the body. */
const NAMES = [
  ...new Set(
    Object.values(sources).flatMap((text) =>
      [...text.matchAll(/(?:query|get|has|getAll)\(\s*'([a-z_]{2,40})'/g)].map(([, name = '']) => name),
    ),
  ),
];
/** Every route, by its path: those of the router, and the road that goes before it. */
const PATHS = [...new Set([...app.routes.map(({ path }) => path), '/mcp', '/mcp/:slug'])];
const METHODS = ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS'];

const at = (path: string, segment = 'x') => path.replace(/:\w+(\{[^}]*\})?\??|\*/g, () => segment);

/** What leads away when it is taken for a path, or put behind an origin or into a header as it is. */
const HOSTILE = [
  ...['//evil.example', '/\\evil.example', '\\\\evil.example', '/.//evil.example', '/%2f%2fevil.example'],
  ...['/;//evil.example', '/..;/evil.example', '/%2e%2e//evil.example', '/\t/evil.example', '@evil.example'],
  ...['https://evil.example', '.evil.example', ':80@evil.example', 'javascript:alert(1)'],
  ...[
    '/x\r\nlocation: https://evil.example',
    '/%0d%0aset-cookie:%20a=b',
    '/\u2028//evil.example',
    '/ﾅ／evil.example',
  ],
  ...['/./\\evil.example', `/${'x'.repeat(3000)}//evil.example`, '/me#//evil.example', '/me?//evil.example'],
];

/** What a request may say of the host it wants. */
const HOSTS: Record<string, string>[] = [
  {},
  { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'javascript' },
  {
    forwarded: 'host=evil.example;proto=http',
    'x-original-url': '//evil.example',
    referer: 'https://evil.example/',
  },
];

let cookie = '';
beforeAll(async () => {
  const browser = await Browser.administrator();
  cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ');
});

type Asked = { url: string; method?: string; headers?: Record<string, string>; body?: URLSearchParams };

async function ask({ url, method = 'GET', headers = {}, body }: Asked): Promise<Response> {
  const response = await gate(new Request(url, { method, headers, body: body ?? null }));
  await response.body?.cancel();
  return response;
}

/** True when a browser that reads `target` at `origin` goes to a path there that is normalised. */
function staysAt(origin: string, target: string): boolean {
  const url = new URL(target, origin);
  return url.origin === origin && !url.pathname.startsWith('//') && url.href.endsWith(target);
}

/** Why an answer sends someone where it must not, or is a fault; null: it is well. */
function wrong(
  asked: Asked,
  { status, headers }: Response,
  registered: readonly string[] = [],
): string | null {
  const [, refresh = null] = /url=(.*)$/i.exec(headers.get('refresh') ?? '') ?? [];
  const targets = [headers.get('location'), refresh].filter((target) => target !== null);
  const leaves = targets.filter((target) => {
    const stays = target.startsWith(`${ISSUER}/`) || /^\/(?![/\\])/.test(target);
    const isOurs = stays && /^[\x21-\x7e]+$/.test(target) && staysAt(ISSUER, target);
    return !isOurs && !registered.some((uri) => target.startsWith(uri));
  });
  const said = `${asked.method ?? 'GET'} ${asked.url.slice(0, 200)}`;
  if (leaves.length) return `${said} leads to ${leaves}`;
  return status >= 500 ? `${said} answers ${status}` : null;
}

async function faultsOf(all: readonly Asked[], registered: readonly string[] = []): Promise<string[]> {
  const found: (string | null)[] = [];
  for (let at = 0; at < all.length; at += 20) {
    const some = all.slice(at, at + 20);
    found.push(...(await Promise.all(some.map(async (asked) => wrong(asked, await ask(asked), registered)))));
  }
  return found.filter((fault) => fault !== null);
}

describe('no redirect of any route leaves the issuer (SECURITY 31)', () => {
  it('whatever path is asked for in its query or form', async () => {
    const asked = PATHS.flatMap((path, n) =>
      [0, 1].flatMap((round): Asked[] => {
        const hostile = HOSTILE[(n + round * 7) % HOSTILE.length] as string;
        const fields = new URLSearchParams(NAMES.map((name) => [name, hostile]));
        const headers = { ...HOSTS[round], ...(round && { cookie }) };
        return [
          { url: `${ISSUER}${at(path)}?${fields}`, headers },
          {
            url: `${ISSUER}${at(path)}`,
            method: 'POST',
            headers: { ...headers, origin: ISSUER },
            body: fields,
          },
        ];
      }),
    );

    expect(NAMES).toEqual(expect.arrayContaining(['return_to', 'flow_id', 'here', 'as']));
    expect(PATHS.length).toBeGreaterThan(100);
    expect(await faultsOf(asked)).toEqual([]);
  });

  it('whatever its own path is made into', async () => {
    const forms = [
      ...[
        '//evil.example',
        '/\\evil.example',
        '/%2f%2fevil.example',
        '/.;',
        '/%2e%2e',
        ';v=1',
        '//',
        '/%00',
        '/%',
      ],
    ];
    const asked = PATHS.map((path, n): Asked => {
      const form = forms[n % forms.length] as string;
      const plain = at(path, form.replace(/[/\\]/g, '') || 'x');
      const made = [`${form}${plain}`, `${plain}${form}`, at(path, 'x').replace(/\/(?=[^/]*$)/, form)];
      const url = made[Math.floor(n / forms.length) % made.length] as string;
      return {
        url: `${ISSUER}${url.startsWith('/') ? '' : '/'}${url}`,
        headers: HOSTS[n % HOSTS.length] ?? {},
      };
    });

    expect(await faultsOf(asked)).toEqual([]);
  });

  it('when one is asked for by any sequence of what parsers read differently', async () => {
    const redirecting = ['/admin/sign-in', '/oauth/sign-in', '/admin', '/me', '/oauth/consent', '/'];
    const part = fc.constantFrom(
      '/',
      '\\',
      '.',
      '%2e',
      '%2f',
      '%5c',
      '\t',
      '\r\n',
      ';',
      '@',
      ':',
      '?',
      '#',
      'evil.example',
    );
    const path = fc.array(part, { minLength: 1, maxLength: 8 }).map((parts) => parts.join(''));

    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...redirecting),
        path,
        fc.constantFrom(...NAMES),
        fc.constantFrom(...HOSTS),
        async (route, hostile, name, hosts) => {
          const query = new URLSearchParams({ return_to: hostile, [name]: hostile });
          const headers = { ...hosts, cookie };
          const inQuery = { url: `${ISSUER}${route}?${query}`, headers };
          const inPath = { url: `${ISSUER}/${hostile.replace(/[?#\r\n\t]/g, '')}`, headers };
          expect(await faultsOf([inQuery, inPath])).toEqual([]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('but to a redirect URI that the client registered, whatever else it asks for', async () => {
    const client = await McpClient.register();
    const urls = await Promise.all(
      ['redirect_uri', 'state', 'scope', 'resource', 'prompt', 'response_type', 'login_hint'].flatMap(
        (name) => HOSTILE.map((hostile) => client.authorizeUrl({ [name]: hostile })),
      ),
    );

    const faults = await faultsOf(
      urls.map((url) => ({ url })),
      [`${client.redirectUri}?`],
    );

    expect(faults).toEqual([]);
  });
});

describe('every answer', () => {
  it('says whether it may be kept, and forbids guessing at its type, on every route by every method (SECURITY 6)', async () => {
    const bare: string[] = [];
    const kept = new Set<string>();
    for (const method of METHODS) {
      const answers = await Promise.all(
        PATHS.map(async (path) => {
          const url = `${ISSUER}${at(path)}`;
          return [
            path,
            await ask({ url, method, headers: method === 'OPTIONS' ? { origin: 'https://a.example' } : {} }),
          ] as const;
        }),
      );
      for (const [path, { status, headers }] of answers) {
        const policy = headers.get('cache-control');
        if (!policy || headers.get('x-content-type-options') !== 'nosniff')
          bare.push(`${method} ${path}: ${status}`);
        if (policy !== 'no-store') kept.add(path);
      }
    }

    expect(bare).toEqual([]);
    expect([...kept].sort()).toEqual([
      '/.well-known/jwks.json',
      '/api/docs',
      '/api/openapi.json',
      '/oauth/client.json',
    ]);
  });
});
