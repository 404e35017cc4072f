import { describe, expect, it, vi } from 'vitest';
import { formFor, formsOf, textOf } from '../../demo/consent';
import { Browser, type Page } from '../support/browser';
import { gate, ISSUER } from '../support/gate';
import { McpClient } from '../support/mcp-client';

const CALLBACK = 'cursor://anysphere.cursor-mcp/oauth/callback';

/** What a press of a button on a page is answered, not followed. */
async function pressed({ cookies }: Browser, page: Page, decision: string): Promise<Response> {
  const form = formFor(formsOf(page.html), { decision });
  const body = new URLSearchParams({ decision });
  for (const { name, value, isSent } of form?.controls ?? []) if (isSent) body.append(name, value);
  const cookie = [...cookies].map((pair) => pair.join('=')).join('; ');
  return gate('/oauth/consent', { method: 'POST', body, headers: { cookie, origin: ISSUER } });
}

async function atServices(metadata: Record<string, unknown> = {}, changes = {}) {
  const client = await McpClient.register({
    client_name: 'Cursor <b>',
    redirect_uris: [CALLBACK],
    ...metadata,
  });
  const browser = new Browser();
  const services = await client.toServices(browser, { changes: { redirect_uri: null, ...changes } });
  return { client, browser, services };
}

describe('going back to an app with a private-use scheme (RFC 8252 §7.1, CONTRACT §4)', () => {
  it('says that it is connected, and leads there by itself and by a link, without a script', async () => {
    const { browser, services } = await atServices({}, { state: 'a"<&b' });

    const answer = await pressed(browser, services, 'allow');
    const html = await answer.text();
    const back = new URL(answer.headers.get('refresh')?.replace('0; url=', '') ?? '');

    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('location')).toBeNull();
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(answer.headers.get('refresh')).toMatch(
      /^0; url=cursor:\/\/anysphere\.cursor-mcp\/oauth\/callback\?[\x21-\x7e]+$/,
    );
    expect(answer.headers.get('refresh')).not.toMatch(/["'<>]/);
    expect(Object.fromEntries(back.searchParams)).toEqual({
      code: expect.stringMatching(/^[0-9a-f]{64}\.[\w-]{43}$/),
      state: 'a"<&b',
      iss: ISSUER,
    });
    expect(html).toContain(`href="${back.href.replaceAll('&', '&amp;')}"`);
    expect(html).not.toContain('<script');
    expect(html).toContain('<h1>Cursor &lt;b&gt; is connected</h1>');
    expect(textOf(html)).toContain('Go back to Cursor <b> yourself');
    expect(textOf(html)).toMatch(
      /It can use all your tools until \d+ [A-Z][a-z]{2}( \d{4})?\. You can close this tab\./,
    );
  });

  it('gives no code twice', async () => {
    const { browser, services } = await atServices();

    await pressed(browser, services, 'allow');
    const again = await pressed(browser, services, 'allow');

    expect(again.status).toBe(409);
    expect(again.headers.get('refresh')).toBeNull();
    expect(await again.text()).not.toContain('code=');
  });

  it('says that it was denied, the same way', async () => {
    const { browser, services } = await atServices();

    const answer = await pressed(browser, services, 'deny');
    const html = await answer.text();

    expect(answer.status).toBe(200);
    expect(answer.headers.get('refresh')).toContain(`${CALLBACK}?error=access_denied`);
    expect(answer.headers.get('refresh')).not.toContain('code=');
    expect(html).toContain('<h1>You denied Cursor &lt;b&gt;</h1>');
  });

  it('goes nowhere by itself before a person has acted', async () => {
    const client = await McpClient.register({ redirect_uris: [CALLBACK] });

    const answer = await gate(await client.authorizeUrl({ redirect_uri: CALLBACK, response_type: 'token' }));
    const html = await answer.text();

    expect(answer.status).toBe(400);
    expect(answer.headers.get('refresh')).toBeNull();
    expect(answer.headers.get('location')).toBeNull();
    expect(html).toContain(`href="${CALLBACK}?error=unsupported_response_type`);
    expect(html).not.toContain('<script');
  });

  it('names, where the app is at fault, what the log finds it by', async () => {
    const client = await McpClient.register({ redirect_uris: [CALLBACK] });
    const logged = vi.spyOn(console, 'log');

    const answer = await gate(await client.authorizeUrl({ redirect_uri: CALLBACK, response_type: 'token' }));
    const [, code, requestId] =
      /reference: <b class="mono">([\w-]+)<\/b> · request <span class="mono">([\w-]+)</.exec(
        await answer.text(),
      ) ?? [];

    const lines = logged.mock.calls.map(([line]) => JSON.parse(line));
    expect(lines).toContainEqual(
      expect.objectContaining({
        ...{ event: 'request.refused', status: 400, type: 'unsupported_response_type' },
        ...{ code, request_id: requestId },
      }),
    );
  });

  it.each(['https://app.example/cb', 'http://127.0.0.1:7777/callback'])(
    'keeps the 303 for %s',
    async (uri) => {
      const { browser, services } = await atServices({ redirect_uris: [uri] });

      const answer = await pressed(browser, services, 'allow');

      expect(answer.status).toBe(303);
      expect(answer.headers.get('location')).toContain(`${uri}?code=`);
      expect(answer.headers.get('refresh')).toBeNull();
    },
  );
});
