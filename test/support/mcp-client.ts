import type { Answers } from '../../demo/consent';
import { Browser, type Page, said } from './browser';
import { gate, ISSUER, newKey, read, unexpected } from './gate';

export type Tokens = {
  access_token: string;
  refresh_token: string;
  expires_in: number;
  scope: string;
  token_type: string;
};
type Answer<T> = {
  status: number;
  body: T & { error?: string; error_description?: string };
  headers: Headers;
};
type Registered = { client_id: string; client_secret?: string; redirect_uris: string[] };

/** An MCP client: registers, sends its person through consent, keeps tokens. */
export class McpClient {
  readonly verifier = 'a-verifier-of-enough-unreserved-characters-0123456789';

  private constructor(readonly registration: Registered) {}

  /** A client of its own: an identical registration would be answered with an earlier one. */
  static async register(metadata: Record<string, unknown> = {}): Promise<McpClient> {
    const { status, body } = await register({
      client_name: 'Test client',
      redirect_uris: ['http://127.0.0.1:7777/callback', `com.example.test:/${crypto.randomUUID()}`],
      ...metadata,
    });
    if (status !== 201) throw unexpected('POST /oauth2/register', status, body);
    return new McpClient(body as Registered);
  }

  /** A client whose id is the address of its metadata document. */
  static described(url: string, redirectUris: string[]): McpClient {
    return new McpClient({ client_id: url, redirect_uris: redirectUris });
  }

  get clientId(): string {
    return this.registration.client_id;
  }

  get redirectUri(): string {
    return this.registration.redirect_uris[0] ?? '';
  }

  /** The authorization URL, with `changes` on top of a good request; null leaves a parameter out. */
  async authorizeUrl(changes: Record<string, string | null> = {}): Promise<string> {
    const good = {
      response_type: 'code',
      client_id: this.clientId,
      redirect_uri: this.redirectUri,
      code_challenge: await challengeOf(this.verifier),
      code_challenge_method: 'S256',
      state: 'the-state',
    };
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries({ ...good, ...changes }))
      if (value !== null) query.set(name, value);
    return `${ISSUER}/oauth2/authorize?${query}`;
  }

  /** Goes to the services step of consent, identified by `key` (a fresh one when none is given). */
  async toServices(
    browser: Browser,
    { key, changes }: { key?: string; changes?: Record<string, string | null> } = {},
  ): Promise<Page> {
    const identify = await browser.open(await this.authorizeUrl(changes));
    if (!identify) throw new Error(`authorize led to ${browser.callback}`);
    const value = key ?? (await newKey()).value;
    const services = await browser.submit(identify, {
      identity: 'virtual_key',
      virtual_key: value,
      decision: 'continue',
    });
    if (!services) throw new Error(`the identity step led to ${browser.callback}`);
    return services;
  }

  /** A code a person allowed with `answers`. */
  async obtainCode(
    options: { key?: string; changes?: Record<string, string | null>; answers?: Answers } = {},
  ): Promise<string> {
    const browser = new Browser();
    const services = await this.toServices(browser, options);
    const refused = await browser.submit(services, { decision: 'allow', ...options.answers });
    const code = browser.callback?.searchParams.get('code');
    if (!code)
      throw unexpected(
        'Allow, which led to no code,',
        refused?.status,
        refused ? said(refused) : `${browser.callback}`,
      );
    return code;
  }

  /** Tokens a person allowed. */
  async obtainGrant(options: Parameters<McpClient['obtainCode']>[0] = {}): Promise<Tokens> {
    const { status, body } = await this.redeem(await this.obtainCode(options));
    if (status !== 200) throw unexpected('POST /oauth2/token', status, body);
    return body;
  }

  redeem(code: string, changes: Record<string, string | null> = {}): Promise<Answer<Tokens>> {
    return this.token({
      grant_type: 'authorization_code',
      code,
      code_verifier: this.verifier,
      redirect_uri: this.redirectUri,
      ...changes,
    });
  }

  refresh(refreshToken: string, changes: Record<string, string | null> = {}): Promise<Answer<Tokens>> {
    return this.token({ grant_type: 'refresh_token', refresh_token: refreshToken, ...changes });
  }

  /** A token request as this client, with its secret in the form when it has one. */
  async token(fields: Record<string, string | null>): Promise<Answer<Tokens>> {
    return answer<Tokens>(
      await post('/oauth2/token', {
        client_id: this.clientId,
        client_secret: this.registration.client_secret ?? null,
        ...fields,
      }),
    );
  }

  async revoke(token: string): Promise<Response> {
    return post('/oauth2/revoke', { client_id: this.clientId, token });
  }
}

/** A form-encoded POST; null leaves a field out. */
export function post(
  path: string,
  fields: Record<string, string | null>,
  headers: Record<string, string> = {},
): Promise<Response> {
  const body = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) if (value !== null) body.set(name, value);
  return gate(path, { method: 'POST', body, headers });
}

/** A registration request, good or bad. */
export async function register(
  metadata: unknown,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const headers = { 'content-type': 'application/json' };
  return read(await gate('/oauth2/register', { method: 'POST', headers, body: JSON.stringify(metadata) }));
}

/** The S256 challenge of a verifier (RFC 7636 §4.2). */
async function challengeOf(verifier: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier)));
  return btoa(String.fromCharCode(...digest))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

async function answer<T>(response: Response): Promise<Answer<T>> {
  const { status, body } = await read<Answer<T>['body']>(response);
  return { status, body, headers: response.headers };
}
