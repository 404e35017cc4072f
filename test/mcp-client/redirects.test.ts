import { describe, expect, inject, it } from 'vitest';
import { followWithin, OF_MESSAGES } from '../../src/protocol/redirects';
import { McpCaller } from '../support/caller';
import { control, Upstream } from '../support/upstream';

const fresh = () => `up_${crypto.randomUUID().slice(0, 8)}`;
const to = (location: string, status = 307) => ({ status, headers: { location } });

/** A server whose address answers with redirects, once it is known to the gateway. @param paths by its name */
async function redirecting(paths: (name: string) => Record<string, object>) {
  const upstream = await Upstream.start(['echo'], {
    demandsHeaders: ['x-key'],
    registration: { auth_type: 'headers', headers: { 'x-key': 'a-secret-value' } },
  });
  await upstream.behave({ paths: paths(upstream.name) });
  const caller = await McpCaller.withKey('2025', `/mcp/${upstream.slug}`);
  return { upstream, call: () => caller.call('echo', { n: 1 }) };
}

describe('redirects of messages (PROTOCOL §7)', () => {
  it.each([307, 308])(
    '%i within the origin is followed three times, body and headers as they were',
    async (status) => {
      const { upstream, call } = await redirecting((name) => ({
        [`POST /${name}/mcp`]: to(`/${name}/one`, status),
        [`POST /${name}/one`]: to(`two`, status),
        [`POST /${name}/two`]: to(`${inject('upstreamOrigin')}/${name}/mcp/?a=b#c`, status),
      }));

      const { body } = await call();
      const [, , , ...seen] = (await upstream.seen()).filter(({ text }) => text.includes('tools/call'));
      const [first, arrived] = [(await upstream.seen(`POST /${upstream.name}/mcp`)).at(-1), seen.at(-1)];

      expect(body.result).toMatchObject({ structuredContent: { arguments: { n: 1 } } });
      expect(arrived?.text).toBe(first?.text);
      for (const name of ['x-key', 'mcp-session-id', 'content-type', 'accept'])
        expect([name, arrived?.headers[name]]).toEqual([name, first?.headers[name]]);
    },
  );

  it.each([
    [
      'another origin',
      (other: string) => to(`${inject('upstreamOrigin').replace('127.0.0.1', 'localhost')}/${other}/mcp`),
    ],
    ['another port', () => to('http://127.0.0.1:1/mcp')],
    [
      'a user name',
      (other: string) => to(`${inject('upstreamOrigin').replace('//', '//user@')}/${other}/mcp`),
    ],
    ['no address', () => to('http://')],
    ['itself, for ever', (_: string, own: string) => to(`/${own}/mcp`)],
    ['another method (302)', (other: string) => to(`/${other}/mcp`, 302)],
    ['another method (303)', (other: string) => to(`/${other}/mcp`, 303)],
  ])('one to %s is not', async (_, redirect) => {
    const other = fresh();
    await control(other, 'set', { tools: [] });
    const { upstream, call } = await redirecting((own) => ({ [`POST /${own}/mcp`]: redirect(other, own) }));

    const { body } = await call();
    const tried = (await upstream.seen(`POST /${upstream.name}/mcp`)).length;

    expect(body.result).toMatchObject({ isError: true });
    expect(body.result?.content?.[0]?.text).toContain('redirect');
    expect((await control(other, 'seen')).seen).toEqual([]);
    expect(tried).toBeLessThanOrEqual(8);
  });

  it.each([
    ['https://h.example/a', 'http://h.example/b', 'https://h.example/b'],
    ['https://h.example/a', '//h.example/b', 'https://h.example/b'],
    ['https://h.example:8443/a', 'http://h.example:8443/b', 'https://h.example:8443/b'],
    ['https://h.example:8443/a', 'http://h.example/b', null],
    ['https://h.example/a', 'http://h.example:8080/b', null],
    ['https://h.example/a', 'http://h.example.evil.example/b', null],
    ['https://h.example/a', 'https://h.example@evil.example/b', null],
    ['https://h.example/a', 'javascript:alert(1)', null],
    ['https://h.example/a', '', null],
  ])('from %s, %s leads to %s', async (from, location, expected) => {
    const asked: string[] = [];
    const { url } = await followWithin(from, OF_MESSAGES, async (at) => {
      asked.push(at);
      return new Response(null, at === from ? { status: 307, headers: { location } } : {});
    });

    expect([url, asked.length]).toEqual([expected ?? from, expected ? 2 : 1]);
  });
});
