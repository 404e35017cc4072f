import { Hono } from 'hono';
import { ACCOUNT_STATES, type AccountAtServer, accountsAmong } from '../accounts/accounts';
import { authTypes, ownAccountOf } from '../accounts/auth/index';
import { disconnectAccount } from '../accounts/connected-accounts';
import type { Credential } from '../accounts/credential';
import { credentialQuestion, credentialsQuestion } from '../accounts/credentials';
import { insertLink } from '../accounts/links';
import { reachQuestion } from '../accounts/reach';
import { audit, by } from '../audit';
import type { App } from '../config';
import { ask, map, type Question, together } from '../database';
import type { Subject } from '../protocol/subject';
import { serversOfTypesQuestion } from '../servers/find';
import { serverNamesQuestion } from '../servers/summaries';
import type { Settings } from '../settings';
import { Avatar } from '../ui/avatar';
import { Confirm, Csrf } from '../ui/forms';
import { PageProblem } from '../ui/layout';
import { Cut, cut, Name } from '../ui/name';
import { Badge, Empty, When } from '../ui/parts';
import { rfc3339 } from './app-words';
import { formValue, visitOf } from './own-form';
import { goOn, goTo, pageOf, peoplePage } from './page';
import { actOnce, identitiesQuestion, visitorOf } from './visitor';

/** A person's account at a server as their page shows it. */
type AccountEntry = Omit<AccountAtServer, 'state'> & {
  state: keyof typeof ACCOUNT_STATES;
  /** Null: nothing is held. */
  credential: Credential | null;
};

/** The accounts someone has, and those they could connect. */
export function accountsQuestion(
  db: D1Database,
  settings: Settings,
  subject: Subject,
): Question<AccountEntry[]> {
  const asked = together(
    serversOfTypesQuestion(db, typesWithAccounts()),
    credentialsQuestion(db, subject),
    reachQuestion(db, settings, [subject]),
  );
  return map(asked, ([servers, credentials, reach]) =>
    accountsAmong(servers, credentials).flatMap((account): AccountEntry[] => {
      const credential = credentials.find(({ serverId }) => serverId === account.server.id) ?? null;
      if (reach.get(subject)?.(account.server)) return [{ ...account, credential }];
      return credential ? [{ ...account, state: 'orphaned', credential }] : [];
    }),
  );
}

/** The auth types of servers where people connect something. */
const typesWithAccounts = () => [...authTypes.keys()].filter((authType) => ownAccountOf({ authType }));

/** Connecting, and ending, a person's own accounts. */
export const accountPages = new Hono<App>()
  /** Leads through a link of theirs: its page, too, connects for no one else. */
  .post('/', (c) =>
    actOnce(c, async ({ identity, fields }) => {
      const { DB } = c.env;
      const { settings, issuer } = c.var;
      const { subject, generation } = identity;
      const [accounts] = await ask(DB, accountsQuestion(DB, settings, subject));
      const account = accounts.find(({ server }) => server.id === fields.get('server'));
      if (!account || account.state === 'orphaned') throw new PageProblem(NOT_OPEN);
      if (!issuer) throw new PageProblem(NO_ISSUER);
      const wanted = { subject, generation, serverIds: [account.server.id], clientName: '', grantId: null };
      return goOn(c, `/connect/${await insertLink(DB, wanted, by(c))}`);
    }),
  )

  .get('/:id/disconnect', async (c) => {
    const { DB } = c.env;
    const visitor = await visitorOf(c);
    const [identities, credential, names] = await ask(
      DB,
      identitiesQuestion(DB, c.var.settings, visitor.proofs),
      credentialQuestion(DB, c.req.param('id')),
      serverNamesQuestion(DB),
    );
    if (!identities.length) return goOn(c, '/me');
    const identity = identities.find(({ subject }) => subject === credential?.owner);
    if (!credential || !identity) throw new PageProblem(NOT_YOURS);
    const visit = visitOf(c);
    const csrf = await formValue(c.env.ENCRYPTION_KEY, visit, identity.subject);
    const name = names.get(credential.serverId) ?? 'a deleted server';
    const body = (
      <Confirm
        title={
          <>
            Disconnect your account at <Name of={name} />?
          </>
        }
        crumbs={[{ href: pageOf(identity), text: 'Your apps' }]}
        action={`/me/accounts/${credential.id}/disconnect`}
        button="Disconnect"
        busy="Disconnecting…"
        back={pageOf(identity)}
        csrf={csrf}
      >
        <p>
          {credential.kind === 'token' ? (
            <>
              We delete the stored sign-in, and tell <Cut of={name} /> where it supports that.
            </>
          ) : (
            'We delete the values you entered.'
          )}{' '}
          Your apps can’t use its tools until you connect an account again.
        </p>
      </Confirm>
    );
    return peoplePage(c, {
      title: `${cut(name)} · Disconnect`,
      isForm: true,
      at: '/me',
      visitor,
      visit,
      identity,
      body,
    });
  })

  .post('/:id/disconnect', (c) =>
    actOnce(c, async ({ identity }) => {
      const [credential] = await ask(c.env.DB, credentialQuestion(c.env.DB, c.req.param('id')));
      if (credential?.owner !== identity.subject) throw new PageProblem(NOT_YOURS);
      const { serverId } = credential;
      await disconnectAccount(c.env, { owner: identity.subject, serverId, credential });
      audit(c, { act: 'credential.disconnected', server: serverId, owner: identity.subject });
      return goTo(c, pageOf(identity), 'Account disconnected.');
    }),
  );

