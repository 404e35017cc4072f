import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { identityModes } from '../../src/identity';
import type { IdentityMode } from '../../src/identity/mode';
import { Browser } from '../support/browser';
import { McpCaller } from '../support/caller';
import { admin } from '../support/gate';
import { shown } from '../support/identity-places';
import { McpClient, type Tokens } from '../support/mcp-client';
import { headerServer } from '../support/own-accounts';
import { Upstream } from '../support/upstream';
import { badge, reader } from './examples/badge';

// The one line, which src/identity/index.ts would have.
(identityModes as Map<string, IdentityMode>).set('badge', badge);

let open: Upstream;
let number: string;
beforeAll(async () => {
  await env.DB.exec('CREATE TABLE badge (id TEXT PRIMARY KEY, number TEXT, name TEXT, is_lost INTEGER)');
  open = await Upstream.start(['whoami']);
});
beforeEach(async () => {
  number = `B-${crypto.randomUUID()}`;
  await env.DB.prepare("INSERT INTO badge VALUES (?1, ?2, 'Ada Byron', 0)")
    .bind(`id-${number}`, number)
    .run();
});
afterEach(() => {
  reader.isOn = true;
});

/** What the badge allowed a fresh client. */
async function grant(browser = new Browser()) {
  const client = await McpClient.register();
  const first = shown(await browser.open(await client.authorizeUrl()));
  const answers = { identity: 'badge', badge_number: number, decision: 'continue' };
  const services = shown(await browser.submit(first, answers));
  await browser.submit(services, { decision: 'allow' });
  const { body } = await client.redeem(browser.callback?.searchParams.get('code') ?? '');
  return { client, browser, tokens: body };
}

const callerWith = ({ access_token }: Tokens) => new McpCaller({ authorization: `Bearer ${access_token}` });
const sessionOf = async ({ refresh_token }: Tokens) => {
  const [id] = refresh_token.split('.');
  const { session } = await admin<{ session: Record<string, unknown> }>('GET', `/oauth2/sessions/${id}`);
  return session;
};

describe('an identity mode is a file and one line (CONTRIBUTING, Add a thing)', () => {
  it('is offered at consent, and proves who types the right thing', async () => {
    const [client, browser] = [await McpClient.register(), new Browser()];

    const first = shown(await browser.open(await client.authorizeUrl()));
    const answers = { identity: 'badge', badge_number: 'B-0', decision: 'continue' };
    const refused = shown(await browser.submit(first, answers));
    const services = shown(await browser.submit(refused, { ...answers, badge_number: number }));

    expect(first.html).toContain('Badge number');
    expect(refused.html).toContain(badge.refusal);
    expect(services.html).toContain('Ada Byron');
  });

  it('gets tokens that work on /mcp and are renewed', async () => {
    const { client, tokens } = await grant();

    const called = await callerWith(tokens).call(`${open.name}-whoami`);
    const renewed = await client.refresh(tokens.refresh_token);
    const again = await callerWith(renewed.body).call(`${open.name}-whoami`);

    expect([called.status, renewed.status, again.status]).toEqual([200, 200, 200]);
    expect(called.body.result).toMatchObject({ content: expect.any(Array) });
    expect(again.body.result?.isError).not.toBe(true);
  });

  it('is known again, on its own page, and to administrators by its name', async () => {
    const { browser, client, tokens } = await grant();

    const next = shown(await browser.open(await client.authorizeUrl()));
    const me = shown(await browser.open('/me'));
    const found = await admin<{ sessions: { id: string }[] }>(
      'GET',
      '/oauth2/sessions?bf_mode=badge&search=Ada',
    );
    const page = shown(await (await Browser.administrator()).open('/admin/access'));

    expect(next.html).toContain('Continue as Ada Byron');
    expect(me.html).toContain('the badge of Ada Byron');
    expect(await sessionOf(tokens)).toMatchObject({ bf_mode: 'badge', identity_name: 'Ada Byron' });
    expect(found.sessions.map(({ id }) => id)).toContain(tokens.refresh_token.split('.')[0]);
    expect(page.html).toMatch(/Ada Byron<\/span><small[^>]*>badge</);
  });

  it('connects an account of its own, in another browser too', async () => {
    const server = await headerServer();
    const { tokens } = await grant();
    const { body } = await callerWith(tokens).call(`${server.name}-whoami`);
    const meta = body.result?._meta as { mcp_auth_required: { url: string } } | undefined;
    const browser = new Browser();

    const proof = shown(await browser.open(meta?.mcp_auth_required.url ?? ''));
    const accounts = shown(await browser.submit(proof, { badge_number: number, decision: 'continue' }));

    expect(proof.html).toContain('the badge of');
    expect(accounts.html).toContain('Your apps');
  });

  it('is suspended by its own rule, and its grants are kept', async () => {
    const { client, browser, tokens } = await grant();

    reader.isOn = false;
    const { status } = await callerWith(tokens).ask('tools/list');
    const refused = await client.refresh(tokens.refresh_token);
    const page = shown(await browser.open(await client.authorizeUrl()));
    reader.isOn = true;
    const renewed = await client.refresh(tokens.refresh_token);

    expect([status, refused.status, renewed.status]).toEqual([401, 400, 200]);
    expect(refused.body).toEqual({ error: 'invalid_grant', error_description: badge.suspended });
    expect(page.html).toContain('Badges are not taken for now.');
  });

  it('is gone by its own rule, and its grants end', async () => {
    const { client, tokens } = await grant();
    await env.DB.prepare('UPDATE badge SET is_lost = 1 WHERE number = ?1').bind(number).run();

    const { status } = await callerWith(tokens).ask('tools/list');
    const refused = await client.refresh(tokens.refresh_token);

    expect([status, refused.body.error]).toEqual([401, 'invalid_grant']);
    expect(await sessionOf(tokens)).toMatchObject({ status: 'ended', ended_reason: 'identity_refused' });
  });
});
