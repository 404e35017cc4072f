import { env } from 'cloudflare:workers';
import { describe, expect, inject, it } from 'vitest';
import { Browser } from '../support/browser';
import { McpCaller } from '../support/caller';
import { gate, newKey } from '../support/gate';
import { McpClient } from '../support/mcp-client';
import { roundTripsOf } from '../support/round-trips';
import { Upstream } from '../support/upstream';

const NAME = 'server-timing';
const ADMINISTRATOR = { 'x-api-key': env.ADMIN_TOKEN };

/** What a value of the header says of each part: how often, and how long in milliseconds. */
function partsOf(value: string | null): Record<string, { count: number | null; ms: number }> {
  const parts = (value ?? '').split(', ').map((part) => {
    const [, name = part, ms, count] = /^(\w+);dur=(\d+)(?:;desc="(\d+)")?$/.exec(part) ?? [];
    return [name, { count: count === undefined ? null : Number(count), ms: Number(ms) }];
  });
  return Object.fromEntries(parts);
}

describe('Server-Timing', () => {
  it('tells an administrator of the API how often D1 was asked, and how long that took', async () => {
    let response: Response | undefined;
    const roundTrips = await roundTripsOf(async () => {
      response = await gate('/api/governance/virtual-keys', { headers: ADMINISTRATOR });
    });
    const parts = partsOf(response?.headers.get(NAME) ?? null);

    expect(response?.status).toBe(200);
    expect(Object.keys(parts)).toEqual(['d1', 'upstream', 'total']);
    expect(parts.d1?.count).toBe(roundTrips);
    expect(parts.upstream).toEqual({ count: 0, ms: 0 });
    expect(parts.total?.ms).toBeGreaterThanOrEqual(parts.d1?.ms ?? Number.NaN);
  });

  it('tells them how often a server was asked', async () => {
    const { name } = await Upstream.start(['echo']);
    const response = await gate('/api/mcp/client/check', {
      method: 'POST',
      headers: { ...ADMINISTRATOR, 'content-type': 'application/json' },
      body: JSON.stringify({ input: `${inject('upstreamOrigin')}/${name}/mcp` }),
    });

    expect(response.status).toBe(200);
    expect(partsOf(response.headers.get(NAME)).upstream?.count).toBeGreaterThan(0);
  });

  it.each(['/api/nothing-is-here', '/api/mcp/client/nothing'])(
    'is there on their errors: %s',
    async (path) => {
      const response = await gate(path, { headers: ADMINISTRATOR });

      expect(response.status).toBe(404);
      expect(partsOf(response.headers.get(NAME))).toHaveProperty('total');
    },
  );

  it('is on the pages of administration', async () => {
    const browser = await Browser.administrator();
    const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ');

    for (const path of ['/admin', '/admin/keys', '/admin/nothing-is-here']) {
      const response = await gate(path, { headers: { cookie } });
      expect([path, Object.keys(partsOf(response.headers.get(NAME)))]).toEqual([
        path,
        ['d1', 'upstream', 'total'],
      ]);
    }
  });

  it.each([
    ['nothing', {}],
    ['a wrong token', { 'x-api-key': `${env.ADMIN_TOKEN.slice(0, -1)}x` }],
    ['a wrong Bearer', { authorization: 'Bearer guess' }],
  ])('is never there for %s', async (_, headers) => {
    for (const path of [
      '/api/config',
      '/api/session',
      '/api/nothing-is-here',
      '/admin',
      '/admin/sign-in',
      '/api',
    ]) {
      const response = await gate(path, { headers });
      expect([path, response.headers.get(NAME)]).toEqual([path, null]);
    }
  });

  it('is never there for anyone else, and not at /mcp at all', async () => {
    const upstream = await Upstream.start(['echo']);
    const key = (await newKey()).value;
    const client = await McpClient.register();
    const { access_token } = await client.obtainGrant({ key });
    const answers = [
      await new McpCaller({ authorization: `Bearer ${access_token}` }).call(`${upstream.name}-echo`),
      await new McpCaller({ ...ADMINISTRATOR, authorization: `Bearer ${access_token}` }).ask('tools/list'),
      await new McpCaller({}).ask('tools/list'),
      await gate('/api/governance/virtual-keys/quota', { headers: { 'x-bf-vk': key } }),
      await gate('/api/governance/virtual-keys', { headers: { 'x-bf-vk': key } }),
      await gate('/health', { headers: ADMINISTRATOR }),
      await gate('/', { headers: { accept: 'text/html' } }),
    ];

    expect(answers.map(({ headers }) => headers.get(NAME))).toEqual(answers.map(() => null));
  });
});
