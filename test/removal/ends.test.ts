import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { SIGN_IN } from '../../src/accounts/connections';
import type { CredentialOwner } from '../../src/accounts/credential';
import { insertLink } from '../../src/accounts/links';
import { saveSignIn } from '../../src/accounts/sign-in-tokens';
import { SYSTEM } from '../../src/audit';
import { currentSettings } from '../../src/config';
import { keyObject } from '../../src/governance/key-object';
import { recordSignIn, userSubject } from '../../src/governance/users';
import { keySubject, newValue } from '../../src/governance/virtual-keys';
import { grantObject, insertGrant } from '../../src/grants/store';
import { signIn } from '../../src/identity/signed-in';
import type { Subject } from '../../src/protocol/subject';
import { finishRemovals } from '../../src/removal/ends';
import { removeKey, rotateKey } from '../../src/removal/keys';
import { blockPerson, isBlockFinished } from '../../src/removal/people';
import { insertServer } from '../../src/servers/store';
import { Account } from '../support/account';
import { McpCaller } from '../support/caller';
import { enterHeaders } from '../support/connected';
import { faulty } from '../support/faults';
import { admin, ISSUER, newKey } from '../support/gate';
import { McpClient } from '../support/mcp-client';

const { DB, GRANTS, KEYS } = env;
const now = () => Math.floor(Date.now() / 1000);

/** What is there to be ended, and how that is asked for. */
type World = {
  /** The act of the audit and the id it names. */
  act: string;
  id: string;
  grantId: string | null;
  accounts: Account[];
  ask(): Promise<{ status: number }>;
  /** Whether it is there, as those see it whom it serves. */
  serves(): Promise<boolean>;
  /** What else must be gone. */
  rest?: () => Promise<unknown[]>;
  /** The status of asking once more when nothing is left. */
  afterwards: number;
};

let client: McpClient;
let server: string;
beforeAll(async () => {
  client = await McpClient.register();
  server = await newServer();
});

async function newServer(): Promise<string> {
  const terms = {
    name: `server ${crypto.randomUUID()}`,
    connection_string: 'https://tools.example/mcp',
    connection_type: 'http' as const,
    auth_type: 'per_user_headers',
    per_user_header_keys: ['x-key'],
    enabled: false,
  };
  const made = await insertServer(
    DB,
    env.ENCRYPTION_KEY,
    terms,
    { hasProvider: false, isVerified: true },
    now(),
  );
  if (!made) throw new Error('the name is taken');
  return made.id;
}

/** A grant that was redeemed, its flow over: of one that ends nothing stays. */
async function newGrant(
  subject: Subject,
  { clientId, generation }: { clientId: string; generation: number },
) {
  const grantId = GRANTS.newUniqueId().toString();
  const what = { clientId, subject, generation, scope: 'mcp', resource: `${ISSUER}/mcp` };
  const shown = { clientName: 'App', servers: null, readOnly: false, redirectHost: 'a machine' };
  await insertGrant(DB, {
    ...what,
    ...shown,
    grantId,
    askedScope: 'mcp',
    sealedBy: null,
    userAgent: null,
    country: null,
    createdAt: now(),
    expiresAt: null,
  });
  const bound = { redirectUri: 'https://app.example/cb', codeChallenge: 'challenge', codeHash: grantId };
  const lives = { codeExpiresAt: now() + 60, flowExpiresAt: now() - 1, expiresAt: null };
  await grantObject(GRANTS, grantId)?.open({ ...what, ...bound, ...lives });
  return grantId;
}

async function newAccount(owner: CredentialOwner, serverId = server): Promise<Account> {
  await enterHeaders(serverId, owner, { 'x-key': 'secret' });
  return new Account(serverId, owner);
}

const link = (subject: Subject, generation: number) =>
  insertLink(DB, { subject, generation, serverIds: [server], clientName: '', grantId: null }, SYSTEM);
const rows = async (sql: string, ...values: unknown[]) =>
  (
    await DB.prepare(sql)
      .bind(...values)
      .all()
  ).results;

