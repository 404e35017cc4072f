import { afterEach, describe, expect, inject, it, vi } from 'vitest';
import { McpCaller } from '../support/caller';
import { wait } from '../support/clock';
import { confirmed } from '../support/connected';
import { admin, gate } from '../support/gate';
import { addressOf, control } from '../support/upstream';

declare module 'vitest' {
  interface ProvidedContext {
    peers: { oidcProvider: string; sdkDemo: string };
  }
}

afterEach(() => vi.useRealTimers());

/** A server of a shared account at `issuer`, which an administrator authorizes as `user`. */
async function authorizedServer(issuer: string, scope: string, user: string): Promise<string> {
  const name = `up_${crypto.randomUUID().slice(0, 8)}`;
  const tools = [{ name: 'whoami', inputSchema: { type: 'object' } }];
  await control(name, 'set', { demands: { issuer, scope }, tools });
  const begun = await admin<{ authorize_url: string }>('POST', '/mcp/client', {
    name,
    connection_type: 'http',
    connection_string: addressOf(name),
    auth_type: 'oauth',
    allow_on_all_virtual_keys: true,
  });
  if (begun.status !== 200) throw new Error(JSON.stringify(begun));
  await confirmed(await gate((await walked(begun.authorize_url, user)).href));
  return name;
}

/** Where a browser of `user`, sent to a provider's page, ends: at the gateway again. */
async function walked(url: string, user: string): Promise<URL> {
  const { origin } = new URL(url);
  const cookies = new Map<string, string>();
  for (let next = new URL(url); ; ) {
    if (next.origin !== origin) return next;
    const headers = { 'x-user': user, cookie: [...cookies].map((pair) => pair.join('=')).join('; ') };
    const response = await fetch(next, { headers, redirect: 'manual' });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      cookies.set(name, value);
    }
    const location = response.headers.get('location');
    if (!location) throw new Error(`${next} answered ${response.status}: ${await response.text()}`);
    next = new URL(location, next);
  }
}

const said = async (caller: McpCaller, name: string) => {
  const { body } = await caller.call(`${name}-whoami`);
  return body.result?.content?.[0]?.text;
};

describe('authorization servers that others wrote', () => {
  it('oidc-provider: registration, resource, short tokens and rotation', async () => {
    const name = await authorizedServer(inject('peers').oidcProvider, 'read', 'ada');
    const caller = await McpCaller.withKey();

    expect(await said(caller, name)).toBe('ada');
    for (let time = 0; time < 3; time++) {
      wait(61); // each time the token before it has ended for us
      expect(await said(caller, name)).toBe('ada');
    }
  });

  it("the SDK's demo server, whose issuer ends with a slash", async () => {
    const name = await authorizedServer(inject('peers').sdkDemo, 'mcp:tools', 'demo');

    expect(await said(await McpCaller.withKey(), name)).toMatch(/^[0-9a-f-]{36}$/); // it knows its clients only
  });
});
