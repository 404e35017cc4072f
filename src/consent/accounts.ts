import type { Context } from 'hono';
import { accountsAmong, type ConnectableAccount, shownAccount } from '../accounts/accounts';
import { ownAccountOf } from '../accounts/auth/index';
import { credentialsQuestion } from '../accounts/credentials';
import { reachOf, reachQuestion } from '../accounts/reach';
import { audit } from '../audit';
import type { App } from '../config';
import { ask, theseIds } from '../database';
import type { Identity } from '../identity/mode';
import { saveOwnHeaders } from '../mcp-client/header-credentials';
import type { FlowState } from '../oauth/flow-cookie';
import { issuerOf } from '../oauth/surface';
import type { Subject } from '../protocol/subject';
import { knownProvidersQuestion } from '../providers/provider';
import { readHeaderFields } from './account-parts';
import type { UsableServer } from './services';

/** What consent shows of the person's own account at a server. `shared`: they came with a key that can have none. */
export type OwnAccount = ConnectableAccount | 'shared';

/** The person's own accounts at those of the servers that want one, by the server's id. */
export async function accountsAtConsent(
  c: Context<App>,
  subject: Subject,
  usable: readonly UsableServer[],
): Promise<Map<string, OwnAccount>> {
  const servers = usable.map(({ server }) => server).filter(ownAccountOf);
  if (!servers.length) return new Map();
  const { DB } = c.env;
  const [credentials, reach, providers] = await ask(
    DB,
    credentialsQuestion(DB, subject),
    reachQuestion(DB, c.var.settings, [subject]),
    knownProvidersQuestion(DB, theseIds(servers.map(({ id }) => id))),
  );
  const accounts = accountsAmong(servers, credentials);
  return new Map(
    accounts.map((account): [string, OwnAccount] => {
      const { server } = account;
      return [server.id, reach.get(subject)?.(server) ? shownAccount(account, providers) : 'shared'];
    }),
  );
}

/** What became of the header values on a form. `refused`: what the first server that did not take its own said. */
type Saved = { saved: number; refused: Pick<FlowState, 'notice' | 'noticeAt'> | null };

/** Keeps the header values that were typed, each server's once that server has accepted them. */
export async function saveTypedHeaders(
  c: Context<App>,
  { subject: owner }: Identity,
  usable: readonly UsableServer[],
  form: URLSearchParams,
): Promise<Saved> {
  const typed = usable
    .map(({ server }) => ({ server, entered: readHeaderFields(server, form) }))
    .filter(({ entered }) => Object.keys(entered).length);
  if (!typed.length) return { saved: 0, refused: null };

  const issuer = issuerOf(c.var.issuer);
  const reaches = await reachOf(c.env.DB, c.var.settings, owner);
  let saved = 0;
  let refused: Saved['refused'] = null;
  for (const { server, entered } of typed.filter(({ server }) => reaches(server))) {
    const verdict = await saveOwnHeaders(c.env, c.var.settings, issuer, { server, owner, entered });
    audit(
      c,
      { act: verdict.ok ? 'credential.connected' : 'credential.refused', server: server.id, owner },
      owner,
    );
    if (verdict.ok) saved++;
    else refused ??= { notice: verdict.words, noticeAt: server.id };
  }
  return { saved, refused };
}
