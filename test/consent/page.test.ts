import { runDurableObjectAlarm } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { randomSecret, seal } from '../../src/crypto/secrets';
import { findFlow } from '../../src/flows';
import { Browser, type Page, said } from '../support/browser';
import { wait } from '../support/clock';
import { admin, configure, gate, ISSUER, newKey } from '../support/gate';
import { McpClient } from '../support/mcp-client';

/** The page a browser is shown, which must be one of the gateway's own. */
const shown = (page: Page | null): Page => {
  if (!page) throw new Error('the browser was sent away');
  return page;
};

async function begin(metadata: Record<string, unknown> = {}) {
  const client = await McpClient.register(metadata);
  const browser = new Browser();
  const page = shown(await browser.open(await client.authorizeUrl()));
  return { client, browser, page, flowId: new URL(page.url).searchParams.get('flow_id') ?? '' };
}

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Two servers that never answer: enough to be ticked. */
beforeAll(async () => {
  for (const name of ['alpha', 'beta']) {
    await admin('POST', '/mcp/client', {
      name,
      connection_type: 'http',
      connection_string: 'http://127.0.0.1:1/mcp',
      auth_type: 'none',
    });
  }
});

describe('consent (CONTRACT §4)', () => {
  it('says who asks, where it sends the person back, and what it gets', async () => {
    const { page } = await begin({ client_name: 'Claude <b>Code</b>' });

    expect(page.html).toContain('<h1>Claude &lt;b&gt;Code&lt;/b&gt; wants to use your tools</h1>');
    expect(page.html).toContain('this computer');
    expect(page.html).toContain('127.0.0.1:7777');
    expect(page.html).toContain('Not verified: any app can call itself');
  });

  it('shows a remote host in punycode, and a private-use scheme as this device', async () => {
    const remote = await begin({ redirect_uris: ['https://xn--pple-43d.example/cb'] });
    const app = await begin({ redirect_uris: ['cursor://anysphere.cursor-mcp/oauth/callback'] });

    expect(remote.page.html).toContain('xn--pple-43d.example');
    expect(app.page.html).toContain('this device');
    expect(app.page.html).toContain('cursor://anysphere.cursor-mcp');
  });

  it('shows of a long host the end, which says whose it is, and the whole at a press', async () => {
    const host = `claude.ai.${'a'.repeat(60)}.${'b'.repeat(60)}.attacker.example`;
    const { page } = await begin({ redirect_uris: [`https://${host}/cb`] });

    expect(page.html).toContain(`<b>${host.slice(-59)}</b>`);
    expect(page.html).toContain(`<bdi>${host}</bdi>`);
  });

  it('shows the whole of a long private-use scheme at a press', async () => {
    const scheme = `com.googleusercontent.apps.${'1'.repeat(12)}-${'a'.repeat(32)}`;
    const { page } = await begin({ redirect_uris: [`${scheme}:/cb`] });

    expect(page.html).toContain(`<bdi>${scheme}://</bdi>`);
  });

  it('allows nothing to load or run but our stylesheet, and nobody to frame it', async () => {
    const { page } = await begin();
    const policy = page.headers.get('content-security-policy');

    expect(policy).toBe(
      "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    );
    expect(page.headers.get('referrer-policy')).toBe('same-origin');
    expect(page.headers.get('cache-control')).toBe('no-store');
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    expect(page.headers.get('strict-transport-security')).toBe('max-age=31536000');
    expect(page.headers.get('cross-origin-opener-policy')).toBeNull();
    expect(page.html).not.toMatch(
      /<script(?! src="\/toolgate.js" defer)|style="|https?:\/\/(?!gate\.example|www\.w3\.org)/,
    );
  });

  it('returns a code with state and iss once the person allows', async () => {
    const { client, browser } = await begin();

    await browser.submit(await client.toServices(browser), { decision: 'allow' });

    const callback = browser.callback;
    expect(callback?.origin + (callback?.pathname ?? '')).toBe('http://127.0.0.1:7777/callback');
    expect(Object.fromEntries(callback?.searchParams ?? [])).toEqual({
      code: expect.stringMatching(/^[0-9a-f]{64}\.[\w-]{43}$/),
      state: 'the-state',
      iss: ISSUER,
    });
  });

  it('returns access_denied at either step when the person denies', async () => {
    const first = await begin();
    const second = await begin();

    await first.browser.submit(first.page, { decision: 'deny' });
    await second.browser.submit(await second.client.toServices(second.browser), { decision: 'deny' });

    for (const { browser } of [first, second]) {
      expect(browser.callback?.searchParams.get('error')).toBe('access_denied');
      expect(browser.callback?.searchParams.get('state')).toBe('the-state');
      expect(browser.callback?.searchParams.has('code')).toBe(false);
    }
  });

  it('answers an unknown, a wrong, an inactive and an expired key alike, and never echoes one', async () => {
    const inactive = await newKey();
    await admin('PUT', `/governance/virtual-keys/${inactive.id}`, { is_active: false });
    const expired = await newKey();
    await env.DB.prepare('UPDATE virtual_key SET expires_at = 1 WHERE id = ?').bind(expired.id).run();
    const { browser, page } = await begin();

    for (const value of [
      'sk-bf-unknown-key-value-0123456789',
      'nonsense',
      inactive.value,
      expired.value,
      '',
    ]) {
      const again = shown(await browser.submit(page, { virtual_key: value, decision: 'continue' }));

      expect(again.html).toContain(
        'This key doesn’t work here. Check for missing characters, or ask the person who gave it to you.',
      );
      if (value) expect(again.html).not.toContain(value);
    }
  });

  it('shows only the servers an identity may use, each ticked', async () => {
    const { client, browser } = await begin();
    const key = await newKey(['alpha']);

    const services = await client.toServices(browser, { key: key.value });

    expect(services.html).toMatch(/<input[^>]*name="server"[^>]*value="alpha"[^>]*checked/);
    expect(services.html).not.toContain('value="beta"');
  });

  it('narrows the grant to the servers left ticked', async () => {
    const { client, browser } = await begin();
    const key = await newKey(['alpha', 'beta']);

    await browser.submit(await client.toServices(browser, { key: key.value }), {
      server: 'beta',
      decision: 'allow',
    });
    const grantId = browser.callback?.searchParams.get('code')?.slice(0, 64) ?? '';
    const row = await env.DB.prepare(
      "SELECT servers, (SELECT name FROM server WHERE id = json_extract(servers, '$[0].id')) AS name FROM oauth_grant WHERE grant_id = ?",
    )
      .bind(grantId)
      .first<{ servers: string; name: string }>();

    expect(JSON.parse(row?.servers ?? '')).toHaveLength(1);
    expect(row?.name).toBe('beta');
  });

  it('narrows nothing for a form that showed no boxes', async () => {
    const { client, browser } = await begin();
    const key = await newKey(['alpha']);

    await browser.submit(await client.toServices(browser, { key: key.value }), {
      access: null,
      server: null,
      decision: 'allow',
    });
    const grantId = browser.callback?.searchParams.get('code')?.slice(0, 64) ?? '';
    const row = await env.DB.prepare('SELECT servers FROM oauth_grant WHERE grant_id = ?')
      .bind(grantId)
      .first();

    expect(row).toEqual({ servers: null });
  });

  it('asks for one tick at least, and keeps what else was chosen', async () => {
    const { client, browser } = await begin();
    const key = await newKey(['alpha']);

    const again = shown(
      await browser.submit(await client.toServices(browser, { key: key.value }), {
        server: null,
        read_only: 'on',
        expires_in: '28800',
        decision: 'allow',
      }),
    );

    expect(again.html).toContain('Select at least one server, or deny the request.');
    expect(again.html).toMatch(/name="read_only"[^>]*checked/);
    expect(again.html).toMatch(/value="28800"[^>]*selected/);
    expect(again.html).not.toMatch(/value="alpha"[^>]*checked/);
  });

  it('grants mcp:read for read only, and for the time chosen', async () => {
    const client = await McpClient.register();

    const tokens = await client.obtainGrant({ answers: { read_only: 'on', expires_in: '28800' } });
    const forever = await client.obtainGrant({ answers: { expires_in: '0' } });
    const rows = await env.DB.prepare(
      'SELECT read_only, expires_at - created_at AS life FROM oauth_grant WHERE client_id = ? ORDER BY life',
    )
      .bind(client.clientId)
      .all();

    expect(tokens.scope).toBe('mcp:read');
    expect(forever.scope).toBe('mcp');
    expect(rows.results).toEqual([
      { read_only: 0, life: null },
      { read_only: 1, life: 28_800 },
    ]);
  });

  it('never takes an empty or odd time for one without an end', async () => {
    const client = await McpClient.register();
    await client.obtainGrant({ answers: { expires_in: '' } });
    for (const expires_in of [' ', '0x0', '-0', '0e9'])
      await expect(client.obtainGrant({ answers: { expires_in } })).rejects.toThrow();
    const { results } = await env.DB.prepare(
      'SELECT expires_at - created_at AS life FROM oauth_grant WHERE client_id = ?',
    )
      .bind(client.clientId)
      .all();

    expect(results).toEqual([{ life: 2_592_000 }]);
  });

  it('does not turn a request for mcp:write alone into mcp:read', async () => {
    const client = await McpClient.register();
    const browser = new Browser();
    const services = await client.toServices(browser, { changes: { scope: 'mcp:write' } });

    const again = shown(await browser.submit(services, { read_only: 'on', decision: 'allow' }));

    expect(services.html).not.toContain('name="read_only"');
    expect(again.html).toContain('didn’t ask for read-only tools');
  });

  it('counts attempts at a key (SECURITY 7)', async () => {
    const { browser, page } = await begin();
    env.RATE_LIMITS = 'on';
    let last = page;
    try {
      for (let attempt = 0; attempt <= 20 && last.status !== 429; attempt++) {
        // 21, for a minute may end between them
        const guess = { identity: 'virtual_key', virtual_key: 'sk-bf-guess', decision: 'continue' };
        last = shown(await browser.submit(shown(await browser.open(page.url)), guess));
      }
    } finally {
      env.RATE_LIMITS = 'off';
    }

    expect(last.status).toBe(429);
  });

  it('refuses a length it did not offer', async () => {
    const { client, browser } = await begin();

    const again = shown(
      await browser.submit(await client.toServices(browser), { expires_in: '999999999', decision: 'allow' }),
    );

    expect(again.html).toContain('Choose when access ends');
  });

  it('remembers the identity in this browser, and never the approval', async () => {
    const { client, browser } = await begin();
    const key = await newKey();
    await browser.submit(await client.toServices(browser, { key: key.value }), { decision: 'allow' });

    const other = await McpClient.register();
    const identify = shown(await browser.open(await other.authorizeUrl()));
    const services = shown(await browser.submit(identify, { decision: 'continue' }));

    expect(identify.html).toContain(`Continue as ${key.name}`);
    expect(identify.html).toContain('Use someone else');
    expect(services.html).toContain('What can Test client use?');
    expect(browser.callback).toBeNull();
  });

  it('takes a key typed instead of the identity it remembers, and blanks around one', async () => {
    const { client, browser } = await begin();
    await browser.submit(await client.toServices(browser), { decision: 'allow' });
    const remembered = shown(await browser.open(await client.authorizeUrl()));
    const typed = await newKey();

    const services = shown(
      await browser.submit(remembered, { virtual_key: ` ${typed.value}\n`, decision: 'continue' }),
    );

    expect(services.html).toContain(`It acts as the key <b>${typed.name}</b>`);
  });

  it('remembers an identity for 30 days', async () => {
    const { client, browser } = await begin();
    await browser.submit(await client.toServices(browser), { decision: 'allow' });

    wait(29 * 86_400);
    const within = shown(await browser.open(await client.authorizeUrl()));
    wait(86_400);
    const after = shown(await browser.open(await client.authorizeUrl()));

    expect(within.html).toContain('Continue as');
    expect(after.html).not.toContain('Continue as');
  });

  it.each(['continue', 'keep', 'constructor', ''])('allows nothing for the decision %j', async (decision) => {
    const { client, browser } = await begin();

    const again = shown(await browser.submit(await client.toServices(browser), { decision }));

    expect(again.html).toContain('Choose Allow or Deny');
  });

  it('has no button but Allow that a program could take for the one that goes on', async () => {
    const { client, browser } = await begin();

    const { html } = await client.toServices(browser);

    expect(html.match(/value="(allow|continue)"/g)).toEqual(['value="allow"']);
  });

  it('no longer knows an identity whose key is gone', async () => {
    const { client, browser } = await begin();
    const key = await newKey();
    await browser.submit(await client.toServices(browser, { key: key.value }), { decision: 'allow' });
    const remembered = shown(await browser.open(await client.authorizeUrl()));
    await admin('DELETE', `/governance/virtual-keys/${key.id}`);

    const late = shown(await browser.submit(remembered, { decision: 'continue' }));
    const fresh = shown(await browser.open(await client.authorizeUrl()));

    expect(late.html).toContain('Your sign-in expired');
    expect(fresh.html).not.toContain('Continue as');
  });

  it('does not open a grant for a key that was switched off between the steps', async () => {
    const { client, browser } = await begin();
    const key = await newKey();
    const services = await client.toServices(browser, { key: key.value });
    await admin('PUT', `/governance/virtual-keys/${key.id}`, { is_active: false });

    const again = shown(await browser.submit(services, { decision: 'allow' }));

    expect(again.html).toContain('no longer works here');
  });

  it('offers anonymous only where enforcement is off, and makes every session a subject of its own', async () => {
    const enforced = await begin();
    await configure({ enforce_auth_on_inference: false });
    const client = await McpClient.register();
    const subjects = [];
    for (const browser of [new Browser(), new Browser()]) {
      const identify = shown(await browser.open(await client.authorizeUrl()));
      const services = shown(await browser.submit(identify, { identity: 'session', decision: 'continue' }));
      await browser.submit(services, { decision: 'allow' });
      const { body } = await client.redeem(browser.callback?.searchParams.get('code') ?? '');
      subjects.push(JSON.parse(atob(body.access_token.split('.')[1] ?? '')).sub);
    }
    await configure({ enforce_auth_on_inference: null });
    const forged = shown(
      await enforced.browser.submit(enforced.page, { identity: 'session', decision: 'continue' }),
    );

    expect(enforced.page.html).toContain('continue without signing in or a key');
    expect(enforced.page.html).not.toContain('value="session"');
    expect(forged.html).toContain('Choose how to continue');
    expect(subjects[0]).toMatch(/^session:/);
    expect(subjects[1]).not.toBe(subjects[0]);
  });

  it.each(['user', 'constructor', ''])('knows no identity mode %j', async (identity) => {
    const { browser, page } = await begin();

    const again = shown(await browser.submit(page, { identity, user_id: 'ana', decision: 'continue' }));

    expect(again.html).toContain('Choose how to continue');
  });
});

describe('a flow belongs to one browser (SECURITY 5)', () => {
  it('is 403 for a browser without its cookie, GET and POST', async () => {
    const { page } = await begin();
    const stranger = new Browser();

    expect((await stranger.open(page.url))?.status).toBe(403);
    expect((await stranger.submit(page, { decision: 'deny' }))?.status).toBe(403);
  });

  it('never adopts a cookie of another flow', async () => {
    const mine = await begin();
    const theirs = await begin();
    const [[, value = ''] = []] = [...mine.browser.cookies];
    const stranger = new Browser();
    stranger.cookies.set(`__Host-toolgate-flow-${theirs.flowId}`, value);

    expect((await stranger.open(theirs.page.url))?.status).toBe(403);
  });

  it('refuses a cookie that opens for the flow but was not set when it began', async () => {
    const { browser, page, flowId } = await begin();
    const state = { secret: randomSecret(), at: Math.floor(Date.now() / 1000) };
    const stranger = new Browser();
    stranger.cookies.set(
      `__Host-toolgate-flow-${flowId}`,
      await seal(env.ENCRYPTION_KEY, `cookie/flow/${flowId}`, JSON.stringify(state)),
    );

    expect((await stranger.open(page.url))?.status).toBe(403);
    expect((await browser.open(page.url))?.status).toBe(200);
  });

  it.each([
    ['a foreign Origin', { origin: 'https://evil.example' }],
    ['the Origin null', { origin: 'null' }],
    ['a cross-site fetch', { 'sec-fetch-site': 'cross-site' }],
    ['a sibling site', { origin: ISSUER, 'sec-fetch-site': 'same-site' }],
  ])('refuses a POST with %s', async (_, headers) => {
    const { browser, page } = await begin();

    expect(
      (await browser.submit(page, { decision: 'deny' }, headers as Record<string, string>))?.status,
    ).toBe(403);
    expect((await browser.open(page.url))?.status).toBe(200);
  });

  it('takes a POST the person made without a page, as from a saved address', async () => {
    const { browser, page } = await begin();

    await browser.submit(page, { decision: 'deny' }, { 'sec-fetch-site': 'none' });

    expect(browser.callback?.searchParams.get('error')).toBe('access_denied');
  });

  it('sends the browser on by 303, and lets nobody keep that', async () => {
    const { browser, page, flowId } = await begin();
    const form = /name="form" value="([^"]+)"/.exec(page.html)?.[1] ?? '';
    const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ');

    for (const decision of ['continue', 'deny']) {
      const body = new URLSearchParams({ flow_id: flowId, form, decision });
      const { status, headers } = await gate('/oauth/consent', { method: 'POST', body, headers: { cookie } });

      expect(status).toBe(303);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('referrer-policy')).toBe('same-origin');
    }
  });

  it('judges a POST with neither header by cookie and form alone', async () => {
    const { browser, page } = await begin();

    await browser.submit(page, { decision: 'deny' }, {});

    expect(browser.callback?.searchParams.get('error')).toBe('access_denied');
  });

  it.each(['', 'guess'])('refuses the form value %j', async (form) => {
    const { browser, page } = await begin();

    expect((await browser.submit(page, { form, decision: 'deny' }))?.status).toBe(403);
    expect((await browser.open(page.url))?.status).toBe(200);
  });

  it('refuses a form shown before the identity changed', async () => {
    const { client, browser } = await begin();
    const first = await newKey();
    const stale = await client.toServices(browser, { key: first.value });
    const another = shown(await browser.open(`${stale.url}&use=another`));
    await browser.submit(another, { virtual_key: (await newKey()).value, decision: 'continue' });

    const refused = shown(await browser.submit(stale, { decision: 'allow' }));

    expect(refused.status).toBe(403);
    expect(refused.html).toContain('This form is out of date');
  });

  it('says what was wrong on the form it was wrong on, when the person switches', async () => {
    const { client, browser } = await begin();
    const key = await newKey();
    const services = await client.toServices(browser, { key: key.value });
    const nothing = { access: 'chosen', server: [], tool: [], decision: 'allow' };

    const empty = shown(await browser.submit(services, nothing));
    const switched = shown(await browser.open(`${services.url}&use=another`));
    const refused = shown(
      await browser.submit(switched, { virtual_key: 'sk-bf-wrong', decision: 'continue' }),
    );
    const back = shown(await browser.open(services.url));

    expect(empty.html).toContain('Select at least one server');
    expect(switched.html).not.toContain('Select at least one server');
    expect(refused.html).toContain('This key doesn’t work here.');
    expect(refused.html).toContain('name="virtual_key"');
    expect(back.html).not.toContain('This key doesn’t work here.');
  });

  it('keeps two tabs two flows', async () => {
    const client = await McpClient.register();
    const browser = new Browser();
    const one = shown(await browser.open(await client.authorizeUrl({ state: 'one' })));
    const two = shown(await browser.open(await client.authorizeUrl({ state: 'two' })));

    await browser.submit(one, { decision: 'deny' });
    const first = browser.callback?.searchParams.get('state');
    await browser.submit(two, { decision: 'deny' });

    expect([first, browser.callback?.searchParams.get('state')]).toEqual(['one', 'two']);
  });

  it('approves nothing by GET', async () => {
    const { client, browser } = await begin();
    const services = await client.toServices(browser);

    const page = shown(await browser.open(`${services.url}&decision=allow&step=services`));

    expect(page.status).toBe(200);
    expect(browser.callback).toBeNull();
  });

  it.each(['', 'AAAAAAAAAAAAAAAAAAAAAA', '../code', 'A'.repeat(600)])(
    'is 410 for the unknown flow %j',
    async (flowId) => {
      expect((await new Browser().open(`/oauth/consent?flow_id=${flowId}`))?.status).toBe(410);
    },
  );

  it('ends 15 minutes after its last step, and an hour after its first', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const { client, browser, page } = await begin();
    const beginning = Date.now();
    const openAfter = async (minutes: number) => {
      vi.setSystemTime(beginning + minutes * 60_000);
      return browser.open(page.url);
    };

    expect((await openAfter(14))?.status).toBe(200);
    await browser.submit(page, { virtual_key: 'wrong', decision: 'continue' });
    expect((await openAfter(28))?.status).toBe(200);
    expect((await openAfter(30))?.status).toBe(410);
    expect((await openAfter(30))?.html).toContain('This request timed out');
    vi.setSystemTime(beginning + 61 * 60_000);
    expect((await new Browser().open(page.url))?.status).toBe(410);
    vi.useRealTimers();
    expect(client.clientId).toBeTruthy();
  });

  it('ends an hour after its first step, however many are taken', async () => {
    const { browser, page } = await begin();

    for (let step = 0; step < 4; step++) {
      wait(840);
      await browser.submit(page, { identity: 'constructor', decision: 'continue' });
      expect((await browser.open(page.url))?.status).toBe(200);
    }
    wait(240);

    expect((await browser.open(page.url))?.status).toBe(410);
  });

  it('says that it took too long to a browser that has let its cookie go', async () => {
    const { page } = await begin();

    wait(901);

    expect((await new Browser().open(page.url))?.status).toBe(410);
  });

  it('keeps its cookie within what browsers take, however much was unticked', async () => {
    const names = Array.from({ length: 60 }, (_, n) => `s${n}_${'x'.repeat(50)}`);
    for (const name of names) {
      const connection = {
        connection_type: 'http',
        connection_string: 'http://127.0.0.1:1/mcp',
        auth_type: 'none',
      };
      await admin('POST', '/mcp/client', { name, ...connection });
    }
    const { client, browser, flowId } = await begin();
    const key = await newKey(names);

    await browser.submit(await client.toServices(browser, { key: key.value }), {
      server: null,
      decision: 'allow',
    });

    expect(browser.cookies.get(`__Host-toolgate-flow-${flowId}`)?.length).toBeLessThan(3600);
    for (const name of names) await env.DB.prepare('DELETE FROM server WHERE name = ?').bind(name).run();
  });

  it('leaves nothing behind once a denied flow is over', async () => {
    const { browser, page, flowId } = await begin();
    const flow = await findFlow(env.KV, env.ENCRYPTION_KEY, flowId, Math.floor(Date.now() / 1000));
    const grant = env.GRANTS.get(env.GRANTS.idFromString(flow?.grantId ?? ''));
    await browser.submit(page, { decision: 'deny' });

    wait(3601);

    expect(await runDurableObjectAlarm(grant)).toBe(true);
    expect(await runDurableObjectAlarm(grant)).toBe(false);
  });

  it('lists no grant when allowing and denying meet and denying wins', async () => {
    for (let round = 0; round < 5; round++) {
      const { client, browser, flowId } = await begin();
      const services = await client.toServices(browser);
      const flow = await findFlow(env.KV, env.ENCRYPTION_KEY, flowId, Math.floor(Date.now() / 1000));
      const twin = new Browser();
      for (const [name, value] of browser.cookies) twin.cookies.set(name, value);

      const [, lost] = await Promise.all([
        browser.submit(services, { decision: 'deny' }),
        twin.submit(services, { decision: 'allow' }),
      ]);
      const won = browser.callback ? 'access_denied' : null;
      const row = await env.DB.prepare('SELECT 1 FROM oauth_grant WHERE grant_id = ?')
        .bind(flow?.grantId)
        .first();

      expect(twin.callback === null).toBe(won !== null);
      expect(row === null).toBe(won !== null);
      if (lost) expect(lost.html).toContain('You denied');
    }
  });

  it('gives a code that can be redeemed while KV cannot be written, and marks no client that was denied as allowed', async () => {
    const allowed = await begin();
    const denied = await begin();
    const first = await allowed.client.toServices(allowed.browser);
    const services = await denied.client.toServices(denied.browser);
    const twin = new Browser();
    for (const [name, value] of denied.browser.cookies) twin.cookies.set(name, value);
    const put = vi
      .spyOn(Object.getPrototypeOf(env.KV) as KVNamespace, 'put')
      .mockImplementation(async (name) => {
        if (put.mock.calls.length > 1) await denied.browser.submit(services, { decision: 'deny' });
        throw new Error(`KV PUT failed: 429 ${name}`);
      });
    await allowed.browser.submit(first, { decision: 'allow' });
    const code = allowed.browser.callback?.searchParams.get('code') ?? '';
    const tokens = await allowed.client.redeem(code);
    const lost = await twin.submit(services, { decision: 'allow' });
    const isAllowed = async ({ clientId }: McpClient) =>
      (await env.DB.prepare('SELECT allowed_at FROM client WHERE client_id = ?')
        .bind(clientId)
        .first('allowed_at')) !== null;

    expect(put).toHaveBeenCalledTimes(2);
    expect(tokens.status).toBe(200);
    expect(lost?.html).toContain('You denied');
    expect([await isAllowed(allowed.client), await isAllowed(denied.client)]).toEqual([true, false]);
  });

  it('says that a form is too long, and keeps the flow', async () => {
    const { browser, page } = await begin();
    const form = page.html.match(/name="form" value="([^"]+)"/)?.[1] ?? '';
    const tooLong = await browser.submit(page, { form: `${form}${'x'.repeat(1_048_576)}`, decision: 'deny' });

    expect(tooLong?.status).toBe(413);
    expect(said(shown(tooLong))).toContain('That is too much');
    expect((await browser.open(page.url))?.status).toBe(200);
  });

  it('is answered once: calm for the browser that answered, 403 for another', async () => {
    const { client, browser } = await begin();
    const services = await client.toServices(browser);
    await browser.submit(services, { decision: 'allow' });
    const { callback } = browser;

    const again = shown(await browser.submit(services, { decision: 'allow' }));
    const denied = shown(await browser.submit(services, { decision: 'deny' }));
    const reloaded = shown(await browser.open(services.url));

    expect(callback?.searchParams.has('code')).toBe(true);
    expect([again.status, denied.status, reloaded.status]).toEqual([409, 409, 409]);
    expect(reloaded.html).toContain('You already allowed Test client');
    expect(reloaded.html).not.toContain('class="notice"');
    expect((await new Browser().open(services.url))?.status).toBe(403);
  });

  it('gives one code when it is answered twice at the same moment, and the index says what won', async () => {
    const { client, browser } = await begin();
    const key = await newKey(['alpha', 'beta']);
    const services = await client.toServices(browser, { key: key.value });
    const twin = new Browser();
    for (const [name, value] of browser.cookies) twin.cookies.set(name, value);

    await Promise.all([
      browser.submit(services, { server: 'alpha', decision: 'allow' }),
      twin.submit(services, { server: 'beta', decision: 'allow' }),
    ]);
    const winners = [browser, twin].filter(({ callback }) => callback);
    const code = winners[0]?.callback?.searchParams.get('code') ?? '';
    const row = await env.DB.prepare(
      "SELECT (SELECT name FROM server WHERE id = json_extract(servers, '$[0].id')) AS name FROM oauth_grant WHERE grant_id = ?",
    )
      .bind(code.slice(0, 64))
      .first();

    expect(winners).toHaveLength(1);
    expect(row).toEqual({ name: winners[0] === browser ? 'alpha' : 'beta' });
    expect((await client.redeem(code)).status).toBe(200);
  });

  it('cannot be allowed once denied', async () => {
    const { client, browser } = await begin();
    const services = await client.toServices(browser);
    await browser.submit(services, { decision: 'deny' });

    const late = shown(await browser.submit(services, { decision: 'allow' }));

    expect(late.status).toBe(409);
    expect(late.html).toContain('You denied');
  });
});
