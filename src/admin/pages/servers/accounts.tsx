import { Hono } from 'hono';
import { authorizationOf, ownAccountOf } from '../../../accounts/auth/index';
import { type AccountAt, accountsAtQuestion } from '../../../accounts/connected-accounts';
import { statusAt } from '../../../accounts/credentials';
import { serverOverviewQuestion } from '../../../accounts/server-overview';
import type { App } from '../../../config';
import { ask } from '../../../database';
import { serverQuestion } from '../../../servers/find';
import { type Server, stateOf } from '../../../servers/server';
import { Avatar } from '../../../ui/avatar';
import { countOf } from '../../../ui/english';
import { Confirm } from '../../../ui/forms';
import { Cut, cut } from '../../../ui/name';
import { Badge, When } from '../../../ui/parts';
import { Pager, Table } from '../../../ui/table';
import { rfc3339 } from '../../api/answer';
import { act, gone, listPage, readForm } from '../api';
import { adminPage, csrfOf, goTo } from '../frame';
import { ServerAccount } from './account';
import { noServer, ServerHead } from './head';

const AT = '/admin/servers';
const DISCONNECT = '/:id/accounts/:account/disconnect';

/** The accounts at a server: the gateway's own, and those of people and keys. */
export const serverAccountPages = new Hono<App>()
  .get('/:id/account', async (c) => {
    const id = c.req.param('id');
    const page = listPage(c);
    const [overview, accounts] = await ask(
      c.env.DB,
      serverOverviewQuestion(c.env.DB, id, { search: '', limit: 0, offset: 0 }),
      accountsAtQuestion(c.env.DB, id, page),
    );
    if (!overview) throw noServer();
    const { server } = overview;
    if (!authorizationOf(server))
      throw gone('No account is connected at this server.', {
        href: `${AT}/${id}`,
        label: `Go to ${cut(server.name)}`,
      });
    const csrf = await csrfOf(c);
    const body = (
      <>
        <ServerHead server={{ ...server, state: stateOf(server) }} tab="account" csrf={csrf} />
        {!server.enabled && <p class="muted">Turn the server on to change its account.</p>}
        {server.enabled && <ServerAccount overview={overview} csrf={csrf} />}
        {ownAccountOf(server) && (
          <section class="stack" aria-labelledby="own">
            <h2 id="own">{countOf(overview.accounts, 'connected account')}</h2>
            {accounts.length > 0 ? (
              <>
                <AccountTable server={server} accounts={accounts} />
                <Pager
                  {...page}
                  total={overview.accounts}
                  count={accounts.length}
                  one="account"
                  href={(offset) => `${AT}/${id}/account?offset=${offset}`}
                />
              </>
            ) : (
              <p class="muted">People connect their own when they allow an app, or when a tool needs it.</p>
            )}
          </section>
        )}
      </>
    );
    return adminPage(c, { title: `${cut(server.name)} · Account`, at: AT, isForm: true, body });
  })

  .get(DISCONNECT, async (c) => {
    const { id } = c.req.param();
    const { DB: db } = c.env;
    const wanted = { limit: 1, offset: 0, id: c.req.param('account') };
    const [server, [account]] = await ask(db, serverQuestion(db, id), accountsAtQuestion(db, id, wanted));
    if (!server || !account) throw noAccount(`${AT}/${id}/account`);
    const { name } = server;
    const whose = account.name || ANONYMOUS;
    const body = (
      <Confirm
        crumbs={[
          { href: AT, text: 'Servers' },
          { href: `${AT}/${id}/account`, text: <Cut of={name} /> },
        ]}
        title={
          <>
            Disconnect the account of <Cut of={whose} />?
          </>
        }
        action={c.req.path}
        button="Disconnect account"
        busy="Disconnecting…"
        back={`${AT}/${id}/account`}
        csrf={await csrfOf(c)}
      >
        <p>Within seconds:</p>
        <ul>
          <li>
            Apps of <Cut of={whose} /> can’t call tools of <Cut of={name} /> until they connect again.
          </li>
          <li>We delete the stored sign-in, and tell the provider where it supports that.</li>
        </ul>
      </Confirm>
    );
    return adminPage(c, { title: `${cut(name)} · Disconnect an account`, at: AT, isForm: true, body });
  })
  .post(DISCONNECT, async (c) => {
    const { id = '', account = '' } = c.req.param();
    const ended = await act(c, await readForm(c), 'DELETE', `/mcp/sessions/${account}`);
    const at = `${AT}/${id}/account`;
    return ended.ok ? goTo(c, at, 'The account was disconnected.') : goTo(c, at, ended.message, 'bad');
  });

/** Someone who did not sign in. */
const ANONYMOUS = 'Anonymous';

const noAccount = (href: string) => gone('There is no account at this address.', { href, label: 'Accounts' });

const STATUS = {
  active: { tone: 'good', word: 'Connected' },
  needs_reauth: { tone: 'warn', word: 'Must sign in again' },
  needs_update: { tone: 'warn', word: 'Must enter a new key' },
} as const;

function AccountTable({ server, accounts }: { server: Server; accounts: readonly AccountAt[] }) {
  const columns = [
    { name: 'Person or key' },
    { name: 'Status' },
    { name: 'Connected' },
    { name: 'Action', isHidden: true },
  ];
  return (
    <Table label="Connected accounts" columns={columns}>
      {accounts.map(({ credential, name: own, isPerson }) => {
        const name = own || ANONYMOUS;
        const { tone, word } = STATUS[statusAt(credential, server)];
        return (
          <tr>
            <td>
              <span class="thing">
                <Avatar name={name} glyph={isPerson ? undefined : 'key'} isPerson={isPerson} />
                <span class="name cut" title={name}>
                  <Cut of={name} />
                </span>
              </span>
            </td>
            <td data-label="Status">
              <Badge tone={tone}>{word}</Badge>
            </td>
            <td data-label="Connected">
              <When at={rfc3339(credential.createdAt)} />
            </td>
            <td class="end">
              <a
                class="button small quiet danger"
                href={`${AT}/${server.id}/accounts/${credential.id}/disconnect`}
              >
                Disconnect
                <span class="unseen">
                  {' '}
                  <Cut of={name} />
                </span>
              </a>
            </td>
          </tr>
        );
      })}
    </Table>
  );
}
