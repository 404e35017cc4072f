import { runDurableObjectAlarm } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Answers } from '../../demo/consent';
import { SYSTEM } from '../../src/audit';
import { recordTerms } from '../../src/grants/store';
import { McpCaller } from '../support/caller';
import { admin, administer, configure, newKey } from '../support/gate';
import { McpClient, type Tokens } from '../support/mcp-client';
import { Upstream } from '../support/upstream';

type Access = 'all' | { mcp_client_name: string; tools_to_execute: string[]; [reading: string]: unknown }[];
type Session = {
  id: string;
  access: Access;
  read_only: boolean;
  scope: string;
  given_name: string | null;
  expires_at: string | null;
};
type Changed = { session: Session; error?: { type: string; message: string; field?: string } };

const { DB } = env;
let docs: Upstream;
let mail: Upstream;

beforeAll(async () => {
  await configure({ revocation_lag: 0 });
  const reads = (name: string) => ({
    name,
    inputSchema: { type: 'object' },
    annotations: { readOnlyHint: true },
  });
  const [a, b] = ['a', 'b'].map((letter) => `${letter}_${crypto.randomUUID().slice(0, 8)}`); // as lists order them
  docs = await Upstream.start([reads('read'), 'write', 'erase'], { registration: { name: a } });
  mail = await Upstream.start(['send'], { registration: { name: b } });
});

/** An app that someone allowed with a key of their own. */
async function allowed(answers: Answers = {}, changes: Record<string, string> = {}) {
  const client = await McpClient.register();
  const key = await newKey();
  const tokens = await client.obtainGrant({
    key: key.value,
    answers: { expires_in: '0', ...answers },
    changes,
  });
  return { client, key, tokens, id: tokens.refresh_token.slice(0, 64) };
}

const put = (id: string, change: Record<string, unknown>) =>
  admin<Changed>('PUT', `/oauth2/sessions/${id}`, change);
const shown = async (id: string) =>
  (await administer<{ session: Session }>('GET', `/oauth2/sessions/${id}`)).session;
const callerWith = ({ access_token }: Pick<Tokens, 'access_token'>) =>
  new McpCaller({ authorization: `Bearer ${access_token}` });
const toolsOf = async (tokens: Pick<Tokens, 'access_token'>) =>
  (await callerWith(tokens).toolNames()).filter((name) =>
    [docs.name, mail.name].includes(name.split('-')[0] ?? ''),
  );
const only = (server: Upstream, ...tools: string[]) => ({
  mcp_client_name: server.name,
  tools_to_execute: tools,
});
const of = (server: Upstream, ...tools: string[]) => tools.map((tool) => `${server.name}-${tool}`);
const changesOf = async (id: string) => {
  const { results } = await DB.prepare(
    "SELECT actor, detail ->> 'before' AS before, detail ->> 'after' AS after FROM audit WHERE act = 'grant.changed' AND grant_id = ?1 ORDER BY id",
  )
    .bind(id)
    .all<{ actor: string; before: string; after: string }>();
  return results;
};

/** Lets every change of the index's terms fail while `work` is done. */
async function withoutIndex<T>(work: () => Promise<T>): Promise<T> {
  await DB.prepare(
    "CREATE TRIGGER failing BEFORE UPDATE OF terms_version ON oauth_grant BEGIN SELECT RAISE(ABORT, 'failing'); END",
  ).run();
  try {
    return await work();
  } finally {
    await DB.prepare('DROP TRIGGER failing').run();
  }
}

