import { describe, expect, it } from 'vitest';
import { deployedWith } from '../support/deployed';
import { ISSUER, newKey } from '../support/gate';

describe('guessing ADMIN_TOKEN (CONTRACT §1)', () => {
  const TOKEN = 'test-admin-token-of-32-characters';
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const ask = async (
    address: string,
    path: string,
    headers: Record<string, string>,
    init: RequestInit = {},
  ) => {
    const all = { 'cf-connecting-ip': address, ...headers };
    const response = await deployedWith({ RATE_LIMITS: 'on' }, `${ISSUER}${path}`, { ...init, headers: all });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  const signIn = (address: string, token: string) =>
    ask(address, '/api/session', {}, { method: 'POST', body: JSON.stringify({ token }) });
  const guesses: [string, (address: string) => ReturnType<typeof ask>][] = [
    ['Bearer', (address) => ask(address, '/api/config', bearer('wrong'))],
    ['Basic', (address) => ask(address, '/api/users', { authorization: `Basic ${btoa('a:wrong')}` })],
    ['x-api-key', (address) => ask(address, '/api/nothing', { 'x-api-key': 'wrong' })],
    ['connected accounts', (address) => ask(address, '/api/mcp/sessions', { 'x-api-key': 'wrong' })],
    ['a session of the API', (address) => signIn(address, 'wrong')],
    ['asking for a session', (address) => ask(address, '/api/session', bearer('wrong'))],
    ['health', (address) => ask(address, '/health', bearer('wrong'))],
    [
      'the sign-in page',
      (address) =>
        ask(address, '/admin/sign-in', {}, { method: 'POST', body: new URLSearchParams({ token: 'wrong' }) }),
    ],
  ];

  it.each(guesses)('by %s is over after 10 wrong ones, for the right one too', async (way, guess) => {
    const address = `2001:db8:0:${guesses.findIndex(([name]) => name === way)}::1`;
    const statuses = [];
    for (let n = 0; n < 10; n++) statuses.push((await guess(address)).status);

    const eleventh = await guess(address);
    const right = await ask(address, '/api/config', bearer(TOKEN));
    const typed = await signIn(address, TOKEN);
    const elsewhere = await ask('192.0.2.44', '/api/config', bearer(TOKEN));
    const without = await ask(address, '/health', {});

    expect(new Set(statuses)).toEqual(new Set([way === 'health' ? 200 : 401]));
    for (const refused of [eleventh, right, typed]) {
      expect(refused.status).toBe(429);
      expect(refused.headers.get('retry-after')).toBe('60');
    }
    expect([elsewhere.status, without.status]).toEqual([200, 200]);
  });

  it('counts them together, wherever they are sent', async () => {
    const statuses = [];
    for (const [, guess] of guesses) statuses.push((await guess('192.0.2.50')).status);
    for (const [, guess] of guesses.slice(0, 3)) statuses.push((await guess('192.0.2.50')).status);

    expect(statuses.slice(0, 10)).not.toContain(429);
    expect(statuses[10]).toBe(429);
  });

  it('counts no right one, no key, and touches nobody who is signed in', async () => {
    const address = '192.0.2.60';
    const key = await newKey();
    const cookie = ((await signIn(address, TOKEN)).headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    const right = [];
    for (let n = 0; n < 12; n++) {
      right.push((await ask(address, '/api/config', bearer(TOKEN))).status);
      right.push((await ask(address, '/api/mcp/sessions', { 'x-api-key': key.value })).status);
    }
    const before = await ask(address, '/api/config', bearer('wrong'));
    for (let n = 0; n < 10; n++) await ask(address, '/api/config', bearer('wrong'));

    expect(new Set(right)).toEqual(new Set([200]));
    expect(before.status).toBe(401);
    expect((await ask(address, '/api/config', bearer(TOKEN))).status).toBe(429);
    expect((await ask(address, '/api/config', { cookie })).status).toBe(200);
    expect((await ask(address, '/admin', { cookie })).status).toBe(200);
    expect((await ask(address, '/api/mcp/sessions', { 'x-api-key': key.value })).status).toBe(200);
  });

  it('lets no more through that come at the same moment', async () => {
    const many = await Promise.all(
      Array.from({ length: 30 }, () => ask('192.0.2.70', '/api/config', bearer('wrong'))),
    );

    expect(many.filter(({ status }) => status === 401).length).toBeLessThanOrEqual(10);
  });
});
