import { ask } from '../database';
import type { Subject } from '../protocol/subject';
import type { KnownProviders } from '../providers/provider';
import type { Server } from '../servers/server';
import type { Credential, CredentialStatus } from './credential';
import { credentialsQuestion, statusAt } from './credentials';

/** What everyone has of their own at a server: an account with its provider, or header values. */
export type AccountKind = 'oauth' | 'headers';

/** Somebody's own account at a server, or that they have none there. */
export type AccountAtServer = {
  server: Server;
  kind: AccountKind;
  state: CredentialStatus | 'none';
  /** Names of the header values that are held and still wanted; empty for an account with a provider. */
  heldKeys: string[];
};

/** How an account stands, in words. `orphaned`: whose it is may not use the server now. */
export const ACCOUNT_STATES = {
  active: { tone: 'good', word: 'connected' },
  none: { tone: 'off', word: 'not connected' },
  needs_reauth: { tone: 'warn', word: 'connect again' },
  needs_update: { tone: 'warn', word: 'more is needed' },
  orphaned: { tone: 'off', word: 'not open to you now' },
} as const;

/** What everyone has of their own at this server; null: nothing that could be connected. */
export function accountKindOf({ authType }: Pick<Server, 'authType'>): AccountKind | null {
  if (authType === 'per_user_oauth') return 'oauth';
  return authType === 'per_user_headers' ? 'headers' : null;
}

/** The accounts of `owner` at those of `servers` where everyone has their own, from one read of the index. */
export async function accountsOf(
  db: D1Database,
  owner: Subject,
  servers: readonly Server[],
): Promise<AccountAtServer[]> {
  if (!servers.some(accountKindOf)) return [];
  const [credentials] = await ask(db, credentialsQuestion(db, owner));
  return accountsAmong(servers, credentials);
}

/** The accounts that somebody who has these credentials has at these servers. */
export function accountsAmong(
  servers: readonly Server[],
  credentials: readonly Credential[],
): AccountAtServer[] {
  return servers.flatMap((server): AccountAtServer[] => {
    const kind = accountKindOf(server);
    if (!kind) return [];
    const credential = credentials.find(({ serverId }) => serverId === server.id);
    if (!credential) return [{ server, kind, state: 'none', heldKeys: [] }];
    const state = statusAt(credential, server);
    const wanted = server.perUserHeaderKeys.map((name) => name.toLowerCase());
    const held = state === 'needs_reauth' ? [] : (credential.headerKeys ?? []);
    return [{ server, kind, state, heldKeys: held.filter((name) => wanted.includes(name.toLowerCase())) }];
  });
}

/** An account of the page, with the host its provider issues tokens on when that is another than its own. */
export type ConnectableAccount = AccountAtServer & { tokenHost: string | null };

/** The host matters to whoever is about to be sent there. */
export function shownAccount(account: AccountAtServer, providers: KnownProviders): ConnectableAccount {
  const { server, kind, state } = account;
  const provider = kind === 'oauth' && state !== 'active' ? providers(server) : null;
  return { ...account, tokenHost: provider?.tokenHost ?? null };
}