/** What someone connected, and what they could. */
export function OwnAccounts({ accounts, csrf }: { accounts: readonly AccountEntry[]; csrf: string }) {
  return (
    <section class="stack" aria-labelledby="accounts">
      <h2 id="accounts">Connected accounts</h2>
      {accounts.length ? (
        <ul class="list">
          {accounts.map((account) => (
            <OneAccount account={account} csrf={csrf} />
          ))}
        </ul>
      ) : (
        <Empty title="No accounts to connect" glyph="person">
          <p>Some servers let each person act with their own account. You connect yours here.</p>
        </Empty>
      )}
    </section>
  );
}

function OneAccount({ account, csrf }: { account: AccountEntry; csrf: string }) {
  const { server, state, credential } = account;
  const { tone, word } = ACCOUNT_STATES[state];
  return (
    <li>
      <Avatar name={server.name} />
      <span class="grow">
        <b class="cut" title={server.name}>
          <Cut of={server.name} />
        </b>
        <small class="cut one" title={new URL(server.connectionString).host}>
          {new URL(server.connectionString).host}
          {credential && (
            <>
              {' · connected '}
              <When at={rfc3339(credential.createdAt)} />
            </>
          )}
        </small>
      </span>
      <Badge tone={tone}>{word}</Badge>
      {state !== 'orphaned' && (
        <form method="post" action="/me/accounts">
          <Csrf value={csrf} />
          <input type="hidden" name="server" value={server.id} />
          <button
            type="submit"
            class={state === 'active' ? 'button small quiet' : 'button small primary'}
            data-busy="Opening…"
          >
            {account.own.words.buttons[state]}
            <span class="unseen"> {cut(server.name)}</span>
          </button>
        </form>
      )}
      {credential && (
        <a class="button small quiet danger" href={`/me/accounts/${credential.id}/disconnect`}>
          Disconnect<span class="unseen"> {cut(server.name)}</span>
        </a>
      )}
    </li>
  );
}

const NOT_YOURS = {
  status: 404,
  title: 'Account not found',
  text: 'It may be disconnected already, or belong to someone else.',
  way: { href: '/me', label: 'Your accounts' },
};

const NOT_OPEN = {
  status: 404,
  title: 'You can’t connect an account here',
  text: 'You have no access to this server, or it doesn’t ask for your own account. Ask your administrator.',
  way: { href: '/me', label: 'Your accounts' },
};

const NO_ISSUER = {
  status: 503,
  title: 'This gateway doesn’t know its own address yet',
  text: 'Nothing was connected. An administrator confirms the address in one step after signing in.',
  way: { href: '/me', label: 'Back' },
};