describe('narrowing what an app may use (CONTRACT §8)', () => {
  it('bites on list and call, with the tokens it has; the audit has before and after', async () => {
    const { tokens, client, id } = await allowed();
    const before = await toolsOf(tokens);

    const changed = await put(id, { access: [only(docs, 'read', 'write')] });
    const after = await toolsOf(tokens);
    const called = await callerWith(tokens).call(`${mail.name}-send`);
    const narrower = await put(id, { read_only: true });
    const refreshed = await client.refresh(tokens.refresh_token);

    expect(before).toEqual([...of(docs, 'read', 'write', 'erase'), ...of(mail, 'send')]);
    expect(changed).toMatchObject({
      status: 200,
      session: { access: [only(docs, 'read', 'write')], read_only: false },
    });
    expect(after).toEqual(of(docs, 'read', 'write'));
    expect(called.body.error).toMatchObject({ code: -32602 });
    expect(narrower.session).toMatchObject({ scope: 'mcp:read', read_only: true });
    expect(await toolsOf(tokens)).toEqual(of(docs, 'read'));
    expect((await callerWith(tokens).call(`${docs.name}-write`)).body.error).toMatchObject({ code: -32602 });
    expect(refreshed.body).toMatchObject({ scope: 'mcp:read' });
    expect(await toolsOf(refreshed.body)).toEqual(of(docs, 'read'));
    expect(await changesOf(id)).toEqual([
      {
        actor: 'administrator',
        before: 'all, until withdrawn',
        after: `${docs.name} (read, write), until withdrawn`,
      },
      {
        actor: 'administrator',
        before: `${docs.name} (read, write), until withdrawn`,
        after: `${docs.name} (read, write), read only, until withdrawn`,
      },
    ]);
  });

  it('is no matter to an app that asks for its scope again when it refreshes', async () => {
    const { tokens, client, id } = await allowed();
    await put(id, { read_only: true });

    const again = await client.refresh(tokens.refresh_token, { scope: 'mcp' });
    const other = await client.refresh(again.body.refresh_token, { scope: 'mcp:write' });

    expect(again).toMatchObject({ status: 200, body: { scope: 'mcp:read' } });
    expect(other).toMatchObject({ status: 400, body: { error: 'invalid_scope' } });
  });

  it('leaves out what is added later, where `all` has it', async () => {
    const [all, chosen] = [await allowed(), await allowed()];
    await put(chosen.id, { access: [only(docs, '*')] });

    const later = await Upstream.start(['later']);
    const seen = (tokens: Tokens) => callerWith(tokens).toolNames();

    expect(await seen(all.tokens)).toContain(`${later.name}-later`);
    expect(await seen(chosen.tokens)).toEqual(of(docs, 'read', 'write', 'erase'));
  });

  it('ends it earlier: its tokens live no longer, and are refused when the time is over', async () => {
    const { tokens, client, id } = await allowed();
    const at = Math.floor(Date.now() / 1000) + 60;
    const expires_at = new Date(at * 1000).toISOString().replace('.000Z', 'Z');

    const changed = await put(id, { expires_at });
    const refreshed = await client.refresh(tokens.refresh_token);
    const later = [
      await put(id, { expires_at: new Date((at + 60) * 1000).toISOString() }),
      await put(id, { expires_at: null }),
      await put(id, { expires_at: '2020-01-01T00:00:00Z' }),
    ];

    expect(changed.session.expires_at).toBe(expires_at);
    expect(refreshed.body.expires_in).toBeLessThanOrEqual(60);
    expect(later.map(({ status, error }) => [status, error?.field])).toEqual(
      later.map(() => [400, 'expires_at']),
    );
    expect((await shown(id)).expires_at).toBe(expires_at);
  });

  it('gives it a name, and takes it away', async () => {
    const { id } = await allowed();

    const named = await put(id, { given_name: 'Claude on my laptop' });
    const unnamed = await put(id, { given_name: null });

    expect([named.session.given_name, unnamed.session.given_name]).toEqual(['Claude on my laptop', null]);
    expect((await changesOf(id)).map(({ after }) => after)).toEqual([
      'name: Claude on my laptop',
      'name: its own',
    ]);
  });

  it('takes what it shows: nothing changes, and the audit has nothing to tell', async () => {
    const { id } = await allowed();
    await put(id, { access: [{ ...only(docs, 'read'), allow_prompts: true }], read_only: true });
    const { access, read_only, given_name, expires_at } = await shown(id);

    const same = await put(id, { access, read_only, given_name, expires_at });

    expect(same).toMatchObject({ status: 200, session: { access, read_only, given_name, expires_at } });
    expect(await changesOf(id)).toHaveLength(1);
  });
});

