import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ConnectionObject } from '../../src/accounts/connection-object';
import { type KeyObject, keyObject } from '../../src/governance/key-object';
import type { GrantObject } from '../../src/grants/grant-object';
import type { ServerObject } from '../../src/mcp-client/server-object';
import type { SessionObject } from '../../src/mcp-client/sessions/session-object';
import type { SubjectObject } from '../../src/mcp-client/sessions/subject-object';
import { ObjectState } from '../../src/schema/object-state';
import { enterHeaders } from '../support/connected';
import { ISSUER, newKey } from '../support/gate';
import { McpClient } from '../support/mcp-client';
import { headerServer } from '../support/own-accounts';
import { Upstream } from '../support/upstream';

type Stub = DurableObjectStub;
type Stored = Record<string, unknown>;

const stored = (stub: Stub): Promise<Stored> =>
  runInDurableObject(stub, async (_, { storage }) => Object.fromEntries(await storage.list()));

/** Makes what an object stores a version's of this code. Undefined: the first, which stored no number. */
const writtenBy = (stub: Stub, version: number | undefined) =>
  runInDurableObject(stub, (_, { storage: { kv } }) => {
    if (version === undefined) kv.delete('version');
    else kv.put('version', version);
  });

const wakesAt = (stub: Stub) => runInDurableObject(stub, (_, { storage }) => storage.getAlarm());

/** An act of an object, and what it comes to where the state is known. */
type Example = { stub: Stub; act: (object: unknown) => Promise<unknown>; done: unknown };

const LIMIT = { calls: 5, window_seconds: 3600 };
let upstream: Upstream;
beforeAll(async () => {
  upstream = await headerServer();
});

const EXAMPLES: Record<string, () => Promise<Example>> = {
  async GrantObject() {
    const { refresh_token } = await (await McpClient.register()).obtainGrant();
    const [grantId = '', n = '', tag = ''] = refresh_token.split('.');
    const stub = env.GRANTS.get(env.GRANTS.idFromString(grantId));
    const act = async (object: unknown) => (await (object as GrantObject).terms(Number(n), tag))?.scope;
    return { stub: stub as Stub, act, done: 'mcp' };
  },
  async KeyObject() {
    const stub = keyObject(env.KEYS, crypto.randomUUID());
    await stub.spend([LIMIT]);
    const act = (object: unknown) => (object as KeyObject).spend([LIMIT]);
    return { stub: stub as Stub, act, done: null };
  },
  async ConnectionObject() {
    const owner = `vk:${(await newKey()).id}` as const;
    await enterHeaders(upstream.id, owner, { 'x-key': 'ann' });
    const stub = env.CONNECTIONS.get(env.CONNECTIONS.idFromName(`${upstream.id} ${owner}`));
    const place = { owner, serverId: upstream.id };
    const act = (object: unknown) => (object as ConnectionObject).disconnect(place);
    return { stub: stub as Stub, act, done: true };
  },
  async SessionObject() {
    const stub = env.SESSIONS.get(env.SESSIONS.idFromName(crypto.randomUUID()));
    const subject = `vk:${crypto.randomUUID()}` as const;
    const at = { serverId: 'a', url: 'https://a.example', credential: '', owner: subject, issuer: ISSUER };
    const meeting = { ...at, generation: 0, subject, via: null };
    const taken = await stub.take(meeting, null);
    const session = { ref: 'r', id: 'theirs', version: '2025-11-25', capabilities: {}, credential: '' };
    await stub.keep(meeting, 'leave' in taken ? taken.leave : '', session, null);
    const act = async (object: unknown) => {
      const taken = await (object as SessionObject).take(meeting, null);
      return 'session' in taken && taken.session.id;
    };
    return { stub: stub as unknown as Stub, act, done: 'theirs' };
  },
  async ServerObject() {
    const { id } = await Upstream.start();
    const stub = env.SERVERS.get(env.SERVERS.idFromName(id));
    const wanted = { serverId: id, issuer: ISSUER, owner: null, reason: 'due' } as const;
    const act = async (object: unknown) => (await (object as ServerObject).list(wanted)).kind;
    return { stub: stub as unknown as Stub, act, done: 'known' };
  },
  async SubjectObject() {
    const stub = env.SUBJECTS.get(env.SUBJECTS.idFromName(`vk:${crypto.randomUUID()}`));
    await stub.admit('one', null);
    const act = (object: unknown) => (object as SubjectObject).admit('other', null);
    return { stub: stub as unknown as Stub, act, done: true };
  },
};

