import { inject } from 'vitest';
import type { Browser, Page } from './browser';
import { unexpected } from './gate';
import { told } from './upstream';

declare module 'vitest' {
  interface ProvidedContext {
    authorizationOrigin: string;
  }
}

type Asked = {
  path: string;
  authorization?: string;
  accept?: string;
  form: Record<string, string>;
  body: Record<string, unknown> | null;
};

/**
 * A server's authorization server (support/authorization-setup.ts): it registers clients, lets in whoever is sent to it,
 * rotates refresh tokens, and misbehaves as told. A server that demands its tokens is started with
 * `Upstream.start(['whoami'], { demands: { issuer: as.issuer, scope: 'read' }, registration: { auth_type: … } })`: it
 * answers 401 with `resource_metadata`, has resource metadata of its own, and its tool `whoami` tells whose token it was
 * called with. `demandsHeaders: ['x-key']` does the same with personal headers, refusing values that begin with `wrong`.
 */
export class AuthorizationServer {
  private constructor(
    readonly name: string,
    readonly issuer: string,
  ) {}

  /** @param behaviour of support/authorization-setup.ts: `registers`, `documents`, `rotates`, `lifetime`, `quirks`, `metadata` … */
  static async start(behaviour: Record<string, unknown> = {}): Promise<AuthorizationServer> {
    const name = `as-${crypto.randomUUID().slice(0, 8)}`;
    const server = new AuthorizationServer(name, `${inject('authorizationOrigin')}/${name}`);
    await server.behave(behaviour);
    return server;
  }

  /** Changes how it behaves: `fault` (`hang`, `die`, a status …), `refuses` (an OAuth error), `holds` (until {@link release}) … */
  async behave(behaviour: Record<string, unknown>): Promise<void> {
    await this.control('set', behaviour);
  }

  /** Lets every token request that is held go on. */
  async release(): Promise<void> {
    await this.control('release');
  }

  /** Waits until `count` token requests with this grant type have come. */
  async sees(grantType: 'authorization_code' | 'refresh_token', count = 1): Promise<Asked[]> {
    await this.control('until', { grant_type: grantType, count });
    return this.tokenRequests(grantType);
  }

  /** What it has been asked so far, at a path below its own (`register`, `authorize`, `token`, `revoke`, `metadata`) or at all. */
  async asked(path?: string): Promise<Asked[]> {
    const { asked } = await this.control('seen');
    return asked.filter((one) => !path || one.path === path);
  }

  /** Token requests with this grant type so far. */
  async tokenRequests(grantType: 'authorization_code' | 'refresh_token'): Promise<Asked[]> {
    return (await this.asked('token')).filter(({ form }) => form.grant_type === grantType);
  }

  /** `expire`: its access tokens do not serve any more. `revoke`: no token does. `forget-clients`: no one is registered. */
  async lose(what: 'expire' | 'revoke' | 'forget-clients'): Promise<void> {
    await this.control(what);
  }

  /** Where `user`, sent to `url`, is sent back to. */
  async answer(url: string | URL, user: string): Promise<URL> {
    if (!String(url).startsWith(`${this.issuer}/authorize`)) throw new Error(`nobody is sent to ${url}`);
    const response = await fetch(url, { headers: { 'x-user': user }, redirect: 'manual' });
    const location = response.headers.get('location');
    if (!location) throw unexpected(`GET ${url}`, response.status, await response.text());
    return new URL(location);
  }

  /** `user` signs in where `browser` has been sent, and comes back. */
  async approve(browser: Browser, user: string): Promise<Page | null> {
    return browser.open(await this.answer(browser.callback ?? '', user));
  }

  private async control(act: string, body: unknown = {}): Promise<{ asked: Asked[] }> {
    const url = `${this.issuer}/control/${act}`;
    return told(url, body);
  }
}
