import { env } from 'cloudflare:test';
import { describe, expect, inject, it, vi } from 'vitest';
import { forgetDeployment } from '../src/config';
import { McpCaller } from './support/caller';
import { deployedWith } from './support/deployed';
import { admin, gate, ISSUER, read } from './support/gate';
import { McpClient } from './support/mcp-client';
import { Upstream } from './support/upstream';

describe('a gateway that is not set up yet (CONTRACT §1)', () => {
  it.each(['ENCRYPTION_KEY', 'ADMIN_TOKEN'])(
    'says that %s is missing, and the command that sets it',
    async (name) => {
      const machine = await deployedWith({ [name]: undefined }, `${ISSUER}/mcp`, { method: 'POST' });
      const person = await deployedWith({ [name]: undefined }, `${ISSUER}/oauth/consent?flow_id=x`);
      const health = await deployedWith({ [name]: undefined }, `${ISSUER}/health`);

      for (const response of [machine, person, health]) {
        expect(response.status).toBe(503);
        expect(await response.text()).toContain(`npx wrangler secret put ${name}`);
      }
      expect(machine.headers.get('content-type')).toContain('application/json');
      expect(person.headers.get('content-type')).toContain('text/html');
    },
  );

  it('takes an ADMIN_TOKEN of fewer than 32 characters for none', async () => {
    const with31 = { ADMIN_TOKEN: 'x'.repeat(31) };
    const headers = { authorization: `Bearer ${with31.ADMIN_TOKEN}` };
    const api = await (await deployedWith(with31, `${ISSUER}/api/config`, { headers })).text();
    const health = await read(await deployedWith(with31, `${ISSUER}/health`));

    expect(api).toContain('ADMIN_TOKEN has fewer than 32 characters');
    expect(api).toContain('openssl rand -hex 32 | npx wrangler secret put ADMIN_TOKEN');
    expect(health).toMatchObject({ status: 503, body: { missing: [{ secret: 'ADMIN_TOKEN' }] } });
    expect((await deployedWith({ ADMIN_TOKEN: 'x'.repeat(32) }, `${ISSUER}/health`)).status).toBe(200);
  });

  it('takes no ENCRYPTION_KEY that is not 32 bytes', async () => {
    expect((await deployedWith({ ENCRYPTION_KEY: 'short' }, `${ISSUER}/.well-known/jwks.json`)).status).toBe(
      503,
    );
  });

  it('answers 503 saying how while the issuer is not set, and never takes it from the request', async () => {
    for (const path of ['/.well-known/oauth-authorization-server', '/oauth2/token', '/mcp']) {
      const method = path.startsWith('/.') ? 'GET' : 'POST';
      const response = await deployedWith(
        { OAUTH2_SERVER_CONFIG_ISSUER_URL: undefined },
        `https://gate.workers.example${path}`,
        { method },
      );

      expect(response.status).toBe(503);
      expect(response.headers.get('retry-after')).toBeTruthy();
      expect(await response.text()).toContain('issuer_url');
    }
  });

  it.each(['http://localhost:8787', 'http://127.0.0.1:8787', 'http://[::1]:8787'])(
    'is its own issuer on %s',
    async (origin) => {
      const { body } = await read<{ issuer: string }>(
        await deployedWith(
          { OAUTH2_SERVER_CONFIG_ISSUER_URL: undefined },
          `${origin}/.well-known/oauth-authorization-server`,
        ),
      );

      expect(body.issuer).toBe(origin);
    },
  );

  it('uses plain cookie names on loopback http, where __Host- cannot be', async () => {
    const changes = { OAUTH2_SERVER_CONFIG_ISSUER_URL: undefined };
    const client = await McpClient.register();
    const url = (await client.authorizeUrl()).replace(ISSUER, 'http://localhost:8787');

    const cookie = (await deployedWith(changes, url)).headers.get('set-cookie') ?? '';

    expect(cookie).toMatch(/^toolgate-flow-/);
    expect(cookie).not.toContain('Secure');
    const page = await deployedWith(changes, 'http://localhost:8787/oauth/consent?flow_id=x');
    expect(page.headers.get('strict-transport-security')).toBeNull();
  });
});