describe('a bad change of a grant', () => {
  it.each([
    [
      'a server the identity may not use',
      () => [only(docs, '*'), { mcp_client_name: 'nowhere', tools_to_execute: ['*'] }],
      'access.1.mcp_client_name',
    ],
    ['a tool the identity may not use', () => [only(docs, 'read', 'steal')], 'access.0.tools_to_execute.1'],
    ['a server named twice', () => [only(docs, 'read'), only(docs, 'write')], 'access.1.mcp_client_name'],
    ['no list', () => 'everything', 'access'],
    ['a list of something else', () => [{ mcp_client_name: 7 }], 'access.0.mcp_client_name'],
  ])('is 400 for %s, which it names', async (_, access, field) => {
    const { id } = await allowed();

    const refused = await put(id, { access: access() });

    expect(refused).toMatchObject({ status: 400, error: { field } });
    expect((await shown(id)).access).toBe('all');
  });

  it('is 400 for a server that is closed to the identity, though others may use it', async () => {
    const closed = await Upstream.start(['hidden'], { registration: { allow_on_all_virtual_keys: false } });
    const { id } = await allowed();

    const refused = await put(id, { access: [only(closed, '*')] });

    expect(refused).toMatchObject({ status: 400, error: { field: 'access.0.mcp_client_name' } });
  });

  it('is 400 for reading alone, where the app asked only to change things', async () => {
    const { id } = await allowed({}, { scope: 'mcp:write' });

    expect(await put(id, { read_only: true })).toMatchObject({ status: 400, error: { field: 'read_only' } });
  });

  it('is 404 for a grant that has ended, or that there never was', async () => {
    const { id } = await allowed();
    await admin('DELETE', `/oauth2/sessions/${id}`);

    expect(await put(id, { read_only: true })).toMatchObject({ status: 404 });
    expect(await put('0'.repeat(64), { read_only: true })).toMatchObject({ status: 404 });
    expect(await changesOf(id)).toEqual([]);
  });
});

describe('widening what an app may use', () => {
  it('is an administrator’s for a key: more tools at once, the scope with the next refresh, without a challenge', async () => {
    const { tokens, client, id } = await allowed({ read_only: 'on' });
    await put(id, { access: [only(docs, 'read')] });

    const widened = await put(id, { access: 'all', read_only: false });
    const called = await callerWith(tokens).call(`${docs.name}-write`);
    const refreshed = await client.refresh(tokens.refresh_token);

    expect(widened.session).toMatchObject({ access: 'all', read_only: false, scope: 'mcp' });
    expect(called).toMatchObject({ status: 200, body: { error: { code: -32602 } } }); // hidden: there is nothing to ask a person for
    expect(await toolsOf(tokens)).toEqual(of(docs, 'read'));
    expect(refreshed.body.scope).toBe('mcp');
    expect(await toolsOf(refreshed.body)).toEqual([
      ...of(docs, 'read', 'write', 'erase'),
      ...of(mail, 'send'),
    ]);
  });

  it('returns to the scope that was asked for, and to no wider one', async () => {
    const { client, tokens, id } = await allowed({ read_only: 'on' }, { scope: 'mcp:read' });

    const changed = await put(id, { read_only: false });
    const refreshed = await client.refresh(tokens.refresh_token);

    expect(changed.session).toMatchObject({ scope: 'mcp:read', read_only: false });
    expect(refreshed.body.scope).toBe('mcp:read');
  });
});

describe('changes at the same time', () => {
  it('all hold, the last of one member wins, and the audit has each', async () => {
    const { id } = await allowed();

    const answers = await Promise.all([
      put(id, { access: [only(docs, 'read', 'write')] }),
      put(id, { read_only: true }),
      put(id, { access: [only(mail, 'send')] }),
    ]);
    const { access, read_only } = await shown(id);
    const told = await changesOf(id);

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(read_only).toBe(true);
    expect([[only(docs, 'read', 'write')], [only(mail, 'send')]]).toContainEqual(access);
    expect(told).toHaveLength(3);
    expect(told.slice(1).map(({ before }) => before)).toEqual(told.slice(0, -1).map(({ after }) => after));
  });

  it('and a refresh: whatever comes first, no token has more than the grant', async () => {
    const { id, client, tokens } = await allowed();

    const [changed, refreshed] = await Promise.all([
      put(id, { access: [only(docs, 'read')], read_only: true }),
      client.refresh(tokens.refresh_token),
    ]);

    expect([changed.status, refreshed.status]).toEqual([200, 200]);
    expect(await toolsOf(refreshed.body)).toEqual(of(docs, 'read'));
    expect((await client.refresh(refreshed.body.refresh_token)).body.scope).toBe('mcp:read');
  });
});

