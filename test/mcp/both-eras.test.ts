import { afterEach, describe, expect, it, vi } from 'vitest';
import { AuthorizationServer } from '../support/authorization-server';
import { CallUnderWay } from '../support/call-under-way';
import { McpCaller } from '../support/caller';
import { shortWaits, wait } from '../support/clock';
import { authorizeAs, beginAuthorizing } from '../support/connected';
import { administer } from '../support/gate';
import { Upstream } from '../support/upstream';

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const LEGACY = '2025-11-25';
const MODERN = '2026-07-28';
const WHO =
  '{"jsonrpc":"2.0","id":7,"method":"elicitation/create","params":{"message":"Who?","requestedSchema":{}}}';

const clientOf = async ({ slug }: Upstream, capabilities = {}) =>
  (await McpCaller.withKey('2025', `/mcp/${slug}`)).initialized(capabilities);
const begunAt = async (upstream: Upstream) => (await upstream.seen('initialize')).length;
/** The revision in which each call came. */
const revisionsAt = async (upstream: Upstream) =>
  (await upstream.seen('tools/call')).map(({ headers }) => headers['mcp-protocol-version']);
const listAgain = ({ id }: Upstream) => administer('POST', `/mcp/client/${id}/reconnect`);
const RAN = { content: [{ text: 'echo ran' }] };

describe('a server of both eras that lists only 2026-07-28, as the official SDK has it (PROTOCOL §2)', () => {
  it('asks a client of the 2025 era by requests of its own', async () => {
    const upstream = await Upstream.start(['asks'], { era: 'both', asks: { asks: [{ text: WHO }] } });
    const client = await clientOf(upstream, { elicitation: {} });

    const call = new CallUnderWay(await client.send('tools/call', { name: 'asks' }, { id: 'call' }));
    const { id, method } = await call.message(0);
    await client.post({ jsonrpc: '2.0', id, result: { action: 'decline' } });

    expect(method).toBe('elicitation/create');
    expect(await call.message(1)).toMatchObject({ id: 'call', result: { content: [{ text: 'asks ran' }] } });
    expect(await revisionsAt(upstream)).toEqual([LEGACY]);
  });

  it('costs such a client the requests that a server of its own era does', async () => {
    const posts = [];
    for (const era of ['2025', 'both']) {
      const upstream = await Upstream.start(['echo'], { era });
      const client = await clientOf(upstream);
      const before = (await upstream.seen()).length;
      for (let n = 0; n < 3; n++) await client.call('echo');
      posts.push((await upstream.seen()).slice(before).map(({ message }) => message.method));
    }

    expect(posts[1]).toEqual(posts[0]);
  });

  it('is listed in 2026-07-28, without a session', async () => {
    const upstream = await Upstream.start(['echo'], { era: 'both' });
    const [listed] = await upstream.seen('tools/list');

    expect(listed?.headers['mcp-protocol-version']).toBe(MODERN);
    expect(await begunAt(upstream)).toBe(0);
  });

  it('that took `initialize` once is not taken for one of 2026-07-28 alone when it fails at it', async () => {
    const upstream = await Upstream.start(['echo'], { era: 'both' });
    await (await clientOf(upstream)).call('echo');

    await upstream.behave({ beginning: 503 });
    await listAgain(upstream);
    const failed = await (await clientOf(upstream)).call('echo');
    await upstream.behave({ beginning: null });
    vi.useFakeTimers({ toFake: ['Date'] });
    wait(31); // it rests after a failure
    const ran = await (await clientOf(upstream)).call('echo');

    expect(failed.body.result).toMatchObject({ isError: true });
    expect(ran.body.result).toMatchObject(RAN);
    expect(await revisionsAt(upstream)).toEqual([LEGACY, LEGACY]);
  });
});

describe('a server of 2026-07-28 alone, for clients of the 2025 era (PROTOCOL §2)', () => {
  it.each([null, 404, 405, 'html'])(
    'is asked once whether it takes `initialize`, whoever calls and however often it is listed (%s)',
    async (beginning) => {
      const upstream = await Upstream.start(['echo'], { era: '2026', beginning });
      const clients = [await clientOf(upstream), await clientOf(upstream)];

      for (const client of clients)
        for (let n = 0; n < 2; n++) expect((await client.call('echo')).body.result).toMatchObject(RAN);
      await listAgain(upstream);
      for (const client of clients) expect((await client.call('echo')).body.result).toMatchObject(RAN);

      expect(await begunAt(upstream)).toBe(1);
      expect(await upstream.seen('server/discover')).toHaveLength(2); // one a listing
      expect(await revisionsAt(upstream)).toEqual(Array(6).fill(MODERN));
    },
  );

  it('is asked again after ten minutes: it may take `initialize` by then', async () => {
    const upstream = await Upstream.start(['echo'], { era: '2026' });
    await (await clientOf(upstream)).call('echo');
    await upstream.behave({ era: 'both' });
    const client = await clientOf(upstream);
    await client.call('echo');

    wait(601);
    await client.call('echo');

    expect(await revisionsAt(upstream)).toEqual([MODERN, MODERN, LEGACY]);
  });

  it.each([503, 429, 'hang'])(
    'is reached though `initialize` meets %s, and asked again when a minute is over',
    async (beginning) => {
      const upstream = await Upstream.start(['echo'], { era: 'both', beginning });
      const client = await clientOf(upstream);
      shortWaits();

      const calls = [await client.call('echo'), await client.call('echo')];
      await upstream.behave({ beginning: null });
      wait(61);
      calls.push(await client.call('echo'));

      for (const { body } of calls) expect(body.result).toMatchObject(RAN);
      expect(await revisionsAt(upstream)).toEqual([MODERN, MODERN, LEGACY]);
      expect(await begunAt(upstream)).toBe(2);
    },
  );

  it('that refuses a token at `initialize` gets another first, and is not in doubt for that', async () => {
    const provider = await AuthorizationServer.start();
    const upstream = await Upstream.start(['echo'], {
      era: 'both',
      demands: { issuer: provider.issuer },
      registration: { auth_type: 'oauth' },
    });
    await authorizeAs(provider, await beginAuthorizing(upstream.id));
    await upstream.behave({ open: ['server/discover'] });
    const client = await clientOf(upstream);

    await provider.lose('expire');
    const { body } = await client.call('echo');

    expect(body.result).toMatchObject(RAN);
    expect(await revisionsAt(upstream)).toEqual([LEGACY]);
    expect(await provider.tokenRequests('refresh_token')).toHaveLength(1);
  });

  it('that changes its eras is found again, and runs each call once', async () => {
    const upstream = await Upstream.start(['echo'], { era: '2025' });
    for (const [at, era] of ['2025', '2026', 'both', '2025', 'both', '2026'].entries()) {
      await upstream.behave({ era });
      await upstream.forgetSessions();

      expect((await (await clientOf(upstream)).call('echo')).body.result).toMatchObject(RAN);
      expect((await upstream.seen('tools/call')).length).toBe(at + 1);
    }
  });
});