describe('settings from variables', () => {
  it.each([
    ['REVOCATION_LAG', 61],
    ['REVOCATION_LAG', 'soon'],
    ['MCP_SERVER_AUTH_MODE', 'open'],
    ['OAUTH2_SERVER_CONFIG_ISSUER_URL', 'https://gate.example/'],
    ['OAUTH2_SERVER_CONFIG_ISSUER_URL', 'http://gate.example'],
    ['OAUTH2_SERVER_CONFIG_AUTH_CODE_TTL', 59],
    ['DISPLAY_NAME', '<b>'],
  ])('names %s when it is %j', async (name, value) => {
    const { status, body } = await read<{ error_description: string }>(
      await deployedWith({ [name]: value }, `${ISSUER}/.well-known/oauth-authorization-server`),
    );

    expect(status).toBe(500);
    expect(body.error_description).toContain(name);
  });

  it('reads numbers, booleans and lists from strings as well', async () => {
    const changes = {
      DISPLAY_NAME: 'Acme',
      REVOCATION_LAG: '0',
      OAUTH2_SERVER_CONFIG_ACCESS_TOKEN_TTL: '90',
      ENFORCE_AUTH_ON_INFERENCE: 'true',
      ALLOWED_ORIGINS: 'https://a.example,https://b.example',
    };
    const headers = { authorization: 'Bearer test-admin-token-of-32-characters' };

    const { body } = await read(await deployedWith(changes, `${ISSUER}/api/config`, { headers }));

    expect(body).toMatchObject({
      display_name: 'Acme',
      oauth2_server_config: { access_token_ttl: 90 },
      enforce_auth_on_inference: true,
      allowed_origins: ['https://a.example', 'https://b.example'],
    });
  });
});

/** Counts `times` requests of an address. */
async function spend(limit: RateLimit, key: string, times: number): Promise<void> {
  await Promise.all(Array.from({ length: times }, () => limit.limit({ key })));
}

/** A story whose requests all fall into one of the limits' minutes, which begin with the clock's; from a subnet of its own. */
async function inOneMinute<T>(story: (subnet: string) => Promise<T>): Promise<T> {
  const minute = () => Math.floor(Date.now() / 60_000);
  const begun = minute();
  const told = await story(`2001:db8:${Math.floor(Math.random() * 0xfff).toString(16)}:1`);
  return minute() === begun ? told : inOneMinute(story);
}

describe('limits against floods (CONTRACT §§3, 4)', () => {
  const limited = { RATE_LIMITS: 'on' };

  it.each(['/oauth2/authorize', '/authorize', '/api/oauth/per-user/authorize'])(
    'lets 60 authorizations a minute begin at %s from an address, HEAD and POST with them',
    async (path) => {
      const client = await McpClient.register();
      const url = (await client.authorizeUrl()).replace('/oauth2/authorize', path);
      const { begun, refused, elsewhere, kept } = await inOneMinute(async (subnet) => {
        const ask = (address: string, method: string) =>
          deployedWith(limited, url, {
            method,
            headers: { 'cf-connecting-ip': address },
            body: method === 'POST' ? new URLSearchParams(new URL(url).search) : null,
          });
        const all = async (methods: string[]) => {
          const answers = [];
          for (const method of methods) answers.push(await ask(`${subnet}::${answers.length + 1}`, method));
          return answers;
        };
        await spend(env.AUTHORIZATIONS, `${subnet}::/64`, 57);
        const begun = await all(['GET', 'HEAD', 'POST']);
        const keys = (await env.KV.list()).keys.length;
        const refused = await all(['GET', 'HEAD', 'POST']);
        const kept = (await env.KV.list()).keys.length - keys;
        return { begun, refused, kept, elsewhere: await ask('2001:db8:ffff::1', 'GET') };
      });

      expect(begun.map(({ status }) => status)).toEqual([302, 302, 302]);
      expect(refused.map(({ status }) => status)).toEqual([429, 429, 429]);
      expect(refused[0]?.headers.get('retry-after')).toBe('60');
      expect(refused[0]?.headers.get('content-type')).toContain('text/html');
      expect([kept, elsewhere.status]).toEqual([0, 302]);
    },
  );

  it('fetches as many metadata documents as it takes registrations, and then answers with a page', async () => {
    const url = `${ISSUER}/oauth2/authorize?client_id=${inject('upstreamOrigin')}/none/client.json`;
    const refused = await inOneMinute(async (subnet) => {
      await spend(env.REGISTRATIONS, `${subnet}::/64`, 60);
      return deployedWith(limited, url, { headers: { 'cf-connecting-ip': `${subnet}::1` } });
    });

    expect(refused.status).toBe(429);
    expect(refused.headers.get('content-type')).toContain('text/html');
    expect(refused.headers.get('retry-after')).toBe('60');
    expect(await refused.text()).toContain('>Try again<');
  });

  it('takes 60 registrations a minute from an address, an IPv6 /64 being one', async () => {
    const from = (address: string) =>
      deployedWith(limited, `${ISSUER}/oauth2/register`, {
        method: 'POST',
        headers: { 'cf-connecting-ip': address, 'content-type': 'application/json' },
        body: JSON.stringify({ redirect_uris: ['https://app.example/cb'] }),
      });
    const answers = await inOneMinute(async (subnet) => {
      await spend(env.REGISTRATIONS, `${subnet}::/64`, 58);
      return [await from(`${subnet}::a`), await from(`${subnet}::b`), await from(`${subnet}:c:d:e:f`)];
    });

    expect(answers.map(({ status }) => status)).toEqual([201, 201, 429]);
    expect(answers[2]?.headers.get('retry-after')).toBe('60');
    expect((await from('2001:db8:fffe:3::1')).status).toBe(201);
  });

  it('lets a key be tried 10 times a minute in one flow', async () => {
    const statuses = await inOneMinute(tryTwelveKeys);

    expect(statuses.filter((status) => status === 303)).toHaveLength(10);
    expect(statuses.slice(10)).toEqual([429, 429]);
  });

  async function tryTwelveKeys(): Promise<number[]> {
    const client = await McpClient.register();
    const begun = await deployedWith(limited, await client.authorizeUrl());
    const cookie = (begun.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    let jar = cookie;
    const flowId = new URL(begun.headers.get('location') ?? '').searchParams.get('flow_id') ?? '';
    const statuses = [];
    for (let n = 0; n < 12; n++) {
      const page = await (
        await deployedWith(limited, `${ISSUER}/oauth/consent?flow_id=${flowId}`, { headers: { cookie: jar } })
      ).text();
      const form = /name="form" value="([^"]+)"/.exec(page)?.[1] ?? '';
      const body = new URLSearchParams({
        flow_id: flowId,
        form,
        identity: 'virtual_key',
        virtual_key: `guess ${n}`,
        decision: 'continue',
      });
      const answer = await deployedWith(limited, `${ISSUER}/oauth/consent`, {
        method: 'POST',
        body,
        headers: { cookie: jar, 'cf-connecting-ip': `192.0.2.${n}` },
      });
      statuses.push(answer.status);
      jar = (answer.headers.get('set-cookie') ?? jar).split(';')[0] ?? '';
    }
    return statuses;
  }
});