describe('a change that the index missed (SECURITY 26, 34)', () => {
  it('is 503, and finished by the same request, with one line in the audit', async () => {
    const { id, tokens } = await allowed();
    const change = { access: [only(docs, 'read')] };

    const untold = await withoutIndex(() => put(id, change));
    const again = await put(id, change);

    expect(untold.status).toBe(503);
    expect(again).toMatchObject({ status: 200, session: change });
    expect(await toolsOf(tokens)).toEqual(of(docs, 'read'));
    expect(await changesOf(id)).toHaveLength(1);
  });

  it('is finished by the grant’s object, which comes back to it', async () => {
    const { id } = await allowed();
    await withoutIndex(() => put(id, { access: [only(docs, 'read')] }));

    const ran = await runDurableObjectAlarm(env.GRANTS.get(env.GRANTS.idFromString(id)));

    expect(ran).toBe(true);
    expect((await shown(id)).access).toEqual([only(docs, 'read')]);
    expect(await changesOf(id)).toHaveLength(1);
  });

  it('does not come back once a later one is known', async () => {
    const { id } = await allowed();
    await put(id, { access: [only(docs, 'read', 'write')] });
    await put(id, { access: [only(docs, 'read')] });
    const first = { servers: null, readOnly: false, expiresAt: null, scope: 'mcp', askedScope: 'mcp' };

    await recordTerms(DB, id, { ...first, termsVersion: 1 }, []);

    expect((await shown(id)).access).toEqual([only(docs, 'read')]);
  });

  it('is finished before a refresh is answered', async () => {
    const { id, client, tokens } = await allowed();
    await withoutIndex(() => put(id, { access: [only(docs, 'read')] }));

    const untold = await withoutIndex(() => client.refresh(tokens.refresh_token));
    const refreshed = await client.refresh(tokens.refresh_token);

    expect(untold.status).toBe(503);
    expect(await toolsOf(refreshed.body)).toEqual(of(docs, 'read'));
    expect((await shown(id)).access).toEqual([only(docs, 'read')]);
    expect(await changesOf(id)).toHaveLength(1);
  });
});

describe('yesterday’s database (SECURITY 26)', () => {
  const end = '2030-01-01T00:00:00Z';

  /** A grant that was narrowed, and shortened, after the database was saved that is there now. */
  async function narrowedSince() {
    const mine = await allowed();
    const saved = await DB.prepare('SELECT * FROM oauth_grant WHERE grant_id = ?1').bind(mine.id).first();
    await put(mine.id, { access: [only(docs, 'read')], expires_at: end });
    const columns = Object.keys(saved ?? {});
    await DB.prepare(
      `UPDATE oauth_grant SET ${columns.map((name) => `${name} = ?`).join(', ')} WHERE grant_id = ?`,
    )
      .bind(...Object.values(saved ?? {}), mine.id)
      .run();
    return mine;
  }

  it('does not widen or lengthen a narrowed grant beyond its next refresh', async () => {
    const { id, client, tokens } = await narrowedSince();
    const restored = await shown(id);

    const refreshed = await client.refresh(tokens.refresh_token);

    expect(restored).toMatchObject({ access: 'all', expires_at: null });
    expect(await shown(id)).toMatchObject({ access: [only(docs, 'read')], expires_at: end });
    expect(await toolsOf(refreshed.body)).toEqual(of(docs, 'read'));
  });

  it('is corrected as soon as a token of it is seen that no one here has seen', async () => {
    const { id, tokens } = await narrowedSince();

    await callerWith(tokens).ask('tools/list');

    await expect.poll(async () => (await shown(id)).access).toEqual([only(docs, 'read')]);
  });

  it('has no say in the end: the object makes none later', async () => {
    const { id, tokens } = await allowed({ expires_in: '28800' });
    const object = env.GRANTS.get(env.GRANTS.idFromString(id));
    const told = { by: SYSTEM, before: '', after: '' };

    await object.change(0, { servers: null, readOnly: true, expiresAt: null }, told);

    expect(await shown(id)).toMatchObject({ read_only: true, expires_at: expect.any(String) });
    expect(await toolsOf(tokens)).toEqual(of(docs, 'read'));
  });

  it('is corrected before a change is decided, which could widen it otherwise', async () => {
    const { id } = await narrowedSince();

    const changed = await put(id, { read_only: true });

    expect(changed.session).toMatchObject({ access: [only(docs, 'read')], expires_at: end, read_only: true });
  });
});
