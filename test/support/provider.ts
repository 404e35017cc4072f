import { inject } from 'vitest';
import type { Browser, Page } from './browser';
import { administer, configure, gate, read } from './gate';
import { told } from './upstream';

declare module 'vitest' {
  interface ProvidedContext {
    providerOrigin: string;
  }
}

type Claims = Record<string, unknown>;
type Asked = { path: string; authorization?: string; form: Record<string, string> };
type Session = { id: string; is_administrator: boolean; user: { id: string } | null; csrf: string };

const seconds = () => Math.floor(Date.now() / 1000);

/** Where the tests' Cloudflare Access is: its team's name. */
export const accessTeam = () => new URL(inject('providerOrigin')).host;

/** An OpenID Connect provider of the tests (support/provider-setup.ts), which signs what it is told. */
export class Provider {
  private constructor(
    readonly name: string,
    readonly issuer: string,
  ) {}

  /** Makes a provider the one that people of this gateway sign in with. */
  static async start(settings: Record<string, unknown> = {}): Promise<Provider> {
    const name = `p${crypto.randomUUID().slice(0, 8)}`;
    const issuer = `${inject('providerOrigin')}/${name}`;
    await configure({
      oidc: {
        issuer,
        client_id: 'toolgate',
        client_secret: 'client-secret',
        allowed_domains: ['acme.example'],
        admin_emails: ['root@acme.example'],
        ...settings,
      },
    });
    return new Provider(name, issuer);
  }

  /** Changes what the provider does; answers what it has been asked so far. */
  async behave(behaviour: Record<string, unknown> = {}): Promise<Asked[]> {
    return told(`${this.issuer}/control`, behaviour);
  }

  /** The person signs in at the provider, where `browser` has been sent, and comes back with what it vouches for. */
  async approve(
    browser: Browser,
    email: string,
    {
      claims = {},
      answer = {},
      ...behaviour
    }: { claims?: Claims; answer?: Record<string, string> } & Claims = {},
  ): Promise<Page | null> {
    const asked = browser.callback;
    if (!asked?.href.startsWith(`${this.issuer}/authorize`))
      throw new Error(`the browser was sent to ${asked}`);
    const query = asked.searchParams;
    await this.behave({
      claims: {
        iss: this.issuer,
        sub: `sub of ${email}`,
        aud: 'toolgate',
        iat: seconds(),
        exp: seconds() + 300,
        nonce: query.get('nonce'),
        email,
        email_verified: true,
        name: email.split('@')[0],
        ...claims,
      },
      ...behaviour,
    });
    const callback = new URL(query.get('redirect_uri') ?? '');
    const parameters = { code: 'a-code', state: query.get('state') ?? '', ...answer };
    for (const [name, value] of Object.entries(parameters)) callback.searchParams.set(name, value);
    return browser.open(callback);
  }

  /** Signs `email` in from the front door. */
  async signIn(
    browser: Browser,
    email: string,
    changes: Parameters<Provider['approve']>[2] = {},
  ): Promise<Page | null> {
    await browser.open('/oauth/sign-in?return_to=/health');
    return this.approve(browser, email, changes);
  }
}

/** A JWT signed as told: `own` is the key that Access publishes. */
export async function signed(claims: Claims, signature = 'own'): Promise<string> {
  const { token } = await told<{ token: string }>(`${inject('providerOrigin')}/sign`, { claims, signature });
  return token;
}

/** A call of the management API by a browser, with the cookies it has and nothing else. */
export async function as(
  browser: Browser,
  method: string,
  path: string,
  { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
): Promise<Response> {
  const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ');
  return gate(`/api${path}`, {
    method,
    headers: { cookie, 'content-type': 'application/json', ...headers },
    body: body === undefined ? null : JSON.stringify(body),
  });
}

/** Who this browser is signed in as; null when no one is. */
export async function sessionOf(browser: Browser): Promise<Session | null> {
  const response = await as(browser, 'GET', '/session');
  const { body } = await read<{ session?: Session }>(response);
  return body.session ?? null;
}

export type Person = { id: string; email: string; is_active: boolean; is_administrator: boolean };

/** The person with this address, as an administrator sees them. */
export async function personOf(email: string): Promise<Person> {
  const { users } = await administer<{ users: Person[] }>(
    'GET',
    `/users?search=${encodeURIComponent(email)}`,
  );
  if (!users[0]) throw new Error(`nobody has signed in as ${email}`);
  return users[0];
}