async function person(): Promise<Omit<World, 'act' | 'ask' | 'afterwards' | 'rest'>> {
  const account = {
    issuer: 'https://id.example',
    subject: crypto.randomUUID(),
    email: 'ada@acme.example',
    name: 'Ada',
  };
  const user = await recordSignIn(DB, account, now());
  const { id, generation } = user;
  const subject = userSubject(id);
  const tokens = { accessToken: 'a', refreshToken: 'r', tokenType: 'Bearer', expiresAt: null, scopes: null };
  await saveSignIn(env, await currentSettings(env), user, tokens);
  await signIn(env, ISSUER, user, now());
  await link(subject, generation);
  const accounts = [await newAccount(subject), new Account(SIGN_IN, subject)];
  const grantId = await newGrant(subject, { clientId: client.clientId, generation });
  const serves = async () =>
    (await rows('SELECT 1 FROM person WHERE id = ? AND is_active = 1', id)).length > 0;
  return { id, grantId, accounts, serves };
}

const restOf = (subject: string) => async () => [
  ...(await rows('SELECT * FROM browser_session WHERE subject = ?', subject)),
  ...(await rows('SELECT * FROM connect_link WHERE subject = ?', subject)),
];

async function key() {
  const { id, value } = await newKey();
  await admin('PUT', `/governance/virtual-keys/${id}`, { limits: [{ calls: 5, window_seconds: 3600 }] });
  await keyObject(KEYS, id).spend([{ calls: 5, window_seconds: 3600 }]);
  await link(keySubject(id), 1);
  const grantId = await newGrant(keySubject(id), { clientId: client.clientId, generation: 1 });
  const serves = async (of = value) => (await new McpCaller({ 'x-bf-vk': of }).ask('ping')).status === 200;
  return { id, grantId, serves };
}

const WORLDS: Readonly<Record<string, () => Promise<World>>> = {
  'a person is deleted': async () => {
    const ada = await person();
    const ask = () => admin('DELETE', `/users/${ada.id}`);
    return { ...ada, act: 'user.deleted', ask, afterwards: 404, rest: restOf(userSubject(ada.id)) };
  },
  'a person is blocked': async () => {
    const ada = await person();
    const ask = () => admin('PUT', `/users/${ada.id}`, { is_active: false });
    return { ...ada, act: 'user.blocked', ask, afterwards: 200, rest: restOf(userSubject(ada.id)) };
  },
  'a key is deleted': async () => {
    const { id, ...made } = await key();
    const ask = () => admin('DELETE', `/governance/virtual-keys/${id}`);
    const counts = async () =>
      runInDurableObject(keyObject(KEYS, id), async (_, { storage }) => [...(await storage.list()).keys()]);
    const rest = async () => [...(await restOf(keySubject(id))()), ...(await counts())];
    return {
      ...made,
      id,
      accounts: [await newAccount(keySubject(id))],
      act: 'virtual_key.deleted',
      ask,
      rest,
      afterwards: 404,
    };
  },
  'a server is deleted': async () => {
    const id = await newServer();
    const accounts = [await newAccount('vk:someone', id), await newAccount('gateway', id)];
    const serves = async () => (await rows('SELECT 1 FROM server WHERE id = ?', id)).length > 0;
    const ask = () => admin('DELETE', `/mcp/client/${id}`);
    return { id, grantId: null, accounts, act: 'server.deleted', serves, ask, afterwards: 404 };
  },
  'an app is deleted': async () => {
    const { clientId: id } = await McpClient.register();
    const grantId = await newGrant('vk:someone', { clientId: id, generation: 1 });
    const path = `/oauth2/clients/${id}`;
    const serves = async () => (await admin('GET', path)).status === 200;
    const rest = () => rows('SELECT * FROM client WHERE client_id = ?', id);
    return {
      id,
      grantId,
      accounts: [],
      act: 'client.deleted',
      serves,
      ask: () => admin('DELETE', path),
      rest,
      afterwards: 404,
    };
  },
  'a toolset is deleted': async () => {
    const { virtual_mcp } = await admin<{ virtual_mcp: { id: string } }>('POST', '/mcp/virtual-mcps', {
      name: `toolset ${crypto.randomUUID()}`,
      tools: [],
    });
    const path = `/mcp/virtual-mcps/${virtual_mcp.id}`;
    const serves = async () => (await admin('GET', path)).status === 200;
    const ask = () => admin('DELETE', path);
    return {
      id: virtual_mcp.id,
      grantId: null,
      accounts: [],
      act: 'virtual_mcp.deleted',
      serves,
      ask,
      afterwards: 404,
    };
  },
};

