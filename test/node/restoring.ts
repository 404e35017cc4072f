import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StateFolder } from '../journeys/support/dev-session';
import { CloudflareApi } from './support/cloudflare-api';
import { meets, soon } from './support/meets';
import {
  admin,
  byKey,
  byToken,
  database,
  fetchOf,
  grantOf,
  type Key,
  listTools,
  newKey,
  newServer,
  origin,
  type Tokens,
} from './support/two-workers';

type Session = { status: string; read_only: boolean };
const session = async ({ grant_id }: Tokens) =>
  (await admin<{ session: Session }>('GET', `/oauth2/sessions/${grant_id}`)).session;

async function refreshed({ client_id, refresh_token }: Tokens): Promise<number> {
  const body = new URLSearchParams({ grant_type: 'refresh_token', client_id, refresh_token });
  return (await fetchOf('toolgate')(`${origin}/oauth2/token`, { method: 'POST', body })).status;
}

/** `npm run backup` and `npm run restore`, run against both Workers (docs/operations.md, decision 0102). */
export function restoring(): void {
  describe('a database that is restored', () => {
    const state = new StateFolder();
    let cloudflare: CloudflareApi;
    beforeAll(async () => {
      cloudflare = await CloudflareApi.start();
    });
    afterAll(() => {
      cloudflare.stop();
      state.remove();
    });
    const run = (...args: string[]) => cloudflare.running(state)(...args);
    const path = (name: string) => join(state.path, name);

    it('has what administrators had set, and what was withdrawn since stays withdrawn', async () => {
      const long = {
        tools: [{ name: 'a', description: "it's; ".repeat(25_000), inputSchema: { type: 'object' } }],
      };
      const [server, off] = [await newServer(['a', 'b'], 'http'), await newServer()];
      const big = await newServer([], 'http', long);
      const [key, leaked, deleted] = [await newKey(), await newKey(), await newKey()];
      const grants = { open: await grantOf(key), revoked: await grantOf(key), narrowed: await grantOf(key) };
      const saved = await run('backup', path('backup.sql'));
      const moment = await cloudflare.mark();

      await admin('DELETE', `/oauth2/sessions/${grants.revoked.grant_id}`);
      await admin('PUT', `/oauth2/sessions/${grants.narrowed.grant_id}`, { read_only: true });
      type Rotated = { virtual_key: Key };
      const rotation = `/governance/virtual-keys/${leaked.id}/rotate`;
      const { virtual_key: renewed } = await admin<Rotated>('POST', rotation, { reason: 'leaked' });
      await admin('DELETE', `/governance/virtual-keys/${deleted.id}`);
      await admin('PUT', `/mcp/client/${server.id}`, { tools_to_execute: ['a'] });
      await admin('PUT', `/mcp/client/${off.id}`, { enabled: false });
      await listTools(server.name, ['a', 'b', 'c']);
      await admin('POST', `/mcp/client/${server.id}/refresh-tools`);
      const [added, later] = [await newKey(), await grantOf(key)];
      await soon(() => meets(byKey(key), `${server.name}-b`), 'unknown tool');

      cloudflare.failsAfterTravel = true;
      const failed = await run('restore', '--timestamp', moment, '--yes', '--keep', path('first.sql'));
      expect(failed).toMatchObject({ code: 1, output: expect.stringContaining('d1 export failed') });
      expect([await meets(byKey(leaked)), await meets(byToken(grants.revoked))]).toEqual([401, 401]); // as before

      const restored = await run('restore', '--timestamp', moment, '--yes', '--keep', path('now.sql'));
      await soon(() => meets(byKey(key), `${server.name}-b`), 'ran');

      expect(restored, restored.output).toMatchObject({ code: 0 });
      const keys = [key, leaked, renewed, deleted, added];
      expect(await Promise.all(keys.map((one) => meets(byKey(one))))).toEqual([200, 401, 200, 403, 401]);
      expect(await meets(byKey(key), `${off.name}-a`)).toBe('unknown tool');
      expect(await meets(byKey(key), `${big.name}-a`)).toBe('ran');
      const tokens = [grants.open, grants.revoked, grants.narrowed, later];
      expect(await Promise.all(tokens.map((one) => meets(byToken(one))))).toEqual([200, 401, 200, 200]);
      expect(await Promise.all(tokens.map(session))).toMatchObject([
        { status: 'active', read_only: false },
        { status: 'ended' },
        { status: 'active', read_only: true },
        { status: 'active' },
      ]);
      expect(await Promise.all(tokens.map(refreshed))).toEqual([200, 400, 200, 200]);
      const db = await database();
      const toAsk = await db.prepare("SELECT created_at FROM grant_sweep WHERE name = 'restored'").first();
      expect(toAsk).toEqual({ created_at: 0 });

      expect(saved.code, saved.output).toBe(0);
      expect(saved.output).toMatch(/\d+ servers, \d+ access keys, \d+ grants/);
      const told = restored.output.split(/\n\n/);
      const under = (title: string) => told.find((part) => part.trim().startsWith(title));
      expect(under('Deleted since')).toContain(`access key ${deleted.name}`);
      expect(under('Withdrawn since')).toContain(`access key ${leaked.name}`);
      expect(under('Withdrawn since')).toContain(`server ${off.name}`);
      expect(under('Made since')).toContain(`access key ${added.name}`);
      expect(under('Changed since')).toContain(`server ${server.name}`);
      for (const { value } of keys) expect(saved.output + restored.output).not.toContain(value);
      expect([path('backup.sql'), path('now.sql')].map((file) => statSync(file).mode & 0o777)).toEqual([
        0o600, 0o600,
      ]);
    });

    it('is made of a file where there was none, row by row, and no backup is written over', async () => {
      const file = path('backup.sql');
      const before = readFileSync(file, 'utf8');

      const over = await run('backup', file);
      const restored = await run('restore', '--local', file, '--yes', '--keep', path('empty.sql'));
      const saved = await run('backup', '--local', path('local.sql'));

      expect(over).toMatchObject({ code: 1, output: expect.stringContaining('is there already') });
      expect(restored, restored.output).toMatchObject({ code: 0 });
      expect(saved, saved.output).toMatchObject({ code: 0 });
      const rows = (sql: string) =>
        sql
          .split('\n')
          .filter((line) => line.startsWith('INSERT') && !/"(revision|grant_sweep)"/.test(line))
          .sort();
      expect(rows(readFileSync(path('local.sql'), 'utf8'))).toEqual(rows(before));
      expect(readFileSync(file, 'utf8')).toBe(before);
    });

    it('is none of a file that is not whole, and nothing is changed', async () => {
      const file = path('half.sql');
      writeFileSync(file, readFileSync(path('backup.sql'), 'utf8').slice(0, 5000));
      const before = cloudflare.heard.length;

      const refused = await run('restore', file, '--yes', '--keep', path('unused.sql'));

      expect(refused).toMatchObject({ code: 1, output: expect.stringContaining('no whole backup') });
      expect(cloudflare.heard.length).toBe(before);
      expect(existsSync(path('unused.sql'))).toBe(false);
    });
  });
}
