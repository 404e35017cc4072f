import { type Context, Hono } from 'hono';
import type { Child } from 'hono/jsx';
import { openServersQuestion } from '../accounts/open-servers';
import { by } from '../audit';
import { visibleName } from '../clients/metadata';
import { type App, gatewayOf } from '../config';
import { EVERYTHING } from '../consent/choice';
import { ToolList } from '../consent/chooser';
import { choiceOfGrant, type GrantChoice, usableFor } from '../consent/grant-choice';
import { withDigests } from '../consent/services';
import { ask } from '../database';
import { changeGrant } from '../grants/change';
import { endGrant } from '../grants/end';
import { isAlarming, whyEnded } from '../grants/end-words';
import { grantQuestion } from '../grants/list';
import { findGrant, type Grant } from '../grants/store';
import { endOf, type Today } from '../grants/today';
import { Unavailable } from '../protocol/error';
import { serverNamesQuestion } from '../servers/summaries';
import { Confirm } from '../ui/forms';
import { fragment, PageProblem } from '../ui/layout';
import { Cut, cut, Name } from '../ui/name';
import { Badge, Empty, LastUse, Pager, Table, When } from '../ui/parts';
import { mayUse, nameOf, rfc3339, whereOf } from './app-words';
import { changeApp, MoreForm } from './change-app';
import { MOST_NAME, OneApp, type OneAppProps } from './one-app';
import { formValue, visitOf } from './own-form';
import { goOn, goTo, pageOf, peoplePage } from './page';
import { proofNow } from './proof-now';
import { actOnce, identitiesQuestion, visitorOf } from './visitor';

/** One app of a person's: what it may do, what they call it, and its end. Another one's is not there. */
export const appPages = new Hono<App>()
  .get('/:id', (c) => showApp(c, oneApp))
  .post('/:id', (c) =>
    actOnce(c, async ({ identity, fields }) => {
      const grant = await ownGrant(c, identity.subject);
      const name = [...(visibleName(fields.get('name') ?? '') ?? '')].slice(0, MOST_NAME).join('');
      const givenName = name && name !== grant.clientName ? name : null;
      const circumstances = { today: todayOf(c), by: by(c), names: new Map<string, string>() };
      if (!(await changeGrant(c.env, grant.grantId, circumstances, async () => ({ givenName })))) {
        throw new PageProblem(NOT_YOURS);
      }
      return goTo(c, pathOf(grant), `It is called ${cut(name || grant.clientName)} now.`);
    }),
  )
  /** What it may use. An app that is to get more is shown on a page of its own first. */
  .get('/:id/access', (c) => goOn(c, `/me/apps/${c.req.param('id')}`))
  .post('/:id/access', (c) =>
    actOnce(c, async ({ identity, fields }) => {
      const grant = await ownGrant(c, identity.subject);
      const usable = await usableFor(c, grant);
      const made = await changeApp(c, grant.grantId, fields, usable, todayOf(c));
      if (made.is === 'gone') return goOn(c, pathOf(grant));
      if (made.is === 'saved') return goTo(c, pathOf(grant), 'Saved: it holds within seconds.');
      if (made.is === 'again') return showApp(c, (shown) => oneApp(shown, made.choice, made.problem));
      const proof = await proofNow(c, made.grant);
      return showApp(c, ({ csrf }) => ({
        title: 'Give an app more',
        body: <MoreForm {...made} usable={usable} fields={fields} proof={proof} csrf={csrf} />,
      }));
    }),
  )
  /** A server's tools, for the form to show once they are opened. Acts on nothing. */
  .get('/:id/tools', async (c) => {
    const { grant, usable } = await ownApp(c);
    const server = usable?.find(({ name }) => name === c.req.query('server'));
    if (!grant || !server) throw new PageProblem(NOT_YOURS);
    const action = `${pathOf(grant)}/access#s-${server.id}`;
    return fragment(
      gatewayOf(c),
      <ToolList server={server} unticked={EVERYTHING.unticked} action={action} />,
    );
  })
  .get('/:id/withdraw', (c) => showApp(c, withdrawal))
  .post('/:id/withdraw', (c) =>
    actOnce(c, async ({ identity }) => {
      const grant = await ownGrant(c, identity.subject);
      const now = Math.floor(Date.now() / 1000);
      const isTold = await endGrant(c.env.DB, c.env.GRANTS, grant.grantId, 'revoked_by_person', by(c), now);
      if (!isTold) throw new Unavailable('the index was not told that a grant ended');
      return goTo(c, pageOf(identity), `${cut(nameOf(grant))} cannot use your tools any more.`);
    }),
  );

const pathOf = ({ grantId }: Grant) => `/me/apps/${grantId}`;

/** @throws PageProblem 404 when there is none, or it acts for someone else. */
async function ownGrant(c: Context<App>, subject: string): Promise<Grant> {
  const grant = await findGrant(c.env.DB, c.req.param('id') ?? '');
  if (grant?.subject === subject) return grant;
  throw new PageProblem(NOT_YOURS);
}

/** The app of the address with what it may be given, and whose it is. @throws PageProblem 404 as {@link ownGrant} */
async function ownApp(c: Context<App>) {
  const { DB } = c.env;
  const { settings } = c.var;
  const visitor = await visitorOf(c);
  const subjects = visitor.proofs.map(({ subject }) => subject);
  const [identities, grant, servers, openTo] = await ask(
    DB,
    identitiesQuestion(DB, settings, visitor.proofs),
    grantQuestion(DB, c.req.param('id') ?? ''),
    serverNamesQuestion(DB),
    openServersQuestion(DB, settings, subjects),
  );
  if (!identities.length) return { visitor, servers, grant: null, identity: null, usable: [] };
  const identity = identities.find(({ subject }) => subject === grant?.subject);
  if (!grant || !identity) throw new PageProblem(NOT_YOURS);
  const { subject, resource, scope, askedScope } = grant;
  const usable = await withDigests(await openTo(subject, { resource, scope: askedScope ?? scope }));
  return { visitor, servers, grant, identity, usable };
}

