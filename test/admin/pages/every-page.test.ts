import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import reference from '../../../public/api-reference.json';
import favicon from '../../../public/favicon.svg?raw';
import stylesheet from '../../../public/toolgate.css?raw';
import script from '../../../public/toolgate.js?raw';
import { GROUPS } from '../../../src/admin/pages/settings/words';
import { app } from '../../../src/app';
import { PRESETS } from '../../../src/providers/presets';
import { Account } from '../../support/account';
import { AuthorizationServer } from '../../support/authorization-server';
import { Browser, type Page } from '../../support/browser';
import { McpCaller } from '../../support/caller';
import { beginAuthorizing } from '../../support/connected';
import { admin, gate, newKey } from '../../support/gate';
import { McpClient } from '../../support/mcp-client';
import { accountServer } from '../../support/own-accounts';
import { factsOf, type PageFacts } from '../../support/page-facts';
import { Provider, personOf } from '../../support/provider';
import { roundTripsOf } from '../../support/round-trips';
import { Upstream } from '../../support/upstream';

/** Bytes a page may have with everything it loads. */
const MOST_BYTES = 100_000;
const LOADED = new Map([
  ['/toolgate.css', stylesheet],
  ['/toolgate.js', script],
  ['/favicon.svg', favicon],
]);
const CSP =
  "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/** The pages of the API's description beside its overview. */
const NOUNS = Object.keys(reference.pages).filter(Boolean);

/** Routes of pages about one thing, and the names that their titles begin with; those of no other page do. */
const OF_ONE = /^\/(admin|me)\/.*\/:id(?!\/back$)|^\/admin\/apps\/delete$/;
const NAMED = /^(Wiki|linear|search_pages_1|On call|key [\w-]{36}|up_\w+|ada|Claude Code) · /;

/** The route of a page, an address at it, and a browser; the status where it is not 200. */
type Place = { route: string; address: string; browser: Browser; status?: number };

