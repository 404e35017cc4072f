import { beforeAll, describe, expect, it } from 'vitest';
import { app } from '../../src/app';
import { Browser } from '../support/browser';
import { deployedWith } from '../support/deployed';
import { gate, ISSUER } from '../support/gate';
import { Provider } from '../support/provider';

const EVIL = 'evil.example';

/** Ways to ask for a page of another site as if it were a path of this one. */
const PATHS = [
  ...[
    `//${EVIL}/x`,
    `/.//${EVIL}/x`,
    `/%2e//${EVIL}/x`,
    `/%2E%2e//${EVIL}/x`,
    `/..//${EVIL}/x`,
    `/./\\${EVIL}/x`,
  ],
  ...[
    `/\\${EVIL}/x`,
    `/\t/${EVIL}/x`,
    `/\n\\${EVIL}/x`,
    `/.\r//${EVIL}/x`,
    `https://${EVIL}/x`,
    `/admin/..//${EVIL}/x`,
  ],
];

/** Every address in an answer: where it sends the browser, and what its links, forms and hidden ways back name. */
async function addressesIn(response: Response): Promise<string[]> {
  const html = (await response.text()).replaceAll('&amp;', '&').replaceAll('&quot;', '"');
  const attributes = [...html.matchAll(/ (?:href|action|formaction|src)="([^"]*)"/g)];
  const ways = [...html.matchAll(/name="return_to" value="([^"]*)"/g)];
  const named = [...attributes, ...ways].map(([, address = '']) => address);
  const location = response.headers.get('location');
  const all = [...named, ...(location === null ? [] : [location])];
  const onwards = all.map((address) => new URL(address, ISSUER).searchParams.get('return_to'));
  return [...all, ...onwards.filter((address) => address !== null)];
}

const leaving = (addresses: string[]) =>
  addresses.filter((address) => new URL(address, ISSUER).host === EVIL);

const asPerson = (browser?: Browser) => ({
  accept: 'text/html',
  cookie: [...(browser?.cookies ?? [])].map((pair) => pair.join('=')).join('; '),
});

describe('where a sign-in goes on to (SECURITY 31)', () => {
  let provider: Provider;
  let administrator: Browser;
  beforeAll(async () => {
    provider = await Provider.start();
    administrator = await Browser.administrator();
  });

  const query = (path: string) => new URLSearchParams({ return_to: path });

  it.each(PATHS)('is never another site: %j at the sign-in of administrators', async (path) => {
    const stranger = await gate(`/admin/sign-in?${query(path)}`, { headers: asPerson() });
    const signedIn = await gate(`/admin/sign-in?${query(path)}`, { headers: asPerson(administrator) });
    const headers = { origin: ISSUER };
    const body = new URLSearchParams({ return_to: path, token: 'test-admin-token-of-32-characters' });
    const sent = await gate('/admin/sign-in', { method: 'POST', body, headers });
    const wrong = new URLSearchParams({ return_to: path, token: 'wrong' });
    const refused = await gate('/admin/sign-in', { method: 'POST', body: wrong, headers });

    expect([signedIn.status, signedIn.headers.get('location')]).toEqual([303, `${ISSUER}/`]);
    expect([sent.status, sent.headers.get('location')]).toEqual([303, `${ISSUER}/`]);
    for (const page of [stranger, refused]) {
      const addresses = await addressesIn(page);
      expect(addresses).toContain('/oauth/sign-in?return_to=%2F');
      expect(leaving(addresses)).toEqual([]);
    }
  });

  it.each(PATHS)('is never another site: %j at the sign-in of people', async (path) => {
    const browser = new Browser();
    await browser.open(`/oauth/sign-in?${query(path)}`);
    const back = await provider.approve(browser, 'ada@acme.example');
    const second = new Browser();
    await second.open(`/oauth/sign-in?${query(path)}`);
    const declined = await provider.approve(second, 'ada@acme.example', {
      answer: { error: 'access_denied' },
    });

    expect(back?.url).toBe(`${ISSUER}/`);
    expect(declined?.status).toBe(403);
    expect(declined?.html).toContain('href="/">Back');
  });

  it('is the path that was asked for', async () => {
    const path = '/admin/servers?offset=50&search=a%26b';
    const body = new URLSearchParams({ return_to: path, token: 'test-admin-token-of-32-characters' });
    const sent = await gate('/admin/sign-in', { method: 'POST', body, headers: { origin: ISSUER } });

    expect(sent.headers.get('location')).toBe(`${ISSUER}${path}`);
  });

  it('is the front page for a path that does not fit into the cookie', async () => {
    const browser = new Browser();
    await browser.open(`/oauth/sign-in?${query(`/${'ü'.repeat(1000)}`)}`);

    expect((await provider.approve(browser, 'ada@acme.example'))?.url).toBe(`${ISSUER}/`);
  });
});

describe('what an error page links to (SECURITY 31)', () => {
  /** Makes every page a 500, before anything looks at its path. */
  const broken = { REVOCATION_LAG: 'soon' };

  it.each([`//${EVIL}/x`, `/.//${EVIL}/x`, `/%2e//${EVIL}/x?q=1`, `/x/..//${EVIL}/`, `/\\${EVIL}/x`])(
    'is never another site, at %s',
    async (path) => {
      const init = { headers: asPerson() };
      const failed = await deployedWith(broken, `${ISSUER}${path}`, init);
      const missing = await deployedWith({}, `${ISSUER}${path}`, init);

      for (const [response, status] of [[failed, 500] as const, [missing, 404] as const]) {
        expect(response.status).toBe(status);
        const addresses = await addressesIn(response);
        expect(addresses).toContain('/');
        expect(leaving(addresses)).toEqual([]);
      }
    },
  );

  it('is the page itself, to try it again', async () => {
    const failed = await deployedWith(broken, `${ISSUER}/admin/servers?offset=50`, { headers: asPerson() });

    expect(await addressesIn(failed)).toContain('/admin/servers?offset=50');
  });
});

describe('every page', () => {
  /** The GET routes of the app, each as a path that has `value` wherever it takes one. */
  const paths = (value: string) => {
    const gets = app.routes.filter(({ method }) => method === 'GET');
    return [...new Set(gets.map(({ path }) => path.replace(/:\w+(\{[^}]*\})?\??|\*/g, value)))];
  };

  it('neither leads to another site nor fails because of its own address', async () => {
    const browser = await Browser.administrator();
    const names = ['return_to', 'as', 'search', 'q', 'offset', 'app', 'key', 'person', 'preset'];
    const query = new URLSearchParams(names.map((name) => [name, `/.//${EVIL}`]));
    const asked = [
      ...paths(`..%2f..%2f..%2f..%2f%2f${EVIL}`).map((path) => `${path}?${query}`),
      ...['/', '/admin', '/me', '/oauth/consent'].map((path) => `//${EVIL}${path}`),
    ];

    const led: unknown[] = [];
    for (const path of asked) {
      const visits = [asPerson(browser), asPerson()].map(async (headers) => {
        const response = await gate(new Request(`${ISSUER}${path}`, { headers }));
        const away = leaving(await addressesIn(response));
        return away.length || response.status >= 500 ? [[path, response.status, away]] : [];
      });
      led.push(...(await Promise.all(visits)).flat());
    }

    expect(asked.length).toBeGreaterThan(50);
    expect(led).toEqual([]);
  });
});