/** What is left of it, anywhere. */
async function left({ id, grantId, accounts, rest = async () => [] }: World): Promise<unknown[]> {
  await Promise.all(accounts.map((account) => account.wake())); // an object may not know that the index heard it
  const stored = await Promise.all(accounts.map((account) => account.stored()));
  return [
    ...(await rows('SELECT * FROM removal WHERE id = ?', id)),
    ...(await rows('SELECT grant_id FROM oauth_grant WHERE grant_id = ? AND ended_at IS NULL', grantId)),
    ...(grantId ? await storedOfGrant(grantId) : []),
    ...stored.filter((one) => Object.keys(one).length),
    ...(await Promise.all(accounts.map((account) => account.row()))).filter(Boolean),
    ...(await rest()),
  ];
}

async function storedOfGrant(grantId: string): Promise<string[]> {
  const object = GRANTS.get(GRANTS.idFromString(grantId));
  await runDurableObjectAlarm(object); // it may not know that the index heard it
  return runInDurableObject(object, async (_, { storage }) => [...(await storage.list()).keys()]);
}

/** How often the audit has an act of this thing, and the end of its grant. */
async function told({ act, id, grantId }: World): Promise<number[]> {
  const [acts] = await rows(
    'SELECT count(*) AS n FROM audit WHERE act = ? AND (client_id = ? OR detail LIKE ?)',
    act,
    id,
    `%${id}%`,
  );
  const [ends] = await rows(
    "SELECT count(*) AS n FROM audit WHERE act = 'grant.ended' AND grant_id = ?",
    grantId,
  );
  return [acts?.n, ends?.n] as number[];
}

/** One call that is made while its answer is lost; every call from one on that is not made. */
const FAULTS = {
  'a lost answer': { isOnwards: false, isLost: true },
  'storage that is down from there on': { isOnwards: true, isLost: false },
};

/** Does the act with a fault at each of its steps in turn, until none fails. @returns how many steps there were */
async function atEachStep(
  make: () => Promise<World>,
  fault: keyof typeof FAULTS,
  then: (world: World, status: number) => Promise<void>,
): Promise<number> {
  for (let nth = 1; ; nth++) {
    const world = await make();
    const { value, failed } = await faulty({ nth, ...FAULTS[fault] }, world.ask);
    if (!failed) return nth;
    await then(world, value.status);
  }
}

describe('an end that a fault cuts off at any step (CONTRACT §8, SECURITY 34)', () => {
  it.each(Object.entries(WORLDS))('is finished by the same request: %s', async (_, make) => {
    const steps = await atEachStep(make, 'storage that is down from there on', async (world, status) => {
      const isWhole = await world.serves();
      const again = await world.ask();

      expect(isWhole ? status : 503).toBe(503); // what goes on serving was not called ended
      expect([200, world.afterwards]).toContain(again.status);
      expect(await left(world)).toEqual([]);
      expect(await told(world)).toEqual([1, world.grantId ? 1 : 0]);
      expect((await world.ask()).status).toBe(world.afterwards);
    });

    expect(steps).toBeGreaterThan(2);
  });

  it.each(Object.entries(WORLDS))('is finished by the cron: %s', async (_, make) => {
    await atEachStep(make, 'a lost answer', async (world) => {
      if (await world.serves()) return; // nothing was begun
      await finishRemovals(env, now());

      expect(await left(world)).toEqual([]);
      expect(await told(world)).toEqual([1, world.grantId ? 1 : 0]);
    });
  });
});