/** Routes that answer no page of their own: they lead on, answer a program, or are a part of a page. */
const NO_PAGE =
  /^\/(mcp|health|register|token|authorize|\.well-known|oauth2|api(?!\/docs))\b|^\/oauth\/(client\.json|sign-in)|^\/waiting|\/tools$|\/:form\{|\/known$|^\/me\/apps\/:id\/access$|\*/;

const NO_ID = 'A'.repeat(22);

const nobody = new Browser();
const administrator = new Browser();
const ada = new Browser();
const atConsent = new Browser();
const meant = new Browser();
let places: Place[];

describe('every page', () => {
  beforeAll(async () => {
    places = await furnish();
  });

  it('is looked at here', () => {
    const pages = app.routes.filter(({ method, path }) => method === 'GET' && !NO_PAGE.test(path));

    const known = new Set(places.map(({ route }) => route));
    expect([...new Set(pages.map(({ path }) => path))].filter((path) => !known.has(path))).toEqual([]);
  });

  it('needs three round trips to D1, weighs less than 100 KB, and keeps to the rules of a page', async () => {
    const wrong: Record<string, string[]> = {};
    for (const { route, address, browser, status = 200 } of places) {
      let page: Page | null = null;
      const roundTrips = await roundTripsOf(async () => {
        page = await browser.open(address);
      });
      const problems = page ? await problemsOf(page, route, status, roundTrips) : ['leads elsewhere'];
      if (problems.length) wrong[`${route} at ${address}`] = problems;
    }

    expect(wrong).toEqual({});
  });
});

describe('what looks at them', () => {
  it('counts a batch once, and everything else', async () => {
    const one = env.DB.prepare('SELECT 1');

    const counted = await roundTripsOf(async () => {
      await env.DB.batch([one, one]);
      await Promise.all([one.first(), one.all(), one.run(), one.raw()]);
    });

    expect(counted).toBe(5);
  });

  it('sees what breaks a rule', async () => {
    const facts =
      await factsOf(`<title>T</title><h1 style="x">1</h1><h3>3</h3><script>x</script><style></style>
      <script src="https://cdn.example/x.js"></script><a href="https://elsewhere.example" onclick="x">a</a>
      <form method="post" action="/x"><input name="bare" pattern="[a-z-]"><label for="a">A</label><select id="a"></select></form>
      <form method="post" action="/y"><input type="hidden" name="csrf" value="${'v'.repeat(43)}"><label>B <input></label></form>`);

    expect(facts).toMatchObject({
      title: 'T',
      headings: [1, 3],
      inline: ['<h1 style>', '<script>', '<style>', '<a onclick>'],
      loaded: ['https://cdn.example/x.js'],
      unlabelled: ['input bare'],
      patterns: ['[a-z-]'],
    });
    expect(isPattern('[a-z-]')).toBe(false);
    expect(areInOrder(facts.headings)).toBe(false);
    expect(forgeable(facts)).toEqual(['/x']);
    expect(repeatable(facts)).toEqual(['/x', '/y']);
  });
});

async function problemsOf(page: Page, route: string, status: number, roundTrips: number): Promise<string[]> {
  const facts = await factsOf(page.html);
  const files = [page.html, ...facts.loaded.map((path) => LOADED.get(path) ?? '')];
  const bytes = files.reduce((sum, text) => sum + new TextEncoder().encode(text).length, 0);
  const rules: [string, boolean][] = [
    [`answers ${page.status}`, page.status === status],
    [`needs ${roundTrips} round trips`, roundTrips <= (status === 200 ? 3 : 4)], // the audit hears of a refusal afterwards,
    [`weighs ${bytes} bytes`, bytes < MOST_BYTES],
    ['has another policy', page.headers.get('content-security-policy') === CSP],
    [`loads ${facts.loaded}`, facts.loaded.every((path) => LOADED.has(path))],
    [`holds ${facts.inline}`, facts.inline.length === 0],
    [`has headings ${facts.headings}`, areInOrder(facts.headings)],
    [`has no label for ${facts.unlabelled}`, facts.unlabelled.length === 0],
    [`has patterns that browsers ignore: ${facts.patterns}`, facts.patterns.every(isPattern)],
    [`is called ${facts.title}`, NAMED.test(facts.title) === OF_ONE.test(route)],
    ...forgeable(facts).map((action): [string, boolean] => [`can be posted by others: ${action}`, false]),
    ...repeatable(facts).map((action): [string, boolean] => [`can be posted twice: ${action}`, false]),
  ];
  return rules.filter(([, holds]) => !holds).map(([problem]) => problem);
}

/** True for what a browser compiles: it does so with the flag `v` (HTML, the pattern attribute). */
function isPattern(pattern: string): boolean {
  try {
    return Boolean(new RegExp(pattern, 'v'));
  } catch {
    return false;
  }
}

/** One h1, first, and no level left out on the way down. */
function areInOrder(headings: number[]): boolean {
  const isSteep = headings.some((level, at) => level > (headings[at - 1] ?? 0) + 1);
  return headings.filter((level) => level === 1).length === 1 && !isSteep;
}

/** Forms another site could send: all without a value that it cannot guess, but for those that ask for the secret itself. */
function forgeable({ posted }: PageFacts): string[] {
  return posted
    .filter(({ action }) => action !== '/admin/sign-in')
    .filter(({ hidden }) => !/^[\w-]{43}$/.test(hidden.get('csrf') ?? hidden.get('form') ?? ''))
    .map(({ action }) => action);
}

/** Forms without a once-value (SECURITY 32): signing in makes nothing, and consent has an answer of its own to a second. */
function repeatable({ posted }: PageFacts): string[] {
  return posted
    .filter(({ action }) => !['/admin/sign-in', '/oauth/consent'].includes(action.replace(/\?.*/, '')))
    .filter(({ hidden }) => !/^\d+\.[0-9a-f-]{36}$/.test(hidden.get('once') ?? ''))
    .map(({ action }) => action);
}

/** Makes something of everything, fifty and more of what stands in lists, and says where its pages are. */
async function furnish(): Promise<Place[]> {
  const [provider, accounts] = await Promise.all([Provider.start(), AuthorizationServer.start()]);
  await provider.signIn(administrator, 'root@acme.example');
  await provider.signIn(ada, 'ada@acme.example');
  const wiki = await Upstream.start(tools(60), { registration: { name: 'Wiki' } });
  const linear = await accountServer(accounts, { registration: { name: 'linear' } });
  const key = await newKey([wiki.name, linear.name]);
  const { virtual_mcp: toolset } = await admin<{ virtual_mcp: { id: string } }>('POST', '/mcp/virtual-mcps', {
    name: 'On call',
    tools: [{ mcp_client_id: wiki.id, tool_names: ['*'] }],
  });
  const { id: person } = await personOf('ada@acme.example');
  const owner = `user:${person}` as const;
  const account = await (await new Account(linear.id, owner).connect(accounts, 'ada')).row();

  const client = await McpClient.register({ client_name: 'Claude Code' });
  await client.obtainGrant({ key: key.value });
  const { sessions } = await admin<{ sessions: { id: string }[] }>('GET', '/oauth2/sessions');
  const grant = sessions[0]?.id;
  const toIdentify = await atConsent.open(await client.authorizeUrl());
  const toAllow = await client.toServices(atConsent, { key: key.value });
  const another = await newKey([linear.name]);
  const [asked, proved] = [await linkFor(another.value, linear), await linkFor(key.value, linear)];
  const proof = await meant.open(proved);
  if (proof) await meant.submit(proof, { virtual_key: key.value, decision: 'continue' });
  await multiply(owner);

  const by = (browser: Browser, pages: Record<string, string[]>) =>
    Object.entries(pages).flatMap(([route, addresses]) =>
      addresses.map((address): Place => ({ route, address, browser })),
    );
  const subject = await env.DB.prepare('SELECT subject FROM oauth_grant WHERE grant_id = ?1')
    .bind(grant)
    .first<{ subject: string }>();

  return [
    ...by(nobody, {
      '/': ['/', '/?app=claude-code&at=on-call'],
      '/me': ['/me'],
      '/admin/sign-in': ['/admin/sign-in'],
      '/api/docs': ['/api/docs', ...NOUNS.map((noun) => `/api/docs?noun=${noun}`)],
      '/connect/:id': [asked],
    }),
    ...by(meant, { '/connect/:id': [proved] }),
    ...by(atConsent, { '/oauth/consent': [toIdentify?.url ?? '', toAllow.url] }),
    ...by(ada, {
      '/': ['/?app=cursor&since=1'],
      '/me': ['/me', '/me?as=another'],
      '/me/apps/:id': [`/me/apps/${grant}`],
      '/me/apps/:id/withdraw': [`/me/apps/${grant}/withdraw`],
      '/me/accounts/:id/disconnect': [`/me/accounts/${account?.id}/disconnect`],
    }),
    ...by(administrator, {
      '/admin': ['/admin'],
      '/admin/servers': ['/admin/servers'],
      '/admin/servers/new': ['/admin/servers/new', `/admin/servers/new?preset=${PRESETS[0]?.id}`],
      '/admin/servers/:id': [`/admin/servers/${wiki.id}`, `/admin/servers/${linear.id}`],
      '/admin/servers/:id/used-by': [`/admin/servers/${wiki.id}/used-by`],
      '/admin/servers/:id/account': [`/admin/servers/${linear.id}/account`],
      '/admin/servers/:id/accounts/:account/disconnect': [
        `/admin/servers/${linear.id}/accounts/${account?.id}/disconnect`,
      ],
      '/admin/servers/:id/settings': [`/admin/servers/${linear.id}/settings`],
      '/admin/servers/:id/try': [`/admin/servers/${wiki.id}/try?tool=search_pages_1`],
      '/admin/servers/:id/register-again': [`/admin/servers/${linear.id}/register-again`],
      '/admin/servers/:id/back': [`/admin/servers/${linear.id}/back`],
      '/admin/servers/:id/authorizations/:authorization': [await accountToConfirm(accounts)],
      '/admin/servers/:id/delete': [`/admin/servers/${wiki.id}/delete`],
      '/admin/keys': ['/admin/keys', '/admin/keys?offset=50'],
      '/admin/keys/new': ['/admin/keys/new', `/admin/keys/new?made=${key.id}`],
      '/admin/keys/:id': [`/admin/keys/${key.id}`],
      '/admin/keys/:id/rotate': [`/admin/keys/${key.id}/rotate`],
      '/admin/keys/:id/delete': [`/admin/keys/${key.id}/delete`],
      '/admin/toolsets': ['/admin/toolsets'],
      '/admin/toolsets/new': ['/admin/toolsets/new'],
      '/admin/toolsets/:id': [`/admin/toolsets/${toolset.id}`],
      '/admin/toolsets/:id/keys': [`/admin/toolsets/${toolset.id}/keys`],
      '/admin/toolsets/:id/connect': [`/admin/toolsets/${toolset.id}/connect`],
      '/admin/toolsets/:id/delete': [`/admin/toolsets/${toolset.id}/delete`],
      '/admin/access': ['/admin/access', '/admin/access?search=claude'],
      '/admin/access/:id': [`/admin/access/${grant}`],
      '/admin/access/:id/change': [`/admin/access/${grant}/change?for=${subject?.subject}`],
      '/admin/access/:id/end': [`/admin/access/${grant}/end`],
      '/admin/access/end': [`/admin/access/end?app=${client.clientId}`],
      '/admin/apps': ['/admin/apps'],
      '/admin/apps/delete': [`/admin/apps/delete?app=${client.clientId}`],
      '/admin/people': ['/admin/people'],
      '/admin/people/:id': [`/admin/people/${person}`],
      '/admin/people/:id/block': [`/admin/people/${person}/block`],
      '/admin/people/:id/delete': [`/admin/people/${person}/delete`],
      '/admin/audit': ['/admin/audit', '/admin/audit?act=server.created'],
      '/admin/settings': ['/admin/settings'],
      '/admin/settings/:group': GROUPS.map(({ id }) => `/admin/settings/${id}`),
    }),
    {
      route: 'a flow that is over',
      address: `/oauth/consent?flow_id=${NO_ID}`,
      browser: nobody,
      status: 410,
    },
    { route: "another browser's flow", address: toAllow.url, browser: nobody, status: 403 },
    { route: 'a link that is over', address: `/connect/${NO_ID}`, browser: nobody, status: 410 },
    { route: 'for administrators', address: '/admin', browser: ada, status: 403 },
    { route: 'a key that is gone', address: `/admin/keys/${NO_ID}`, browser: administrator, status: 404 },
    { route: "another's app", address: `/me/apps/${NO_ID}`, browser: ada, status: 404 },
    { route: '/api/oauth/callback', address: '/api/oauth/callback', browser: nobody, status: 400 },
  ];
}

function tools(count: number) {
  const description =
    'Finds what was written, by whom and when, and answers with the words around it. '.repeat(4);
  const properties = { query: { type: 'string', description }, limit: { type: 'integer', minimum: 1 } };
  return Array.from({ length: count }, (_, at) => ({
    name: `search_pages_${at}`,
    description,
    inputSchema: { type: 'object', properties, required: ['query'] },
  }));
}

/** Where an account waits for an administrator. */
async function accountToConfirm(accounts: AuthorizationServer): Promise<string> {
  const demands = { issuer: accounts.issuer, scope: 'read' };
  const { id } = await Upstream.start([], { demands, registration: { auth_type: 'oauth' } });
  const { authorize_url } = await beginAuthorizing(id);
  const back = await gate((await accounts.answer(authorize_url, 'root')).href);
  return back.headers.get('location') ?? '';
}

/** A connect link for the holder of a key. */
async function linkFor(key: string, { name, slug }: Upstream): Promise<string> {
  const caller = await new McpCaller({ 'x-bf-vk': key }, '2025', `/mcp/${slug}`).initialized();
  const { body } = await caller.call('whoami');
  const [link] = /https:\/\/[^\s"]+\/connect\/[\w-]{22}/.exec(JSON.stringify(body)) ?? [];
  if (!link) throw new Error(`no link for ${name}: ${JSON.stringify(body)}`);
  return link;
}

/** Sixty more of every row that lists show; what acts for a key now acts for `owner`. */
async function multiply(owner: string): Promise<void> {
  const unlike: Record<string, readonly string[]> = {
    virtual_key: ['id', 'name', 'value_hash'],
    client: ['client_id', 'twin_hash'],
    oauth_grant: ['grant_id'],
    person: ['id', 'provider_subject'],
    virtual_mcp: ['id', 'name', 'endpoint_slug'],
    audit: ['id'],
  };
  const { DB } = env;
  await DB.prepare('UPDATE oauth_grant SET subject = ?').bind(owner).run();
  for (const [table, own] of Object.entries(unlike)) {
    const { results } = await DB.prepare(`SELECT name FROM pragma_table_info('${table}')`).all<{
      name: string;
    }>();
    const columns = results.map(({ name }) => (own.includes(name) ? `${name} || '-' || n` : name));
    await DB.prepare(
      `WITH RECURSIVE copies(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copies WHERE n < 60)
       INSERT INTO ${table} SELECT ${columns} FROM (SELECT * FROM ${table} LIMIT 1), copies`,
    ).run();
  }
}