type Class = new (state: DurableObjectState, env: unknown) => unknown;

/** What an act comes to, or the name of its error, in an object that has just come into memory, as after a deployment. */
const outcomeOf = ({ stub, act }: Example) =>
  runInDurableObject(stub, (object, state) =>
    act(new (object.constructor as Class)(state, env)).catch(({ name }: Error) => name),
  );

describe.each(Object.keys(EXAMPLES))('what a %s stores', (name) => {
  const example = async () => (EXAMPLES[name] as () => Promise<Example>)();

  it('says its version', async () => {
    const { stub } = await example();

    expect(await stored(stub)).toMatchObject({ version: 1 });
  });

  it('is of the first version where it says none, and is used on', async () => {
    const one = await example();
    await writtenBy(one.stub, undefined);

    expect(await outcomeOf(one)).toBe(one.done);
  });

  it('is refused and kept where it is newer than this code, until the newer code is back', async () => {
    const one = await example();
    await writtenBy(one.stub, 2);
    const before = await stored(one.stub);

    const refused = await outcomeOf(one);
    const after = await stored(one.stub);
    await writtenBy(one.stub, 1);

    expect(refused).toBe('NewerObjectState');
    expect(after).toEqual(before);
    expect(await outcomeOf(one)).toBe(one.done);
  });

  it('keeps its alarm where it is newer than this code', async () => {
    const { stub } = await example();
    await runInDurableObject(stub, (_, { storage }) => storage.setAlarm(Date.now() + 60_000));
    await writtenBy(stub, 2);
    const before = await stored(stub);

    expect(await runDurableObjectAlarm(stub)).toBe(true);

    expect(await wakesAt(stub)).toBeGreaterThan(Date.now() + 3_000_000);
    expect(await stored(stub)).toEqual(before);
  });
});

describe('state of an earlier version', () => {
  /** Does `work` in the storage of an object that has nothing else. */
  const inStorage = <T>(work: (storage: DurableObjectStorage) => T) =>
    runInDurableObject(keyObject(env.KEYS, crypto.randomUUID()), (_, { storage }) => work(storage));
  const STEPS = [
    (kv: SyncKvStorage) => kv.put('name', `${kv.get('first')} ${kv.get('last')}`),
    (kv: SyncKvStorage) => void kv.delete('first'),
  ];

  it('is brought up step by step, once, when it is read', async () => {
    const [name, kept, again] = await inStorage((storage) => {
      storage.kv.put('first', 'Ada');
      storage.kv.put('last', 'Lovelace');
      const name = new ObjectState(storage, STEPS).get('name');
      const kept = Object.fromEntries(storage.kv.list());
      return [name, kept, new ObjectState(storage, STEPS).get('name')];
    });

    expect([name, again]).toEqual(['Ada Lovelace', 'Ada Lovelace']);
    expect(kept).toEqual({ name: 'Ada Lovelace', last: 'Lovelace', version: 3 });
  });

  it('goes through the steps it has not had', async () => {
    const kept = await inStorage((storage) => {
      storage.kv.put('version', 2);
      storage.kv.put('first', 'Ada');
      new ObjectState(storage, STEPS).get('name');
      return Object.fromEntries(storage.kv.list());
    });

    expect(kept).toEqual({ version: 3 });
  });

  it('stays as it is when a step fails', async () => {
    const kept = await inStorage((storage) => {
      storage.kv.put('first', 'Ada');
      const broken = new ObjectState(storage, [
        (kv) => void kv.delete('first'),
        () => {
          throw new Error('broken');
        },
      ]);
      expect(() => broken.get('first')).toThrow('broken');
      return Object.fromEntries(storage.kv.list());
    });

    expect(kept).toEqual({ first: 'Ada' });
  });

  it('is nothing where nothing is stored', async () => {
    const kept = await inStorage((storage) => {
      expect(new ObjectState(storage, STEPS).get('name')).toBeUndefined();
      return Object.fromEntries(storage.kv.list());
    });

    expect(kept).toEqual({});
  });
});
