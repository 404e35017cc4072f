import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beginAuthorization, findAuthorization, keepAuthorized } from '../../src/accounts/authorization';
import type { ConnectionObject } from '../../src/accounts/connection-object';
import type { Credential, CredentialOwner } from '../../src/accounts/credential';
import { findCredentialOf } from '../../src/accounts/credentials';
import type { StoredCredential } from '../../src/accounts/kept-credential';
import { currentSettings } from '../../src/config';
import { findServer } from '../../src/servers/find';
import type { AuthorizationServer } from './authorization-server';
import { ISSUER } from './gate';

/** A person's account at a server, as the gateway has it. */
export class Account {
  constructor(
    readonly serverId: string,
    readonly owner: CredentialOwner,
  ) {}

  /** `user` connects their account with the server's provider, as a browser that comes back from there does. */
  async connect(provider: AuthorizationServer, user: string): Promise<this> {
    const server = await findServer(env.DB, this.serverId);
    if (!server) throw new Error(`there is no server ${this.serverId}`);
    const wanted = {
      server,
      owner: this.owner,
      generation: 0,
      browserHash: null,
      returnTo: '/',
      grantId: null,
    };
    const begun = await beginAuthorization(env, await currentSettings(env), ISSUER, wanted);
    const answer = (await provider.answer(begun.destination.url, user)).searchParams;
    const authorization = await findAuthorization(env.DB, begun.id);
    if (!authorization) throw new Error('the authorization was not stored');
    const requireAccess = async () => undefined;
    await keepAuthorized(env, ISSUER, { authorization, server, answer, requireAccess });
    return this;
  }

  /** Its row in the index, or null. */
  async row(): Promise<Credential | null> {
    return findCredentialOf(env.DB, this.owner, this.serverId);
  }

  /** Everything its object stores. */
  async stored(): Promise<Record<string, unknown>> {
    return runInDurableObject(this.object, async (_, { storage }) =>
      Object.fromEntries(await storage.list()),
    );
  }

  /** Changes what its object stores, as a fault or an intruder would. */
  async tamper(change: (kept: StoredCredential) => Partial<StoredCredential>): Promise<void> {
    await runInDurableObject(this.object, (_, { storage: { kv } }) => {
      const kept = kv.get<StoredCredential>('state') as StoredCredential;
      kv.put('state', { ...kept, ...change(kept) });
    });
  }

  /** Does `work` inside its object. */
  async inside<T>(work: (object: ConnectionObject, state: DurableObjectState) => T | Promise<T>): Promise<T> {
    return runInDurableObject(this.object, work);
  }

  /** When its object wakes next, epoch seconds; null: never. */
  async wakesAt(): Promise<number | null> {
    const at = await runInDurableObject(this.object, (_, { storage }) => storage.getAlarm());
    return at && Math.round(at / 1000);
  }

  /** Wakes the object, whatever the time. False when it had nothing to wake for. */
  async wake(): Promise<boolean> {
    return runDurableObjectAlarm(this.object);
  }

  private get object(): DurableObjectStub<ConnectionObject> {
    const { CONNECTIONS } = env;
    const id = CONNECTIONS.idFromName(`${this.serverId} ${this.owner}`);
    return CONNECTIONS.get(id);
  }
}
