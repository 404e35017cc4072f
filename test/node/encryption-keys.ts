import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { read } from '../journeys/support/app';
import { StateFolder } from '../journeys/support/dev-session';
import { CloudflareApi } from './support/cloudflare-api';
import {
  ADMIN_TOKEN,
  admin,
  behave,
  byToken,
  cron,
  deployWith,
  ENCRYPTION_KEY,
  fetchOf,
  listTools,
  newGrant,
  newKey,
  origin,
  type Tokens,
  upstreams,
} from './support/two-workers';

const OTHER = 'dGhlLW9sZC1rZXlzLWFyZS1hbGwtbG9zdC0zMi1ieXQ';

type Server = { id: string; name: string };
type Unreadable = { kind: string; count: number; remedy: string };

/** What someone has before a key changes: an app with access, a server of one account for all, and one of their own. */
class Scene {
  readonly shared: Server;
  readonly own: Server;
  private readonly key: string;
  private tokens: Tokens;

  private constructor(servers: { shared: Server; own: Server }, key: string, tokens: Tokens) {
    this.shared = servers.shared;
    this.own = servers.own;
    this.key = key;
    this.tokens = tokens;
  }

  static async set(): Promise<Scene> {
    const shared = await newServer({ auth_type: 'headers', headers: { 'x-key': 'of all' } });
    const own = await newServer({
      auth_type: 'per_user_headers',
      per_user_header_keys: ['x-key'],
      user_headers: { 'x-key': 'of the administrator' },
    });
    await admin('PUT', '/config', { oidc: { client_secret: 'of the provider' } });
    const { value } = await newKey();
    return new Scene({ shared, own }, value, await allow(value));
  }

  /** What the app gets: whose account each server was called with, and the status of a refresh, whose tokens it goes on with. */
  async use(): Promise<{ shared: string; own: string; refreshed: number }> {
    const [shared, own] = [await this.whoami(this.shared), await this.whoami(this.own)];
    return { shared, own, refreshed: await this.refresh() };
  }

  async whoami({ name }: Server): Promise<string> {
    const { result } = await this.ask<{ result: { content: { text: string }[] } }>('tools/call', {
      name: `${name}-whoami`,
    });
    return result.content[0]?.text ?? '';
  }

