import { runDurableObjectAlarm } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { forgetDeployment } from '../../src/config';
import { compareRestored } from '../../src/grants/restored';
import { McpCaller } from '../support/caller';
import { cron } from '../support/cron';
import { admin, administer, configure } from '../support/gate';
import { McpClient } from '../support/mcp-client';
import { Upstream } from '../support/upstream';

const { DB } = env;
let server: Upstream;

beforeAll(async () => {
  await configure({ revocation_lag: 0 });
  server = await Upstream.start(['read', 'write']);
});
beforeEach(async () => {
  await DB.prepare("DELETE FROM grant_sweep WHERE name = 'restored'").run();
});

type Session = { status: string; ended_reason: string | null; access: unknown };
const shown = async (id: string) =>
  (await administer<{ session: Session }>('GET', `/oauth2/sessions/${id}`)).session;
const rowOf = (id: string) => DB.prepare('SELECT * FROM oauth_grant WHERE grant_id = ?1').bind(id).first();
/** What `npm run restore` leaves for the cron. */
const toCompare = () =>
  DB.prepare("INSERT INTO grant_sweep (name, created_at, grant_id) VALUES ('restored', 0, '')").run();

async function allowed() {
  const client = await McpClient.register();
  const tokens = await client.obtainGrant({ answers: { expires_in: '0' } });
  const id = tokens.refresh_token.slice(0, 64);
  const caller = new McpCaller({ authorization: `Bearer ${tokens.access_token}` });
  return { id, client, tokens, caller, row: (await rowOf(id)) ?? {} };
}

/** Puts the row of a grant back as it was. */
async function restore({ id, row }: { id: string; row: Record<string, unknown> }): Promise<void> {
  const set = Object.keys(row).map((name) => `${name} = ?`);
  await DB.prepare(`UPDATE oauth_grant SET ${set.join(', ')} WHERE grant_id = ?`)
    .bind(...Object.values(row), id)
    .run();
}

/** A grant that was ended after the database was saved that is there now. */
async function endedSince() {
  const mine = await allowed();
  await admin('DELETE', `/oauth2/sessions/${mine.id}`);
  await restore(mine);
  return mine;
}

describe('a grant that ended after the database was saved which was restored (SECURITY 26)', () => {
  it('is refused for good once a token of it is seen, and every list shows it as ended', async () => {
    const mine = await endedSince();
    const before = await shown(mine.id);

    await mine.caller.ask('tools/list');
    await expect.poll(async () => (await shown(mine.id)).status).toBe('ended');
    const again = await mine.caller.ask('tools/list');

    expect(before).toMatchObject({ status: 'active', ended_reason: null });
    expect(again.status).toBe(401);
    expect((await mine.client.refresh(mine.tokens.refresh_token)).status).toBe(400);
  });

  it('is shown as ended by the next cron, used or not, and others stay what they are', async () => {
    const [ended, forgotten, open] = [await endedSince(), await endedSince(), await allowed()];
    const used = DB.prepare('UPDATE oauth_grant SET last_used_at = created_at WHERE grant_id = ?1');
    await used.bind(forgotten.id).run();
    const narrowed = await allowed();
    const access = [{ mcp_client_name: server.name, tools_to_execute: ['read'] }];
    await admin('PUT', `/oauth2/sessions/${narrowed.id}`, { access });
    await restore(narrowed);
    await toCompare();

    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 7_300_000 });
    await runDurableObjectAlarm(env.GRANTS.get(env.GRANTS.idFromString(forgotten.id))); // nothing is left there
    await cron();
    vi.useRealTimers();

    expect(await shown(ended.id)).toMatchObject({
      status: 'ended',
      ended_reason: 'revoked_by_administrator',
    });
    expect(await shown(forgotten.id)).toMatchObject({ ended_reason: 'ended_before_restore' });
    expect((await shown(open.id)).status).toBe('active');
    expect((await open.client.refresh(open.tokens.refresh_token)).status).toBe(200);
    await expect.poll(async () => (await shown(narrowed.id)).access).toMatchObject(access);
    expect(await DB.prepare("SELECT * FROM grant_sweep WHERE name = 'restored'").first()).toBeNull();
  });

  it('is asked about once, portion by portion, and not before it can have opened', async () => {
    const young = await allowed();
    await DB.prepare('UPDATE oauth_grant SET grant_id = ?2, last_used_at = NULL WHERE grant_id = ?1')
      .bind(young.id, env.GRANTS.newUniqueId().toString())
      .run();
    const others = [await endedSince(), await allowed(), await allowed()];
    await DB.prepare('UPDATE oauth_grant SET last_used_at = created_at WHERE grant_id = ?1')
      .bind(others[0]?.id)
      .run();
    const open = 'SELECT count(*) AS n FROM oauth_grant WHERE ended_at IS NULL';
    const count = (await DB.prepare(open).first<number>('n')) ?? 0;
    await toCompare();

    const now = Math.floor(Date.now() / 1000);
    const asked: number[] = [];
    while (asked.at(-1) !== 0) asked.push(await compareRestored(DB, env.GRANTS, now, 2));

    expect(asked.reduce((sum, n) => sum + n)).toBe(count);
    expect(asked.length).toBeGreaterThan(others.length / 2);
    expect(await DB.prepare(open).first('n')).toBe(count - 1);
  });
});

describe('a grant that the restored database does not know', () => {
  it('is over after one more refresh: no list shows it, and /mcp takes none of its tokens', async () => {
    const { id, client, tokens, caller } = await allowed();
    await DB.prepare('DELETE FROM oauth_grant WHERE grant_id = ?1').bind(id).run();

    const { body } = await client.refresh(tokens.refresh_token);
    await expect
      .poll(async () => (await client.refresh(body.refresh_token)).body)
      .toMatchObject({ error: 'invalid_grant' });

    expect((await caller.ask('tools/list')).status).toBe(401);
  });
});

describe('an isolate that knew the database before it was restored', () => {
  it('serves the servers of before by their lower revision, and no later change has a number of then', async () => {
    const revision = () => DB.prepare("SELECT n FROM revision WHERE name = 'catalog'").first<number>('n');
    const { caller } = await allowed();
    const before = (await caller.toolNames()).length;
    const added = await Upstream.start(['later']);
    const withAdded = (await caller.toolNames()).length;
    await DB.batch([
      DB.prepare('DELETE FROM server WHERE id = ?1').bind(added.id),
      DB.prepare("UPDATE revision SET n = 7 WHERE name = 'catalog'"),
    ]);
    const restored = (await caller.toolNames()).length;
    await server.change({ tools_to_execute: ['read'] });

    expect(withAdded).toBe(before + 1);
    expect(restored).toBe(before);
    expect(await revision()).toBeGreaterThan(Date.now() - 60_000); // as the clock says
    expect((await caller.toolNames()).length).toBe(before - 1);
  });

  it('brings it to the schema that it knows', async () => {
    await DB.prepare('DELETE FROM schema_step WHERE n = (SELECT max(n) FROM schema_step)').run();
    for (const column of ['last_used_at', 'use_noted_since']) {
      await DB.prepare(`ALTER TABLE virtual_key DROP COLUMN ${column}`).run();
    }
    forgetDeployment(); // a `revocation_lag` later

    const { client, tokens } = await allowed();

    expect((await client.refresh(tokens.refresh_token)).status).toBe(200);
  });
});