describe('a key that leaked gets another value, whatever fails (CONTRACT §8)', () => {
  const rotate = (id: string) =>
    admin<{ virtual_key?: { value: string } }>('POST', `/governance/virtual-keys/${id}/rotate`, {
      reason: 'leaked',
    });
  const isEnded = async ({ id, grantId }: { id: string; grantId: string }) =>
    !(await rows('SELECT 1 FROM oauth_grant WHERE grant_id = ? AND ended_at IS NULL', grantId)).length &&
    !(await rows('SELECT 1 FROM connect_link WHERE subject = ?', keySubject(id))).length &&
    !(await rows('SELECT 1 FROM removal WHERE id = ?', id)).length;

  it.each(Object.keys(FAULTS) as (keyof typeof FAULTS)[])('and it is told, after %s', async (fault) => {
    for (let nth = 1, failed = true; failed; nth++) {
      const leaked = await key();
      const first = await faulty({ nth, ...FAULTS[fault] }, () => rotate(leaked.id));
      failed = first.failed;
      const told = first.value.virtual_key?.value;
      const isOld = await leaked.serves();
      if (told) await finishRemovals(env, now());
      const value = told ?? (await rotate(leaked.id)).virtual_key?.value ?? '';

      expect(first.value.status).toBe(told ? 200 : 503);
      expect(isOld && told).toBeFalsy();
      expect(await leaked.serves(value)).toBe(true);
      expect(await leaked.serves()).toBe(false);
      expect(await isEnded(leaked)).toBe(true);
      expect(await storedOfGrant(leaked.grantId)).toEqual([]);
    }
  });

  it('once, when the same form is sent again, and the grants of the new value stay', async () => {
    const { id, grantId, serves } = await key();
    const form = { value: newValue(), previousUntil: null, reason: 'leaked' as const };
    const lost = await faulty({ nth: 1, isOnwards: true, isLost: true }, () =>
      rotateKey(env, id, form, SYSTEM).catch(() => null),
    );
    const allowedSince = await newGrant(keySubject(id), { clientId: client.clientId, generation: 2 });

    const again = await rotateKey(env, id, form, SYSTEM);

    expect(lost.value).toBeNull();
    expect(again).toMatchObject({ key: { generation: 2 }, isOver: true });
    expect(await serves(form.value)).toBe(true);
    expect(await told({ act: 'virtual_key.rotated', id, grantId } as World)).toEqual([1, 1]);
    expect(await told({ act: '', id: '', grantId: allowedSince } as World)).toEqual([0, 0]);
  });
});

describe('a person who was blocked', () => {
  it('is let in again only when the block has ended everything', async () => {
    const ada = await person();
    const set = (is_active: boolean) => admin('PUT', `/users/${ada.id}`, { is_active });
    const isLeft = async () => (await rows('SELECT 1 FROM removal WHERE id = ?', ada.id)).length > 0;
    await cutOff(() => blockPerson(env, ada.id, SYSTEM), isLeft);

    const early = await faulty({ nth: 1, isOnwards: true, isLost: false }, () =>
      isBlockFinished(env, ada.id).catch(() => false),
    );
    const back = await set(true);

    expect(early.value).toBe(false);
    expect(back.status).toBe(200);
    expect(await isLeft()).toBe(false);
    expect(await left({ ...ada, act: '', ask: back as never, afterwards: 200 })).toEqual([]);
  });
});

describe('what is being deleted', () => {
  it('keeps no one from its name', async () => {
    const { id } = await key();
    const { virtual_key } = await admin<{ virtual_key: { name: string } }>(
      'GET',
      `/governance/virtual-keys/${id}`,
    );
    await cutOff(
      () => removeKey(env, id, SYSTEM),
      async () => (await rows('SELECT 1 FROM removal WHERE id = ?', id)).length > 0,
    );

    const another = await admin('POST', '/governance/virtual-keys', { name: virtual_key.name });

    expect(another.status).toBe(200);
  });

  it('is tried again by the cron ever later, and lets others have their turn', async () => {
    const { id } = await key();
    const removal = async () =>
      (await rows('SELECT tries, again_at - ? AS pause FROM removal WHERE id = ?', now(), id))[0];
    await cutOff(
      () => removeKey(env, id, SYSTEM),
      async () => (await removal()) !== undefined,
    );
    await DB.prepare('ALTER TABLE credential RENAME TO credential_away').run();

    const finish = async (at: number) => {
      while (await finishRemovals(env, at)); // a portion each
    };

    await finish(now());
    const first = await removal();
    const notYet = await finishRemovals(env, now());
    await finish(now() + 900);
    const second = await removal();
    await DB.prepare('ALTER TABLE credential_away RENAME TO credential').run();
    await finish(now() + 2701);

    expect(first).toEqual({ tries: 1, pause: expect.closeTo(900, -1) });
    expect(notYet).toBe(0);
    expect(second).toEqual({ tries: 2, pause: expect.closeTo(2700, -1) });
    expect(await removal()).toBeUndefined();
  });
});

/** Does `work` while everything after the call that begins it fails. */
async function cutOff(work: () => Promise<unknown>, hasBegun: () => Promise<boolean>): Promise<void> {
  for (let nth = 1; !(await hasBegun()); nth++) {
    await faulty({ nth, isOnwards: true, isLost: false }, () => work().catch(() => null));
    if (nth > 20) throw new Error('it was not begun');
  }
}