  async ask<T>(method: string, params?: object): Promise<T & { status: number }> {
    const response = await fetchOf('toolgate')(`${origin}/mcp`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json', ...byToken(this.tokens) },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    return { ...((await response.json()) as T), status: response.status };
  }

  async refresh(): Promise<number> {
    const { client_id, refresh_token } = this.tokens;
    const body = new URLSearchParams({ grant_type: 'refresh_token', client_id, refresh_token });
    const response = await fetchOf('toolgate')(`${origin}/oauth2/token`, { method: 'POST', body });
    const answer = (await response.json()) as Tokens;
    if (response.ok) this.tokens = { ...this.tokens, ...answer };
    return response.status;
  }

  /** The state of their account at the server of their own, as an administrator's list shows it. */
  async account(): Promise<string | undefined> {
    const { sessions } = await admin<{ sessions: { mcp_client: { client_id: string }; status: string }[] }>(
      'GET',
      '/mcp/sessions?limit=500',
    );
    return sessions.find(({ mcp_client }) => mcp_client.client_id === this.own.id)?.status;
  }

  /** A person allows the app again, and enters their own header value. */
  async allowAgain(): Promise<void> {
    this.tokens = await allow(this.key);
  }
}

const allow = (virtual_key: string) =>
  newGrant({ identity: 'virtual_key', virtual_key, 'x-key': 'of someone' });

/** A server whose tool `whoami` tells with which value of `x-key` it was called; open to every key. */
async function newServer(terms: object): Promise<Server> {
  const name = `sealed_${crypto.randomUUID().slice(0, 8)}`;
  await listTools(name, ['whoami']);
  await behave(name, { demandsHeaders: ['x-key'] });
  const { client } = await admin<{ client: Server }>('POST', '/mcp/client', {
    ...{ name, ...terms, allow_on_all_virtual_keys: true },
    ...{ connection_type: 'http', connection_string: `${upstreams}/${name}/mcp` },
  });
  return client;
}

type Health = { unreadable?: Unreadable[]; signing_keys: { count: number } };

async function health(): Promise<Health> {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  return read<Health>(await fetchOf('toolgate')(`${origin}/health`, { headers }));
}

/** What `/health` says does not open. */
async function unreadable(): Promise<Map<string, Unreadable>> {
  return new Map(((await health()).unreadable ?? []).map((one) => [one.kind, one]));
}

const WORKS = { shared: 'of all', own: 'of someone', refreshed: 200 };

/** Both rotations and the loss of `ENCRYPTION_KEY`, with data of before: every deployment begins with an empty memory. */
export function encryptionKeys(): void {
  describe('another ENCRYPTION_KEY, with data of before (CONTRACT §§1, 5)', () => {
    const state = new StateFolder();
    const keysFile = join(state.path, 'keys.vars');
    const keys = () => parseEnv(readFileSync(keysFile, 'utf8')).ENCRYPTION_KEY?.split(',') ?? [];
    let cloudflare: CloudflareApi;
    const run = (command: string, ...args: string[]) =>
      cloudflare.running(state)(command, '--keys', keysFile, ...args);
    beforeAll(async () => {
      cloudflare = await CloudflareApi.start();
    });
    afterAll(() => {
      cloudflare.stop();
      state.remove();
    });

    it('before the old one keeps everything working, and alone once all is sealed with it', async () => {
      const scene = await Scene.set();
      expect(await scene.use()).toEqual(WORKS);

      writeFileSync(keysFile, `# ours\nENCRYPTION_KEY="${ENCRYPTION_KEY}"\n`);
      const begun = await run('rotate-encryption-key', '--wait', '0');
      const [added = '', old] = keys();
      const both = await scene.use();
      await admin('POST', `/mcp/client/${scene.own.id}/refresh-tools`); // opens the administrator's account
      const during = await unreadable();
      const signing = await run('rotate-signing-key');
      const early = await run('rotate-encryption-key', '--finish');
      const afterRefusal = keys();
      const finished = await run('rotate-encryption-key', '--finish', '--force'); // for what the tests before left
      const alone = await scene.use();

      expect(
        [begun, signing, finished].map(({ code }) => code),
        begun.output + finished.output,
      ).toEqual([0, 0, 0]);
      expect([both, alone]).toEqual([WORKS, WORKS]);
      expect(old).toBe(ENCRYPTION_KEY);
      expect(early).toMatchObject({ code: 1, output: expect.stringContaining('The old keys stay') });
      expect([afterRefusal, keys()]).toEqual([[added, ENCRYPTION_KEY], [added]]);
      expect(readFileSync(keysFile, 'utf8')).toContain('# ours\n');
      expect(parseEnv(readFileSync(keysFile, 'utf8')).RETIRED_ENCRYPTION_KEYS).toBe(ENCRYPTION_KEY);
      expect(statSync(keysFile).mode & 0o777).toBe(0o600);
      for (const secret of [added, ENCRYPTION_KEY])
        expect([begun, early, finished].map(({ output }) => output).join()).not.toContain(secret);
      expect(begun.output).toMatch(/Sealed \d+ values with the new key, 0 to go/);
      expect(signing.output).toMatch(/is published, and signs from/);
      expect((await health()).signing_keys.count).toBeGreaterThan(1);
      expect([...during]).toEqual([]);
      const idle = await unreadable(); // what nobody used meanwhile: what the tests before left
      expect([...idle.keys()].filter((kind) => !/^(accounts|grants)$/.test(kind))).toEqual([]);
    });

    it('in place of a lost one costs what /health names, until it is done what that says', async () => {
      const scene = await Scene.set();
      const idle = await unreadable();

      await deployWith(OTHER);
      const told = await unreadable();
      const lost = {
        pinged: await scene.ask('ping'),
        refreshed: [await scene.refresh(), await scene.refresh()],
      };
      await cron();
      const account = await scene.account();
      const shared = await scene.whoami(scene.shared);
      const own = await scene.whoami(scene.own);
      const { client } = await admin<{ client: { state: string } }>('GET', `/mcp/client/${scene.shared.id}`);

      await admin('PUT', `/mcp/client/${scene.shared.id}`, { headers: { 'x-key': 'of all' } });
      await admin('PUT', '/config', { oidc: { client_secret: 'of the provider' } });
      const user_headers = { 'x-key': 'of the administrator' };
      await admin('POST', `/mcp/client/${scene.own.id}/verify-headers`, { user_headers });
      await scene.allowAgain();

      expect([...told.keys()]).toEqual(['signing_keys', 'settings', 'server_headers', 'accounts', 'grants']);
      for (const { remedy } of told.values()) expect(remedy).toMatch(/\w+ .*\.$/);
      expect(told.get('grants')?.count).toBeGreaterThan(idle.get('grants')?.count ?? 0);
      expect([lost.pinged.status, lost.refreshed]).toEqual([200, [400, 400]]);
      expect([account, client.state]).toEqual(['needs_reauth', 'needs_reauth']);
      expect(shared).toContain('have to be entered again');
      expect(own).toContain('Authentication required');
      expect(await scene.use()).toEqual(WORKS);
      expect(await scene.account()).toBe('active');
      expect([...(await unreadable()).keys()]).not.toContain('settings');
    });
  });
}