describe('guessing from one address (CONTRACT §4)', () => {
  it('is let through 30 times a minute, in however many flows', async () => {
    const answers = await inOneMinute(guessInFourFlows);

    expect(answers.map(({ status }) => status)).toEqual([...Array(30).fill(303), 429, 429]);
    expect(answers.at(-1)?.headers.get('retry-after')).toBe('60');
  });

  async function guessInFourFlows(subnet: string): Promise<Response[]> {
    const client = await McpClient.register();
    const answers = [];
    for (let flow = 0; flow < 4; flow++) {
      const begun = await deployedWith({}, await client.authorizeUrl());
      const cookie = (begun.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
      const location = begun.headers.get('location') ?? '';
      const page = await (await deployedWith({}, location, { headers: { cookie } })).text();
      const body = new URLSearchParams({
        flow_id: new URL(location).searchParams.get('flow_id') ?? '',
        form: /name="form" value="([^"]+)"/.exec(page)?.[1] ?? '',
        identity: 'virtual_key',
        virtual_key: 'guess',
      });
      for (let attempt = 0; attempt < 8; attempt++) {
        answers.push(
          await deployedWith({ RATE_LIMITS: 'on' }, `${ISSUER}/oauth/consent`, {
            method: 'POST',
            body,
            headers: { cookie, 'cf-connecting-ip': `${subnet}::77` },
          }),
        );
      }
    }
    return answers;
  }
});