/** What a page about an app is made of. */
type Shown = Omit<OneAppProps, 'choice' | 'problem'>;
type AppBody = { title: string; body: Child };

/** Shows a page about an app of this browser's person; null: it makes no sense any more, and the app's own page is shown. */
async function showApp(c: Context<App>, page: (shown: Shown) => AppBody | null): Promise<Response> {
  const { visitor, servers, grant, identity, usable } = await ownApp(c);
  if (!grant) return goOn(c, '/me');
  const end = endOf(grant, todayOf(c));
  const visit = visitOf(c);
  const csrf = await formValue(c.env.ENCRYPTION_KEY, visit, grant.subject);
  const shown = page({ grant, end, servers, csrf, back: pageOf(identity), usable });
  return shown ? peoplePage(c, { ...shown, at: '/me', visitor, visit, identity }) : goOn(c, pathOf(grant));
}

function oneApp(shown: Shown, choice?: GrantChoice, problem?: string): AppBody {
  const { grant, usable } = shown;
  const body = <OneApp {...shown} choice={choice ?? choiceOfGrant(grant, usable)} problem={problem} />;
  return { title: 'An app of yours', body };
}

function withdrawal({ grant, end, csrf }: Shown): AppBody | null {
  if (end) return null;
  const body = (
    <Confirm
      title={
        <>
          Withdraw the access of <Name of={nameOf(grant)} />?
        </>
      }
      action={`${pathOf(grant)}/withdraw`}
      button="Withdraw it"
      back={pathOf(grant)}
      csrf={csrf}
    >
      <p>
        It is refused within seconds, wherever it runs. Accounts you connected stay connected. To use it
        again, connect it again.
      </p>
    </Confirm>
  );
  return { title: 'Withdraw access', body };
}

/** Now, and at which issuer: what decides whether a grant is valid. */
export function todayOf(c: Context<App>): Today {
  return { now: Math.floor(Date.now() / 1000), issuer: c.var.issuer };
}

type AppListProps = {
  grants: Grant[];
  total: number;
  limit: number;
  offset: number;
  /** The last ones that ended. */
  ended: Grant[];
  /** Names, by id. */
  servers: ReadonlyMap<string, string>;
  /** The address of the page. */
  at: string;
};

/** The apps of someone that have access, and the last ones that had. */
export function AppList({ grants, total, limit, offset, ended, servers, at }: AppListProps) {
  return (
    <section class="stack">
      <div class="row spread">
        <h2>My apps</h2>
        <a class="button small" href="/">
          Connect an app
        </a>
      </div>
      {grants.length ? (
        <Table
          label="My apps"
          columns={[
            { name: 'App' },
            { name: 'May use' },
            { name: 'Allowed' },
            { name: 'Last seen' },
            { name: 'Ends' },
          ]}
        >
          {grants.map((grant) => (
            <tr>
              <td>
                <AppName grant={grant} />
              </td>
              <td data-label="May use">{mayUse(grant, servers)}</td>
              <td data-label="Allowed">
                <When at={rfc3339(grant.createdAt)} />
              </td>
              <td data-label="Last seen">
                <LastUse at={rfc3339(grant.lastUsedAt)} never="not since then" />
              </td>
              <td data-label="Ends">
                <When at={rfc3339(grant.expiresAt)} never="when you withdraw it" />
              </td>
            </tr>
          ))}
        </Table>
      ) : (
        <Empty
          title={
            offset ? 'There are no more' : ended.length ? 'No app has access now' : 'No app has access yet'
          }
        >
          <p>
            Connect Claude, ChatGPT, Cursor or another app, and it appears here. <a href="/">Connect one</a>.
          </p>
        </Empty>
      )}
      {total > limit && (
        <Pager
          {...{ total, limit, offset, count: grants.length }}
          href={(offset) => `${at}&offset=${offset}`}
        />
      )}
      {ended.length > 0 && (
        <details class="quiet">
          <summary>Had access until lately</summary>
          <ul class="plain">
            {ended.map((grant) => (
              <li class="row spread">
                <span>
                  <AppName grant={grant} />
                </span>
                <span>
                  <Badge tone={isAlarming(grant.endedReason) ? 'bad' : 'off'}>
                    ended: {whyEnded(grant.endedReason ?? 'issuer_changed')}
                  </Badge>{' '}
                  {grant.endedAt !== null && (
                    <small>
                      <When at={rfc3339(grant.endedAt)} />
                    </small>
                  )}
                </span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

function AppName({ grant }: { grant: Grant }) {
  return (
    <>
      <a href={`/me/apps/${grant.grantId}`}>
        <b>
          <Cut of={nameOf(grant)} />
        </b>
      </a>
      <br />
      <small>{grant.givenName ? <Name of={grant.clientName} /> : whereOf(grant)}</small>
    </>
  );
}

const NOT_YOURS = {
  status: 404,
  title: 'There is no such app of yours',
  text: 'It may act for somebody else than this browser knows, or have ended long ago. Your own apps are on your page.',
  way: { href: '/me', label: 'To your apps' },
};
