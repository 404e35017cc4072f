import { ask } from '../database';
import type { Subject } from '../protocol/subject';
import type { KnownProviders } from '../providers/provider';
import type { Server } from '../servers/server';
import type { OwnHeaders, OwnTokens } from './auth/auth';
import { ownAccountOf } from './auth/index';
import type { Credential, CredentialStatus } from './credential';
import { credentialsQuestion, statusAt } from './credentials';

/** A person's own account at a server, or that they have none there. */
export type AccountAtServer = {
  server: Server;
  /** How it is connected. */
  own: OwnTokens | OwnHeaders;
  state: CredentialStatus | 'none';
  /** Names of the header values that are held and still wanted; empty for an account with a provider. */
  heldKeys: string[];
  /** What the server named in a 403, which connecting again asks for; empty: nothing, or it was asked for. */
  wantedScopes: string[];
};

/** How an account stands, in words. `orphaned`: whose it is may not use the server now. */
export const ACCOUNT_STATES = {
  active: { tone: 'good', word: 'Connected' },
  none: { tone: 'off', word: 'Not connected' },
  needs_reauth: { tone: 'warn', word: 'Sign-in expired' },
  needs_update: { tone: 'warn', word: 'Needs more' },
  orphaned: { tone: 'off', word: 'Not available to you' },
} as const;

/** The accounts of `owner` at those of `servers` where everyone has their own, from one read of the index. */
export async function accountsOf(
  db: D1Database,
  owner: Subject,
  servers: readonly Server[],
): Promise<AccountAtServer[]> {
  if (!servers.some(ownAccountOf)) return [];
  const [credentials] = await ask(db, credentialsQuestion(db, owner));
  return accountsAmong(servers, credentials);
}

/** The accounts that someone who has these credentials has at these servers. */
export function accountsAmong(
  servers: readonly Server[],
  credentials: readonly Credential[],
): AccountAtServer[] {
  return servers.flatMap((server): AccountAtServer[] => {
    const own = ownAccountOf(server);
    if (!own) return [];
    const credential = credentials.find(({ serverId }) => serverId === server.id);
    if (!credential) return [{ server, own, state: 'none', heldKeys: [], wantedScopes: [] }];
    const state = statusAt(credential, server);
    const wanted = server.perUserHeaderKeys.map((name) => name.toLowerCase());
    const held = state === 'needs_reauth' ? [] : (credential.headerKeys ?? []);
    const heldKeys = held.filter((name) => wanted.includes(name.toLowerCase()));
    const wantedScopes = state === 'active' ? [] : (credential.wantedScopes ?? []);
    return [{ server, own, state, heldKeys, wantedScopes }];
  });
}

/** An account of the page. */
export type ConnectableAccount = AccountAtServer & {
  /** The host its provider issues tokens on, when that is another than its own. */
  tokenHost: string | null;
  /** The host of its provider, as far as it is known. */
  signInHost: string | null;
  /** True when that took the place of another. */
  isMoved: boolean;
};

/** The host matters to the person who is about to be sent there. */
export function shownAccount(account: AccountAtServer, providers: KnownProviders): ConnectableAccount {
  const { server, own, state } = account;
  const provider = own.kind === 'oauth' && state !== 'active' ? providers(server) : null;
  const signInHost = provider && new URL(provider.issuer ?? provider.authorizationEndpoint).host;
  return {
    ...account,
    tokenHost: provider?.tokenHost ?? null,
    signInHost,
    isMoved: provider?.isMoved ?? false,
  };
}