describe('faults of storage (CONTRACT §8, SECURITY 23)', () => {
  const broken = (message: string) => {
    const fail = () => Promise.reject(new Error(message));
    const statement = { bind: () => statement, first: fail, all: fail, run: fail, raw: fail };
    return { prepare: () => statement, batch: fail, exec: fail };
  };
  const POST = (body: string, type: string, more: Record<string, string> = {}) => ({
    method: 'POST',
    body,
    headers: { 'content-type': type, ...more },
  });
  const bearer = { authorization: 'Bearer test-admin-token-of-32-characters' };
  const form = 'application/x-www-form-urlencoded';
  const ping = '{"jsonrpc":"2.0","id":1e3,"method":"ping"}';
  const asked: [string, RequestInit][] = [
    ['/oauth2/token', POST('grant_type=refresh_token&refresh_token=x&client_id=y', form)],
    ['/oauth2/revoke', POST('token=x&client_id=y', form)],
    ['/api/users', { headers: bearer }],
    ['/oauth2/authorize?client_id=x', { headers: { accept: 'text/html' } }],
    ['/mcp', POST(ping, 'application/json', { 'x-bf-vk': 'sk-bf-x' })],
  ];

  it.each(asked)('that pass are 503 with Retry-After at %s', async (path, init) => {
    await gate('/health');
    const DB = broken('D1_ERROR: Network connection lost.');
    const response = await deployedWith({ DB }, `${ISSUER}${path}`, init);

    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBeTruthy();
    const text = await response.text();
    if (path.startsWith('/oauth2/t')) expect(text).toContain('"error":"temporarily_unavailable"');
    if (path === '/mcp') expect(text).toContain('"id":1e3,"error"');
  });

  it.each(asked)('that do not are 500 with their code at %s, and in the log', async (path, init) => {
    await gate('/health');
    const said = vi.spyOn(console, 'log');
    const DB = broken('D1_ERROR: UNIQUE constraint failed: sekret.name: SQLITE_CONSTRAINT');

    const response = await deployedWith({ DB }, `${ISSUER}${path}`, init);
    const text = await response.text();
    const lines = said.mock.calls.flat();
    said.mockRestore();

    expect(response.status).toBe(500);
    expect(response.headers.get('retry-after')).toBeNull();
    for (const shown of [text, String(lines)]) {
      expect(shown).toContain('D1_ERROR: UNIQUE constraint failed (SQLITE_CONSTRAINT)');
      expect(shown).not.toContain('sekret');
    }
    if (path.startsWith('/oauth2/t')) expect(text).toContain('"error":"server_error"');
    if (path === '/mcp') expect(text).toContain('"id":1e3,"error"');
  });

  it('that come while an isolate starts are judged alike', async () => {
    forgetDeployment();
    const DB = broken('D1_ERROR: no such column: n at offset 7: SQLITE_ERROR');
    const response = await deployedWith({ DB }, `${ISSUER}/me`, { headers: { accept: 'text/html' } });

    expect(response.status).toBe(500);
    expect(response.headers.get('content-type')).toContain('text/html');
    expect(await response.text()).toContain('D1_ERROR: no such column (SQLITE_ERROR)');
  });
});

describe('what nobody built', () => {
  it('is a page to a person and JSON to a machine', async () => {
    const person = await deployedWith({}, `${ISSUER}/nowhere`, { headers: { accept: 'text/html' } });
    const machine = await deployedWith({}, `${ISSUER}/nowhere`);

    expect([person.status, machine.status]).toEqual([404, 404]);
    expect(person.headers.get('content-type')).toContain('text/html');
    expect(machine.headers.get('content-type')).toContain('application/json');
    expect(machine.headers.get('cache-control')).toBe('no-store');
    expect((await admin('GET', '/nowhere')).status).toBe(404);
  });
});

describe('every answer (SECURITY 6)', () => {
  const isGuarded = ({ headers }: Response) =>
    headers.get('x-content-type-options') === 'nosniff' && headers.get('cache-control') === 'no-store';

  it('forbids guessing at its content type and says whether it may be kept, where there is no content, no page and no success', async () => {
    const token = `${ISSUER}/oauth2/token`;
    const asked = {
      preflight: () =>
        deployedWith({}, token, { method: 'OPTIONS', headers: { origin: 'https://app.example' } }),
      head: () => deployedWith({}, `${ISSUER}/health`, { method: 'HEAD' }),
      redirect: () => deployedWith({}, `${ISSUER}/admin`),
      refusal: () => deployedWith({}, token, { method: 'POST' }),
      missing: () => deployedWith({}, `${ISSUER}/nowhere`),
      page: () => deployedWith({}, `${ISSUER}/`, { headers: { accept: 'text/html' } }),
      fault: () => deployedWith({ REVOCATION_LAG: 'soon' }, token, { method: 'POST' }),
      'no storage': () => deployedWith({ DB: null }, `${ISSUER}/oauth/consent?flow_id=x`),
      'no secret': () => deployedWith({ ADMIN_TOKEN: undefined }, `${ISSUER}/mcp`, { method: 'POST' }),
      'no credential': () => deployedWith({}, `${ISSUER}/mcp`, { method: 'POST', body: '{}' }),
    };

    const answers = await Promise.all(
      Object.entries(asked).map(async ([name, ask]) => [name, isGuarded(await ask())]),
    );

    expect(answers).toEqual(Object.keys(asked).map((name) => [name, true]));
  });

  it('does so on streams', async () => {
    const upstream = await Upstream.start(['progress']);
    const caller = await McpCaller.withKey();
    const stream = await caller.send('tools/call', { name: `${upstream.name}-progress`, arguments: {} });

    expect(stream.headers.get('content-type')).toBe('text/event-stream');
    expect(isGuarded(stream)).toBe(true);
    await stream.body?.cancel();
  });
});
